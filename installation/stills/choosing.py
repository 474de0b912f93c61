"""The takes of a job in, on a page in the browser; the artist's choices out, into the job's folder."""

from __future__ import annotations

import json
import os
import sys
import threading
import webbrowser
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation import files
from installation.signals import Still
from installation.stills.archive import Archive
from installation.stills.delivery import CHOICES, read_choices

STAGE = "selection"
CACHE_BYTES = 256 * 2**20  # of JPEG, so that a thousand takes scroll without being drawn again
AT_ONCE = 2  # pictures drawn at the same time


def main(options: Namespace) -> int:
    """`installation select JOB`: serve the page until ctrl-c.

    Options: job (Path), port (int, 0 = any free one), no_browser (bool), taste (Path of a taste file, or None).
    """
    from installation.pages.server import PageServer

    wall = JobWall(options.job, getattr(options, "taste", None))
    with PageServer(wall, options.port or 0) as server:
        try:
            print(f"{len(wall.takes)} takes of {wall.folder}: {server.guard.address}", flush=True)
            print("each choice is on disk at once; ctrl-c ends", flush=True)
            if not options.no_browser and has_screen():
                webbrowser.open(server.guard.address)
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    kept, rejected = (list(wall.choices.values()).count(word) for word in ("keep", "reject"))
    print(f"{kept} kept, {rejected} rejected; the same `installation still` command goes on with them")
    return 0


def has_screen() -> bool:
    """Whether a browser would open a window here, rather than take the terminal over (a server has none)."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@dataclass(frozen=True)
class Take:
    """One take on the wall, under the key that choices are kept by; settings are selection's when it was measured."""

    key: str
    still: Still
    settings: Mapping[str, Any]


class JobWall:
    """The takes of one job, ranked anew after each choice. Safe to call from several threads."""

    def __init__(self, folder: Path, taste_file: Path | None = None) -> None:
        self.folder, self.taste_file = folder, taste_file
        self.takes = find_takes(folder)
        self.choices = read_choices(folder)
        self._lock, self._drawing = threading.Lock(), threading.Semaphore(AT_ONCE)
        self._drawn: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._drawn_bytes = 0

    def state(self) -> dict[str, Any]:
        """Everything the page shows, looked up anew, since a running job adds takes."""
        with self._lock:
            self.takes = find_takes(self.folder)
            return self._state()

    def judge(self, key: str, choice: str) -> dict[str, Any]:
        """Write a choice to the disk, then let the taste learn. Raises KeyError for a take that is not there."""
        with self._lock:
            take = self.takes[key]
            changed = {k: v for k, v in self.choices.items() if k not in (key, take.still.key)}
            changed |= {key: choice} if choice else {}
            write_choices(self.folder, changed)
            self.choices = changed
            if self.taste_file:
                self._remember(self.taste_file)
            return self._state()

    def picture(self, key: str, longest_px: int) -> bytes:
        """A take on white paper as JPEG, drawn once, then from memory. Raises KeyError for one that is not there."""
        still = self.takes[key].still
        with self._lock:
            if (found := self._drawn.get((key, longest_px))) is not None:
                self._drawn.move_to_end((key, longest_px))
                return found
        with self._drawing:
            jpeg = draw(still.pixels, longest_px)
        with self._lock:
            if (key, longest_px) not in self._drawn:
                self._drawn[key, longest_px] = jpeg
                self._drawn_bytes += len(jpeg)
            while self._drawn_bytes > CACHE_BYTES and len(self._drawn) > 1:
                self._drawn_bytes -= len(self._drawn.popitem(last=False)[1])
        return jpeg

    def _state(self) -> dict[str, Any]:
        from installation.settings import check
        from installation.stages.selection import figures, ranking, taste

        takes = sorted(self.takes.values(), key=lambda take: natural(take.still.name))
        stills = [take.still for take in takes]
        settings = takes[0].settings if takes else {}
        limits = check(ranking.Limits, dict(settings.get("limits", {})), "limits")
        memory = taste.recall(self.taste_file or _path(settings.get("taste", "")))
        ranks = ranking.rank(stills, self.choices, limits, memory)
        scores = [r.overall for r in ranks]
        going = {s.key for s in ranking.select(stills, scores, self.choices, int(settings.get("keep", 1)))}
        shown = [
            {
                "key": take.key,
                "name": take.still.name,
                "composition": ranking.composition_of(take.still),
                "width": take.still.pixels.shape[1],
                "height": take.still.pixels.shape[0],
                "figures": ranking.figures_of(take.still),
                "overall": rank.overall,
                "taste": rank.taste,
                "failure": rank.failure,
                "choice": ranking.judged(take.still, self.choices),
                "goes_on": take.still.key in going,
                "made": made_how(take.still.notes),
            }
            for take, rank in zip(takes, ranks, strict=True)
        ]
        told = {
            "fewest": taste.FEWEST,
            "learnt": bool(ranks) and ranks[0].taste is not None,
            "earlier": len(memory.takes),
        }
        return {"job": self.folder.resolve().name, "takes": shown, "taste": told, "about": figures.ABOUT}

    def _remember(self, path: Path) -> None:
        from installation.stages.selection import ranking, taste

        stills = [take.still for take in self.takes.values()]
        taste.remember(path, ranking.remember(stills, self.choices, taste.recall(path)))


def find_takes(folder: Path) -> dict[str, Take]:
    """The measured takes of a job as it ran last, by key; of one that was measured more than once, the newest.

    Raises ValueError saying what to do when there are none.
    """
    archive = Archive(folder / ".work")
    found: dict[str, tuple[float, Take]] = {}
    current = _current(archive.folder / f"{STAGE}.json")
    for told in sorted(archive.folder.glob(f"{STAGE}-*/still.json")):
        key = told.parent.name.removeprefix(f"{STAGE}-")
        if current and key not in current:
            continue
        still = archive.open(STAGE, key)
        from installation.stages.selection.ranking import take_of

        settings = still.history[-1].get("settings", {}) if still.history else {}
        key, age = take_of(still), told.stat().st_mtime
        if key not in found or found[key][0] < age:
            found[key] = age, Take(key, still, settings)
    if not found:
        raise ValueError(
            f"{folder}: expected the folder of a job whose takes are made (.work/selection-*), found none; "
            "run `installation still ... --out` this folder first"
        )
    return {key: take for key, (_, take) in found.items()}


def _current(listing: Path) -> set[str]:
    """Keys of the takes that the job's last run gathered; empty while none has come that far."""
    try:
        return set(json.loads(listing.read_text("utf-8"))["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def write_choices(folder: Path, choices: Mapping[str, str]) -> None:
    """Put the choices on the disk, whole or not at all."""
    files.write_json(folder / CHOICES, dict(sorted(choices.items())))


def draw(pixels: np.ndarray, longest_px: int) -> bytes:
    """A take on white paper as JPEG, its longer side at most longest_px."""
    import io

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
    noted = notes.get("slomo_glitch", {})
    parts = [f"t {noted['t']:.2f}"] if isinstance(noted.get("t"), int | float) else []
    for bend in noted.get("bends", ())[:4]:
        if isinstance(bend, Mapping):
            words = (str(bend.get(name, "")) for name in ("operation", "layer"))
            parts.append(" ".join(word for word in words if word))
    return ", ".join(parts)[:160]


def natural(name: str) -> list[Any]:
    """'take10' after 'take2': numbers in a name are compared as numbers."""
    import re

    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None
