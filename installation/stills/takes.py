"""The folder of a job, finished or running, in; its measured takes, what they look like and what is made now out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation import files
from installation.signals import Still
from installation.stills.archive import Archive

STAGE = "selection"
log = logging.getLogger("installation.stills")


@dataclass(frozen=True)
class Take:
    """One take on the wall, under the key that choices are kept by; settings are selection's when it was measured.

    The still's pixels [shape=(H, W, 0)] say their size alone: a file held open for each of a thousand takes is more
    than a process may have. `open_pixels` opens those of one.
    """

    key: str
    still: Still
    settings: Mapping[str, Any]
    measured_ns: int = 0


def find_takes(folder: Path, known: Iterable[Take] = ()) -> dict[str, Take]:
    """The measured takes of a job as it ran last, by key; of one that was measured more than once, the newest.

    Those `known` from an earlier look are not opened again: what is finished does not change. Raises ValueError saying
    what to do when there are none.
    """
    archive = Archive(folder / ".work")
    opened = {take.still.key: take for take in known}
    found: dict[str, Take] = {}
    for key in measured(folder):
        if key not in opened and not archive.has(STAGE, key):
            continue
        try:
            take = opened.get(key) or _open(archive, key)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:  # torn, or written in since
            _say_once(f"a take is left out: {files.shown(error)}")
            continue
        if take.key not in found or found[take.key].measured_ns < take.measured_ns:
            found[take.key] = take
    if not found:
        raise ValueError(
            f"{folder}: expected the folder of a job whose takes are made (.work/selection-*), found none; "
            "run `installation still ... --out` this folder first"
        )
    return found


def open_pixels(folder: Path, take: Take) -> np.ndarray:
    """A take's pixels, a read-only map of its file. Raises OSError or ValueError when that is gone or torn."""
    return Archive(folder / ".work").open(STAGE, take.still.key).pixels


def measured(folder: Path) -> list[str]:
    """Keys of the measured takes that are of the job's last run; of all, while none has come that far.

    One list of names: it is asked for twice a second while a page follows.
    """
    work = folder / ".work"
    names = os.listdir(work) if work.is_dir() else []
    current = _current(work / f"{STAGE}.json")
    keys = sorted(name.removeprefix(f"{STAGE}-") for name in names if name.startswith(f"{STAGE}-"))
    return [key for key in keys if not current or key in current]


def working(folder: Path) -> list[dict[str, Any]]:
    """What is being made in a job now: {"stage", "name", "fraction" 0..1} of each piece, the furthest first."""
    told = []
    for part in Archive(folder / ".work").running():
        said = files.read_json(part / "progress.json")
        with contextlib.suppress(ValueError, KeyError, TypeError, OverflowError):  # it was finished this moment
            fraction = min(1.0, max(0.0, float(said["fraction"])))
            told.append({"stage": str(said["stage"]), "name": str(said["name"]), "fraction": round(fraction, 3)})
    return sorted(told, key=lambda piece: -piece["fraction"])


def draw(pixels: np.ndarray, longest_px: int) -> bytes:
    """A take on white paper as JPEG, its longer side at most longest_px."""
    from PIL import Image

    from installation.stages.pixels import fit, flatten, resize, to_uint8
    from installation.stages.selection.figures import thin

    height, width = pixels.shape[:2]
    flat = flatten(resize(thin(pixels, 4 * longest_px), fit((width, height), longest_px)))
    file = io.BytesIO()
    Image.fromarray(to_uint8(flat)).save(file, "JPEG", quality=90, subsampling=0, optimize=False)
    return file.getvalue()


def made_how(notes: Mapping[str, Any]) -> str:
    """What was bent in a take, in a line: 't 0.4, melt encoder.2'; "" when nothing was noted."""
    if isinstance(made := notes.get("made"), str) and made:
        return made[:160]
    noted = notes.get("slomo_glitch", {})
    parts = [f"t {noted['t']:.2f}"] if isinstance(noted.get("t"), int | float) else []
    for bend in noted.get("bends", ())[:4]:
        if isinstance(bend, Mapping):
            words = (str(bend.get(name, "")) for name in ("operation", "layer"))
            parts.append(" ".join(word for word in words if word))
    return ", ".join(parts)[:160]


def natural(name: str) -> list[Any]:
    """'take10' after 'take2': numbers in a name are compared as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _open(archive: Archive, key: str) -> Take:
    from installation.stages.selection.ranking import take_of

    still = archive.open(STAGE, key)
    settings = still.history[-1].get("settings", {}) if still.history else {}
    measured_ns = (archive.path(STAGE, key) / "still.json").stat().st_mtime_ns
    size_alone = np.empty((*still.pixels.shape[:2], 0), still.pixels.dtype)
    return Take(take_of(still), dataclasses.replace(still, pixels=size_alone), settings, measured_ns)


@functools.cache
def _say_once(line: str) -> None:
    """A page that follows looks twice a second."""
    log.warning(line)


def _current(listing: Path) -> set[str]:
    """Keys of the takes that the job's last run gathered; empty while none has come that far."""
    said = files.read_json(listing)
    keys = said.get("keys") if isinstance(said, dict) else None
    return {key for key in keys if isinstance(key, str)} if isinstance(keys, list) else set()
