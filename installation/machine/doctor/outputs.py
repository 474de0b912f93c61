"""What hands the picture to other software in; which of it can work here out. All of it is optional."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.machine.doctor.finding import Finding, ask, pip_install

ASK_NDI = "import NDIlib; assert NDIlib.initialize(); print(NDIlib.version())"


@dataclass(frozen=True)
class Ndi:
    """words is what libndi says of itself, "" where it does not run."""

    installed: bool
    words: str = ""


@dataclass(frozen=True)
class Cameras:
    """places are virtual cameras as "PATH NAME"; closed those of them that this user may not write to."""

    installed: bool
    places: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def look_at_outputs(subject: str) -> Iterator[Finding]:
    """A line for each way that there may be on this system."""
    yield judge_streams(subject, read_schemes())
    yield judge_ndi(subject, read_ndi())
    if sys.platform.startswith("linux"):
        yield judge_cameras(subject, read_cameras())


def read_schemes() -> list[str]:
    """The protocols that the FFmpeg here can send a stream by."""
    from installation.rendering.outputs import stream

    return [scheme for scheme in stream.FORMATS if scheme != "srt" or stream.speaks_srt()]


def judge_streams(subject: str, schemes: Sequence[str]) -> Finding:
    """There is always one: FFmpeg comes with the program."""
    return Finding(
        subject, "ok", f"streams by {', '.join(schemes)}" + " (no SRT in this PyAV)" * ("srt" not in schemes)
    )


def read_ndi() -> Ndi:
    """libndi, loaded by another process: it is not ours, and may fall over."""
    from installation.rendering.outputs.choosing import lacking

    if lacking("NDIlib", "ndi-python"):
        return Ndi(False)
    answer = ask(sys.executable, "-c", ASK_NDI, timeout_s=20.0)
    return Ndi(True, answer.stdout.strip() if answer and not answer.returncode else "")


def judge_ndi(subject: str, ndi: Ndi) -> Finding:
    """Whether there is one, and it runs."""
    if ndi.words:
        return Finding(subject, "ok", f"NDI ({ndi.words})")
    if not ndi.installed:
        return Finding(subject, "note", "NDI: not installed (optional)", pip_install("ndi-python"), "none")
    advice = f"{pip_install('--force-reinstall ndi-python')}; it needs an SSE4.2 or ARM processor."
    return Finding(subject, "note", "NDI: installed, but it does not run here", advice, "unusable")


def read_cameras() -> Cameras:
    """Virtual cameras of the kernel, and whether they may be written to. Opens none."""
    from installation.rendering.outputs import virtual_camera
    from installation.rendering.outputs.choosing import lacking

    there = tuple(virtual_camera.places())
    closed = tuple(place for place in there if not os.access(place.partition(" ")[0], os.R_OK | os.W_OK))
    return Cameras(not lacking("pyvirtualcam", "pyvirtualcam"), there, closed)


def judge_cameras(subject: str, cameras: Cameras) -> Finding:
    """Whether the show can be a camera of this machine."""
    from installation.rendering.outputs.virtual_camera import MAKE_ONE

    called = "virtual camera"
    if cameras.places and not cameras.installed:
        found = f"{called}: {', '.join(cameras.places)} is here, its package is not (optional)"
        return Finding(subject, "note", found, pip_install("pyvirtualcam"), "none")
    if not cameras.places:
        advice = MAKE_ONE if cameras.installed else f"{pip_install('pyvirtualcam')}; {MAKE_ONE}"
        return Finding(subject, "note", f"{called}: none (optional)", advice, "none")
    if cameras.closed:
        found = f"{called}: {', '.join(cameras.closed)}: here, but you may not open it"
        return Finding(subject, "note", found, "sudo usermod -aG video $USER, then log in again", "no-permission")
    return Finding(subject, "ok", f"{called}: {', '.join(cameras.places)}")
