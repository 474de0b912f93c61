"""A camera, film file or stream in; the newest CameraFrame out, held in shared memory by a process that may die.

device is empty (the first camera there is), an index ("0"), a device path ("/dev/video0", or any link to one such as
/dev/v4l/by-id/...), a name or part of one, a file (played at its own pace, looped) or a URL (rtsp, http). A device that
is not there is looked for again, and found under whatever number it has then.
Frames arrive no larger than 640 px on the longer side: nothing that looks at them needs more.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import sys
import time
from dataclasses import dataclass
from typing import Any

from installation.children import Child, Memory
from installation.frames import FRAMES_BYTES, FrameSlots
from installation.inputs.camera_child import without_password
from installation.inputs.camera_places import Finder, is_address, is_file, places
from installation.inputs.stepped import SteppedSight
from installation.settings import SettingsError
from installation.signals import CameraFrame

__all__ = ["Camera", "Settings", "create", "devices", "is_file"]
log = logging.getLogger("installation.inputs")


@dataclass(frozen=True)
class Settings:
    """width, height and fps are asked of a live device; rotate turns the picture clockwise: 0, 90, 180, 270 degrees.

    mirror None means: devices yes (a mirror), files and network cameras no; what rotate has turned is mirrored.
    frozen_s is how long a network camera may show the very same picture, noise and all, before it counts as lost.
    synchronous: a file is read in this process and by the caller's clock, without a frame missed: for films.
    """

    device: str = ""
    width: int = 1280
    height: int = 720
    fps: float = 30.0
    mirror: bool | None = None
    rotate: int = 0
    frozen_s: float = 20.0
    silent_s: float = 3.0
    synchronous: bool = False


class Camera:
    """The parent's side: reads the newest frame; its child (camera_child) opens the device and is watched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memory = Memory(FRAMES_BYTES)
        self._slots = FrameSlots(self._memory)
        self._number = 0
        module = "installation.inputs.camera_child"
        self._finder = Finder(settings.device)
        self._mirrored = not is_address(settings.device) if settings.mirror is None else settings.mirror
        self._child = Child("camera", module, self._asked, self._memory, log=log, silent_s=settings.silent_s)

    @property
    def alive(self) -> bool:
        return self._child.alive

    @property
    def faults(self) -> collections.Counter[str]:
        return self._child.faults

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    def start(self) -> None:
        self._child.start()

    def read(self, now_s: float) -> CameraFrame | None:
        """The newest frame, or None when there is none newer than the last one read; never blocks.

        time_s is on the caller's clock: now_s less the frame's age.
        """
        fresh = self._slots.read(self._number)
        if fresh is None:
            return None
        rgb, stamp_s, self._number = fresh
        return CameraFrame(rgb, now_s - max(0.0, time.monotonic() - stamp_s), self._number, self._mirrored)

    def age_s(self, now_s: float) -> float:
        """Seconds since the newest frame arrived; infinite before the first."""
        return self._memory.age_s()

    def describe(self) -> str:
        return f"camera {without_password(self._settings.device) or 'default'}"

    def close(self) -> None:
        self._child.close()

    def _asked(self) -> dict[str, Any]:
        """What the child is told before each start: the device may have come, or moved to another number."""
        return dataclasses.asdict(self._settings) | {"device": self._finder.find(), "mirror": self._mirrored}


def create(settings: Settings) -> Camera | SteppedSight:
    """The camera, not yet opened. Raises SettingsError for a turn that is none of the four."""
    if settings.rotate not in (0, 90, 180, 270):
        raise SettingsError(f"inputs.camera: rotate: expected 0, 90, 180 or 270, found {settings.rotate}")
    if settings.synchronous:
        return SteppedSight(settings.device, bool(settings.mirror), settings.rotate)
    return Camera(settings)


def devices() -> list[str]:
    """Cameras of this machine as "PATH NAME"; empty when there are none. Opens nothing on Linux."""
    if sys.platform.startswith("linux"):
        return [str(place) for place in places()]
    import cv2

    return [str(i) for i in range(3) if cv2.VideoCapture(i).isOpened()]
