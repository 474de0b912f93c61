"""A show's desk and values of its knobs in; messages as any desk sends them out."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

from installation.packets import encode

ROOT = "/installation"


class Door:
    """Where a page reaches a show that runs: over OSC, like anybody."""

    def __init__(self, desk: tuple[str, int]) -> None:
        self.desk = desk
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def lead(self, values: Mapping[str, float]) -> None:
        """Hold knobs at these values. Raises OSError when nothing can be sent."""
        for name, value in values.items():
            self._socket.sendto(encode(f"{ROOT}/{_path(name)}", float(value)), self.desk)

    def release(self, names: Iterable[str]) -> None:
        """Give knobs back to the show's cues. Raises OSError when nothing can be sent."""
        for name in names:
            self._socket.sendto(encode(f"{ROOT}/release/{_path(name)}"), self.desk)


def _path(knob: str) -> str:
    return knob.replace(".", "/")
