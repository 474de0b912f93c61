"""A film's name in; what others of that name left half made beside it, how each goes on, or their end, out."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from installation import files

LOCK, KEPT, TYPED = "lock", "kept.npz", "typed.json"
OWN = re.compile(rf"{re.escape(LOCK)}|{re.escape(KEPT)}|{re.escape(TYPED)}|\d{{5}}\.\w+|\..*\.part(\.\w+)?")


def folder_of(out: Path, key: str) -> Path:
    """Where the pieces of a film lie while it is made."""
    return out.with_name(f"{out.name}.making-{key[:12]}")


def note(folder: Path, words: Sequence[str], frames: int) -> None:
    """Keep with the pieces by which words they go on, and how many frames it will be."""
    line = shlex.join(["installation", *words])
    files.write_json(folder / TYPED, {"line": line, "folder": str(Path.cwd()), "frames": frames})


def others(out: Path, mine: Path | None = None) -> Iterator[Path]:
    """The folders of other films of this name that nobody is at work in, and in which nothing but pieces lies."""
    name = re.compile(re.escape(f"{out.name}.making-") + "[0-9a-f]{12}")
    for path in sorted(out.parent.iterdir()) if out.parent.is_dir() else []:
        if path != mine and name.fullmatch(path.name) and _is_of_pieces(path) and not _is_at_work(path):
            yield path


def told(folder: Path) -> str:
    """What is left, and what to type, in one line."""
    typed = files.read_json(folder / TYPED)
    typed = typed if isinstance(typed, dict) else {}
    frames = typed.get("frames")
    whole = f" of {frames}" if isinstance(frames, int) else ""
    line = f"it goes on with: {typed['line']}; " if isinstance(typed.get("line"), str) else ""
    text = f"{folder} is left of another film of this name, {_made(folder)}{whole} frames; {line}--discard removes it"
    return os.fsencode(text).decode("utf-8", "replace")


def discard(folder: Path) -> None:
    """Remove one of the `others`. Raises OSError."""
    shutil.rmtree(folder)


def _made(folder: Path) -> int:
    try:
        with np.load(folder / KEPT, allow_pickle=False) as kept:
            return int(kept["frame"])
    except Exception:  # torn, or none: what it says is of no use then
        return 0


def _is_of_pieces(path: Path) -> bool:
    """Whether it is a folder in which nothing lies that a film did not leave there."""
    if path.is_symlink() or not path.is_dir():
        return False
    return all(OWN.fullmatch(one.name) and one.is_file() for one in path.iterdir())


def _is_at_work(folder: Path) -> bool:
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
