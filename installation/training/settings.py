"""What any training run can be asked for: each field is an option of the command line, too (see line.py)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

CROPS = ("centre", "interest")
OUT = "(default: models/<name of the pictures' folder>)"
WORK = "(default: training/<name of the model>)"
NONE = Path()  # a path that was not given


def option(default: Any, told: str, choices: tuple[str, ...] = ()) -> Any:
    """A field of Settings with the line that --help says of it. The default's type is the option's."""
    return field(default=default, metadata={"help": told, "choices": choices})


@dataclass(frozen=True)
class Run:
    """What any run can be asked for, whatever it learns from."""

    folder: Path = field(metadata={"help": "your pictures and films, of any sizes, in any sub-folders"})
    out: Path = field(default=NONE, metadata={"help": f"model folder to write {OUT}"})
    work: Path = field(default=NONE, metadata={"help": f"where the run keeps its state {WORK}"})
    size: int = option(256, "px of a picture")
    threads: int = option(0, "CPU threads to use; 0: all")
    seed: int = option(0, "of everything random")
    licence: str = option("yours", "of the model, for its card")
    credit: str = option("", "the training set and its makers, for the model's card")

    def resolve(self) -> Self:
        """The same with all said that was left open. Raises ValueError for what there cannot be."""
        if self.threads < 0:
            raise ValueError(f"expected threads of 1 or more, or 0 for all, found {self.threads}")
        out = self.model_folder() if self.out == NONE else self.out
        work = Path("training") / out.name if self.work == NONE else self.work
        return dataclasses.replace(self, out=out, work=work)

    def model_folder(self) -> Path:
        """Where the model goes when nobody says."""
        return Path("models") / self.folder.resolve().name

    @property
    def on_cpu(self) -> bool:
        """Whether this machine's processor learns."""
        return True


@dataclass(frozen=True)
class Common(Run):
    """What whoever learns from a folder of pictures can be asked for."""

    crop: str = option("centre", "interest | centre: what of a picture that is not square", CROPS)
    frames: int = option(100, "most frames that are taken from one film, each unlike the one before")

    def resolve(self) -> Self:
        """Raises ValueError for a crop there cannot be, too."""
        if self.crop not in CROPS or self.frames < 1:
            raise ValueError(f"expected crop interest or centre, 1 frame or more, found {self.crop!r}, {self.frames}")
        return super().resolve()


@dataclass(frozen=True)
class Timed(Run):
    """What every trainer with a Body can be asked for, whatever it learns from."""

    device: str = option("auto", "auto | cpu | cuda | cuda:1 ...")
    minutes: float = option(120.0, "how long to train, in minutes of active time: a stopped run does not use them up")
    batch: int = option(8, "pictures in one step")
    lr: float = option(0.002, "learning rate")
    sheet_minutes: float = option(2.0, "minutes between two sample sheets and checkpoints")
    judge_minutes: float = option(10.0, "minutes between two measurements of quality; 0: never")
    attribution: str = option("", "file in the model folder that names the makers of the pictures, for its card")

    @property
    def checkpoint(self) -> Path:
        """Where the run is kept: it goes on from there when it is begun again."""
        return self.work / "checkpoint.safetensors"

    def resolve(self) -> Self:
        """Raises ValueError for times and rates there cannot be, too."""
        for name, least in (("minutes", 0.0), ("lr", 0.0), ("sheet_minutes", 0.0), ("judge_minutes", -1e-9)):
            if not (least < getattr(self, name) < math.inf):
                raise ValueError(f"expected {name.replace('_', '-')} above 0, found {getattr(self, name):g}")
        return dataclasses.replace(super().resolve(), device=_device(self.device))

    @property
    def on_cpu(self) -> bool:
        return self.device == "cpu"


@dataclass(frozen=True)
class Settings(Timed, Common):
    """The same for those who learn from pictures. A trainer's own add fields, or give these other defaults."""


def _device(asked: str) -> str:
    """The device of that name, or the best one for `auto`. Raises ValueError when it is not here."""
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=asked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"expected a device that is here, found {asked!r}: {str(error).splitlines()[0]}") from error
    return asked
