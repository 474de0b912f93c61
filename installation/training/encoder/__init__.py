"""A model's name in, an encoder out: a small net that sees a picture and says from which w the model paints it.

It learns on pictures that the model paints by chance, so nothing but the model is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from installation.training import settings
from installation.training.settings import NONE, option

if TYPE_CHECKING:
    from installation.training.body import Body


@dataclass(frozen=True)
class Settings(settings.Timed):
    """One training run, as asked for on the command line."""

    folder: Path = field(metadata={"help": "a model's name or folder, of a kind that paints from w (stylegan2 ...)"})
    out: Path = field(
        default=NONE, metadata={"help": "model folder to write (default: models/<name of the model>-encoder)"}
    )
    size: int = option(64, "px that the net looks at: 32, 64 or 128")
    minutes: float = option(30.0, "how long to train, in minutes of active time")
    batch: int = option(32, "pictures in one step")
    fresh: int = option(8, "of those, how many have never been seen")
    lr: float = option(0.002, "learning rate at the start; it falls to a fiftieth")
    redrawn: int = option(4, "pictures of a step that are painted again from what was read and compared; 0: none")
    pixels: float = option(1.0, "weight of how far what is painted again is from the picture (Laplacian pyramid)")
    perceptual: float = option(0.0, "weight of the same, seen by VGG-16; 0: none")
    widths: str = option("24,48,96,192", "channels of the net, one number for each halving of the size down to 4 px")
    judge_minutes: float = option(3.0, "minutes between two measurements of quality; 0: never")

    def resolve(self) -> Self:
        """Raises ValueError for a size, batch or widths there cannot be."""
        from installation.networks.encoder import EncoderConfig

        EncoderConfig(self.size, read_widths(self.widths), 1)
        if not 1 <= self.fresh <= self.batch or not 0 <= self.redrawn <= self.batch or self.batch < 2:
            found = f"{self.batch}, {self.fresh} and {self.redrawn}"
            raise ValueError(f"expected a batch of 2 or more that has room for fresh and redrawn, found {found}")
        return super().resolve()

    def model_folder(self) -> Path:
        return Path("models") / f"{self.folder.resolve().name}-encoder"


def read_widths(text: str) -> tuple[int, ...]:
    """'24,48,96,192' -> channel counts. Raises ValueError."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"expected channel counts such as 24,48,96,192 as widths, found {text!r}") from None


def create(settings: Settings) -> Body:
    """The run. Raises ValueError, OSError or WeightsError when it cannot begin or go on."""
    from installation.training.body import Body
    from installation.training.encoder.samples import open_samples
    from installation.training.encoder.trainer import EncoderTrainer

    return Body(settings, open_samples(settings), EncoderTrainer)
