"""What a bench measured in; one table, line by line as each is known, and the same as JSON out."""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.files import named

WARM_UP = 5
OK, LEFT_OUT, FAILED, NO_TIME = "ok", "left out", "failed", "no time left"
COLUMNS = {"high": "p95 / largest", "per_mp_s": "s / megapixel", "peak_mb": "peak MB"}


@dataclass(frozen=True)
class Row:
    """One measured part; value is in `unit`, and None where nothing was measured: then `note` says why.

    high is in `unit` too: the 95th percentile of times, the largest of differences. per_mp_s is seconds for each
    megapixel that was made, peak_mb the most memory that it took; None = does not apply. state is ok, left out (this
    machine cannot have it), failed or no time left.
    """

    part: str
    value: float | None
    unit: str
    high: float | None = None
    per_mp_s: float | None = None
    peak_mb: float | None = None
    note: str = ""
    state: str = OK


class Table:
    """Prints each row at once, as plain text or Markdown, and keeps the JSON file whole after every one."""

    def __init__(
        self, columns: Sequence[str], json: Path | None = None, markdown: bool = False, **facts: object
    ) -> None:
        """columns: which of COLUMNS this bench fills; facts: what else the JSON says."""
        self.columns, self.json, self.markdown, self.facts = columns, json, markdown, facts
        self.rows: list[Row] = []
        titles = ["part", "", *(COLUMNS[name] for name in columns), ""]
        if markdown:
            _say(f"| {' | '.join(titles)} |")
            _say(f"|---|{'---:|' * (len(columns) + 1)}---|")
        else:
            _say(f"{'part':<46}{'':29}" + "".join(f"{title:>15}" for title in titles[2:-1]))

    def add_all(self, rows: Iterable[Row]) -> None:
        """Every row as soon as it is there."""
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Print a row; write the file. Raises OSError where it cannot be written."""
        self.rows.append(row)
        note = row.note if row.state == OK else f"{row.state}: {row.note}"
        extras = [figure(getattr(row, name)) for name in self.columns]
        if self.markdown:
            _say(f"| {' | '.join([row.part.strip(), f'{figure(row.value)} {row.unit}', *extras, note])} |")
        else:
            extras = [f"{extra:>15}" for extra in extras]
            _say(f"{row.part:<46}{figure(row.value):>10} {row.unit:<18}{''.join(extras)}   {note}".rstrip())
        if self.json:
            named.write_json(self.json, self.facts | {"rows": [dataclasses.asdict(row) for row in self.rows]})


def figure(value: float | None) -> str:
    """A number as people read it; "" for none."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def timed(
    part: str, act: Callable[[int], Any], frames: int, note: str = "", settle: Callable[[], Any] = lambda: None
) -> Row:
    """Call act(n) `frames` times after a warm-up; `settle` waits for a device before and after each."""
    taken_ms = []
    for n in range(WARM_UP + frames):
        settle()
        began = time.perf_counter()
        act(n)
        settle()
        taken_ms.append((time.perf_counter() - began) * 1000)
    return summary(part, taken_ms[WARM_UP:], note)


def summary(part: str, taken_ms: list[float], note: str = "") -> Row:
    """Median and 95th percentile of what was measured."""
    taken_ms = sorted(taken_ms)
    return Row(part, statistics.median(taken_ms), "ms", taken_ms[math.ceil(0.95 * (len(taken_ms) - 1))], note=note)


def machine() -> dict[str, Any]:
    """This machine in three words: cpu, cores, gpu ("" where torch finds none)."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return processor() | {"gpu": gpu}


def processor() -> dict[str, Any]:
    """cpu and cores, without asking torch."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": names[0] if names else platform.processor() or platform.machine(), "cores": os.cpu_count()}


def _say(text: str) -> None:
    print(text, flush=True)
