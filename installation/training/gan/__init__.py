"""A folder of an artist's images in, a StyleGAN2 that a live show can play out.

On a GPU it is a plain GAN; on a CPU it learns to redraw the pictures first, and critics sharpen it then.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from installation.training import settings
from installation.training.settings import option

if TYPE_CHECKING:
    from installation.generators.stylegan2.network import NetworkConfig
    from installation.training.body import Body

METHODS = ("auto", "adversarial", "reconstruct")


@dataclass(frozen=True)
class Settings(settings.Settings):
    """One training run, as asked for on the command line."""

    size: int = option(256, "px of the pictures the model will draw, a power of two")
    labels: bool = option(False, "each folder in FOLDER is a class, by its name: the show chooses and mixes them")
    method: str = option(
        "auto",
        "adversarial (a GAN; the default on CUDA) | reconstruct (redraw first; the default on a CPU)",
        METHODS,
    )
    batch: int = option(0, "pictures in one step; 0: 32 on CUDA, 8 on a CPU")
    z_dim: int = option(128, "numbers in a z code")
    w_dim: int = option(256, "numbers in a w code")
    mapping_layers: int = option(4, "layers of the mapping network")
    channel_base: int = option(3072, "channels x px of a layer: 3072 plays live on two CPU cores, 16384 is for a GPU")
    channel_max: int = option(256, "most channels in a layer")
    channel_min: int = option(16, "fewest channels in a layer")
    start: str = option("", "a model to start from, by name or folder: its network is taken, whatever the options say")
    lr: float = option(0.004, "learning rate")
    sharpen_from: float = option(
        0.72, "method reconstruct: part of the run after which critics sharpen; 1: never, for short runs"
    )

    def resolve(self) -> Self:
        """What was left to `auto` or 0 by the device. Raises ValueError for a method, batch or size there is not."""
        whole = super().resolve()
        on_cuda = whole.device.startswith("cuda")
        method = self.method if self.method != "auto" else "adversarial" if on_cuda else "reconstruct"
        if method not in METHODS:
            raise ValueError(f"expected method adversarial, reconstruct or auto, found {self.method!r}")
        batch = self.batch or (32 if on_cuda else 8)
        if batch < 4 or batch % 2:
            raise ValueError(f"expected an even batch of 4 or more, found {self.batch}")
        if self.size < 32 or self.size & (self.size - 1):
            raise ValueError(f"expected a power of two from 32 up as size, found {self.size}")
        return dataclasses.replace(whole, method=method, batch=batch)

    def network(self, classes: int = 0) -> NetworkConfig:
        """Channels shrink as pictures grow, within channel_min..channel_max."""
        from installation.generators.stylegan2.network import NetworkConfig

        sizes = [2**i for i in range(2, self.size.bit_length())]
        channels = {r: max(self.channel_min, min(self.channel_max, self.channel_base // r)) for r in sizes}
        return NetworkConfig(self.size, self.z_dim, self.w_dim, self.mapping_layers, channels, classes=classes)


def create(settings: Settings) -> Body:
    """The run. Raises ValueError, OSError or WeightsError when it cannot begin or go on."""
    from installation.training.body import Body
    from installation.training.corpus import find_files
    from installation.training.gan.trainer import Gan
    from installation.training.labels import read_labels
    from installation.training.line import open_pictures

    if settings.labels:  # before hours of decoding
        read_labels([str(path.relative_to(settings.folder)) for path in find_files(settings.folder)[0]])
    return Body(settings, open_pictures(settings), Gan)
