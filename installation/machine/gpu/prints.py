"""The print chain's large networks in; how far from the CPU they paint here, how long and in what memory out.

Their weights are random and seeded: they are as large, as fast and as exact as the published ones, and need no package.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from installation.machine.gpu.devices import device, peak_memory, seconds_of
from installation.machine.gpu.twins import Tolerance, compare
from installation.machine.rows import FAILED, OK, Row, summary

SHARPENED = Tolerance(0.3, 4.0)
PAINTED = Tolerance(5.0, 64.0)  # Adam moves every pixel by as much, however small its gradient: some go the other way
GRADIENT_PERCENT = 12.0  # of its length that the gradient may be off: it is found in bfloat16
UPSCALERS = ("srvgg", "x4plus")


def picture(px: int) -> np.ndarray:
    """Soft coloured rings with a little grain [shape=(px, px, 3), float32, 0..1]."""
    y, x = np.mgrid[-1 : 1 : px * 1j, -1 : 1 : px * 1j]
    waves = [np.sin(far * np.hypot(x - shift, y)) for far, shift in ((9, 0.3), (14, -0.2), (21, 0.0))]
    grain = np.random.default_rng(0).normal(0, 0.03, (px, px, 3))
    return np.clip(np.stack(waves, 2) * 0.4 + 0.5 + grain, 0, 1).astype(np.float32)


@functools.cache
def upscaler(name: str) -> Any:
    """A network of the ESRGAN family, on the CPU in float32, whose last layer draws pictures rather than noise."""
    import torch

    from installation.networks import esrgan

    torch.manual_seed(3)
    net = (esrgan.SRVGGNetCompact() if name == "srvgg" else esrgan.RRDBNet()).eval().requires_grad_(False)
    convs = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d)]
    x = torch.from_numpy(picture(32)).permute(2, 0, 1)[None]
    for conv in convs if name == "srvgg" else []:
        torch.nn.init.kaiming_normal_(conv.weight, a=0.25)
    last = convs[-1]
    last.weight.mul_(0.15 / net(x).std())
    assert last.bias is not None
    last.bias.fill_(0.0 if name == "srvgg" else 0.5)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def here(net: Any) -> Any:
    """A copy of a network as the stage runs it: in half precision on CUDA."""
    copied = copy.deepcopy(net).to(device())
    return copied.half() if device().type == "cuda" else copied


def twin_upscaler(name: str, px: int) -> Iterator[Row]:
    """A small picture, enlarged."""
    from installation.stages.upscale import tiles

    net, small = upscaler(name), picture(px)
    yield compare(
        f"upscaler {name}", tiles.enlarge(here(net), small), tiles.enlarge(net, small), SHARPENED, f"{px} px x4", 1.0
    )


def measure_upscaling(name: str, px: int, rounds: int) -> Iterator[Row]:
    """About a megapixel, made in one piece."""
    from installation.stages.upscale import tiles

    net, small, made = here(upscaler(name)), picture(px), (4 * px) ** 2 / 1e6
    with peak_memory() as peak_mb:
        taken_s = [seconds_of(lambda: tiles.enlarge(net, small)) for _ in range(rounds)][1:]
    row = summary(f"upscaling by {name}", [1000 * s / made for s in taken_s])
    yield Row(
        row.part,
        row.value,
        "ms a megapixel",
        row.high,
        peak_mb=peak_mb(),
        note=f"{px} px x4 in one piece, {made:.2g} megapixels",
    )


@functools.cache
def painter(where: str) -> Any:
    """What style transfer looks through: a random VGG-16 whose layers all see about as strongly."""
    import torch

    from installation.networks import vgg
    from installation.stages.colour import transfer

    torch.manual_seed(5)
    net = vgg.VGG("vgg16", transfer.TAPS, "replicate")
    for conv in net.convs:
        torch.nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # type: ignore[arg-type]
    return net.to(where, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def easel(px: int, where: Any) -> tuple[Any, Any]:
    """Everything that an iteration of style transfer needs at px x px, and the canvas it paints on."""
    import torch

    from installation.stages import colour

    net, settings, content = painter(str(where)), colour.Settings(), picture(px)
    return colour.trial(net, content, content[::-1, ::2].copy(), settings, torch.device(where))


def twin_style(px: int, iterations: int) -> Iterator[Row]:
    """The gradient of the first iteration, then the picture after some."""
    import torch

    from installation.stages.colour import transfer

    gradients, painted = [], []
    for where in (device(), torch.device("cpu")):
        sheet, canvas = easel(px, where)
        gradients.append(transfer.to_array(sheet.gradient(canvas.picture)).astype(np.float64))
        transfer.work_at(sheet, canvas, iterations, lambda iteration, picture: None)
        painted.append(transfer.to_array(canvas.picture))
    length = float(np.linalg.norm(gradients[1]))
    off = 100 * float(np.linalg.norm(gradients[0] - gradients[1])) / max(length, 1e-30)
    state = OK if off <= GRADIENT_PERCENT and length > 0 else FAILED
    yield Row("style transfer, gradient", off, "%", note=f"may be {GRADIENT_PERCENT:g}; of its length", state=state)
    yield compare("style transfer, picture", painted[0], painted[1], PAINTED, f"{iterations} iterations, {px} px", 1.0)


def measure_colouring(px: int, iterations: int, rounds: int) -> Iterator[Row]:
    """One iteration of style transfer by optimisation, and the memory of it."""
    from installation.stages.colour import transfer

    with peak_memory() as peak_mb:
        sheet, canvas = easel(px, device())
        transfer.work_at(sheet, canvas, 1, lambda iteration, picture: None)
        taken_s = [
            seconds_of(lambda: transfer.work_at(sheet, canvas, iterations, lambda iteration, picture: None))
            for _ in range(rounds)
        ]
        note = f"{len(sheet.tiles)} tiles" if len(sheet.tiles) > 1 else "in one piece"
    row = summary(f"style transfer, one step at {px} px", [1000 * s / iterations for s in taken_s], note)
    yield Row(row.part, row.value, "ms", row.high, peak_mb=peak_mb(), note=note)
