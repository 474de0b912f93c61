"""Finished stills in; prints with their sidecars, the sheets that show them and the summary out."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation import __version__, files
from installation.files import write_json
from installation.pictures import write_picture
from installation.settings import to_table
from installation.signals import Still
from installation.stills.archive import Archive
from installation.stills.job import Job
from installation.stills.tasks import SOURCE

SHEET_PX = 420


@dataclass(frozen=True)
class Skipped:
    """What could not be made, at which stage, and why; whether a print is missing for it, or only a reference."""

    name: str
    stage: str
    reason: str
    costs_a_print: bool


def reason(error: BaseException) -> str:
    """Why something failed, in one line: the error's own words where it speaks to people, else its kind too."""
    told = str(error).strip() or "no reason given"
    spoken = isinstance(error, ValueError | LookupError | OSError | RuntimeError)
    return told.splitlines()[0] if spoken else f"{type(error).__name__}: {told.splitlines()[0]}"


def list_takes(archive: Archive, stage: str, stills: Sequence[Still]) -> None:
    """Write down which results this job gathered, so that the select page leaves out those of other settings."""
    write_json(archive.folder / f"{stage}.json", {"keys": sorted(still.key for still in stills)})


def deliver(order: Job, archive: Archive, still: Still) -> Still:
    """Lay a print's files into the job's folder under its name, its sidecar last: a print with a sidecar is whole."""
    out, last = Path(order.out), still.history[-1]
    if _is_delivered(out, still):
        return still
    folder = archive.path(str(last["stage"]), still.key)
    files = []
    for made in still.notes.get("print_file", {}).get("files", ()):
        name = f"{still.name}.tif" if made["name"] == "master.tif" else f"{still.name}.{made['name']}"
        _lay(folder / made["name"], out / name)
        files.append(made | {"name": name})
    if not files:
        from installation.stages import pixels

        write_picture(out / f"{still.name}.png", pixels.to_uint8(np.asarray(still.pixels)))
        files.append({"name": f"{still.name}.png"})
    _compare(out / f"{still.name}.before-after.jpg", archive, still)
    (out / "preview" / f"{still.name}.jpg").unlink(missing_ok=True)
    write_json(out / f"{still.name}.json", sidecar(order, still, files))
    return still


def _is_delivered(out: Path, still: Still) -> bool:
    """Whether this very print, with all of its files, lies there already."""
    try:
        told = json.loads((out / f"{still.name}.json").read_text("utf-8"))
        return told["history"][-1]["key"] == still.key and all(
            (out / made["name"]).stat().st_size == made.get("bytes", -1) for made in told["files"]
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return False


def _compare(path: Path, archive: Archive, still: Still) -> None:
    """The print beside what it was before the networks came over it: its composition, or the picture it was made of."""
    from installation.stills.sheets import before_after

    first = next((s for s in still.history if s["stage"] == "composition"), still.history[0])
    if archive.has(first["stage"], first["key"]):
        before = archive.open(first["stage"], first["key"]).pixels
        write_picture(path, before_after(before, still.pixels, names=(str(first["stage"]), "print")))


def sidecar(order: Job, still: Still, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All that made a print; `installation still` on it makes the same print again."""
    opened = [step for step in still.history if step["stage"] == SOURCE]
    return {
        "kind": "print",
        "version": __version__,
        "name": still.name,
        "files": list(files),
        "job": to_table(order),
        "inputs": [{"path": s["settings"]["path"], "sha256": s["fingerprint"]} for s in opened],
        "history": list(still.history),
        "machine": {"system": platform.platform(), "cpu": platform.processor() or platform.machine()},
    }


def conclude(order: Job, archive: Archive, finished: Sequence[Still], skipped: Sequence[Skipped]) -> int:
    """Draw the sheets and say what was made and what was not; 0 when a print came of everything that should be one."""
    out = Path(order.out)
    for miss in skipped:
        print(f"skipped {miss.name}: {miss.stage}: {miss.reason}", file=sys.stderr)
    if not finished:
        print(f"no print was made in {out}", file=sys.stderr)
        return 1
    stills = sorted(finished, key=lambda still: still.name)
    if not order.only:
        _draw_sheets(out, archive, stills)
    for still in stills:
        print(f"wrote {out / still.name}.json: " + ", ".join(_named(out, still)))
    if not order.only:
        print(f"look at {out / 'contact.jpg'} and {out / 'stages.jpg'}; choose takes with: installation select {out}")
    return 1 if any(miss.costs_a_print for miss in skipped) else 0


def _named(out: Path, still: Still) -> list[str]:
    return [made["name"] for made in json.loads((out / f"{still.name}.json").read_text("utf-8"))["files"]]


def _draw_sheets(out: Path, archive: Archive, stills: Sequence[Still]) -> None:
    """contact.jpg: the prints; stages.jpg: every print's way through the chain, a row each."""
    from installation.stills.sheets import contact_sheet

    hung = {"keys": [still.key for still in stills]}  # the sheets are not drawn again for prints that hang there
    listing = archive.folder / "sheets.json"
    if listing.is_file() and json.loads(listing.read_text("utf-8")) == hung and (out / "stages.jpg").is_file():
        return
    shown = [(still.name, still.pixels) for still in stills]
    write_picture(out / "contact.jpg", contact_sheet(shown, columns=4, cell_px=720))
    rows = [[step for step in _way(still) if archive.has(step["stage"], step["key"])] for still in stills]
    cells = [
        (f"{step['name']}\n{step['stage']}", archive.open(step["stage"], step["key"]).pixels)
        for row in rows
        for step in row
    ]
    columns = max(map(len, rows))
    write_picture(out / "stages.jpg", contact_sheet(cells, columns=columns, cell_px=SHEET_PX))
    write_json(listing, hung)


def _way(still: Still) -> list[Mapping[str, Any]]:
    """The steps of a print that changed its picture, from its composition on if it has one."""
    steps = list(still.history)
    first = next((i for i, step in enumerate(steps) if step["stage"] == "composition"), 0)
    return [step for step in steps[first:] if step["stage"] not in ("saliency", "selection")]


def _lay(source: Path, target: Path) -> None:
    """A copy under its final name, at once and whole; a copy, so that retouching a print leaves the archive alone."""
    with files.whole(target) as part:
        shutil.copyfile(source, part)
