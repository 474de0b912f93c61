"""The same pictures as `network.Generator`, played live: a few small layers, then one product as wide as the picture.

That product reads all that is mixed once for every picture, so what counts is how many bytes that is.
"""

from __future__ import annotations

from collections.abc import Callable, Container

import torch
from torch import Tensor

from installation.bending.layers import Layer
from installation.generators.autoencoder.network import Generator

Bend = Callable[[str, Tensor], Tensor]
VOICES = 6  # groups of what is mixed, which can be bent apart from each other
SIDE = 2  # numbers of a layer that has no rows are bent in squares of so many each way, as channels


class Fast:
    """Calls like Generator, for one code: (1, middle) -> (1, planes, S, S), about -1..1; bent at `places`."""

    def __init__(self, net: Generator, device: torch.device, dtype: torch.dtype) -> None:
        self.config, config = net.config, net.config
        self.average, self.spread = (x.detach().float().to(device) for x in (net.average, net.spread))
        self.decoder = net.decoder
        self.places: list[Layer] = [("middle", *_squares(config.z_dim))]
        if config.kind == "dense":
            self.places += [(f"hidden.{i}", *_squares(width)) for i, width in enumerate(config.widths[1:])]
            count = config.widths[-1]
            voices = [torch.arange(first, count, VOICES) for first in range(min(VOICES, count))]
            self.ends = torch.tensor([len(voice) for voice in voices]).cumsum(0).tolist()
            self.order = torch.cat(voices).to(device)
            self.places.append(("voices", len(voices) * config.planes, config.size))
            self.pictures = net.pictures.detach().flatten(1)[torch.cat(voices)].to(device, dtype)  # (N, planes * S * S)
        else:
            self.places += [(f"hidden.{i}", n, config.start << i) for i, n in enumerate(config.widths[1:])]
        self.places.append(("picture", config.planes, config.size))
        if device.type != "cpu":
            self.decoder = self.decoder.to(device)

    def __call__(self, point: Tensor, bend: Bend | None = None, bent: Container[str] = ()) -> Tensor:
        x = self._bend("middle", torch.addmm(self.average, point, self.spread), bend)
        last = len(self.decoder.layers) - 1
        for number in range(last + 1):
            x = self.decoder.step(number, x)
            if self.config.kind == "dense" or number < last:
                x = self._bend(f"hidden.{number}", x, bend)
        if self.config.kind == "dense":
            x = self._laid(x, bend if "voices" in bent else None)
        return x if bend is None else bend("picture", x)

    def _laid(self, x: Tensor, bend: Bend | None) -> Tensor:
        """So much of each picture (1, N), laid over each other; apart, in groups, where these are bent."""
        planes, size = self.config.planes, self.config.size
        x = x[:, self.order].to(self.pictures.dtype)
        if bend is None:
            return (x @ self.pictures).view(1, planes, size, size)
        begins = [0, *self.ends[:-1]]
        parts = [x[:, a:b] @ self.pictures[a:b] for a, b in zip(begins, self.ends, strict=True)]
        return (
            bend("voices", torch.cat(parts).view(1, -1, size, size)).view(len(parts), planes, size, size).sum(0)[None]
        )

    @staticmethod
    def _bend(name: str, x: Tensor, bend: Bend | None) -> Tensor:
        if bend is None:
            return x
        if x.ndim == 4:
            return bend(name, x)
        count, side = _squares(x.shape[1])
        bent = bend(name, x[:, : count * side**2].reshape(1, count, side, side)).reshape(1, -1)
        return torch.cat([bent, x[:, count * side**2 :]], 1)


def _squares(width: int) -> tuple[int, int]:
    """Channels and rows as which a layer of so many numbers is bent; a few at its end may be left over."""
    return (width // SIDE**2, SIDE) if width >= SIDE**2 else (width, 1)
