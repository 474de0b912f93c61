"""A folder of pictures in, a small network that enlarges pictures like these 2, 4 or 8 times out.

Whatever it adds, its picture made small again by area is the small one it was given: the network cannot do otherwise.
It learns from crops at their own size, so small pictures do; it needs no picture of the size that it will make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from installation.training import settings
from installation.training.settings import option

if TYPE_CHECKING:
    from installation.networks.upscaler import NetworkConfig
    from installation.training.body import Body


@dataclass(frozen=True)
class Settings(settings.Settings):
    """One training run, as asked for on the command line."""

    size: int = option(128, "px of a crop, a multiple of 32")
    scale: int = option(4, "how many times larger: 2, 4 or 8")
    features: int = option(32, "channels of the network")
    blocks: int = option(4, "blocks of three convolutions")
    minutes: float = option(60.0, "how long to train, in minutes of active time")
    batch: int = option(8, "crops in one step")
    keep_out: int = option(10, "one picture of so many is kept out of training, to measure on")
    soften: float = option(0.5, "part of the small pictures that are made soft, as a generator's are")
    critic: float = option(0.02, "weight of the critic that asks for real detail; 0: none, pictures stay softer")
    critic_from: float = option(0.5, "part of the run after which the critic is heard")
    judge_minutes: float = option(5.0, "minutes between two measurements of quality; 0: never")

    def resolve(self) -> Self:
        """Raises ValueError for a size, batch, network or share there cannot be."""
        if self.size < 32 or self.size % 32:
            raise ValueError(f"expected a multiple of 32 as size, found {self.size}")
        if self.batch < 1 or self.keep_out < 2:
            raise ValueError(f"expected a batch of 1 and keep-out of 2 or more, found {self.batch}, {self.keep_out}")
        for name, most in (("soften", 1.0), ("critic_from", 1.0), ("critic", 10.0)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"expected {name.replace('_', '-')} from 0 to {most:g}, found {getattr(self, name):g}")
        self.network()
        return super().resolve()

    def network(self) -> NetworkConfig:
        """Raises ValueError for what cannot be."""
        from installation.networks.upscaler import NetworkConfig

        return NetworkConfig(self.scale, self.features, self.blocks)


def create(settings: Settings) -> Body:
    """The run. Raises ValueError, OSError or WeightsError when it cannot begin or go on."""
    from installation.training.body import Body
    from installation.training.upscaler.examples import open_examples
    from installation.training.upscaler.trainer import UpscalerTrainer

    return Body(settings, open_examples(settings), UpscalerTrainer)
