"""Linear timecode as a deck plays it, made from the standard's table rather than from how we read it."""

from __future__ import annotations

import numpy as np

from installation.control.timecode.counting import Time, after


def bits_of(time: Time) -> list[int]:
    """The 80 bits of a frame, by SMPTE 12M."""
    bits = [0] * 80
    rows = ((time.frames, 0, 8), (time.seconds, 16, 24), (time.minutes, 32, 40), (time.hours, 48, 56))
    for value, ones, tens in rows:
        for i in range(4):
            bits[ones + i] = value % 10 >> i & 1
            if value // 10 >> i:
                bits[tens + i] = value // 10 >> i & 1
    bits[10] = int(time.drop)
    bits[64:] = [0, 0, *[1] * 12, 0, 1]
    return bits


def track(start: Time, frames: int, fps: float, rate_hz: int = 44100, speed: float = 1.0) -> np.ndarray:
    """The sound of so many frames: the wave turns at the begin of every bit, and in the middle of a 1."""
    halves: list[int] = []
    side, time = 1, start
    for _ in range(frames):
        for bit in bits_of(time):
            side = -side
            halves.append(side)
            side = -side if bit else side
            halves.append(side)
        time = after(time)
    real = 30000 / 1001 if fps == 29.97 else fps
    at = np.arange(int(len(halves) * rate_hz / (160 * real * speed))) * (160 * real * speed) / rate_hz
    return 0.5 * np.array(halves, np.float32)[np.minimum(at.astype(int), len(halves) - 1)]
