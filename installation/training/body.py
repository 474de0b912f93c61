"""A trainer, its settings and a corpus in; one training run out: kept, shown and measured until a model is written.

The Body is what is the same whatever is trained. A Trainer adds what is learnt, and how one step of it goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from installation import files
from installation.training import album, checkpoint, figures
from installation.training.export import write_model
from installation.training.settings import Timed

PAUSE_S = 30.0  # a step that seems longer was a pause (a stopped process, a sleeping laptop) and counts as this much
FIRST_SHEET_S = 20.0  # somebody waits for the first sheet
S = TypeVar("S", bound=Timed)
C = TypeVar("C", bound=Sized)


class Trainer(Protocol):
    """What a trainer adds to a run. Everything random in it is drawn from torch's global generator, which is kept."""

    seen: int  # examples that were learnt from

    def modules(self) -> dict[str, nn.Module]:
        """What is kept of a run, by name; names stay, so that runs begun before go on."""
        ...

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers that are kept, by name."""
        ...

    def state(self) -> dict[str, Any]:
        """What else is kept: plain JSON values under names that the Body does not use (steps, active_s, sheets)."""
        ...

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Take up what `state` said, with the run's `progress` beside it, before modules and optimizers are filled.

        tensors (MODULE/NAME, OPTIMIZER/INDEX/NAME) may be fitted to what is here now. Raises ValueError when they are
        of another run.
        """
        ...

    def step(self, progress: float) -> dict[str, float]:
        """Learn from one batch, when `progress` (0..1) of the run is done. Returns the losses by name."""
        ...

    def sheet(self) -> Image.Image:
        """How far it is, to look at; of one size throughout a run, so that sheets become a film."""
        ...

    def measure(self) -> dict[str, float]:
        """Figures of quality by name, of what would be exported now; none where what measures them is missing."""
        ...

    def told(self) -> str:
        """What was learnt from, in a few words for the progress bar."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """What goes into the model's file."""
        ...

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        """What the model of these weights can do, to lie beside its card."""
        ...

    def card(self) -> dict[str, Any]:
        """What model.toml says beside the common fields: about, kind, network; more in `training` and `quality`.

        credit where it is not the corpus that is owed thanks; what was asked for on the command line goes first.
        """
        ...


class Body:
    """One run of a trainer. Goes on from the checkpoint in settings.work, if there is one."""

    unit = "s"

    def __init__(self, settings: S, corpus: C, make: Callable[[S, C], Trainer]) -> None:
        """corpus: what is learnt from; its length counts pictures. make(settings, corpus) is the trainer at its
        beginning, drawn by settings.seed.

        Raises ValueError for a checkpoint of another run, WeightsError for a torn one.
        """
        self.settings: Timed = settings
        self.corpus: Sized = corpus
        self.path = settings.checkpoint
        self.steps, self.active_s, self.sheets = 0, 0.0, 0
        for folder in (settings.work, settings.work / "sheets", settings.out):
            files.sweep(folder)
        torch.manual_seed(settings.seed)
        self.trainer = make(settings, corpus)
        self.rows = figures.read(settings.work)
        if self.path.exists():
            checkpoint.load(self.path, self.trainer.modules(), self.trainer.optimizers(), self._put_back)
        self.rows = [row for row in self.rows if self._lived(row)]

    def _put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.steps, self.active_s = int(state.get("steps", 0)), float(state["active_s"])
        self.sheets = int(state.get("sheets", 0))
        self.trainer.put_back(tensors, state | {"progress": self.progress})

    def _lived(self, row: figures.Row) -> bool:
        """Whether a figure is of what was kept; later ones died with a kill."""
        return row.get("steps", 0) <= self.steps and row["active_s"] < self.active_s + 1

    @property
    def done(self) -> float:
        """Active time so far, in seconds."""
        return self.active_s

    @property
    def whole(self) -> float:
        """Active time that the run is given, in seconds."""
        return self.settings.minutes * 60

    @property
    def progress(self) -> float:
        """0..1; made of active time, so that stopping, pausing and resuming change nothing."""
        return min(1.0, self.active_s / self.whole)

    def step(self) -> dict[str, float]:
        """Learn from one batch. Returns the losses by name."""
        start_s = time.perf_counter()
        losses = self.trainer.step(self.progress)
        self.steps += 1
        self.active_s += min(time.perf_counter() - start_s, PAUSE_S)
        return losses

    def train(self, stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
        """Step until the minutes are used up or stop() says so, with sheets and figures on the way; write the model.

        tell(text) hears of every step.
        """
        sheet_s, judge_s = self.settings.sheet_minutes * 60, self.settings.judge_minutes * 60
        next_sheet_s = self.active_s + min(FIRST_SHEET_S, sheet_s)
        next_judge_s = (self.rows[-1]["active_s"] if self.rows else 0.0) + judge_s  # however often it is killed
        while self.progress < 1 and not stop():
            losses = " ".join(f"{name} {value:.3g}" for name, value in self.step().items())
            tell(f"{self.trainer.told()}, {losses}")
            if self.active_s >= next_judge_s:
                self.measure()
                next_judge_s = self.active_s + judge_s
            if self.active_s >= next_sheet_s:
                self.sheet()
                next_sheet_s = self.active_s + sheet_s
        self.measure()
        self.sheet()
        self.export()

    def sheet(self) -> None:
        """The next of the sheets, the curves of the figures below it; then the checkpoint."""
        page = self.trainer.sheet()
        page = album.under(page, album.curve(self.rows, page.width))
        album.save_picture(page, self.settings.work / "sheets" / f"{self.sheets:05d}.png")
        self.sheets += 1
        self.save()

    def save(self) -> None:
        """Checkpoint everything, atomically."""
        state = self.trainer.state() | {"steps": self.steps, "active_s": self.active_s, "sheets": self.sheets}
        checkpoint.save(self.path, self.trainer.modules(), self.trainer.optimizers(), state)

    def measure(self) -> None:
        """Add the figures of now to figures.csv, unless they are there, or nobody wants any."""
        known = bool(self.rows) and self.rows[-1].get("steps") == self.steps
        found = self.trainer.measure() if self.settings.judge_minutes and not known else {}
        if found:
            counted = {"active_s": round(self.active_s, 1), "steps": self.steps, "seen": self.trainer.seen}
            self.rows.append(counted | found)
            figures.write(self.settings.work, self.rows)

    def export(self) -> Path:
        """The film of the sheets so far, and the model folder of now, which is returned."""
        sheets = sorted((self.settings.work / "sheets").glob("*.png"))[: self.sheets]
        album.film(sheets, self.settings.work / "evolution.mp4")
        self.measure()
        weights = self.trainer.weights()
        return write_model(self.settings.out, weights, self.trainer.samples(weights), self.card())

    def card(self) -> dict[str, Any]:
        """What model.toml says: the common fields, then the trainer's own."""
        s, own = self.settings, self.trainer.card()
        owed = own.pop("credit", "")
        card: dict[str, Any] = {
            "name": _as_text(s.out.name),
            "licence": s.licence,
            "credit": s.credit or owed or _as_text(f"{len(self.corpus)} images from {s.folder.resolve().name}"),
        }
        if s.attribution:
            card["attribution"] = s.attribution
        training = {
            "pictures": len(self.corpus),
            "steps": self.steps,
            "hours": round(self.active_s / 3600, 2),
            "device": s.device,
        }
        about_quality = own.pop("quality", {})
        card |= own | {"training": training | own.get("training", {})}
        if self.rows:
            last = {name: value for name, value in self.rows[-1].items() if name not in figures.COUNTED}
            card["quality"] = last | about_quality
        return card

    def told(self) -> str:
        """What became of it, in one line."""
        s, learnt = self.settings, f"{self.trainer.told()}, {self.active_s / 60:.1f} minutes"
        return f"{s.out}: {learnt}; sheets and film in {s.work}"


def _as_text(name: str) -> str:
    """A name as a disk may have it, in signs that a text file can hold."""
    return name.encode("utf-8", "replace").decode()
