"""A folder of pictures in, a translator out: a network that paints them from their edges, masses or greys, live.

Pairs are made from the one folder (--from), or of two folders with equal names (--inputs); without any pairs two
folders are brought together by going there and back again (--unpaired). pix2pix, Isola et al. 2017; CycleGAN, Zhu et
al. 2017. Show it: installation live --show meadow --model NAME; it says where to draw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from installation.training import settings
from installation.training.settings import NONE, option

if TYPE_CHECKING:
    from installation.training.body import Body

SIGHTS = ("edges", "blur", "grey", "mask", "flow", "picture")


@dataclass(frozen=True)
class Settings(settings.Settings):
    """One training run, as asked for on the command line."""

    sight: str = field(
        default="",
        metadata={
            "help": "edges | blur | grey | mask | flow | picture: what it will be shown (default: edges; of --inputs "
            "and --unpaired: picture). flow, what moves where, needs films",
            "choices": ("", *SIGHTS),
            "flag": "--from",
        },
    )
    inputs: Path = field(default=NONE, metadata={"help": "folder of what is shown, with the names of what is painted"})
    unpaired: Path = field(default=NONE, metadata={"help": "folder of what is shown; nothing in it fits anything here"})
    size: int = option(128, "px of what is learnt from, a multiple of 32; pictures are read at twice that")
    batch: int = option(8, "pictures in one step")
    widths: str = option("24,48,96,160,192", "channels of the halvings, from the outermost inwards")
    minutes: float = option(180.0, "how long to train, in minutes of active time")
    lr: float = option(0.002, "learning rate; it falls over the second half")
    critic: float = option(0.12, "how loud the critic of textures is; 0: none, softer pictures")
    critic_from: float = option(0.35, "part of the run from which it speaks: shapes and colours come first")

    def resolve(self) -> Self:
        """Raises ValueError for a size, batch or widths there cannot be, and for two kinds of pairs at once."""
        widths = read_widths(self.widths)
        step = 1 << len(widths)
        if self.size < step or self.size % step:
            raise ValueError(f"expected a multiple of {step} as size, found {self.size}")
        if self.batch < 2:
            raise ValueError(f"expected a batch of 2 or more, found {self.batch}")
        if self.inputs != NONE and self.unpaired != NONE:
            raise ValueError("expected --inputs or --unpaired, found both; say whether the two folders are pairs")
        if not (0 <= self.critic <= 10 and 0 <= self.critic_from <= 1):
            raise ValueError(
                f"expected critic of 0..10, critic-from of 0..1, found {self.critic:g}, {self.critic_from:g}"
            )
        if (self.inputs != NONE or self.unpaired != NONE) and self.shown == "flow":
            raise ValueError("expected a sight of single pictures for two folders, found flow")
        if self.unpaired != NONE and self.shown != "picture":
            raise ValueError(f"expected whole pictures for --unpaired, found --from {self.shown}; leave --from out")
        return super().resolve()

    @property
    def shown(self) -> str:
        """What it will be shown, by name."""
        return self.sight or ("edges" if self.inputs == NONE and self.unpaired == NONE else "picture")


def read_widths(text: str) -> tuple[int, ...]:
    """'24,48,96,160,192' -> channel counts. Raises ValueError."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = ()
    if not 2 <= len(widths) <= 8 or not all(1 <= width <= 1024 for width in widths):
        raise ValueError(f"expected two to eight channel counts of 1..1024 such as 24,48,96 as widths, found {text!r}")
    return widths


def create(settings: Settings) -> Body:
    """The run. Raises ValueError, OSError or WeightsError when it cannot begin or go on."""
    from installation.training.body import Body
    from installation.training.line import open_pictures
    from installation.training.translator.trainer import TranslatorTrainer

    return Body(settings, open_pictures(settings, 2 * settings.size), TranslatorTrainer)
