"""A film in, frames of it that differ from each other out: what of it there is to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".mts", ".m2ts", ".3gp"),
}
LOOK_EVERY_S = 0.2  # nobody learns from two frames that are nearer
SEEN_PX = 16  # frames are compared at this size
APART = 6.0  # mean difference of two frames (0..255) from which both are worth learning from
RAISE = 1.25  # of that difference while there are too many
PLAIN = 8  # a frame whose values differ less is a fade to black, or a title's ground
MISSING_S = 2.0  # so much sound may follow the last frame, and a tenth
LONG_S = 900.0  # of longer films the key frames alone are looked at


class FilmError(ValueError):
    """A film that cannot be read; the text says why."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One of a film's: time_s from its beginning, pixels (H, W, 3) uint8 sRGB, upright; seen is a small copy."""

    time_s: float
    pixels: np.ndarray
    seen: np.ndarray


def read_film(path: Path, side_px: int, least_px: int, most: int) -> tuple[list[Frame], str]:
    """Up to `most` frames, each unlike the one before, their shorter side at most side_px; and where it broke off, if
    it did. What is plain is left out. About 2 * most * side_px^2 * 3 bytes are held.

    Raises FilmError when nothing of it can be read, or its shorter side is below least_px.
    """
    import av  # most folders hold pictures alone

    kept: list[Frame] = []
    apart, next_s, now_s = APART, 0.0, 0.0
    torn = ""
    try:
        with av.open(str(path)) as container:
            for now_s, frame, shape in _decoded(container):
                if min(shape) < least_px:
                    raise FilmError(f"too small: {shape[0]} x {shape[1]} px, needs {least_px}")
                if now_s < next_s:
                    continue
                next_s = now_s + LOOK_EVERY_S - 1e-3
                seen = frame.reformat(SEEN_PX, SEEN_PX, "rgb24", interpolation="AREA").to_ndarray()
                if np.ptp(seen) < PLAIN or (kept and _apart(kept[-1].seen, seen) < apart):
                    continue
                kept.append(Frame(now_s, _upright(frame, shape, side_px), seen))
                while len(kept) > most:
                    apart *= RAISE
                    kept = _unlike(kept, apart)
            missing_s = _length_s(container) - now_s
            torn = f"{missing_s:.0f} s are missing" if missing_s > MISSING_S + now_s / 10 else ""
    except (av.error.FFmpegError, OSError) as error:
        torn = getattr(error, "strerror", "") or str(error)
    if not kept:
        raise FilmError(f"no film that can be read ({torn})" if torn else "nothing to see in it")
    return kept, f"broken off at {clock(now_s)} ({torn}); what comes before is learnt from" if torn else ""


def clock(time_s: float) -> str:
    """12.34 -> '0:12.3'; 3723.4 -> '1:02:03.4'."""
    tenths = round(time_s * 10)
    hours, minutes, seconds = tenths // 36000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"


def _length_s(container: Any) -> float:
    """How long it says it is; 0 where it does not."""
    return (container.duration or 0) / 1e6


def _decoded(container: Any) -> Any:
    """Every frame with its time in seconds and its (width, height) as stored, in square pixels."""
    if not container.streams.video:
        raise FilmError("no pictures in it")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    if _length_s(container) > LONG_S:
        stream.codec_context.skip_frame = "NONKEY"
    wide = float(stream.sample_aspect_ratio or 1)
    rate = float(stream.average_rate or 25)
    begun_s = None
    for number, frame in enumerate(container.decode(stream)):
        time_s = number / rate if frame.time is None else frame.time
        begun_s = time_s if begun_s is None else begun_s
        yield max(0.0, time_s - begun_s), frame, (max(1, round(frame.width * wide)), frame.height)


def _upright(frame: Any, shape: tuple[int, int], side_px: int) -> np.ndarray:
    """The pixels of a frame, as it was held, its shorter side at most side_px."""
    scale = min(1.0, side_px / min(shape))
    width, height = (max(1, round(length * scale)) for length in shape)
    pixels = frame.reformat(width, height, "rgb24", interpolation="LANCZOS").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))


def _unlike(frames: list[Frame], apart: float) -> list[Frame]:
    """Those that differ so much from the one kept before them; the first always."""
    kept = frames[:1]
    for frame in frames[1:]:
        if _apart(kept[-1].seen, frame.seen) >= apart:
            kept.append(frame)
    return kept


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())
