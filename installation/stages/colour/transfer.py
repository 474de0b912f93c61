"""A picture and the statistics of its styles in, the picture painted in them out: optimised from small to large.

After Gatys et al. 2016, with the habits of the field since: scales that grow, replicate padding, Adam whose state goes
on over the scales, an averaged iterate. A picture larger than memory allows is seen in tiles, twice: once to gather the
moments of the whole, once for the gradient, so that tiles change nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.networks.vgg import VGG
from installation.stages import pixels
from installation.stages.colour.style import LAYERS, Moments, Pull, Style, Sums, add_up, blend, moments

CONTENT_LAYER = "4_2"
TAPS = tuple(sorted((*LAYERS, CONTENT_LAYER)))
STRIDE_PX = 16  # picture pixels for one feature of the deepest layer; tiles begin at multiples of it
HALO_PX = 80  # what a tile sees of its neighbours: conv5_1 of VGG-16 reaches 66 px, that of VGG-19 78 px
PULL_EVERY = 4  # iterations that one pull serves: it is slow to find and slow to change
BETAS = 0.9, 0.99


@dataclass(frozen=True)
class Strength:
    """What an iteration weighs, and how far it goes."""

    content: float
    variation: float
    step: float
    averaging: float


@dataclass(frozen=True)
class Tile:
    """A window of a picture: it answers for its core and sees as far as features reach (px: y0, y1, x0, x1)."""

    core: tuple[int, int, int, int]
    seen: tuple[int, int, int, int]

    def of(self, picture: Tensor) -> Tensor:
        """What it sees of a picture (..., H, W)."""
        y0, y1, x0, x1 = self.seen
        return picture[..., y0:y1, x0:x1]

    def core_of(self, features: Tensor, layer: str) -> Tensor:
        """Features (1, C, h, w) of what it sees -> those of its core, a view."""
        stride = stride_of(layer)
        (y0, y1, x0, x1), (top, bottom, left, right) = self.core, self.seen
        ys = slice((y0 - top) // stride, features.shape[2] if y1 == bottom else (y1 - top) // stride)
        xs = slice((x0 - left) // stride, features.shape[3] if x1 == right else (x1 - left) // stride)
        return features[..., ys, xs]

    def core_in(self, whole: Tensor, layer: str) -> Tensor:
        """A map of the whole picture (1, C, h, w) at this layer -> its part at the core, a view."""
        stride = stride_of(layer)
        y0, y1, x0, x1 = (edge // stride for edge in self.core)
        # The last tile of a row ends where the map does: pooling drops what does not fill a whole stride.
        return whole[..., y0:y1, x0:x1]


def stride_of(layer: str) -> int:
    """Picture pixels per feature: each block of VGG halves the picture."""
    return 2 ** (int(layer[0]) - 1)


def tiles_of(height: int, width: int, tile_px: int) -> list[Tile]:
    """Windows of about tile_px a side that cover the picture; one, when it is no larger than a tile with its halo."""
    tiles = []
    for (y0, y1), (x0, x1) in itertools.product(_cuts(height, tile_px), _cuts(width, tile_px)):
        seen = max(0, y0 - HALO_PX), min(height, y1 + HALO_PX), max(0, x0 - HALO_PX), min(width, x1 + HALO_PX)
        tiles.append(Tile((y0, y1, x0, x1), seen))
    return tiles


def _cuts(length: int, tile_px: int) -> list[tuple[int, int]]:
    count = 1 if length <= tile_px + 2 * HALO_PX else -(-length // max(tile_px, 2 * STRIDE_PX))
    edges = [round(length * i / count / STRIDE_PX) * STRIDE_PX for i in range(count)] + [length]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]


def scales_of(longest_px: int, smallest_px: int, growth: float) -> list[int]:
    """Longer sides to paint at, from smallest_px to longest_px, each about `growth` times the one before."""
    if longest_px <= smallest_px:
        return [longest_px]
    count = max(1, round(math.log(longest_px / smallest_px) / math.log(growth)))
    return [round(smallest_px * (longest_px / smallest_px) ** (i / count)) for i in range(count + 1)]


def to_tensor(picture: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, C) float 0..1 -> (1, C, H, W), channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].to(device)


def to_array(picture: Tensor) -> np.ndarray:
    """(1, C, H, W) -> (H, W, C) float32 on the CPU."""
    return picture[0].permute(1, 2, 0).float().cpu().numpy()


def watching(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """How features are calculated: in bfloat16 on a graphics card, where it is twice as fast; in float32 on a CPU."""
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()


def everywhere(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each place counts alike: ones (1, 1, h, w) by style layer."""
    return {layer: torch.ones_like(features[layer][:, :1], dtype=torch.float32) for layer in LAYERS}


@torch.no_grad()
def see_style(
    net: VGG, references: Sequence[tuple[float, np.ndarray]], longest_px: int, device: torch.device
) -> Moments:
    """Moments of weighted style pictures at one scale; a picture is made smaller for it, never larger than it is."""
    seen = []
    for weight, picture in references:
        small = pixels.resize(picture, pixels.fit((picture.shape[1], picture.shape[0]), longest_px))
        with watching(device):
            features = net(to_tensor(at_least(small, STRIDE_PX), device))
        seen.append((weight, moments([add_up(features, everywhere(features))])))
    return blend(seen)


def at_least(picture: np.ndarray, side_px: int) -> np.ndarray:
    """A picture whose sides are at least side_px, its last row and column repeated to the right and below."""
    more = [(0, max(0, side_px - side)) for side in picture.shape[:2]]
    return np.pad(picture, (*more, (0, 0)), mode="edge") if any(after for _, after in more) else picture


class Sheet:
    """One scale of the work: what is wanted of a picture of this size, and which way a picture has to change for it.

    content (1, 3, H, W) is what stays readable; place (1, 1, H, W) says how much each pixel counts for the style.
    """

    def __init__(
        self, net: VGG, style: Style, content: Tensor, place: Tensor, strength: Strength, tile_px: int
    ) -> None:
        self.net, self.style, self.strength = net, style, strength
        self.tiles = tiles_of(content.shape[2], content.shape[3], tile_px)
        self.where = {layer: F.avg_pool2d(place, stride_of(layer)) + 1e-6 for layer in LAYERS}
        self.totals = {layer: where.sum() for layer, where in self.where.items()}
        self.pull: Pull = {}
        self.contents: list[Tensor] = []
        with torch.no_grad():
            for tile in self.tiles:
                features = self._see(tile.of(content))[CONTENT_LAYER]
                self.contents.append(tile.core_of(features, CONTENT_LAYER).clone())
            size = torch.stack([kept.float().square().sum() for kept in self.contents]).sum()
        self.content_scale = 2 * strength.content / (size + 1e-6)

    def gradient(self, picture: Tensor, again: bool = True) -> Tensor:
        """The gradient of the loss at a picture (1, 3, H, W); `again`: find the pull of the style anew."""
        total = variation_gradient(picture).mul_(self.strength.variation)
        if len(self.tiles) == 1:
            seen = picture.detach().requires_grad_()
            features = self._see(seen)
            if again:
                self.pull = self.style.pull(moments([self._sums(self.tiles[0], features)]))
            return total.add_(self._backward(0, seen, features))
        if again:
            self.pull = self.style.pull(self.moments(picture))
        for i, tile in enumerate(self.tiles):
            seen = tile.of(picture).detach().requires_grad_()
            tile.of(total).add_(self._backward(i, seen, self._see(seen)))
        return total

    @torch.no_grad()
    def moments(self, picture: Tensor) -> Moments:
        """Of the whole picture, gathered tile by tile."""
        return moments([self._sums(tile, self._see(tile.of(picture))) for tile in self.tiles])

    def _see(self, seen: Tensor) -> dict[str, Tensor]:
        with watching(seen.device):
            return self.net(seen.contiguous(memory_format=torch.channels_last))

    @torch.no_grad()
    def _sums(self, tile: Tile, features: dict[str, Tensor]) -> Sums:
        cores = {layer: tile.core_of(features[layer], layer) for layer in LAYERS}
        return add_up(cores, {layer: tile.core_in(self.where[layer], layer) for layer in LAYERS})

    def _backward(self, index: int, seen: Tensor, features: dict[str, Tensor]) -> Tensor:
        """From the loss's gradient at the features, written down directly, back to the pixels that a tile sees."""
        tile, layers = self.tiles[index], list(features)
        gradients = [torch.zeros_like(features[layer]) for layer in layers]
        with torch.no_grad():
            for layer, gradient in zip(layers, gradients, strict=True):
                core = tile.core_of(features[layer], layer).float()
                if layer == CONTENT_LAYER:
                    here = (core - self.contents[index]) * self.content_scale
                else:
                    constant, matrix = self.pull[layer]
                    here = torch.einsum("dc,bchw->bdhw", matrix, core) + constant[None, :, None, None]
                    here *= tile.core_in(self.where[layer], layer) / self.totals[layer]
                tile.core_of(gradient, layer).copy_(here)
        return torch.autograd.grad([features[layer] for layer in layers], seen, gradients)[0]


def variation_gradient(picture: Tensor) -> Tensor:
    """The gradient of the mean squared difference of neighbours (total variation, squared)."""
    gradient = torch.zeros_like(picture)
    for axis in (2, 3):
        length = picture.shape[axis] - 1
        difference = picture.narrow(axis, 1, length) - picture.narrow(axis, 0, length)
        gradient.narrow(axis, 1, length).add_(difference)
        gradient.narrow(axis, 0, length).sub_(difference)
    return gradient.mul_(2 / picture[:, :1].numel())


class Canvas:
    """The picture that is painted, with the state of Adam (Kingma and Ba 2015), which goes on from the scale before."""

    def __init__(self, picture: Tensor, before: Canvas | None = None) -> None:
        self.picture, self.steps = picture.clone(), 0
        self.first, self.second = torch.zeros_like(picture), torch.zeros_like(picture)
        if before is not None:
            size, self.steps = picture.shape[2:], before.steps
            self.first = F.interpolate(before.first, size, mode="bicubic")
            self.second = F.interpolate(before.second, size, mode="bilinear")

    @torch.no_grad()
    def step(self, gradient: Tensor, length: float) -> None:
        """Move every pixel against the gradient, by about `length` at first, and keep it in 0..1."""
        self.steps += 1
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.lerp_(gradient.square(), 1 - BETAS[1])
        first, second = (1 - beta**self.steps for beta in BETAS)
        move = self.first / (self.second / second).sqrt().add_(1e-12)
        self.picture.sub_(move, alpha=length / first).clamp_(0, 1)


def work_at(sheet: Sheet, canvas: Canvas, iterations: int, watch: Callable[[int, Tensor], None]) -> None:
    """Paint at one scale; what is left on the canvas is the average of the last iterates, free of their noise.

    watch(iteration, picture) is called after each iteration; nothing else waits for the graphics card.
    """
    decay = min(sheet.strength.averaging, max(0.0, 1 - 4 / max(iterations, 1)))
    average = torch.zeros_like(canvas.picture)
    for i in range(iterations):
        canvas.step(sheet.gradient(canvas.picture, again=i % PULL_EVERY == 0), sheet.strength.step)
        average.lerp_(canvas.picture, 1 - decay)
        watch(i + 1, canvas.picture)
    if iterations:
        canvas.picture = average.div_(1 - decay**iterations).clamp_(0, 1)
