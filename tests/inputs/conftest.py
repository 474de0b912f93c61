"""Real parts for the inputs: a small film, a sound server with a null sink, a web server."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of film at 25 frames a second; each frame is one grey, 16 levels lighter than the last."""
    import av

    path = tmp_path_factory.mktemp("film") / "greys.ts"  # a kind that streams
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for i in range(12):
            rgb = np.full((96, 128, 3), 20 + 16 * i, np.uint8)
            rgb[:, :32] = 250  # a bright left edge tells a mirrored picture
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A PulseAudio of our own with one null sink called room; the environment that its clients need."""
    program = shutil.which("pulseaudio")
    assert program, "the tests need PulseAudio: apt install pulseaudio libasound2-plugins (make test does it)"
    home = tmp_path_factory.mktemp("pulse")
    (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    socket = home / "native"
    environment = os.environ | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "PULSE_RUNTIME_PATH": str(home / "run"),
    }
    command = [program, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error"]
    command += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
    command += ["-L", "module-null-sink sink_name=room rate=44100"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline_s = time.monotonic() + 10
    while not socket.exists():
        assert server.poll() is None and time.monotonic() < deadline_s, f"PulseAudio did not start: {server.stderr!r}"
        threading.Event().wait(0.02)
    yield {"HOME": str(home), "PULSE_SERVER": f"unix:{socket}", "PULSE_SOURCE": "room.monitor", "PULSE_SINK": "room"}
    server.kill()
    server.wait()
