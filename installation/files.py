"""What is to be kept in; a file on the disk out: whole or not at all, by the one piece of the program that writes so.

A file is first written under a temporary name of its own beside the target, `.NAME.PROCESS-MACHINE-RANDOM.part`,
handed to the disk (fsync), given its name in one step (rename), and the folder's entry handed to the disk too. So a
reader, and whoever looks after a kill or a power cut, finds the old file or the new one, never half of one; two
processes that write one name at the same time leave the one that came last, whole. What fails leaves the old file as
it was and nothing beside it; what a kill left half written is found by its name and cleared away by `sweep`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

HERE = f"{zlib.crc32(platform.node().encode()):08x}"  # this machine, in names on a disk that several may see
PART = re.compile(rf"\..+\.(?P<process>\d+)-{HERE}-[0-9a-f]{{8}}\.part(\.[^.]+)?")
LONGEST_NAME = 255  # bytes that a file's name may have on the usual file systems


@contextlib.contextmanager
def whole(path: Path, lasting: bool = True) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well, and is removed when it does not.

    The temporary name ends as `path` does, since encoders choose the format by it. The folder is made. Raises OSError
    (disk full, no permission, name too long): then whatever stood at `path` before stands there still. lasting=False
    leaves out the waiting for the disk, for what is of no use to anybody after a power cut (progress, previews).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part_of(path)
    try:
        yield part
        settle(part, path, lasting)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes, lasting: bool = True) -> None:
    """Write a file whole. Raises OSError, see `whole`."""
    with whole(path, lasting) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str, lasting: bool = True) -> None:
    """Write a UTF-8 text file whole. Raises OSError, see `whole`."""
    write_bytes(path, text.encode(), lasting)


def write_json(path: Path, table: Mapping[str, Any], lasting: bool = True) -> None:
    """Write plain values as JSON, whole. Raises OSError, see `whole`."""
    write_text(path, json.dumps(table, indent=1) + "\n", lasting)


def settle(part: Path, path: Path, lasting: bool = True) -> None:
    """Give a file that was written under another name in the same folder its own one. Raises OSError."""
    if lasting:
        to_disk(part)
    os.replace(part, path)
    if lasting:
        to_disk(path.parent)


def sweep(folder: Path) -> int:
    """Remove what processes of this machine that are no longer alive left half written here; says how many files."""
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
    end = f".{os.getpid()}-{HERE}-{secrets.token_hex(4)}.part{path.suffix}"
    name = path.name.encode()[: LONGEST_NAME - len(end.encode()) - 1].decode("utf-8", "ignore")
    return path.with_name(f".{name}{end}")


def to_disk(path: Path) -> None:
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
