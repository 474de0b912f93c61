"""A series of numbers in (a CSV file, or a JSON endpoint asked again and again); its newest Number out.

As Anna Ridler's Mosaic Virus reads a price. The last value is held while the source is silent.
"""

from __future__ import annotations

import bisect
import collections
import csv
import http.client
import json
import logging
import math
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import files
from installation.signals import Number

log = logging.getLogger("installation.inputs")
LONGEST_ANSWER_BYTES = 64 * 1024
LONGEST_FILE_ROWS = 1_000_000
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class Settings:
    """source is a CSV file (rows of `time_s,value` or of a value every step_s; played at `speed`, looped) or a URL.

    A URL is asked every poll_s; key is the path to the number in its JSON ("data.price", list places as numbers).
    """

    source: str = ""
    step_s: float = 1.0
    speed: float = 1.0
    key: str = "value"
    poll_s: float = 10.0
    timeout_s: float = 5.0


class TickerError(ValueError):
    """A source that cannot be read; the text says what was expected and found."""


class FileTicker:
    """Plays the rows of a CSV file along the show's clock, between rows a straight line, looped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults: collections.Counter[str] = collections.Counter()
        self.pids: list[int] = []
        self._times_s: list[float] = []
        self._series: list[float] = []
        self._range = 0.0, 0.0

    @property
    def alive(self) -> bool:
        return bool(self._series)

    def start(self) -> None:
        try:
            self._times_s, self._series = read_series(Path(self._settings.source), self._settings.step_s)
            inner = sorted(self._series)[len(self._series) // 50 :]  # a wrong reading in fifty makes no range
            self._range = inner[0], inner[-1 - len(self._series) // 50]
        except (TickerError, OSError, UnicodeDecodeError, csv.Error) as error:
            self.faults["ticker"] += 1
            log.warning("%s: %s; the show goes on without it", self.describe(), error)

    def read(self, now_s: float) -> Number | None:
        """The number at now_s, or None when there is no series."""
        if not self._series:
            return None
        return Number(self._at(now_s * self._settings.speed), now_s, *self._range)

    def age_s(self, now_s: float) -> float:
        return 0.0 if self._series else math.inf

    def describe(self) -> str:
        return f"ticker {self._settings.source}"

    def close(self) -> None:
        return

    def _at(self, time_s: float) -> float:
        times, series = self._times_s, self._series
        if len(series) == 1:
            return series[0]
        step_s = (times[-1] - times[0]) / (len(times) - 1)
        time_s = times[0] + time_s % (times[-1] - times[0] + step_s)  # from the last row back to the first in one step
        place = bisect.bisect_right(times, time_s)
        if place == len(times):
            share = (time_s - times[-1]) / step_s
            return series[-1] + share * (series[0] - series[-1])
        share = (time_s - times[place - 1]) / max(times[place] - times[place - 1], 1e-9)
        return series[place - 1] + share * (series[place] - series[place - 1])


class WebTicker:
    """Asks a JSON endpoint in a thread; the newest number is held, failures wait ever longer between tries."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults: collections.Counter[str] = collections.Counter()
        self.pids: list[int] = []
        self._newest: tuple[float, float] | None = None  # value, monotonic s
        self._read: tuple[float, float] | None = None
        self._ill = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="ticker", daemon=True)

    @property
    def alive(self) -> bool:
        return self._newest is not None and not self._ill

    def start(self) -> None:
        self._thread.start()

    def read(self, now_s: float) -> Number | None:
        """The newest number when there is a new one, else None; never blocks."""
        newest = self._newest
        if newest is None or newest is self._read:
            return None
        self._read = newest
        value, when_s = newest
        return Number(value, now_s - (time.monotonic() - when_s), value, value)  # who listens knows what is usual

    def age_s(self, now_s: float) -> float:
        return time.monotonic() - self._newest[1] if self._newest else math.inf

    def describe(self) -> str:
        return f"ticker {without_secrets(self._settings.source)}"

    def close(self) -> None:
        self._closing.set()

    def _poll(self) -> None:
        wait_s = self._settings.poll_s
        while not self._closing.is_set():
            try:
                value = ask(self._settings.source, self._settings.key, self._settings.timeout_s)
            except (OSError, http.client.HTTPException, ValueError) as error:  # a TickerError is a ValueError
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                if not self._ill:
                    self.faults["ticker"] += 1
                    log.warning("ticker lost: %s; the last value is held", error)
                self._ill = True
            else:
                wait_s = self._settings.poll_s
                if self._ill:
                    log.info("ticker is back")
                self._ill = False
                self._newest = (value, time.monotonic())
            self._closing.wait(wait_s)


def read_series(path: Path, step_s: float) -> tuple[list[float], list[float]]:
    """Times (s, rising) and values of a CSV file. Raises TickerError naming the row that is not numbers.

    One column is values every step_s; two are time and value. A first row of names is passed over.
    """
    if not path.is_file():
        raise TickerError(f"no such file {path}")
    times: list[float] = []
    series: list[float] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row or not row[0].strip():
                continue
            try:
                cells = [float(cell) for cell in row[:2]]
            except ValueError:
                if number == 1:
                    continue
                raise TickerError(f"{path}: row {number}: expected numbers, found {files.shown(row)}") from None
            time_s = cells[0] if len(cells) == 2 else len(series) * step_s
            if not all(map(math.isfinite, cells)) or (times and time_s <= times[-1]):
                raise TickerError(
                    f"{path}: row {number}: expected finite numbers and rising times, found {files.shown(row)}"
                )
            times.append(time_s)
            series.append(cells[-1])
            if number > LONGEST_FILE_ROWS:
                raise TickerError(f"{path}: more than {LONGEST_FILE_ROWS} rows")
    if not series:
        raise TickerError(f"{path}: no row of numbers")
    return times, series


def ask(url: str, key: str, timeout_s: float) -> float:
    """The number at key in the JSON that url answers. Raises TickerError, OSError or ValueError with the reason."""
    if not url.startswith(("http://", "https://")):
        raise TickerError(f"expected an http or https address, found {url!r}")
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        url = without_secrets(url)  # from here on it is only spoken of
        body = _body_of(answer, url, timeout_s)
    try:
        found: Any = json.loads(body)
        for name in key.split("."):
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (KeyError, IndexError, TypeError, RecursionError, ValueError) as error:
        raise TickerError(f"{url}: expected JSON with a number at {key!r}: {error!r}") from error
    try:
        value = math.nan if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):  # a whole number may be longer than any float
        value = math.nan
    if not math.isfinite(value):
        raise TickerError(f"{url}: expected a finite number at {key!r}, found {str(found)[:80]!r}")
    return value


def _body_of(answer: http.client.HTTPResponse, url: str, timeout_s: float) -> bytes:
    """All that comes within timeout_s: each byte of a stream that never ends comes in time, the whole never."""
    body, until_s = b"", time.monotonic() + timeout_s
    while piece := answer.read1(LONGEST_ANSWER_BYTES + 1 - len(body)):
        body += piece
        if len(body) > LONGEST_ANSWER_BYTES:
            raise TickerError(f"{url}: answer longer than {LONGEST_ANSWER_BYTES} bytes")
        if time.monotonic() > until_s:
            raise TickerError(f"{url}: answer not finished after {timeout_s:g} s")
    return body


def without_secrets(url: str) -> str:
    """An address without user, password and query (where keys are), fit for a log."""
    return url.split("?")[0].split("@")[-1]


def create(settings: Settings) -> FileTicker | WebTicker:
    return WebTicker(settings) if "://" in settings.source else FileTicker(settings)
