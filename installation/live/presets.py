"""Held knobs under a name in; the same from the disk out, for as long as a show of that name is played."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from installation import files
from installation.settings import SettingsError

MOST = 200


def folder_of(show: str) -> Path:
    """The user's own presets of a show."""
    return files.places("presets")[1] / show


def names(show: str) -> list[str]:
    """Those that there are, in order."""
    return [path.stem for path in sorted(folder_of(show).glob("*.json"))[:MOST] if files.is_one_name(path.stem)]


def keep(show: str, name: str, values: Mapping[str, float]) -> None:
    """Keep it, in the place of one of that name. Raises SettingsError for what is no name or holds nothing; OSError."""
    if not files.is_one_name(name):
        raise SettingsError('a preset needs a name without / \\ : * ? " < > |, of at most 150 letters')
    if not values:
        raise SettingsError("nobody holds a knob: there is nothing to keep")
    if len(names(show)) >= MOST and name not in names(show):
        raise SettingsError(f"there are {MOST} presets: drop one first")
    files.write_json(folder_of(show) / f"{name}.json", {"values": dict(values)})


def recall(show: str, name: str) -> dict[str, float]:
    """What was held. Raises SettingsError where there is none that can be read."""
    table = files.read_json(folder_of(show) / f"{name}.json") if files.is_one_name(name) else None
    values = table.get("values") if isinstance(table, dict) else None
    if not isinstance(values, dict):
        raise SettingsError(f"no preset {files.shown(name)}")
    return {k: float(v) for k, v in values.items() if isinstance(v, int | float) and math.isfinite(v)}


def drop(show: str, name: str) -> None:
    """Forget one. Raises SettingsError for one that is not there, OSError."""
    recall(show, name)
    (folder_of(show) / f"{name}.json").unlink()
