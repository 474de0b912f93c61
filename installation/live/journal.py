"""Frames in; an input log that replays to identical controls, and the figures of a report, out."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from installation.files import named
from installation.settings import check
from installation.signals import Command, Controls

NEWEST_FRAMES = 60  # that a pace of now is told from


@dataclass(frozen=True, slots=True)
class Entry:
    """What reached the show in one frame; controls are what it made of it, kept so that a replay can be compared."""

    now_s: float
    features: dict[str, float]
    commands: tuple[Command, ...]
    controls: dict[str, Any] | None = None


class InputLog:
    """Writes one JSON line a frame, gzipped, features rounded by nobody: a replay is exact. No camera pixels."""

    def __init__(self, path: Path, show: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        named.make_room(path)
        self._path = path
        self._file: IO[str] = gzip.open(path, "wt", compresslevel=1, encoding="utf-8")  # noqa: SIM115
        self._file.write(json.dumps({"show": show, "version": 1}) + "\n")

    def write(
        self, now_s: float, features: Mapping[str, float], commands: Sequence[Command], controls: Controls
    ) -> None:
        line = {
            "t": now_s,
            "f": features,
            "k": [asdict(c) for c in commands],
            "c": {"turns": controls.turns, "values": controls.values},
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        self._file.close()
        named.note(self._path)


def read_log(path: Path) -> Iterator[Entry]:
    """Frames of an input log, up to the last whole line of one that was cut short or torn (power, kill -9, full disk).

    Raises OSError for a file of another kind.
    """
    torn = (
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        zlib.error,
    )  # what may lie where a disk lost a piece
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        with contextlib.suppress(*torn):
            next(lines, None)
        with contextlib.suppress(*torn, gzip.BadGzipFile):
            for line in lines:
                e = json.loads(line)
                commands = tuple(check(Command, k, "k") for k in e["k"])
                yield Entry(_number(e["t"]), {name: _number(v) for name, v in e["f"].items()}, commands, e.get("c"))


def _number(value: Any) -> float:
    """Raises ValueError for what no show ever wrote."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a number, found {value!r}"[:80])
    return value


class Ledger:
    """Figures of a whole run in memory that does not grow: a histogram of frame times, ranges of features and knobs."""

    BIN_MS = 0.25

    def __init__(self) -> None:
        self._times = np.zeros(8000, np.int64)  # 0.25 ms bins up to 2 s
        self._features: dict[str, list[float]] = {}
        self._knobs: dict[str, list[float]] = {}
        self.frames = 0
        self._newest_s: deque[float] = deque(maxlen=NEWEST_FRAMES)

    def note(self, frame_s: float, features: Mapping[str, float], controls: Controls) -> None:
        """One presented frame: its time since the one before, and what it was made from."""
        self.frames += 1
        self._newest_s.append(frame_s)
        self._times[min(int(frame_s * 1000 / self.BIN_MS), len(self._times) - 1)] += 1
        for name, value in features.items():
            row = self._features.setdefault(name, [value, 0.0, value, 0.0, 0.0])
            row[0], row[2] = min(row[0], value), max(row[2], value)
            row[1] += value
            row[3] += self._is_present(name, features)
            row[4] += 1
        for name, value in controls.values.items():
            range_ = self._knobs.setdefault(name, [value, value])
            range_[0], range_[1] = min(range_[0], value), max(range_[1], value)

    @staticmethod
    def _is_present(name: str, features: Mapping[str, float]) -> bool:
        """Whether what this feature is measured on was there: a hand's features count while that hand is in view."""
        return features.get(name.rpartition(".")[0] + ".present", 1.0) >= 0.5

    @property
    def fps(self) -> float:
        """Frames a second that were presented of late; 0 before the first."""
        return len(self._newest_s) / max(sum(self._newest_s), 1e-6) if self._newest_s else 0.0

    def percentile_ms(self, share: float) -> float:
        """Frame time in ms that `share` of the frames stayed under."""
        total = np.cumsum(self._times)
        if not total[-1]:
            return 0.0
        return float((np.searchsorted(total, share * total[-1]) + 1) * self.BIN_MS)

    def summary(self) -> dict[str, Any]:
        """The report's figures that come from the frames themselves."""
        features = {
            n: {"min": r[0], "mean": r[1] / r[4], "max": r[2], "present": r[3] / self.frames}
            for n, r in sorted(self._features.items())
        }
        return {
            "frames_presented": self.frames,
            "frame_ms": {f"p{p}": self.percentile_ms(p / 100) for p in (50, 95, 99)},
            "features": features,
            "knobs": {n: {"min": r[0], "max": r[1]} for n, r in sorted(self._knobs.items())},
        }
