"""A camera, film file or stream in; the newest CameraFrame out, held in shared memory by a process that may die.

device is an index ("0"), a device path ("/dev/video0"), a file (played at its own pace, looped) or a URL (rtsp, http).
Frames arrive no larger than 640 px on the longer side: nothing that looks at them needs more.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from installation.children import Child, Memory
from installation.frames import FRAMES_BYTES, FrameSlots
from installation.inputs.camera_child import without_password
from installation.signals import CameraFrame

log = logging.getLogger("installation.inputs")


@dataclass(frozen=True)
class Settings:
    """width, height and fps are asked of a live device; mirror None means: live devices yes (a mirror), files no."""

    device: str = "0"
    width: int = 1280
    height: int = 720
    fps: float = 30.0
    mirror: bool | None = None
    silent_s: float = 3.0


class Camera:
    """The parent's side: reads the newest frame; its child (camera_child) opens the device and is watched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memory = Memory(FRAMES_BYTES)
        self._slots = FrameSlots(self._memory)
        self._number = 0
        module = "installation.inputs.camera_child"
        asked = dataclasses.asdict(settings)
        self._child = Child("camera", module, asked, self._memory, log=log, silent_s=settings.silent_s)

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
        return CameraFrame(rgb, now_s - max(0.0, time.monotonic() - stamp_s), self._number)

    def age_s(self, now_s: float) -> float:
        """Seconds since the newest frame arrived; infinite before the first."""
        return self._memory.age_s()

    def describe(self) -> str:
        return f"camera {without_password(self._settings.device)}"

    def close(self) -> None:
        self._child.close()


def create(settings: Settings) -> Camera:
    return Camera(settings)


def devices() -> list[str]:
    """Cameras of this machine as "PATH NAME"; empty when there are none. Opens nothing on Linux."""
    if sys.platform.startswith("linux"):
        found = []
        for folder in sorted(Path("/sys/class/video4linux").glob("video*")):
            index, name = folder / "index", folder / "name"
            if (index.read_text().strip() if index.is_file() else "0") == "0":  # further indices carry metadata only
                # drivers cut long names, in the middle of a letter too
                called = name.read_text("utf-8", "replace").strip() if name.is_file() else ""
                found.append(f"/dev/{folder.name} {called}".strip())
        return found
    import cv2

    return [str(i) for i in range(3) if cv2.VideoCapture(i).isOpened()]
