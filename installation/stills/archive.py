"""Results of stages in, the same results out at any later time: a folder of finished work that kill -9 cannot tear.

    OUT/.work/<stage>-<key>/   pixels.npy  map-<name>.npy  still.json  and whatever files the stage left

A result is made in a folder of a temporary name and renamed when it is whole, so that what bears its name is finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tokenize
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from installation import __version__, files
from installation.signals import Still

KEY_DIGITS = 20
TORN = (  # what NumPy says of a file whose head is no longer one, and JSON of one that somebody wrote in
    *(ValueError, LookupError, TypeError, EOFError, OverflowError, MemoryError, RecursionError, SyntaxError),
    tokenize.TokenError,
)


def key_of(
    stage: str, settings: Any, fingerprint: str, inputs: tuple[str, ...], seed: int, name: str, lineage: str = ""
) -> str:
    """The key of a result, known before it is made: a hash of all that decides its pixels.

    fingerprint is of what it reads (weights, style pictures), lineage of the code and arithmetic that make it.
    """
    decides = [__version__, stage, settings, fingerprint, list(inputs), seed, name, lineage]
    told = json.dumps(decides, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:KEY_DIGITS]


class Archive:
    """The finished work under one folder; any number of processes may read and add to it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, stage: str, key: str) -> Path:
        """Where that result is, or will be."""
        return self.folder / f"{stage}-{key}"

    def has(self, stage: str, key: str) -> bool:
        """Whether that result is finished."""
        return (self.path(stage, key) / "still.json").is_file()

    def open(self, stage: str, key: str) -> Still:
        """A finished result; its pixels are a read-only memory map. Raises OSError or ValueError if meddled with."""
        folder = self.path(stage, key)
        try:
            told = json.loads((folder / "still.json").read_text("utf-8"))
            if not all(isinstance(step, dict) for step in told["history"]):
                raise TypeError("a history of something else than steps")
            pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
            maps = {p.stem[4:]: np.load(p, allow_pickle=False) for p in sorted(folder.glob("map-*.npy"))}
            return Still(pixels, told["name"], key, told["seed"], maps, dict(told["notes"]), tuple(told["history"]))
        except TORN as error:
            raise ValueError(
                f"{folder}: expected a finished result, found a torn one ({files.shown(error)})"
            ) from error

    def find(self, stage: str, key: str) -> Still | None:
        """That result if it is finished; one that was torn since is thrown away, to be made again."""
        if not os.path.lexists(self.path(stage, key)):
            return None
        try:
            return self.open(stage, key)
        except (OSError, ValueError, EOFError):
            self.discard(stage, key)
            return None

    def holds(self, still: Still, stage: str) -> bool:
        """Whether the files that a result notes are there, as large as they were."""
        noted, folder = still.notes.get(stage, {}), self.path(stage, still.key)
        try:
            return all((folder / one["name"]).stat().st_size == one["bytes"] for one in noted.get("files", ()))
        except (OSError, KeyError, TypeError):
            return False

    def discard(self, stage: str, key: str) -> None:
        """Throw a result away, whatever is left of it; what it is made of lies before it in the chain."""
        path = self.path(stage, key)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def begin(self, stage: str, key: str) -> Iterator[Path]:
        """A folder to make that result in; it takes its name when the block ends well, else it is removed."""
        part = self.folder / f".part-{socket.gethostname()}-{os.getpid()}-{stage}-{key}-{uuid.uuid4().hex[:6]}"
        part.mkdir(parents=True)
        try:
            yield part
            _settle(part)
            if self.find(stage, key) is None:
                self._name(part, stage, key)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _name(self, part: Path, stage: str, key: str) -> None:
        try:
            os.rename(part, self.path(stage, key))
            files.to_disk(self.folder)
        except OSError:
            if self.find(stage, key) is None:  # otherwise another worker was first, with the same result
                raise

    @staticmethod
    def write(part: Path, still: Still) -> None:
        """Fill a begun folder. Pixels that already lie there (`Work.canvas`) are not copied."""
        target = part / "pixels.npy"
        if isinstance(still.pixels, np.memmap) and Path(str(still.pixels.filename)) == target:
            still.pixels.flush()
        else:
            np.save(target, still.pixels, allow_pickle=False)
        for name, values in still.maps.items():
            np.save(part / f"map-{name}.npy", values, allow_pickle=False)
        told = {"name": still.name, "key": still.key, "seed": still.seed}
        told |= {"notes": dict(still.notes), "history": list(still.history)}
        (part / "still.json").write_text(json.dumps(told, indent=1), "utf-8")

    def begun(self) -> list[Path]:
        """Folders of work that goes on now, each with what it says of itself in progress.json."""
        return sorted(self.folder.glob(".part-*"))

    def running(self) -> list[Path]:
        """Those of them whose process is alive, as far as this machine can know: what other machines do counts."""
        return [part for part in self.begun() if not _is_left(part)]

    def sweep(self) -> None:
        """Remove what processes of this machine that are no longer alive left half made."""
        for part in self.begun():
            if _is_left(part):
                shutil.rmtree(part, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Push a folder's files to the disk, so that a power cut after the rename finds them whole."""
    for path in folder.iterdir():
        if path.is_file():
            files.to_disk(path)
    (folder / "progress.json").unlink(missing_ok=True)


def _is_left(part: Path) -> bool:
    """Whether a begun folder is this machine's and its process no longer alive."""
    host, _, rest = part.name.removeprefix(".part-").partition(f"{socket.gethostname()}-")
    pid = rest.split("-")[0]
    return not host and pid.isdigit() and not files.is_alive(int(pid))
