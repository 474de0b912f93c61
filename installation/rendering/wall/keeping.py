"""A venue's name in, its wall out of calibration/<venue>.toml; every version that was ever saved is kept beside it.

    calibration/hall.toml               what is shown: version 7, made of version 5
    calibration/versions/hall.7.toml    the same; and hall.6.toml, which was undone

`write_venue` never replaces what it did not put into versions/ first, by hand written or not. `undo` and `redo` go
along the versions, and lose none of them; the oldest of more than KEPT go.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from installation import files
from installation.checking import SettingsError
from installation.rendering.wall.faults import check_venue, faults
from installation.rendering.wall.venue import Venue
from installation.settings import read_toml

CALIBRATION = Path("calibration")  # looked for in `files.places`
VERSIONS = "versions"
HERE = "here"  # the venue of shows that name none, once it was fitted on this machine
KEPT = 100  # versions of a venue
HEAD = "# The wall of {name}. See docs/wall.md; `installation calibrate` and the panel write this file anew.\n"


def read_venue(name: str, folder: Path = CALIBRATION) -> Venue:
    """The venue of this name; "" is `here`, or a projector that shows the picture as it is where there is no such file.

    Raises SettingsError for a venue that is not there, or whose file says what no projector could show.
    """
    path = files.find(folder, f"{name or HERE}.toml")
    if path is not None:
        return check_venue(read_toml(path), path.name)
    if not name:
        return Venue()
    there = ", ".join(file.stem for file in files.there_are(folder, "*.toml"))
    raise SettingsError(f"no calibration for venue {files.shown(name)}; there are: {there}; or leave venue out")


def write_venue(name: str, venue: Venue, folder: Path = CALIBRATION) -> Venue:
    """Save a new version of a venue and return it, numbered. Raises SettingsError for one that cannot be, OSError."""
    for fault in faults(venue):
        raise SettingsError(f"{name or HERE}: {fault}")
    path = path_of(name, folder)
    before = _keep(path)
    venue = dataclasses.replace(venue, version=max([0, *_versions(path)]) + 1, before=before)
    files.write_text(path, HEAD.format(name=path.stem) + as_toml(venue))
    _keep(path)
    for number in _versions(path)[:-KEPT]:
        _version(path, number).unlink(missing_ok=True)
    return venue


def undo(name: str, folder: Path = CALIBRATION) -> Venue:
    """Go back to the version that the present one was made of. Raises SettingsError where there is none."""
    path = path_of(name, folder)
    return _go_to(path, _parent(path, _keep(path)), "earlier")


def redo(name: str, folder: Path = CALIBRATION) -> Venue:
    """Go forward to the newest version that was made of the present one. Raises SettingsError where there is none."""
    path = path_of(name, folder)
    now = _keep(path)
    made = [number for number in _versions(path) if number > now and _parent(path, number) == now]
    return _go_to(path, max(made, default=0), "later")


def _go_to(path: Path, number: int, which: str) -> Venue:
    kept = _version(path, number)
    if not kept.is_file():
        raise SettingsError(f"{path.name}: there is no {which} version")
    venue = check_venue(read_toml(kept), kept.name)
    files.write_bytes(path, kept.read_bytes())
    return venue


def path_of(name: str, folder: Path = CALIBRATION) -> Path:
    """The file that a venue is written to: where it was found, but never among what came along with the program.

    Raises SettingsError for a name that is none of a file.
    """
    name = name or HERE
    if not files.is_one_name(f"{name}.toml"):
        raise SettingsError(f"venue: expected a name, found {files.shown(name)}")
    here, users, _ = files.places(folder)
    found = files.find(folder, f"{name}.toml")
    if found is not None and found.parent in (here, users):
        return found
    return (here if here.is_dir() else users) / f"{name}.toml"


def _keep(path: Path) -> int:
    """Have what a venue's file says among its versions, as it was written there; its number, 0 without a file."""
    if not path.is_file():
        return 0
    content, versions = path.read_bytes(), _versions(path)
    for number in reversed(versions):
        if _version(path, number).read_bytes() == content:
            return number
    number = max([0, *versions]) + 1
    files.write_bytes(_version(path, number), content)
    return number


def _versions(path: Path) -> list[int]:
    """The numbers of a venue's versions that are kept, the oldest first."""
    name = re.compile(rf"{re.escape(path.stem)}\.(\d{{1,9}})\.toml")
    found = (name.fullmatch(file.name) for file in (path.parent / VERSIONS).glob("*.toml"))
    return sorted(int(one[1]) for one in found if one)


def _version(path: Path, number: int) -> Path:
    return path.parent / VERSIONS / f"{path.stem}.{number}.toml"


def _parent(path: Path, number: int) -> int:
    """The version that one was made of; a file that a person changed says itself which one that was."""
    try:
        table = read_toml(_version(path, number))
    except SettingsError:
        return 0
    made, before = (value if isinstance(value := table.get(key), int) else 0 for key in ("version", "before"))
    return before if made == number else made


def as_toml(venue: Venue) -> str:
    """What `read_venue` reads as this venue. What is as it always is, is left out."""
    lines = [f"version = {venue.version}", f"before = {venue.before}"]
    for output in venue.outputs:
        lines += ["", "[[outputs]]", *(f"{name} = {_said(value)}" for name, value in _unusual(output).items())]
    return "\n".join(lines) + "\n"


def _unusual(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default."""
    told = {field.name: (getattr(value, field.name), field.default) for field in dataclasses.fields(value)}
    return {name: one for name, (one, usual) in told.items() if one != usual}


def _said(value: Any) -> str:
    """A value as TOML has it, in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return f"[{', '.join(map(_said, value))}]"
    if dataclasses.is_dataclass(value):
        return "{ " + ", ".join(f"{name} = {_said(one)}" for name, one in _unusual(value).items()) + " }"
    return repr(float(value) if isinstance(value, float) else value)
