"""MIDI controllers with real ports, on a JACK server with no sound card behind it: every machine can have that."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

JACK = {"JACK_DEFAULT_SERVER": f"midi-{os.getpid()}", "JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}


class Device:
    """A controller with a motor fader: two virtual ports of one name."""

    def __init__(self, name: str = "nano") -> None:
        import rtmidi

        self.told: list[tuple[int, ...]] = []
        self._out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
        self._out.open_virtual_port("keys")
        self._in = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=f"{name} motors")
        self._in.open_virtual_port("motors")
        self._in.set_callback(lambda event, _=None: self.told.append(tuple(event[0])))
        self._ends = [self._out, self._in]

    def send(self, *raw: int) -> None:
        self._out.send_message(raw)

    def pull(self) -> None:
        ends, self._ends = self._ends, []  # a second time would end the whole process
        for end in ends:
            end.close_port()
            end.delete()


@contextmanager
def jack_server() -> Iterator[None]:
    """The server, and the environment that leads rtmidi to it, here and in children; skips where it cannot be."""
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
