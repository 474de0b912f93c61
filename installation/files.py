"""What is to be kept in; a file on the disk out: whole or not at all, by the one piece of the program that writes so.

A file is first written under a temporary name of its own beside the target (`.NAME.PROCESS-RANDOM.part`), handed to
the disk (fsync), given its name in one step (rename), and the folder's entry handed to the disk too. So a reader, and
whoever looks after a kill or a power cut, finds the old file or the new one, never half of one; two processes that
write one name at the same time leave the one that came last, whole. What fails leaves the old file as it was and
nothing beside it; what a kill left half written is found by its name and cleared away by `sweep`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

PART = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)-[0-9a-f]{8}\.part(?P<suffix>(\.[^.]+)?)")
LONGEST_NAME = 255  # bytes that a file's name may have on the usual file systems


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well, and is removed when it does not.

    The temporary name ends as `path` does, since encoders choose the format by it. The folder is made. Raises OSError
    (disk full, no permission, name too long): then whatever stood at `path` before stands there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part_of(path)
    try:
        yield part
        _to_disk(part)
        os.replace(part, path)
        _to_disk(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole. Raises OSError, see `whole`."""
    with whole(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole. Raises OSError, see `whole`."""
    write_bytes(path, text.encode())


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write plain values as JSON, whole. Raises OSError, see `whole`."""
    write_text(path, json.dumps(table, indent=1) + "\n")


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole by something that takes a path, such as an encoder. Raises OSError, see `whole`."""
    with whole(path) as part:
        write(part)


def sweep(folder: Path) -> int:
    """Remove what processes that are no longer alive left half written in this folder; says how many files."""
    swept = 0
    for part in folder.glob(".*.part*"):
        found = PART.fullmatch(part.name)
        if found and not psutil.pid_exists(int(found["process"])):
            with contextlib.suppress(OSError):
                part.unlink()
                swept += 1
    return swept


def _part_of(path: Path) -> Path:
    """A name of its own beside the target, no longer than file systems allow."""
    end = f".{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}"
    name = path.name.encode()[: LONGEST_NAME - len(end.encode()) - 1].decode("utf-8", "ignore")
    return path.with_name(f".{name}{end}")


def _to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk; where folders cannot be opened, not that."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except PermissionError:  # Windows opens no folders
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
