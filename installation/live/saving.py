"""What was set up on the panel in, the show file with it out: its words and comments stay, and it is written whole."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit

from installation import files
from installation.settings import SettingsError, Show, check

DIGITS = 5


def find(show: str) -> Path:
    """The file of a show by its name or path. Raises SettingsError."""
    path = Path(show) if Path(show).suffix else files.find("shows", f"{show}.toml")
    if path is None or not path.is_file():
        raise SettingsError(f"the show {files.shown(show)} has no file any more")
    return path.resolve()


def goes_to(path: Path) -> Path:
    """Where a show is saved: in its own file; one that came with the program as a copy among the user's own shows,
    which the next start finds first."""
    shipped = files.shipped("shows").resolve()
    return files.places("shows")[1] / path.name if path.is_relative_to(shipped) else path


def save(
    show: str,
    cue: str,
    values: Mapping[str, float],
    aliases: Mapping[str, str],
    dmx_knobs: Sequence[str] = (),
    midi: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write into the file of a show what its running cue is to look like and what leads to its knobs; where it went.

    Raises SettingsError for a file that cannot be read, or would not be a show afterwards, and OSError.
    """
    path = find(show)
    try:
        before = path.read_text("utf-8")
        check(Show, {"name": path.stem} | tomllib.loads(before), path.name)
        document: Any = tomlkit.parse(before)
        if values:
            _into_cue(document, cue, values)
        for source, to in aliases.items():
            _table(_table(document, "osc"), "aliases")[source] = to
        for source, to in midi.items():
            _table(_table(document, "midi"), "map")[source] = to
        if dmx_knobs and "dmx" in document:
            document["dmx"]["knobs"] = _without_end(dmx_knobs)
        text = tomlkit.dumps(document)
        check(Show, {"name": path.stem} | tomllib.loads(text), path.name)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise SettingsError(f"{path}: could not be changed: {str(error)[:200]}") from error
    files.write_text(there := goes_to(path), text)
    return there


def _into_cue(document: Any, number: str, values: Mapping[str, float]) -> None:
    """Values into the cue of that number; a show without cues gets its first one."""
    if not document.get("cues"):
        document["cues"] = tomlkit.aot()
        document["cues"].append(tomlkit.item({"number": number or "1", "values": tomlkit.inline_table()}))
        number = number or "1"
    cue = next((one for one in document["cues"] if str(one.get("number")) == number), None)
    if cue is None:
        raise LookupError(f"there is no cue {number!r} in it any more")
    if "values" not in cue:
        cue["values"] = tomlkit.inline_table()
    for name, value in values.items():
        cue["values"][name] = round(float(value), DIGITS)


def _table(parent: Any, name: str) -> Any:
    if name not in parent:
        parent[name] = tomlkit.table()
    return parent[name]


def _without_end(knobs: Sequence[str]) -> list[str]:
    """Channels behind the last one that turns something need not be named."""
    last = max((i for i, knob in enumerate(knobs) if knob), default=-1)
    return list(knobs[: last + 1])
