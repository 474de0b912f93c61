"""The takes of a job in, on a page in the browser; the artist's choices out, into the job's folder."""

from __future__ import annotations

import logging
import threading
import webbrowser
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

from installation.stills import gallery
from installation.stills.choices import FILE, alone, change_choices, read_choices
from installation.stills.takes import draw, find_takes, made_how, measured, natural, open_pixels, working

CACHE_BYTES = 256 * 2**20  # of JPEG, so that a thousand takes scroll without being drawn again
log = logging.getLogger("installation.stills")


def main(options: Namespace) -> int:
    """`installation select JOB`, a job or a folder of pictures: serve the page until ctrl-c.

    Options: job (Path), port (int, 0 = any free one), no_browser (bool), taste (Path of a taste file, or None).
    """
    from installation.live.displays import has_display
    from installation.pages.server import PageServer

    taste = getattr(options, "taste", None)
    if gallery.is_gallery(options.job):
        gallery.measure(options.job)
        taste = taste or gallery.taste_of(options.job)
    wall = JobWall(options.job, taste)
    with PageServer({"select": wall}, options.port or 0) as server:
        try:
            print(f"{len(wall.takes)} takes of {wall.folder}: {server.guard.address}", flush=True)
            print("each choice is on disk at once; ctrl-c ends", flush=True)
            if not options.no_browser and has_display():  # without one a browser would take the terminal over
                webbrowser.open(server.guard.address)
            server.wait()
        except KeyboardInterrupt:
            print()
    said = list(read_choices(wall.folder).said.values())
    kept, rejected = (said.count(word) for word in ("keep", "reject"))
    print(f"{kept} kept, {rejected} rejected; the same command that made them goes on with them")
    return 0


class JobWall:
    """The takes of one job, ranked anew after each choice, wherever it was made. Safe to call from several threads."""

    def __init__(self, folder: Path, taste_file: Path | None = None) -> None:
        self.folder, self.taste_file = folder, taste_file
        self.takes = find_takes(folder)
        self._lock = threading.Lock()
        self._mark: Any = None  # what the state was made of
        self._state: dict[str, Any] = {"version": 0}
        self._work: list[dict[str, Any]] = []
        self._trouble = self._aside = ""
        self._drawn: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._drawn_bytes = 0
        self._warn(read_choices(folder).fault)

    def state(self) -> dict[str, Any]:
        """Everything the page shows, made anew when what it is made of has changed on the disk."""
        with self._lock:
            return self._look()

    def news(self) -> dict[str, Any]:
        """What those who follow are told; the same objects while nothing has changed."""
        with self._lock:
            work = working(self.folder)
            self._work = self._work if work == self._work else work
            return {"wall": self._look(), "work": self._work}

    def judge(self, key: str, choice: str) -> dict[str, Any]:
        """Write a choice to the disk, then let the taste learn. Raises KeyError for a take that is not there."""
        with self._lock:
            take = self.takes[key]

            def say(said: dict[str, str]) -> dict[str, str]:
                others = {k: word for k, word in said.items() if k not in (key, take.still.key)}
                return others | ({key: choice} if choice else {})

            changed = change_choices(self.folder, say)
            if changed.aside:
                self._aside = f"{FILE} could not be read whole; it is kept as {changed.aside}"
                log.warning("%s: %s", self.folder, self._aside)
            if self.taste_file:
                self._remember(self.taste_file, changed.said)
            self._mark = None
            return self._look()

    def picture(self, key: str, longest_px: int) -> bytes:
        """A take on white paper as JPEG, drawn once, then from memory. Raises KeyError for one that is not there."""
        take = self.takes[key]
        with self._lock:
            if (found := self._drawn.get((key, longest_px))) is not None:
                self._drawn.move_to_end((key, longest_px))
                return found
        jpeg = draw(open_pixels(self.folder, take), longest_px)
        with self._lock:
            if (key, longest_px) not in self._drawn:
                self._drawn[key, longest_px] = jpeg
                self._drawn_bytes += len(jpeg)
            while self._drawn_bytes > CACHE_BYTES and len(self._drawn) > 1:
                self._drawn_bytes -= len(self._drawn.popitem(last=False)[1])
        return jpeg

    def _look(self) -> dict[str, Any]:
        """The state; a look costs a list of names and a few dates as long as nothing has changed."""
        taste_file = self._taste_file()
        mark = measured(self.folder), _written(self.folder / FILE), taste_file and _written(taste_file)
        if mark != self._mark:
            self.takes = find_takes(self.folder, self.takes.values())
            self._state = self._made() | {"version": self._state["version"] + 1}
            self._mark = mark
        return self._state

    def _made(self) -> dict[str, Any]:
        from installation.settings import check
        from installation.stages.selection import figures, ranking, taste

        chosen = read_choices(self.folder)
        self._warn(chosen.fault)
        takes = sorted(self.takes.values(), key=lambda take: natural(take.still.name))
        stills = [take.still for take in takes]
        settings = takes[0].settings if takes else {}
        limits = check(ranking.Limits, dict(settings.get("limits", {})), "limits")
        memory = taste.recall(self._taste_file())
        ranks = ranking.rank(stills, chosen.said, limits, memory)
        scores = [r.overall for r in ranks]
        going = {s.key for s in ranking.select(stills, scores, chosen.said, int(settings.get("keep", 1)))}
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
                "choice": ranking.judged(take.still, chosen.said),
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
        head = {"job": self.folder.resolve().name, "taste": told, "about": figures.ABOUT}
        return head | {"takes": shown, "notice": self._trouble or self._aside}

    def _warn(self, fault: str) -> None:
        """Say once what is wrong with the file of choices, in the terminal and, from the state on, on the page."""
        trouble = f"{FILE} cannot be read whole ({fault}); the next choice keeps it aside"
        told, self._trouble = self._trouble, trouble if fault else ""
        if self._trouble and self._trouble != told:
            log.warning("%s: %s", self.folder, self._trouble)

    def _taste_file(self) -> Path | None:
        if self.taste_file:
            return self.taste_file
        named = next(iter(self.takes.values())).settings.get("taste", "")
        return Path(named).expanduser() if named else None

    def _remember(self, path: Path, said: dict[str, str]) -> None:
        from installation.stages.selection import ranking, taste

        stills = [take.still for take in self.takes.values()]
        with alone(path.with_name(f".{path.name}.lock")):  # another job's page may learn at the same time
            taste.remember(path, ranking.remember(stills, said, taste.recall(path)))


def _written(path: Path) -> tuple[int, ...]:
    """What changes when a file is written; nothing where there is none."""
    try:
        told = path.stat()
    except OSError:
        return ()
    return told.st_mtime_ns, told.st_size, told.st_ino
