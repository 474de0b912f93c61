"""A JACK server with no sound card behind it: the one way to real MIDI ports that every machine can have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

JACK = {"JACK_DEFAULT_SERVER": f"midi-{os.getpid()}", "JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}


@pytest.fixture(scope="session")
def jack() -> Iterator[None]:
    """The server, and the environment that leads rtmidi to it, here and in children."""
    pytest.importorskip("rtmidi", reason="python-rtmidi (the extra midi) is not installed")
    if shutil.which("jackd") is None:
        pytest.skip("no jackd here (Debian: apt install jackd2): no MIDI port without hardware")
    name = JACK["JACK_DEFAULT_SERVER"]
    command = ["jackd", "-n", name, "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "256"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = {key: os.environ.get(key) for key in JACK}
    os.environ.update(JACK)
    try:
        waiter = subprocess.run(["jack_wait", "-s", name, "-w", "-t", "20"], capture_output=True, check=False)
        if waiter.returncode:
            pytest.skip("jackd does not start here")
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
        server.kill()
        server.wait()
