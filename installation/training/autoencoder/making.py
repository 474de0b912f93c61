"""What was asked of an autoencoder in; one run after the other made, and their best squares hung, out."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Container
from pathlib import Path

from installation.training.autoencoder import exploring, hanging, keeping
from installation.training.autoencoder.running import Run, Studio
from installation.training.autoencoder.settings import Settings
from installation.training.autoencoder.span import Squares
from installation.training.line import open_pictures

FIRST_PAGE_S, PAGE_EVERY_S = 20.0, 120.0
Stop = Callable[[], bool]
Tell = Callable[[str], None]


class Making:
    """Many short runs, each from scratch, of which the squares are kept and not the weights; see `line.Run`."""

    unit = "run"

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError or FileNotFoundError for pictures or a run that are not there."""
        corpus = open_pictures(settings)
        self.settings = settings
        self.studio = Studio(settings, Squares(corpus, settings.colour, settings.contrast))
        self.studio.named()
        exploring.like(settings, self.studio.folder)
        self._last: Run | None = None
        self._told = "stopped before a run was whole; what was made is kept"

    @property
    def done(self) -> float:
        return len(self.studio.made) if self.settings.explore else float(self._last is not None)

    @property
    def whole(self) -> float:
        return self.settings.explore or 1

    def train(self, stop: Stop, tell: Tell) -> None:
        """Make the runs that are missing and hang the page; keep the network that was asked for."""
        if self.settings.explore:
            self._explore(stop, tell)
        else:
            self._make_one(stop, tell)
        if self.settings.keep and self._last is not None and not (self.settings.explore and stop()):
            self._keep(self._last)

    def export(self) -> Path:
        """The model of the best run there is. Raises ValueError where there is none."""
        if not self.studio.made:
            raise ValueError(f"no run in {self.studio.folder} yet: leave out --export to make one")
        return keeping.keep(self.studio, exploring.best(self.studio.made)[0])

    def told(self) -> str:
        return self._told

    def _keep(self, made: Run) -> None:
        folder = keeping.keep(self.studio, made)
        self._told += f"\nkept run {made.number}: installation live --show {folder / 'show.toml'}"

    def _make_one(self, stop: Stop, tell: Tell) -> None:
        """One more run, every square of it sorted; one that was made already may be kept as it is."""
        wanted = exploring.next_parameters(self.settings, self.studio, self.studio.next_number())
        there = [run for run in self.studio.made.values() if run.parameters == wanted] if self.settings.keep else []
        if there:
            self._last, self._told = there[0], f"run {there[0].number} was made already"
            return
        made = self._next(stop)
        if made is None:
            return
        folder = hanging.sort(self.studio, made)
        hanging.hang(self.studio)
        tell(_said(made))
        self._last = made
        self._told = f"run {made.number}: {_said(made)}; squares in {folder}, the best of all runs: {self._page}"

    def _explore(self, stop: Stop, tell: Tell) -> None:
        """As many runs as there shall be, with a look at the page now and then."""
        studio, liked = self.studio, {int(name.partition("-")[0]) for name in hanging.kept(self.studio)}
        due_s = time.monotonic() + FIRST_PAGE_S
        while len(studio.made) < self.settings.explore and not stop():
            if (made := self._next(stop, liked)) is None:
                break
            tell(f"run {made.number}: {_said(made)}")
            if time.monotonic() > due_s:
                hanging.glance(studio)
                due_s = time.monotonic() + PAGE_EVERY_S
        if not studio.made:
            return
        hung = hanging.hang(studio)
        self._last = exploring.best(studio.made)[0]
        self._told = f"{len(studio.made)} runs, {len(hung)} squares on {self._page}\n"
        self._told += f"keep and reject: installation select {self.settings.work / hanging.FOLDER}"

    def _next(self, stop: Stop, liked: Container[int] = ()) -> Run | None:
        number = self.studio.next_number()
        parameters = exploring.next_parameters(self.settings, self.studio, number, liked)
        if self.settings.error:
            parameters = dataclasses.replace(parameters, stop=self.studio.stop_at(parameters))
        return self.studio.run(number, parameters, stop)

    @property
    def _page(self) -> Path:
        return self.settings.work / f"{hanging.PAGE}.jpg"


def _said(made: Run) -> str:
    told = made.told
    return f"{told['worth']} worth a look, {told['faithful']} too faithful, {told['noise']} noise"
