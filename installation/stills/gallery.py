"""A folder of pictures that no job made in; the same as takes, measured, for the select page, out.

What is known of them beside what can be seen (squares of `train autoencoder`) is read from squares.json:
{"taste": a taste file, "squares": {"0317-042.png": {"figures": {name: 0..1}, "made": a line}}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from installation import files
from installation.pictures import PictureError, pictures_below, read_picture
from installation.signals import Still
from installation.stills.archive import Archive
from installation.stills.takes import STAGE
from installation.weights import digest

LISTING = "squares.json"
KEY_DIGITS = 20
SHOWN_PX = 1600  # longest side that the page shows


def is_gallery(folder: Path) -> bool:
    """Whether a folder holds pictures, and no takes of a job."""
    if (folder / LISTING).is_file():
        return True
    made = any((folder / ".work").glob("*-*"))
    return folder.is_dir() and not made and any(_pictures(folder))


def taste_of(folder: Path) -> Path | None:
    """The taste file that the pictures' maker named."""
    named = _listing(folder).get("taste", "")
    return folder / named if isinstance(named, str) and named else None


def measure(folder: Path) -> None:
    """Measure every picture that has not been yet, and say which there are; those that are gone are forgotten."""
    archive, told = Archive(folder / ".work"), _listing(folder).get("squares", {})
    archive.folder.mkdir(parents=True, exist_ok=True)
    archive.sweep()
    keys = []
    for path in tqdm(_pictures(folder), desc="measuring", unit="picture", disable=None):
        known = told.get(path.name, {}) if isinstance(told, dict) else {}
        key = digest(path)[:KEY_DIGITS]
        if not archive.has(STAGE, key):
            try:
                _measure(archive, key, path, known if isinstance(known, dict) else {})
            except PictureError as error:
                print(f"skipped {error}")
                continue
        keys.append(key)
    for gone in {path.name.removeprefix(f"{STAGE}-") for path in archive.folder.glob(f"{STAGE}-*")} - set(keys):
        archive.discard(STAGE, gone)
    files.write_json(archive.folder / f"{STAGE}.json", {"keys": sorted(keys)})


def _measure(archive: Archive, key: str, path: Path, known: Mapping[str, Any]) -> None:
    from installation.stages import selection
    from installation.stages.pixels import fit, resize, to_uint16
    from installation.stages.work import Work

    pixels = read_picture(path)
    pixels = to_uint16(resize(pixels, fit((pixels.shape[1], pixels.shape[0]), SHOWN_PX)))
    still = Still(pixels, path.stem, key)
    with archive.begin(STAGE, key) as part:
        made = selection.create(selection.Settings()).run((still,), Work(0, part))
        figures = {str(name): float(value) for name, value in known.get("figures", {}).items()}
        notes = {STAGE: {**made.notes, "figures": made.notes["figures"] | figures}, "made": str(known.get("made", ""))}
        step = {"stage": STAGE, "key": key, "name": path.stem, "settings": {}}
        maps = {name: np.asarray(values, np.float32) for name, values in made.maps.items()}
        archive.write(part, Still(pixels, path.stem, key, 0, maps, notes, (step,)))


def _pictures(folder: Path) -> list[Path]:
    """Those of the folder itself, by name; what lies deeper is another wall."""
    return [path for path in pictures_below(folder)[0] if path.parent == folder]


def _listing(folder: Path) -> dict[str, Any]:
    told = files.read_json(folder / LISTING)
    return told if isinstance(told, dict) else {}
