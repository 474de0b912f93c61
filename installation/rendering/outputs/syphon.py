"""The picture as a Syphon server, for programs of the same Mac, by the package syphon-python. Untried."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from installation.rendering.outputs.choosing import lacking


@dataclass(frozen=True)
class Settings:
    """server is what receivers list."""

    server: str = "installation"


class Syphon:
    """One server and the Metal texture that it publishes."""

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        import syphon
        from syphon.utils.numpy import copy_image_to_mtl_texture
        from syphon.utils.raw import create_mtl_texture

        self._copy: Any = copy_image_to_mtl_texture
        self._server: Any = syphon.SyphonMetalServer(settings.server)
        self._texture: Any = create_mtl_texture(self._server.device, *size)

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        rgba[..., 3] = 255  # receivers believe the alpha channel
        self._copy(rgba[::-1], self._texture)  # Syphon counts rows from below
        self._server.publish_frame_texture(self._texture)


def refusal(settings: Settings) -> str:
    """Another system than macOS, or the package, where it is not installed."""
    return lacking("syphon", "syphon-python") if sys.platform == "darwin" else "Syphon is of macOS; here is ndi"


def create(settings: Settings, size: tuple[int, int], fps: float) -> Syphon:
    """Make the server known. Raises what Metal raises where there is none."""
    return Syphon(settings, size)
