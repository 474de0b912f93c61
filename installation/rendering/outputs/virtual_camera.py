"""The picture as a camera of this machine (Linux, v4l2loopback), which calls, browsers and OBS open like any other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation.rendering.encoding import to_i420
from installation.rendering.outputs.choosing import lacking

VIRTUAL = Path("/sys/devices/virtual/video4linux")  # cameras that no hardware stands behind
MAKE_ONE = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=installation"


@dataclass(frozen=True)
class Settings:
    """device is a path such as /dev/video9; empty means the first that is free."""

    device: str = ""


class VirtualCamera:
    """One device, written to. Raises RuntimeError or OSError where there is none, or it goes."""

    def __init__(self, settings: Settings, size: tuple[int, int], fps: float) -> None:
        from pyvirtualcam import Camera, PixelFormat

        if not (settings.device or places()):
            raise RuntimeError(f"there is no virtual camera: {MAKE_ONE}")
        self._width, self._height = size[0] // 2 * 2, size[1] // 2 * 2
        self._camera: Any = Camera(
            self._width, self._height, fps, fmt=PixelFormat.I420, device=settings.device or None, backend="v4l2loopback"
        )

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        self._camera.send(to_i420(rgba[: self._height, : self._width]))


def places(folder: Path = VIRTUAL) -> list[str]:
    """Virtual cameras that Linux lists as "PATH NAME", by their names. Opens nothing."""
    found = []
    for name in sorted(folder.glob("video*/name")):
        found.append(f"/dev/{name.parent.name} {name.read_text('utf-8', 'replace').strip()}".strip())
    return found


def refusal(settings: Settings) -> str:
    """Another system than Linux, or the package, where it is not installed; a device that is not there may come."""
    if not sys.platform.startswith("linux"):
        return "a virtual camera is of Linux; here is ndi"
    return lacking("pyvirtualcam", "pyvirtualcam")


def create(settings: Settings, size: tuple[int, int], fps: float) -> VirtualCamera:
    """Open the device. Raises RuntimeError or OSError saying what is missing."""
    return VirtualCamera(settings, size, fps)
