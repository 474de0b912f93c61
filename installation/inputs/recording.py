"""A packaged performance in; its features at this instant out: the understudy that plays when a device is missing."""

from __future__ import annotations

import collections
import csv
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from installation import files

log = logging.getLogger("installation.inputs")
RECORDINGS = files.shipped("recordings")
CYCLIC = ("sound.beat",)  # phases: 0.9 to 0.1 goes through 1, not back through 0.5


@dataclass(frozen=True)
class Settings:
    """file is a name in installation/recordings (without .csv) or a path; played at `speed`, looped without a seam."""

    file: str = "performance"
    speed: float = 1.0


class Recording:
    """Features by name from a CSV file: a first row of names beginning with time_s, then rows of equal steps."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults: collections.Counter[str] = collections.Counter()
        self.pids: list[int] = []
        self.names: tuple[str, ...] = ()
        self.length_s = 0.0
        self._rows = np.zeros((0, 0), np.float32)
        self._rate_hz = 1.0

    @property
    def alive(self) -> bool:
        return len(self._rows) > 0

    def start(self) -> None:
        path = Path(self._settings.file)
        path = path if path.suffix else RECORDINGS / f"{path}.csv"
        try:
            self._open(path)
        except (OSError, ValueError, IndexError, csv.Error) as error:
            self.faults["recording"] += 1
            log.warning("recording %s: %s; the show goes on without it", path, error)

    def read(self, now_s: float) -> dict[str, float] | None:
        """Every feature at now_s, by name, 0..1; between rows a straight line."""
        if not self.alive:
            return None
        place = now_s * self._settings.speed * self._rate_hz % len(self._rows)
        first = int(place)
        share = place - first
        here, after = self._rows[first % len(self._rows)], self._rows[(first + 1) % len(self._rows)]
        values = dict(zip(self.names, (here + share * (after - here)).tolist(), strict=True))
        for name in CYCLIC:
            if name in values:
                at = self.names.index(name)
                step = (float(after[at]) - float(here[at]) + 0.5) % 1.0 - 0.5
                values[name] = (float(here[at]) + share * step) % 1.0
        return values

    def age_s(self, now_s: float) -> float:
        return 0.0 if self.alive else math.inf

    def describe(self) -> str:
        return f"recording {self._settings.file}"

    def close(self) -> None:
        return

    def _open(self, path: Path) -> None:
        with path.open(newline="", encoding="utf-8-sig") as file:
            names, *rows = csv.reader(file)
        table = np.array(rows, np.float32)
        if names[0] != "time_s" or len(table) < 2 or not np.isfinite(table).all():
            raise ValueError("expected a row of names beginning with time_s and rows of finite numbers")
        if table.shape[1] != len(names) or table[-1, 0] <= table[0, 0]:
            raise ValueError(f"expected {len(names)} numbers in each row, as there are names, and rising times")
        self._rate_hz = float((len(table) - 1) / (table[-1, 0] - table[0, 0]))
        self.names, self._rows = tuple(names[1:]), np.clip(table[:, 1:], 0.0, 1.0)
        self.length_s = len(table) / self._rate_hz


def create(settings: Settings) -> Recording:
    return Recording(settings)
