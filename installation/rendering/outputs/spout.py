"""The picture as a Spout sender, for programs of the same Windows machine, by the package SpoutGL. Untried.

The rest of this program has not been run on Windows either.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from installation.rendering.outputs.choosing import lacking


@dataclass(frozen=True)
class Settings:
    """sender is what receivers list."""

    sender: str = "installation"


class Spout:
    """One sender. Raises RuntimeError where the graphics driver shares no textures."""

    def __init__(self, settings: Settings) -> None:
        import SpoutGL
        from SpoutGL.enums import GL_RGBA

        self._rgba: int = GL_RGBA
        self._sender: Any = SpoutGL.SpoutSender()
        self._sender.setSenderName(settings.sender)

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        rgba[..., 3] = 255  # receivers believe the alpha channel
        if not self._sender.sendImage(rgba, rgba.shape[1], rgba.shape[0], self._rgba, False, 0):
            raise RuntimeError("Spout takes no pictures: does this GPU share textures?")


def refusal(settings: Settings) -> str:
    """Another system than Windows, or the package, where it is not installed."""
    return lacking("SpoutGL", "SpoutGL") if sys.platform == "win32" else "Spout is of Windows; here is ndi"


def create(settings: Settings, size: tuple[int, int], fps: float) -> Spout:
    """Make the sender known. Raises RuntimeError, or what SpoutGL raises."""
    return Spout(settings)
