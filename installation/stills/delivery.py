"""Finished stills in; prints with their sidecars, the sheets that show them and the summary out."""

from __future__ import annotations

import functools
import json
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from installation import __version__, files
from installation.files import named
from installation.pictures import split_weight, write_picture
from installation.settings import to_table
from installation.signals import Still
from installation.stills.archive import Archive
from installation.stills.job import Job
from installation.stills.ledger import BEFORE_AFTER, SHEETS, Ledger, State, read_sidecar
from installation.stills.naming import PICTURE, Names, Sources, ends_of
from installation.stills.sources import Source
from installation.stills.takes import natural
from installation.stills.tasks import SOURCE
from installation.weights import digest

SHEET_PX = 420


@dataclass(frozen=True)
class Skipped:
    """What could not be made, at which stage, and why; whether a print is missing for it, or only a reference.

    told: it was said before work began.
    """

    name: str
    stage: str
    reason: str
    costs_a_print: bool
    told: bool = False


def reason(error: BaseException) -> str:
    """Why something failed, in one line: the error's own words where it speaks to people, else its kind too."""
    told = str(error).strip() or "no reason given"
    spoken = isinstance(error, ValueError | LookupError | OSError | RuntimeError)
    return told.splitlines()[0] if spoken else f"{type(error).__name__}: {told.splitlines()[0]}"


class Torn(RuntimeError):
    """A file of a finished result is no longer what it was when it was made: the result has to be made again."""


@dataclass
class Delivery:
    """Lays finished stills into a job's folder; `named` is what each print is called, by the key of its still."""

    order: Job
    archive: Archive
    ledger: Ledger
    names: Names
    named: dict[str, str] = field(default_factory=dict)

    def list_takes(self, stage: str, stills: Sequence[Still]) -> None:
        """Write down which results this job gathered, so that the select page leaves out those of other settings."""
        self._lay_json(f".work/{stage}.json", {"keys": sorted(still.key for still in stills)})

    def deliver(self, still: Still) -> None:
        """Lay a print's files under its name, its sidecar last: a print with a sidecar is whole.

        Raises NotOurs where something else stands, Torn when a file is no longer what was made.
        """
        made = [(step, one) for step in still.history for one in step.get("notes", {}).get("files", ())]
        ends = ends_of([one["name"] for _, one in made])
        name = self.names.settle(self._wanted(still.name), _sources(still), ends)
        if not self._is_delivered(name, still):
            laid = [self._lay_made(name, step, one) for step, one in made]
            laid += [self._lay_picture(name, still)] if PICTURE in ends else []
            self._compare(name, still)
            self._lay_json(f"{name}.json", sidecar(self.order, still, laid, name))
        (Path(self.order.out) / ".work/preview" / f"{still.name}.jpg").unlink(missing_ok=True)
        self.named[still.key] = name

    def expect(self, source: Source, made: Sequence[str]) -> None:
        """Before any work: claim the name of a print that will come of a source. Raises NotOurs."""
        self.names.settle(self._wanted(source.name), frozenset({source.path, source.sha256}), ends_of(made))

    def sheets_in_the_way(self) -> list[str]:
        """The sheets that cannot be drawn, because something else stands there."""
        return [name for name in SHEETS if self.ledger.state(name) is State.OTHER]

    def draw_sheets(self, stills: Sequence[Still]) -> None:
        """contact.jpg: the prints; stages.jpg: every print's way through the chain, a row each."""
        hung = {"keys": [still.key for still in stills], "names": [self.named[still.key] for still in stills]}
        listing = Path(self.order.out) / ".work/sheets.json"
        there = [self.ledger.state(name) is State.OWN for name in SHEETS]
        if files.read_json(listing) == hung and all(there):  # they hang there already
            return
        for name, draw in zip(SHEETS, (self._contact_sheet, self._stages_sheet), strict=True):
            if self.ledger.state(name) is not State.OTHER:
                self.ledger.lay(name, functools.partial(_write_flat, pixels=draw(stills)))
        self._lay_json(".work/sheets.json", hung)

    def _wanted(self, still_name: str) -> str:
        return self.order.names.get(still_name, still_name)

    def _is_delivered(self, name: str, still: Still) -> bool:
        """Whether this very print, with all of its files, lies there already."""
        told = read_sidecar(Path(self.order.out) / f"{name}.json")
        last = told["history"][-1] if told.get("history") else {}
        laid = [*(str(made.get("name")) for made in told.get("files", ())), f"{name}.json"]
        return last.get("key") == still.key and all(self.ledger.state(one) is State.OWN for one in laid)

    def _lay_made(self, name: str, step: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
        """A copy, so that retouching a print leaves the archive alone."""
        source = self.archive.path(str(step["stage"]), str(step["key"])) / made["name"]
        target = name + ends_of([made["name"]])[0]

        def copy(part: Path) -> None:
            try:
                shutil.copyfile(source, part)
            except FileNotFoundError as error:
                raise Torn(f"{source}: gone") from error
            if digest(part) != made["sha256"]:
                raise Torn(f"{source}: torn")

        self.ledger.lay(target, copy)
        return dict(made) | {"name": target}

    def _lay_picture(self, name: str, still: Still) -> dict[str, Any]:
        from installation.stages import pixels

        self.ledger.lay(
            name + PICTURE, functools.partial(_write_flat, pixels=pixels.to_uint8(np.asarray(still.pixels)))
        )
        path = Path(self.order.out) / (name + PICTURE)
        return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest(path)}

    def _compare(self, name: str, still: Still) -> None:
        """The print beside what it was before the networks: its composition, or the picture it was made of."""
        from installation.stills.sheets import before_after

        first = next((s for s in still.history if s["stage"] == "composition"), still.history[0])
        if found := self.archive.find(first["stage"], first["key"]):
            drawn = before_after(found.pixels, still.pixels, names=(str(first["stage"]), "print"))
            self.ledger.lay(f"{name}{BEFORE_AFTER}", functools.partial(_write_flat, pixels=drawn))

    def _lay_json(self, name: str, table: Mapping[str, Any]) -> None:
        if name.startswith(".work/") and self.ledger.state(name) is State.OTHER:
            named.keep(Path(self.order.out) / name)
        self.ledger.lay(name, functools.partial(_write_json, table=table))

    def _contact_sheet(self, stills: Sequence[Still]) -> np.ndarray:
        from installation.stills.sheets import contact_sheet

        return contact_sheet([(self.named[still.key], still.pixels) for still in stills], columns=4, cell_px=720)

    def _stages_sheet(self, stills: Sequence[Still]) -> np.ndarray:
        from installation.stills.sheets import contact_sheet

        rows = [[(s, self.archive.find(s["stage"], s["key"])) for s in _way(still)] for still in stills]
        cells = [(f"{s['name']}\n{s['stage']}", found.pixels) for row in rows for s, found in row if found]
        return contact_sheet(cells, columns=max(map(len, rows)), cell_px=SHEET_PX)


def sidecar(order: Job, still: Still, files: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """All that made a print; `installation still` on it makes the same print again."""
    job = {key: value for key, value in to_table(order).items() if key not in ("names", "sha256", "only")}
    styles = [Path(split_weight(style)[0]) for style in order.styles]
    return {
        "kind": "print",
        "version": __version__,
        "name": name,
        "still": still.name,
        "files": list(files),
        "job": job,
        "inputs": [{"path": s["settings"]["path"], "sha256": s["fingerprint"]} for s in _opened(still)],
        "styles": [{"path": str(path), "sha256": digest(path)} for path in styles],
        "history": list(still.history),
        "machine": {"system": platform.platform(), "cpu": platform.processor() or platform.machine()},
    }


def conclude(delivery: Delivery, finished: Sequence[Still], skipped: Sequence[Skipped]) -> int:
    """Draw the sheets and say what was made and what was not; 0 when all that was asked for is there."""
    out, order = Path(delivery.order.out), delivery.order
    missed = [f"skipped {miss.name}: {miss.stage}: {miss.reason}" for miss in skipped if not miss.told]
    whole = not any(miss.costs_a_print for miss in skipped)
    stills = sorted(finished, key=lambda still: natural(delivery.named[still.key]))
    if stills and not order.only:
        try:
            delivery.draw_sheets(stills)
        except (OSError, ValueError) as error:
            missed.append(f"the sheets are not drawn: {reason(error)}")
            whole = False
        whole = whole and not delivery.sheets_in_the_way()
    for line in missed:
        print(line, file=sys.stderr)
    if not stills:
        print(f"no print was made in {out}", file=sys.stderr)
        return 1
    for still in stills:
        name = delivery.named[still.key]
        laid = read_sidecar(out / f"{name}.json").get("files", ())
        print(f"wrote {out / name}.json: " + ", ".join(str(made["name"]) for made in laid))
    if not order.only:
        print(f"look at {out / 'contact.jpg'} and {out / 'stages.jpg'}; choose takes with: installation select {out}")
    return 0 if whole else 1


def _opened(still: Still) -> list[Mapping[str, Any]]:
    return [step for step in still.history if step["stage"] == SOURCE]


def _sources(still: Still) -> Sources:
    """Paths and hashes of what a still was made of."""
    return frozenset(text for s in _opened(still) for text in (str(s["settings"]["path"]), str(s["fingerprint"])))


def _way(still: Still) -> list[Mapping[str, Any]]:
    """The steps of a print that changed its picture, from its composition on if it has one."""
    steps = list(still.history)
    first = next((i for i, step in enumerate(steps) if step["stage"] == "composition"), 0)
    return [step for step in steps[first:] if step["stage"] not in ("saliency", "selection")]


def _write_flat(part: Path, pixels: np.ndarray) -> None:
    write_picture(part, pixels, lasting=False)


def _write_json(part: Path, table: Mapping[str, Any]) -> None:
    part.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
