"""Words of a command line in; what was asked of an autoencoder, and the parameters of one run of it, out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from installation.settings import check
from installation.training.settings import Common, option

LEAST_PX, MOST_PX = 64, 1500
KINDS = ("dense", "conv")


@dataclass(frozen=True)
class Settings(Common):
    """One line, as asked for. What is 0 of a network's parameters is as usual, and drawn anew at every run explored."""

    size: int = option(512, f"px of a square, {LEAST_PX} to {MOST_PX}: the largest one in the middle of each picture")
    colour: bool = option(False, "three channels instead of one")
    contrast: float = option(1.0, "of the pictures that go in, each around its own mean; 1: as they are")
    kind: str = option("dense", "dense (lets pictures through each other) | conv (blurs and displaces; slow)")
    pictures: int = option(0, "how many of the pictures a run is given, drawn by its seed; 0: all, or as explored")
    named: tuple[str, ...] = field(
        default=(), metadata={"help": "a picture that must be among them, by a part of its name", "flag": "--with"}
    )
    units: int = option(0, "units of each hidden layer, or channels of a conv one; 0: 128, 24, or as explored")
    layers: int = option(0, "hidden layers before the middle, and behind it; 0: 1, 3 of a conv one, or as explored")
    middle: int = option(0, "numbers that a picture has to go through; 0: 16, or as explored")
    dropout: float = option(-1.0, "share of units left out at each step; -1: none, or as explored")
    stop: float = option(0.0, "share of the pictures' variance still wrong when it stops; 0: 0.2, or as explored")
    error: float = option(0.0, "stop at this mean square error of pixels of 0..1 instead; 0: as --stop says")
    lr: float = option(0.0, "learning rate; 0: 0.001, or as explored")
    steps: int = option(4000, "most steps of a run: one that comes no nearer is left as it is")
    explore: int = option(0, "how many runs there shall be, each with parameters of its own; 0: one more run")
    like: str = option("", "a run to do again, by its number; with --explore: to do others around it")
    page: str = option("10x10", "columns x rows of squares on the page")
    taste: str = option("", "a taste file of `installation select --taste`; the squares' own is used without")
    keep: bool = option(False, "keep the last run's network as a model for the show; else it is thrown away")
    threads: int = option(0, "CPU threads to use; 0: one, which is as quick for a dense one, or all for a conv one")

    def __post_init__(self) -> None:
        """Raises ValueError naming what cannot be."""
        if not LEAST_PX <= self.size <= MOST_PX:
            raise ValueError(f"--size: expected {LEAST_PX} to {MOST_PX} px, found {self.size}")
        if self.kind not in KINDS:
            raise ValueError(f"--kind: expected {' or '.join(KINDS)}, found {self.kind!r}")
        if not 0 < self.contrast <= 8:
            raise ValueError(f"--contrast: expected above 0 and at most 8, found {self.contrast:g}")
        if not (0 <= self.stop < 1 and self.dropout < 0.95 and self.error >= 0 and self.lr >= 0):
            raise ValueError("expected --stop 0..1, --dropout below 0.95, --error and --lr of 0 or more")
        if min(self.units, self.layers, self.middle, self.pictures, self.explore) < 0 or self.steps < 1:
            raise ValueError(
                "expected --units, --layers, --middle, --pictures and --explore of 0 or more, --steps of 1"
            )
        if self.layers > 5 or self.units > 2048 or self.middle > 1024:
            raise ValueError("expected at most 5 --layers, 2048 --units and 1024 numbers in the --middle")
        read_page(self.page)

    @property
    def planes(self) -> int:
        return 3 if self.colour else 1

    @property
    def inputs(self) -> dict[str, Any]:
        """What decides the pictures that go in: squares of one kind of inputs hang on one page."""
        seen = {"size": self.size, "crop": self.crop, "colour": self.colour}
        return seen | {"contrast": self.contrast, "kind": self.kind}


@dataclass(frozen=True)
class Parameters:
    """One run: what keeps a network from doing its job properly. stop: share of the variance, 0..1."""

    kind: str = "dense"
    pictures: int = 0  # 0: all
    units: int = 128
    layers: int = 1
    middle: int = 16
    dropout: float = 0.0
    stop: float = 0.2
    lr: float = 1e-3
    batch: int = 32
    seed: int = 0

    @classmethod
    def read(cls, table: dict[str, Any]) -> Parameters:
        """As `to_dict` wrote them. Raises SettingsError for what they are not."""
        return check(cls, table, "parameters")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


USUAL = {
    "dense": {"units": 128, "layers": 1, "middle": 16, "dropout": 0.0, "stop": 0.2, "lr": 1e-3},
    "conv": {"units": 24, "layers": 3, "middle": 32, "dropout": 0.0, "stop": 0.35, "lr": 2e-3},
}
BAND = {  # within which runs are drawn, evenly in their logarithms: outside there is noise, or copies
    "dense": {"units": (24, 320), "layers": (1, 2), "middle": (4, 48), "stop": (0.08, 0.42), "lr": (6e-4, 4e-3)},
    "conv": {"units": (12, 32), "layers": (3, 4), "middle": (8, 64), "stop": (0.25, 0.6), "lr": (1e-3, 4e-3)},
}
MOST_DROPOUT, FEWEST_SHARE = 0.4, 0.35
STEP = 0.22  # how far a run is from the one it varies, as a share of each band


def usual(settings: Settings, count: int, number: int) -> Parameters:
    """The parameters of one run that is not explored; count: pictures there are."""
    return fixed(Parameters(settings.kind, seed=_seed(settings.seed, number), **USUAL[settings.kind]), settings, count)  # type: ignore[arg-type]


def draw(settings: Settings, count: int, number: int, around: Parameters | None = None) -> Parameters:
    """The parameters of run `number`: anywhere in the band, or near a run that was good."""
    dice = np.random.default_rng([settings.seed, number])
    values: dict[str, Any] = {}
    for name, (low, high) in BAND[settings.kind].items():
        least, most = np.log(low), np.log(high)
        at = dice.uniform(least, most)
        if around is not None:
            at = np.clip(np.log(getattr(around, name)) + STEP * (most - least) * dice.standard_normal(), least, most)
        values[name] = float(np.exp(at)) if name in ("stop", "lr") else round(float(np.exp(at)))
    share, dropout = dice.uniform(FEWEST_SHARE, 1.2), max(0.0, dice.uniform(-MOST_DROPOUT, MOST_DROPOUT))
    if around is not None:
        share = (around.pictures or count) / count + STEP * dice.standard_normal()
        dropout = np.clip(around.dropout + STEP * MOST_DROPOUT * dice.standard_normal(), 0, MOST_DROPOUT)
    values |= {"pictures": round(count * float(np.clip(share, FEWEST_SHARE, 1.0))), "dropout": float(dropout)}
    return fixed(Parameters(settings.kind, seed=_seed(settings.seed, number), **values), settings, count)


def fixed(parameters: Parameters, settings: Settings, count: int) -> Parameters:
    """With what was said on the line, and no more pictures than there are."""
    said = {name: getattr(settings, name) for name in ("pictures", "units", "layers", "middle", "stop", "lr")}
    said = {name: value for name, value in said.items() if value}
    said |= {"dropout": settings.dropout} if settings.dropout >= 0 else {}
    parameters = dataclasses.replace(parameters, **said)
    return dataclasses.replace(parameters, pictures=min(parameters.pictures or count, count))


def read_page(text: str) -> tuple[int, int]:
    """ "6x4" -> columns, rows. Raises ValueError."""
    columns, _, rows = text.lower().partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and 1 <= int(columns) * int(rows) <= 400):
        raise ValueError(f"--page: expected columns x rows such as 6x4, at most 400 squares, found {text!r}")
    return int(columns), int(rows)


def fingerprint(*parts: Any) -> str:
    """A short name of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _seed(seed: int, number: int) -> int:
    return int(fingerprint(seed, number), 16) % 2**31
