"""What the tests of OSCQuery share: a show's listener with a board behind it, and visitors as other software is."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

from rehearsal import CUES, KNOBS
from websockets.sync.client import ClientConnection, connect

from installation.control.cues import Board
from installation.control.oscquery.listener import OscQuery
from installation.packets import decode, encode
from installation.settings import Osc
from installation.settings import OscQuery as Settings
from installation.signals import Command


class Stage:
    """The listener and a board, frame after frame, by a thread of its own."""

    def __init__(self, osc: Osc | None = None, **settings: object) -> None:
        asked = Settings(**{"port": 0, "announce": False} | settings)  # type: ignore[arg-type]
        self.query = OscQuery(asked, osc or Osc(), lambda: 9000, KNOBS, CUES, "bloom")
        self.board, self.heard, self.now_s = Board(KNOBS, CUES), list[Command](), 0.0
        self._over, self._began = threading.Event(), threading.Event()
        self._wanted: list[Command] = []
        self.query.start()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()
        self._began.wait(30.0)

    def do(self, *commands: Command) -> None:
        """Somebody else wants this."""
        self._wanted += commands

    def close(self) -> None:
        self._over.set()
        self._thread.join(10.0)
        self.query.close()

    def _play(self) -> None:
        while not self._over.wait(0.005):
            self.now_s += 1.0
            wanted, self._wanted = self._wanted, []
            heard = self.query.poll(self.now_s)
            self.heard += heard
            for command in (*heard, *wanted):
                self.board.apply(command, self.now_s)
            self.query.follow(self.board.levels(self.now_s), self.now_s)
            self._began.set()


def ask(port: int, path: str, host: str = "127.0.0.1", name: str = "", **headers: str) -> tuple[int, bytes]:
    """A plain request as a browser or a desk sends it; the status and the body."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {name or f'{host}:{port}'}", *(f"{k}: {v}" for k, v in headers.items())]
    return parts(raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode(), host))


def raw(port: int, sent: bytes, host: str = "127.0.0.1", shut: bool = False) -> bytes:
    """All that comes back for these bytes; shut says that no more of them will come."""
    with socket.create_connection((host, port), timeout=30.0) as line:
        came = b""
        try:
            line.sendall(sent)
            if shut:
                line.shutdown(socket.SHUT_WR)
            while piece := line.recv(65_536):
                came += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return came


def parts(came: bytes) -> tuple[int, bytes]:
    head, _, body = came.partition(b"\r\n\r\n")
    return (int(head.split()[1]), body) if head else (0, b"")


def tree(port: int, path: str = "/") -> Any:
    status, body = ask(port, path)
    assert status == 200, (status, body)
    return json.loads(body)


class Visit:
    """A WebSocket as other software holds it."""

    def __init__(self, port: int, host: str = "127.0.0.1", path: str = "/", **how: Any) -> None:
        self.line: ClientConnection = connect(f"ws://{host}:{port}{path}", compression=None, proxy=None, **how)
        self.heard: list[tuple[str, tuple[object, ...]]] = []

    def say(self, verb: str, path: str) -> None:
        self.line.send(json.dumps({"COMMAND": verb, "DATA": path}))

    def send(self, address: str, *arguments: Any) -> None:
        self.line.send(encode(address, *arguments))

    def listen(self) -> list[tuple[str, tuple[object, ...]]]:
        try:
            while True:
                came = self.line.recv(timeout=0.01)
                assert isinstance(came, bytes)
                self.heard += decode(came)
        except TimeoutError:
            return self.heard

    def newest(self) -> dict[str, tuple[object, ...]]:
        return dict(self.listen())
