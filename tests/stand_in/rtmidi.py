"""Stands in for python-rtmidi where no MIDI port can be had: ports are sockets in the folder that $MIDI_STAND_IN names.

It goes before the real one on PYTHONPATH; all that lies above the driver stays as it is. What the tests and the show
use of rtmidi is here, and no more.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = "MIDI_STAND_IN"
LONGEST = 1024  # bytes of a message
API_UNIX_JACK = 0

Callback = Callable[[tuple[list[int], float], Any], None]


def get_compiled_api() -> list[int]:
    return [API_UNIX_JACK]


class _End:
    """A client: opens ports of the other kind, or has one of its own that others open."""

    own, other = "", ""

    def __init__(self, way: int = API_UNIX_JACK, name: str = "") -> None:
        self._name, self._folder = name, Path(os.environ[FOLDER])
        self._port: tuple[Path, socket.socket] | None = None
        self._lines: list[socket.socket] = []

    def get_current_api(self) -> int:
        return API_UNIX_JACK

    def get_ports(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob(f"*{self.other}"))

    def open_port(self, number: int, name: str = "") -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect(str(self._folder / (self.get_ports()[number] + self.other)))
        self._hold(line)

    def open_virtual_port(self, name: str) -> None:
        path, port = (
            self._folder / f"{self._name}:{name}{self.own}",
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET),
        )
        port.bind(str(path))
        port.listen()
        self._port = path, port
        threading.Thread(target=self._welcome, args=(port,), daemon=True).start()

    def close_port(self) -> None:
        if self._port is not None:
            path, port = self._port
            path.unlink(missing_ok=True)
            port.shutdown(socket.SHUT_RDWR)
            port.close()
            self._port = None
        while self._lines:
            with contextlib.suppress(OSError):  # the other end may have gone first
                self._lines.pop().shutdown(socket.SHUT_RDWR)

    def delete(self) -> None:
        self.close_port()

    def _welcome(self, port: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                self._hold(port.accept()[0])

    def _hold(self, line: socket.socket) -> None:
        self._lines.append(line)


class MidiOut(_End):
    """Whoever speaks."""

    own, other = ".out", ".in"

    def send_message(self, message: Sequence[int]) -> None:
        for line in list(self._lines):
            with contextlib.suppress(OSError):
                line.send(bytes(message))


class MidiIn(_End):
    """Whoever hears: each line by a thread of its own."""

    own, other = ".in", ".out"

    def __init__(self, way: int = API_UNIX_JACK, name: str = "") -> None:
        super().__init__(way, name)
        self._callback: Callback | None = None
        self._may_call = threading.Event()

    def ignore_types(self, **kinds: bool) -> None:
        """All kinds are passed on."""

    def set_callback(self, callback: Callback) -> None:
        self._callback = callback
        self._may_call.set()

    def _hold(self, line: socket.socket) -> None:
        super()._hold(line)
        threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line: socket.socket) -> None:
        self._may_call.wait()
        assert self._callback is not None
        with contextlib.suppress(OSError):
            while message := line.recv(LONGEST):
                self._callback((list(message), 0.0), None)
