"""Hours, minutes, seconds and frames in, the number of the frame out, and back; drop frame as SMPTE 12M counts it."""

from __future__ import annotations

import re
from typing import NamedTuple

RATES = {24.0: (24, False), 25.0: (25, False), 29.97: (30, True), 30.0: (30, False)}
"""fps as a show file says it: how many frames are counted in a second, and whether numbers are dropped."""
DAY_H = 24
_TEXT = re.compile(r"(\d\d):(\d\d):(\d\d)([:;])(\d\d)")


class Time(NamedTuple):
    """One frame's number, counted at `base` frames a second; drop leaves out 0 and 1 of each minute but the tenth."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    base: int = 25
    drop: bool = False

    def __str__(self) -> str:
        colon = ";" if self.drop else ":"
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{colon}{self.frames:02}"

    @property
    def exists(self) -> bool:
        """Whether there is such a frame."""
        fits = self.hours < DAY_H and self.minutes < 60 and self.seconds < 60 and self.frames < self.base
        dropped = self.drop and self.minutes % 10 and self.seconds == 0 and self.frames < 2
        return min(self[:4]) >= 0 and fits and not dropped

    @property
    def number(self) -> int:
        """Frames since 00:00:00:00."""
        minutes = self.hours * 60 + self.minutes
        dropped = 2 * (minutes - minutes // 10) if self.drop else 0
        return (minutes * 60 + self.seconds) * self.base + self.frames - dropped

    @property
    def seconds_in(self) -> float:
        """Real seconds since 00:00:00:00."""
        return self.number / (self.base * (1000 / 1001 if self.drop else 1.0))


def time_of(text: str, fps: float) -> Time:
    """A time such as "00:01:30:00" at one of RATES. Raises ValueError, saying what was expected."""
    base, drop = RATES[fps]
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f'expected hours:minutes:seconds:frames such as "00:01:30:00", found {text[:20]!r}')
    hours, minutes, seconds, _, frames = found.groups()
    time = Time(int(hours), int(minutes), int(seconds), int(frames), base, drop)
    if not time.exists:
        raise ValueError(f"there is no frame {text} at {fps:g} frames a second")
    return time


def after(time: Time, frames: int = 1) -> Time:
    """The time so many frames later (or earlier, below 0), round the clock."""
    base, drop = time.base, time.drop
    day = Time(DAY_H, 0, 0, 0, base, drop).number
    number = (time.number + frames) % day
    if drop:  # put the dropped numbers back: 17982 frames are ten minutes, 1798 each of the last nine of them
        tens, rest = divmod(number, 17982)
        number += 18 * tens + 2 * max(0, (rest - 2) // 1798)
    seconds, frame = divmod(number, base)
    return Time(seconds // 3600, seconds // 60 % 60, seconds % 60, frame, base, drop)
