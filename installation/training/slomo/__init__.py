"""A folder of still pictures in, the two nets of the slo-mo glitch out.

They learn on synthetic motion of the stills, where every flow and the frame between are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from installation.training import settings
from installation.training.settings import option

if TYPE_CHECKING:
    from installation.training.body import Body


@dataclass(frozen=True)
class Settings(settings.Settings):
    """One training run, as asked for on the command line."""

    out: Path = field(default=Path("models/slomo"), metadata={"help": "model folder to write"})
    size: int = option(128, "px of a scene, a multiple of 32")
    minutes: float = option(60.0, "how long to train, in minutes of active time")
    batch: int = option(4, "scenes in one step; more while they are still small")
    widths: str = option(
        "8,16,32,64,128,128",
        "channels of the encoder's six pairs of convolutions; 32,64,128,256,512,512 are the published ones",
    )
    lr: float = option(0.002, "learning rate at the start; it falls to a twentieth")
    perceptual: float = option(0.0, "weight of the perceptual loss (VGG-16); 0: none")
    judge_minutes: float = option(2.0, "minutes between two measurements of quality; 0: never")

    def resolve(self) -> Self:
        """Raises ValueError for a size, batch or widths there cannot be."""
        if self.size < 32 or self.size % 32:
            raise ValueError(f"expected a multiple of 32 as size, found {self.size}")
        if self.batch < 1:
            raise ValueError(f"expected a batch of 1 or more, found {self.batch}")
        read_widths(self.widths)
        return super().resolve()


def read_widths(text: str) -> tuple[int, ...]:
    """'8,16,32,64,128,128' -> six channel counts. Raises ValueError."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = ()
    if len(widths) != 6 or min(widths) < 1:
        raise ValueError(f"expected six channel counts such as 8,16,32,64,128,128 as widths, found {text!r}")
    return widths


def create(settings: Settings) -> Body:
    """The run. Raises ValueError, OSError or WeightsError when it cannot begin or go on."""
    from installation.training.body import Body
    from installation.training.line import open_pictures
    from installation.training.slomo.trainer import SloMoTrainer

    return Body(settings, open_pictures(settings, 2 * settings.size), SloMoTrainer)
