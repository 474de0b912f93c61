"""MIDI controllers for every machine: with real ports on a JACK server that has no sound card behind it, or, where none
can be had, with ports of a driver that stands in for rtmidi (stand_in/rtmidi.py) here and in the show's processes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

JACK = {"JACK_DEFAULT_SERVER": f"midi-{os.getpid()}", "JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}
STAND_IN = Path(__file__).parent / "stand_in"
STARTS_WITHIN_S = ENDS_WITHIN_S = 20.0


class NoPortsError(RuntimeError):
    """No real MIDI port can be had on this machine; the text says why."""


class Device:
    """A controller with a motor fader: two virtual ports of one name, of rtmidi or of what stands in for it."""

    def __init__(self, driver: Any, name: str = "nano") -> None:
        self.told: list[tuple[int, ...]] = []
        self._out = driver.MidiOut(driver.API_UNIX_JACK, name=name)
        self._out.open_virtual_port("keys")
        self._in = driver.MidiIn(driver.API_UNIX_JACK, name=f"{name} motors")
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
def _surroundings(**told: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


@contextmanager
def real_ports() -> Iterator[ModuleType]:
    """rtmidi, and a JACK server that it finds here and in children. Raises NoPortsError where that cannot be."""
    try:
        import rtmidi
    except ImportError:
        raise NoPortsError("python-rtmidi (the extra midi) is not installed") from None
    if shutil.which("jackd") is None:
        raise NoPortsError("no jackd here (Debian: apt install jackd2)")
    command = ["jackd", "-n", JACK["JACK_DEFAULT_SERVER"], "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "256"]
    with _surroundings(**JACK):
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(server, rtmidi)
            yield rtmidi
        finally:
            server.terminate()  # it takes its things out of shared memory, where there is room for eight servers
            try:
                server.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], rtmidi: Any) -> None:
    """Until the server takes a client."""
    pause, tries = threading.Event(), int(STARTS_WITHIN_S / 0.05)
    for _ in range(tries):
        with suppress(Exception):
            end = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="knocks")
            end.delete()
            return
        if server.poll() is not None:
            break
        pause.wait(0.05)
    raise NoPortsError("jackd does not start here")


@contextmanager
def stood_in() -> Iterator[ModuleType]:
    """What stands in for rtmidi, here and in children."""
    spec = importlib.util.spec_from_file_location("stand_in_for_rtmidi", STAND_IN / "rtmidi.py")
    assert spec and spec.loader
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    path = os.pathsep.join(filter(None, [str(STAND_IN), os.environ.get("PYTHONPATH", "")]))
    with (
        tempfile.TemporaryDirectory(prefix="midi") as folder,
        _surroundings(PYTHONPATH=path, **{driver.FOLDER: folder}),
    ):
        yield driver
