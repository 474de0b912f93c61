"""Figures of a run's quality over its active time, in and out of the file figures.csv of its working folder."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from installation import files

Row = dict[str, float]  # COUNTED, where they are known, and figures by name
COUNTED = ("active_s", "steps", "seen")  # how far the run was; everything else in a row is a figure
EARLIER = {"images": "seen", "kid": "kid_x1000", "px": ""}  # columns of the file that was called quality.csv


def read(work: Path) -> list[Row]:
    """Every whole row, oldest first; those of an earlier version's quality.csv where there is no figures.csv yet."""
    for path in (work / "figures.csv", work / "quality.csv"):
        if path.is_file():
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                rows = [_row(row) for row in csv.DictReader(file)]
            return [row for row in rows if "active_s" in row]
    return []


def _row(texts: dict[str, str]) -> Row:
    """What of a row can be read: a kill may have torn the last one of an earlier version."""
    row: Row = {}
    for name, text in texts.items():
        try:
            value = float(text)
        except (TypeError, ValueError):
            continue
        if math.isfinite(value) and (name := EARLIER.get(name, name)):
            row[name] = value
    return row


def write(work: Path, rows: list[Row]) -> None:
    """The file anew, whole; a figure that a row does not have is left empty. Raises OSError."""
    columns = dict.fromkeys([*COUNTED, *(name for row in rows for name in row)])
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.10g}" for name, value in row.items()} for row in rows)
    files.write_text(work / "figures.csv", text.getvalue())
