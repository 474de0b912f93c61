"""What the show knows of itself in, what people get to see out: status values, and a log that cannot be flooded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from installation import __version__
from installation.memory import resident_mb
from installation.signals import Levels

LINES_PER_PERIOD = 3
PERIOD_S = 10.0
KINDS_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Status:
    """One instant of the show as the desk sees it, each field at /installation/status/<field>.

    frame counts presented frames; frame_age_s since the newest of them; faults counts all that was survived.
    """

    version: str
    frame: int
    fps: float
    frame_age_s: float
    cue: str
    master: float
    blackout: bool
    freeze: bool
    test_card: bool
    faults: int
    rss_mb: float


def describe_status(
    levels: Levels, faults: Mapping[str, int], *, frame: int, fps: float, frame_age_s: float
) -> dict[str, str | float | bool]:
    """The status of one instant, ready for Desk.status()."""
    return asdict(
        Status(
            version=__version__,
            frame=frame,
            fps=round(fps, 1),
            frame_age_s=round(frame_age_s, 3),
            cue=levels.cue,
            master=levels.master,
            blackout=levels.blackout,
            freeze=levels.freeze,
            test_card=levels.test_card,
            faults=sum(faults.values()),
            rss_mb=round(resident_mb(), 1),
        )
    )


class _Quiet(logging.Filter):
    """Lets LINES_PER_PERIOD lines of each text through per period, then says how many it kept back."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__()
        self._now_s = now_s
        self._seen: dict[object, list[float]] = {}  # text -> [start of the period, lines, kept back]

    def filter(self, record: logging.LogRecord) -> bool:
        now_s = self._now_s()
        if len(self._seen) > KINDS_LIMIT:
            self._seen.clear()
        seen = self._seen.setdefault(record.msg, [now_s, 0, 0])
        if now_s - seen[0] >= PERIOD_S:
            if seen[2]:
                record.msg, record.args = f"{record.getMessage()} (and {seen[2]:.0f} more like it)", ()
            seen[:] = [now_s, 0, 0]
        seen[1] += 1
        seen[2] += seen[1] > LINES_PER_PERIOD
        return seen[1] <= LINES_PER_PERIOD


def quiet(logger: logging.Logger, now_s: Callable[[], float] = time.monotonic) -> logging.Logger:
    """Make a logger say the same text at most three times in ten seconds, however often it is told; give it back."""
    if not any(isinstance(f, _Quiet) for f in logger.filters):
        logger.addFilter(_Quiet(now_s))
    return logger
