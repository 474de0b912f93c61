"""A network twice in, on this device as the show runs it and on the CPU in float32; how far apart they paint out.

Differences are in steps of 1/255 of the range that is shown. What may lie between twins is about four times what half
precision was seen to do; a bend that does nothing on one side would be further off.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from installation.machine.gpu.devices import device
from installation.machine.rows import FAILED, OK, Row
from installation.settings import Bend, Part
from installation.signals import Controls

STEPS = "1/255"
LAYER = "b32.conv1"  # where bends are compared
AMOUNT = 0.5
PLACES = (0.0, 0.07)  # on the walk: the frame before is what feedback and freeze remember


@dataclass(frozen=True)
class Tolerance:
    """The most that may lie between twins, in 1/255: on average, and anywhere."""

    mean: float
    largest: float

    def of(self, dtype: Any) -> Tolerance:
        """For a number format: bfloat16 has three bits less than half precision."""
        rough = COARSER if "bfloat16" in str(dtype) else 1.0
        return Tolerance(self.mean * rough, self.largest * rough)


COARSER = 3.0
SMOOTH = Tolerance(0.3, 8.0)
BENT = Tolerance(0.75, 64.0)  # a number that rounds to the other side is a step of its layer
ENLARGED = Tolerance(0.3, 16.0)  # what draws detail doubles what little its picture differs by, here and there
TORN = Tolerance(0.5, 255.0)  # an edge may lie a pixel further


def compare(part: str, mine: np.ndarray, twin: np.ndarray, may: Tolerance, note: str = "", span: float = 2.0) -> Row:
    """mine and twin [same shape, numbers `span` apart from black to white] -> their difference, and whether it may be.

    Numbers that are not finite, and pictures of one even grey, are a failure. Raises ValueError for two shapes.
    """
    if mine.shape != twin.shape:
        raise ValueError(f"{part}: expected a picture of shape {twin.shape}, found {mine.shape}")
    apart = np.abs(mine.astype(np.float64) - twin) * (255 / span)
    mean, largest = float(apart.mean()), float(apart.max())
    if not math.isfinite(mean):
        return Row(part, None, STEPS, note=f"numbers that are not finite; {note}".rstrip("; "), state=FAILED)
    good = mean <= may.mean and largest <= may.largest and float(twin.std()) > 0
    allowed = f"may be {may.mean:g}, {may.largest:g}"
    return Row(part, mean, STEPS, largest, note=f"{allowed}; {note}".rstrip("; "), state=OK if good else FAILED)


@functools.cache
def lively_net(px: int, channel_base: int) -> Any:
    """A StyleGAN2 in which every parameter matters: fresh ones have no noise and no biases. Seeded."""
    import torch

    from installation.generators.stylegan2 import network

    torch.manual_seed(7)
    w_dim = min(512, channel_base // 8)  # narrower for the narrowest networks, whose time it would be
    net = network.Generator(network.NetworkConfig(px, w_dim=w_dim, channel_base=channel_base))
    for name, parameter in net.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.1)
        elif ".torgb." in name and "affine" not in name:
            parameter.data.mul_(0.25)  # so that little of the picture is clamped
        elif name.endswith("bias") and "affine" not in name:
            parameter.data.normal_(0, 0.3)
    return net.eval().requires_grad_(False)


def pair(make: Any) -> tuple[Any, Any]:
    """make(device, dtype) here as the show has it, and on the CPU in float32."""
    return make(str(device()), "auto"), make("cpu", "float32")


def paint(generator: Any, turns: float, values: Mapping[str, float] | None = None) -> np.ndarray:
    """One picture [shape=(3, H, W), -1..1, float32] on the CPU: every bend at rest but for what values say."""
    rest = {name: knob.default for name, knob in generator.knobs.items()}
    rest |= {name: 0.0 for name in rest if name.startswith("bend.")}
    pixels = generator.render(Controls(0.0, rest | dict(values or {}), turns)).pixels
    return np.array(pixels.float().cpu().numpy())


def twin_generator(px: int, channel_base: int) -> Iterator[Row]:
    """StyleGAN2 with frozen noise, whose styles and strength of noise change from picture to picture."""
    from installation.generators.stylegan2 import Settings, StyleGAN2

    net = lively_net(px, channel_base)
    mine, twin = pair(lambda where, dtype: StyleGAN2(net, Settings(noise="frozen", dtype=dtype), (), where))
    frames = [(turns, noise) for turns in PLACES for noise in (1.0, 0.4)]
    drawn = [[paint(g, turns, {"generator.noise": noise}) for turns, noise in frames] for g in (mine, twin)]
    note = f"{mine.dtype} on {mine.device}, frozen noise, {len(frames)} pictures".replace("torch.", "")
    yield compare(f"StyleGAN2, random, {px} px", np.array(drawn[0]), np.array(drawn[1]), SMOOTH.of(mine.dtype), note)


def twin_model(model: str, enlarge: str = "") -> Iterator[Row]:
    """A trained StyleGAN2, as the show paints with it; enlarged in the same graph, where a model for that is named."""
    from installation.generators import stylegan2

    def make(where: str, dtype: str) -> Any:
        return stylegan2.create(stylegan2.Settings(model, dtype=dtype, enlarge=enlarge), (), None, where)

    mine, twin = pair(make)
    drawn = [np.array([paint(g, turns) for turns in PLACES]) for g in (mine, twin)]
    part, dtype = f"StyleGAN2, {model}" + ", enlarged" * bool(enlarge), str(mine.dtype).removeprefix("torch.")
    yield compare(part, drawn[0], drawn[1], (ENLARGED if enlarge else SMOOTH).of(mine.dtype), dtype)


def twin_bend(operation: str, px: int, channel_base: int) -> Iterator[Row]:
    """One bend at work on half of a layer's channels; the note says how much it changes the picture."""
    from installation.generators.stylegan2 import Settings, StyleGAN2

    net, bend = lively_net(px, channel_base), Bend("x", LAYER, operation, 0.0, 0.5, seed=1)
    mine, twin = pair(lambda where, dtype: StyleGAN2(net, Settings(noise="frozen", dtype=dtype), (bend,), where))
    drawn = []
    for generator in (mine, twin):
        paint(generator, PLACES[0])
        drawn.append(paint(generator, PLACES[1], {"bend.x.amount": AMOUNT}))
    twin.reset()
    changed = float(np.abs(drawn[1] - paint(twin, PLACES[1])).mean()) * 255 / 2
    note = f"it changes the picture by {changed:.1f}"
    row = compare(f"bend {operation} at {AMOUNT}", drawn[0], drawn[1], BENT.of(mine.dtype), note)
    if row.value is not None and changed <= 2 * row.value:
        row = dataclasses.replace(row, state=FAILED, note=f"{row.note}: no more than the twins differ")
    yield row


def twin_slomo() -> Iterator[Row]:
    """The slo-mo glitch over the default model, its nets bent."""
    from installation.generators import slomo

    def make(where: str, dtype: str) -> Any:
        painter = Part("stylegan2", {"model": "bloom", "dtype": dtype})
        return slomo.create(slomo.Settings(painter), (), None, where)

    mine, twin = pair(make)
    bent = {f"bend.{bend.name}.amount": bend.amount for bend in slomo.GLITCHES}
    for part, values, may in (("slo-mo, bends at rest", {}, SMOOTH), ("slo-mo glitch", bent, TORN)):
        drawn = [np.array([paint(generator, turns, values) for turns in PLACES]) for generator in (mine, twin)]
        yield compare(part, drawn[0], drawn[1], may.of(mine.now.dtype), "bloom")
