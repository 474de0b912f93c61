"""One instant of the show as a small JSON file and a thumbnail, enough to paint it again exactly at any size."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np

from installation.files import shown, whole, write_json
from installation.settings import SettingsError, Show, to_table
from installation.signals import Controls, Moment

VERSION = 1


def keep(folder: Path, moment: Moment, thumbnail: np.ndarray | None) -> Path:
    """Write FOLDER/<time>.json and .jpg. thumbnail [shape=(H, W, 3), uint8]; None where it would show a visitor.

    Raises OSError when the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S-%f")[:-3]
    path = folder / f"{stamp}.json"
    try:
        if thumbnail is not None:
            _save_thumbnail(path.with_suffix(".jpg"), thumbnail)
        write_json(path, as_table(moment))
    except OSError:  # a full disk must not be filled further by the halves of what it could not take
        for half in folder.glob(f"{stamp}.*"):
            half.unlink(missing_ok=True)
        raise
    return path


def as_table(moment: Moment) -> dict[str, Any]:
    """The moment as plain JSON values; floats keep every digit, so that the picture comes back exactly."""
    return {
        "version": VERSION,
        "show": moment.show,
        "frame": moment.frame,
        "size_px": list(moment.size_px),
        "weights_sha256": moment.weights_sha256,
        "controls": {
            "time_s": moment.controls.time_s,
            "turns": moment.controls.turns,
            "values": dict(moment.controls.values),
        },
        "settings": dict(moment.settings),
    }


def open_moment(path: Path) -> Moment:
    """Read a moment. Raises SettingsError saying what is wrong with the file."""
    try:
        table = json.loads(path.read_text("utf-8"))
        if table["version"] != VERSION:
            raise SettingsError(f"{path}: written by another version ({shown(table['version'])}), expected {VERSION}")
        c = table["controls"]
        controls = Controls(float(c["time_s"]), {str(k): float(v) for k, v in c["values"].items()}, float(c["turns"]))
        width, height = table["size_px"]
        size_px = (int(width), int(height))
        if not all(1 <= px <= 16384 for px in size_px):
            raise SettingsError(
                f"{path}: size_px: expected 1 to 16384 px each way, found {shown(width)} x {shown(height)}"
            )
        return Moment(table["show"], controls, table["weights_sha256"], size_px, table["frame"], table["settings"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{path}: not a moment of a show: {shown(error)}") from error


def of(show: Show, controls: Controls, weights_sha256: str, size_px: tuple[int, int], frame: int) -> Moment:
    """The moment that is on the screen now, with all that is needed of its show; where that is sent is not."""
    table = to_table(dataclasses.replace(show, outputs=()))  # an address may hold the key of a stream
    return Moment(show.name, controls, weights_sha256, size_px, frame, table)


def _save_thumbnail(path: Path, rgb: np.ndarray, width_px: int = 480) -> None:
    from PIL import Image

    picture = Image.fromarray(rgb)
    picture.thumbnail((width_px, width_px))
    with whole(path) as part:
        picture.save(part, "JPEG", quality=88)
