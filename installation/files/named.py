"""A name that a person gave in; a file of that name out, whole. What stood there and is not this program's is kept.

Whoever types a name may mistake it, and an original exists once. So a file is replaced only where it is the very one
that was written there last, by a list of names, sizes and times that the program keeps; anything else gets the first
free name of the kind rose.kept-1.jpg, which is said. Without the list (it was removed, its disk is full) all is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from installation import files

MOST = 5000  # names that are known, the newest


def keep(path: Path) -> None:
    """Give what stands there another name, and say which. Raises OSError."""
    print(f"{path}: kept as {files.set_aside(path).name}", file=sys.stderr)


def make_room(path: Path) -> None:
    """Keep what stands there, unless it is what this program wrote there last, or a device. Raises OSError."""
    if os.path.lexists(path) and not files.is_special(path) and _known().get(_key(path)) != _looks(path):
        keep(path)


def note(path: Path) -> None:
    """Remember that this program wrote this file, as it is now."""
    with contextlib.suppress(OSError):
        known = _known()
        known.pop(_key(path), None)
        newest = list(known.items())[1 - MOST :]
        files.write_json(_list(), dict([*newest, (_key(path), _looks(path))]), lasting=False)


@contextlib.contextmanager
def whole(path: Path, lasting: bool = True) -> Iterator[Path]:
    """As `files.whole`, for a name that a person gave; a device or a pipe (/dev/stdout) is handed what was written.

    Raises OSError; IsADirectoryError for a folder's name.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file")
    if files.is_special(path):
        with tempfile.TemporaryDirectory() as folder:
            yield (part := Path(folder) / path.name)
            with path.open("wb") as special:
                special.write(part.read_bytes())
        return
    with files.whole(path, lasting) as part:
        yield part
        make_room(path)
    note(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, see `whole`."""
    with whole(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, see `whole`."""
    write_bytes(path, text.encode())


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write plain values as JSON, see `whole`."""
    write_text(path, json.dumps(table, indent=1) + "\n")


def _list() -> Path:
    return files.of_user("XDG_STATE_HOME", ".local/state") / "written.json"


def _known() -> dict[str, Any]:
    known = files.read_json(_list())
    return known if isinstance(known, dict) else {}


def _key(path: Path) -> str:
    return os.path.abspath(path).encode("utf-8", "backslashreplace").decode()


def _looks(path: Path) -> list[int]:
    """What another file, or the same one changed, has otherwise."""
    told = path.lstat()
    return [told.st_size, told.st_mtime_ns, told.st_ino]
