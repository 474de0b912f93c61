"""A folder of pictures in, squares in which they leak into each other out.

A network is kept from doing its job properly: too few units, too small a middle, too many pictures, stopped early.
It is trained from scratch at each run; its squares are sorted, its weights thrown away. `--explore 500` makes as many
runs in the narrow band between noise and copies and hangs the best squares on one page; `--like 317` does a run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installation.training.autoencoder.settings import Settings

if TYPE_CHECKING:
    from installation.training.autoencoder.making import Making

__all__ = ["Settings", "create"]


def create(settings: Settings) -> Making:
    """What makes the runs. Raises ValueError or FileNotFoundError for pictures or a run that are not there."""
    import torch

    from installation.training.autoencoder.making import Making

    if settings.kind == "dense" and not settings.threads:
        torch.set_num_threads(1)
    return Making(settings)
