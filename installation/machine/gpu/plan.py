"""Sizes in; every step of the bench out, the most important first."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from installation import bending
from installation.machine.gpu import devices, interop, prints, speed, twins
from installation.machine.gpu.running import Step
from installation.machine.rows import Row


@dataclass(frozen=True)
class Sizes:
    """How large everything is; channel_base is channels x px of a layer, 32768 for NVIDIA's standard networks.

    rounds: how often what takes seconds is measured, the first time to warm up; iterations of style transfer compared.
    """

    frames: int
    rounds: int
    iterations: int
    twin_px: int
    channel_base: int
    networks_px: tuple[int, ...]
    screens: tuple[tuple[int, int], ...]
    loop_px: int
    loop_s: float
    style_px: int
    colour_px: tuple[int, ...]
    upscaled_px: int
    trained_px: int
    batch: int


WHOLE = Sizes(
    frames=60,
    rounds=5,
    iterations=8,
    twin_px=256,
    channel_base=32768,
    networks_px=(256, 512, 1024),
    screens=((1280, 720), (1920, 1080)),
    loop_px=512,
    loop_s=5.0,
    style_px=256,
    colour_px=(512, 1024, 2500),
    upscaled_px=256,
    trained_px=256,
    batch=32,
)
TINY = Sizes(
    frames=2,
    rounds=2,
    iterations=2,
    twin_px=64,
    channel_base=512,
    networks_px=(64,),
    screens=((128, 72),),
    loop_px=64,
    loop_s=0.5,
    style_px=48,
    colour_px=(64,),
    upscaled_px=16,
    trained_px=16,
    batch=2,
)


def steps_of(sizes: Sizes) -> list[Step]:
    """What is there, whether it is right, how fast it is."""
    return [*_what_is_there(), *_twins(sizes), *_paths(sizes), *_speeds(sizes)]


def operations() -> list[str]:
    """Names of all bends, found by reading, not importing: torch is for the process that measures."""
    tree = ast.parse((Path(bending.__file__).parent / "operations.py").read_text("utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    marked = [f for f in functions if any(ast.unparse(mark).startswith("operation(") for mark in f.decorator_list)]
    return [function.name.rstrip("_") for function in marked]


def _step(part: str, unit: str, need_s: float, act: Callable[..., Iterator[Row]], *with_: object) -> Step:
    return Step(part, unit, need_s, partial(act, *with_))


def _what_is_there() -> list[Step]:
    return [
        _step("import torch", "ms", 1, devices.measure_import, "torch", "torch"),
        _step("GPU", "GB", 1, devices.look_at_gpu),
        _step("import moderngl", "ms", 1, devices.measure_import, "moderngl", "moderngl"),
        _step("GL context", "ms", 2, devices.open_gl),
        _step("import cuda.core", "ms", 1, devices.measure_import, "cuda.core", "cuda-core", True),
        _step("CUDA-GL interop, the first picture", "ms", 2, devices.try_interop),
    ]


def _twins(sizes: Sizes) -> list[Step]:
    px, base = sizes.twin_px, sizes.channel_base
    return [
        _step("StyleGAN2, random", twins.STEPS, 5, twins.twin_generator, px, base),
        _step("StyleGAN2, bloom", twins.STEPS, 5, twins.twin_model, "bloom"),
        _step("StyleGAN2, bloom, enlarged", twins.STEPS, 5, twins.twin_model, "bloom", "bloom-upscaler"),
        *(
            _step(f"bend {name}", twins.STEPS, 3, twins.twin_bend, name, px, max(512, base // 4))
            for name in operations()
        ),
        _step("slo-mo", twins.STEPS, 5, twins.twin_slomo),
        *(_step(f"upscaler {n}", twins.STEPS, 3, prints.twin_upscaler, n, sizes.upscaled_px) for n in prints.UPSCALERS),
        _step("style transfer", twins.STEPS, 5, prints.twin_style, sizes.style_px, sizes.iterations),
    ]


def _paths(sizes: Sizes) -> list[Step]:
    px, base, frames = max(sizes.networks_px), sizes.channel_base, sizes.frames
    return [
        _step("captured graph against eager", twins.STEPS, 8, speed.compare_capture, sizes.twin_px, base, frames),
        _step("upload from CUDA to GL", "ms", 3, interop.measure_interop, px, frames),
        _step("upload through the host", "ms", 3, interop.measure_fallback, px, frames),
    ]


def _speeds(sizes: Sizes) -> list[Step]:
    base = sizes.channel_base
    networks = [
        _step(f"StyleGAN2 {px} px", "pictures a second", 20, speed.measure_network, px, sizes.frames, base)
        for px in sizes.networks_px
    ]
    loops = [
        _step(f"whole loop at {w}x{h}", "ms", 15, speed.measure_whole_loop, sizes.loop_px, (w, h), sizes.loop_s, base)
        for w, h in sizes.screens
    ]
    coloured = (sizes.iterations // 2, sizes.rounds)
    colours = [
        _step(f"style transfer, one step at {px} px", "ms", 5, prints.measure_colouring, px, *coloured)
        for px in sizes.colour_px
    ]
    enlarged = (sizes.upscaled_px, sizes.rounds)
    upscalers = [
        _step(f"upscaling by {name}", "ms a megapixel", 5, prints.measure_upscaling, name, *enlarged)
        for name in prints.UPSCALERS
    ]
    training = (sizes.trained_px, sizes.batch, base // 2, min(sizes.frames, 20))
    return [
        *networks,
        *loops,
        *colours,
        *upscalers,
        _step("training step", "ms", 10, speed.measure_training, *training),
    ]
