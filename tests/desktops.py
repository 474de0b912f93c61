"""Nothing in; a real X server without a screen out, or one whose monitors come and go."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def virtual_desktop(size: str = "800x600") -> Iterator[int]:
    """The number of its display."""
    program = shutil.which("Xvfb")
    assert program, "expected Xvfb; install it: apt install xvfb"
    with _running([program, "-screen", "0", f"{size}x24", "-nolisten", "tcp"]) as number:
        yield number


@contextlib.contextmanager
def _running(words: list[str], folder: Path | None = None) -> Iterator[int]:
    """A server, started in that folder; it says its number when it is ready."""
    read, write = os.pipe()
    server = subprocess.Popen(
        [words[0], "-displayfd", str(write), *words[1:]],
        pass_fds=[write],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},  # it would say READY too
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield int(said.readline().strip())
    finally:
        server.terminate()
        server.wait()


CONFIGURATION = """
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 65536
EndSection
Section "Monitor"
  Identifier "any"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "any"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "800x600"
    Virtual 2048 1536
  EndSubSection
EndSection
"""


class Sockets:
    """A graphics card of real outputs that nothing hangs on: whatever is said to be plugged in is."""

    def __init__(self, number: int) -> None:
        self.number = number

    def set(self, output: str, *words: str) -> None:
        """What `xrandr --output` is told of DUMMY0 (800x600, the primary one) to DUMMY15."""
        self._say("--output", output, *words)

    def plug(self, output: str, mode: str, right_of: str = "DUMMY0") -> None:
        """A monitor of that size, beside another."""
        for known in ("800x600", mode):
            self._say("--addmode", output, known)
        self.set(output, "--mode", mode, "--right-of", right_of)
        self._say("--query")  # the card looks at its outputs, as it does by itself where a plug tells it

    def unplug(self, output: str) -> None:
        self.set(output, "--off")

    def _say(self, *words: str) -> None:
        environment = os.environ | {"DISPLAY": f":{self.number}"}
        subprocess.run(["xrandr", *words], env=environment, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def sockets(folder: Path) -> Iterator[Sockets]:
    """A real X server whose monitors come, go and change; it writes its log into the folder."""
    program = next((path for path in ("/usr/lib/xorg/Xorg", shutil.which("Xorg")) if path and Path(path).exists()), "")
    assert program, (
        "expected Xorg; install it: apt install xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils"
    )
    (folder / "xorg.conf").write_text(CONFIGURATION)
    words = ["-config", "xorg.conf", "-logfile", str(folder / "xorg.log"), "-noreset", "-nolisten", "tcp"]
    with _running([program, *words], folder) as number:
        yield Sockets(number)
