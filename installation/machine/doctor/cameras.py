"""The cameras of this machine in; which the show can open out, and why not the others."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.machine.doctor.finding import Finding

INSTEAD = "The packaged recording moves the hands; --camera takes a file or stream too."
REQBUFS, CAPTURE, MMAP = 0xC0145608, 1, 1  # V4L2: ask for room for pictures; refused while another program streams


@dataclass(frozen=True)
class Camera:
    """error is what the system answers to being opened (errno, 0 for none); holder is the program that has it open."""

    path: str
    name: str
    error: int = 0
    holder: str = ""


def look_at_cameras(subject: str) -> Iterator[Finding]:
    """A line for each camera; none is switched on."""
    from installation import plugins

    listed = [device.partition(" ") for device in plugins.load("inputs", "camera").devices()]
    yield from judge_cameras(subject, [read_camera(path, name) for path, _, name in listed])


def read_camera(path: str, name: str) -> Camera:
    """One camera, tried."""
    error = try_to_open(path)
    return Camera(path, name, error, holder_of(path) if error == errno.EBUSY else "")


def try_to_open(path: str) -> int:
    """What opening this device would fail with (errno), 0 for nothing. No picture is taken and no lamp goes on."""
    import fcntl

    if not path.startswith("/dev/"):
        return 0
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        for buffers in (1, 0):
            fcntl.ioctl(device, REQBUFS, struct.pack("=IIIIB3x", buffers, CAPTURE, MMAP, 0, 0))
    except OSError as error:
        return errno.EBUSY if error.errno == errno.EBUSY else 0  # whatever else it says, it may still be read
    finally:
        os.close(device)
    return 0


def holder_of(path: str) -> str:
    """The program that has a device open, as "NAME (PID)"; empty when none that this user may see."""
    import psutil

    for process in psutil.process_iter(["name"]):
        try:
            folder = f"/proc/{process.pid}/fd"
            if any(os.path.realpath(f"{folder}/{fd}") == path for fd in os.listdir(folder)):
                return f"{process.info['name']} ({process.pid})"
        except OSError:
            continue
    return ""


def judge_cameras(subject: str, cameras: Sequence[Camera]) -> Iterator[Finding]:
    """A camera that is here is named, whatever keeps the show from it."""
    if not cameras:
        yield Finding(subject, "note", "none", INSTEAD, "none")
    for camera in cameras:
        called = f"{camera.path} {camera.name}".strip()
        if not camera.error:
            yield Finding(subject, "ok", called)
        elif camera.error in (errno.EACCES, errno.EPERM):
            advice = "sudo usermod -aG video $USER, then log in again"
            yield Finding(subject, "note", f"{called}: here, but you may not open it", advice, "no-permission")
        elif camera.error == errno.EBUSY:
            user = camera.holder or "another program"
            advice = f"Close {user}; if it is the show, all is well."
            yield Finding(subject, "note", f"{called}: in use by {user}", advice, "busy")
        else:
            found = f"{called}: cannot be opened ({os.strerror(camera.error)})"
            yield Finding(subject, "note", found, "Pull its plug and put it in again.", "unusable")
