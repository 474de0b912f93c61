"""A show in, a table out: where each millisecond of a frame goes here, ours beside the plain way in the same run."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation.files import write_json
from installation.live import modulation, opening
from installation.live.senses import Senses
from installation.machine.plain import plainly
from installation.memory import keep_pages
from installation.settings import Part, Show, open_show
from installation.signals import CameraFrame, Controls, Levels, SoundBlock

WARM_UP = 5
TURN, PLAIN_TURN = 12, 4  # pictures of ours and of the plain generator, one after the other, until the next turn


@dataclass(frozen=True)
class Row:
    """One measured part: median and 95th percentile in milliseconds; note says of what."""

    part: str
    median_ms: float
    p95_ms: float
    note: str = ""


def main(options: Namespace) -> int:
    """`installation bench live`: print the table; --json writes the same."""
    show = open_show(options.show)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if options.standard:
            show = standard_show(show, options.standard, Path(folder))
        for row in measure(show, options.frames):
            rows.append(row)
            print(f"{row.part:<34} {row.median_ms:9.2f} ms  p95 {row.p95_ms:9.2f} ms   {row.note}", flush=True)
    if options.json:
        machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "gpu": gpu_name()}
        write_json(
            options.json, {"machine": machine, "show": show.name, "rows": [dataclasses.asdict(row) for row in rows]}
        )
    return 0


def measure(show: Show, frames: int) -> Iterator[Row]:
    """Every part by itself, then the whole loop."""
    yield from measure_generator(show, frames)
    yield from measure_rendering(show, frames)
    yield from measure_senses(show, frames)
    yield measure_loop(show, frames)


def timed(
    part: str, act: Callable[[int], Any], frames: int, note: str = "", settle: Callable[[], Any] = lambda: None
) -> Row:
    """Call act(n) `frames` times after a warm-up; `settle` waits for a device before and after each."""
    taken_ms = []
    for n in range(WARM_UP + frames):
        settle()
        began = time.perf_counter()
        act(n)
        settle()
        taken_ms.append((time.perf_counter() - began) * 1000)
    return summary(part, taken_ms[WARM_UP:], note)


def summary(part: str, taken_ms: list[float], note: str = "") -> Row:
    """Median and 95th percentile of what was measured."""
    taken_ms = sorted(taken_ms)
    return Row(part, statistics.median(taken_ms), taken_ms[int(0.95 * (len(taken_ms) - 1))], note)


def measure_generator(show: Show, frames: int) -> Iterator[Row]:
    """The generator with bends at rest and with all of them at work, and a plain eager float32 one of the same shape.

    They take turns, so that what else this machine does meanwhile slows all of them alike. The plain one runs in a
    process of its own, in torch as it comes but for the number of threads: what is set for ours must not help it.
    """
    import torch

    from installation.generators.painter import thread_count

    torch.set_num_threads(thread_count())  # this and the next two as the painter does
    torch.set_flush_denormal(True)
    keep_pages()
    generator = opening.open_generator(show)
    settle = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    rest = {name: knob.default for name, knob in generator.knobs.items()}
    rest |= {name: 0.0 for name in rest if name.startswith("bend.")}
    bent = {name: 0.5 if name.startswith("bend.") else value for name, value in rest.items()}

    def paint(values: dict[str, float], n: int) -> float:
        settle()
        began = time.perf_counter()
        generator.render(Controls(0, values, n / 500))
        settle()
        return (time.perf_counter() - began) * 1000

    taken_ms: dict[str, list[float]] = {"ours": [], "bent": [], "plain": []}
    with torch.inference_mode(), plainly(show.generator, thread_count()) as plain:
        for turn in range(0, frames, TURN):
            numbers = range(turn, turn + TURN + WARM_UP)
            taken_ms["ours"] += [paint(rest, n) for n in numbers][WARM_UP:]
            taken_ms["bent"] += [paint(bent, n) for n in numbers][WARM_UP:]
            if plain:
                taken_ms["plain"] += [plain() for _ in range(PLAIN_TURN)][1:]
    shape = f"{show.generator.name} on {generator.device}, {torch.get_num_threads()} threads"
    ours = summary("generator", taken_ms["ours"], shape)
    bends = summary("generator + bends", taken_ms["bent"], f"{len(show.bends)} bends")
    yield ours
    yield bends
    apart = bends.median_ms - ours.median_ms, bends.p95_ms - ours.p95_ms
    yield Row("bends alone", *apart, "difference of the two above")
    if taken_ms["plain"]:
        note = "same shape, weights and threads, torch as it comes"
        row = summary("plain eager float32 generator", taken_ms["plain"], note)
        yield row
        yield Row("ratio plain : ours", row.median_ms / ours.median_ms, row.p95_ms / ours.p95_ms, "times, not ms")


def standard_show(show: Show, resolution: int, folder: Path) -> Show:
    """The show with a network of NVIDIA's standard channels and random weights, 1080p, as fast as it goes."""
    import torch
    from safetensors.torch import save_file

    from installation import weights
    from installation.generators.stylegan2 import network
    from installation.training.export import to_toml

    torch.manual_seed(0)
    net = network.Generator(network.NetworkConfig(resolution))
    path = folder / "weights.safetensors"
    save_file({name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}, path)
    card = {"kind": "stylegan2", "file": path.name, "sha256": weights.digest(path), "licence": "none: random weights"}
    (folder / "model.toml").write_text(to_toml(card | {"network": net.config.to_dict()}), "utf-8")
    screen = dataclasses.replace(show.screen, size=(1920, 1080), working_size=(1920, 1080), fps=240.0)
    return dataclasses.replace(show, generator=Part("stylegan2", {"model": str(folder)}), screen=screen)


def measure_rendering(show: Show, frames: int) -> Iterator[Row]:
    """Upload, effects and the way to the projector, then reading back for a recording."""
    generator = opening.open_generator(show)
    with ExitStack() as closing:
        screen = opening.open_screen(show, True, closing)
        values = {name: knob.default for name, knob in (generator.knobs | screen.knobs).items()}
        picture = generator.render(Controls(0, values, 0.0))
        parts: dict[str, list[float]] = {}
        screen.profile(True)

        def draw(n: int) -> None:
            fresh = dataclasses.replace(picture, number=n + 1)
            screen.show(fresh, Controls(n / 30, values, 0.0), Levels(values), n / 30)
            for name, taken_ms in screen.timings.items():
                parts.setdefault(name, []).append(taken_ms)

        total = timed("upload + effects + present", draw, frames, f"{show.screen.working_size} -> {show.screen.size}")
        for name, taken_ms in parts.items():
            yield summary(f"  {name}", taken_ms[WARM_UP:])
        yield total
        screen.profile(False)
        yield timed("read back for recording", lambda n: screen.read(), frames)


def measure_senses(show: Show, frames: int) -> Iterator[Row]:
    """What each feature costs the loop, on made-up signals of the real size."""
    senses = Senses(show.inputs, show.features)
    seeded = np.random.default_rng(0)
    rgb = seeded.integers(0, 255, (360, 640, 3), np.uint8)
    made: dict[str, Callable[[int], Any]] = {
        "camera": lambda n: CameraFrame(rgb, n / 25, n),
        "microphone": lambda n: SoundBlock(seeded.normal(0, 0.1, 1470).astype(np.float32), 44100, n / 30),
    }
    senses.start()
    try:
        for name, extractor in senses.extractors.items():
            signal = made.get(senses.listens[name])
            if signal:
                yield timed(f"feature {name}", lambda n, e=extractor, s=signal: e.extract(s(n), n / 30), frames)  # type: ignore[misc]
    finally:
        senses.close()
    yield measure_modulation(show, frames)


def measure_modulation(show: Show, frames: int) -> Row:
    """The one rule over every knob of the show, with all of its routes at work."""
    generator = opening.open_generator(show)
    with ExitStack() as closing:
        knobs = generator.knobs | opening.open_screen(show, True, closing).knobs
    features = {route.source: 0.5 for route in show.routes}
    state = modulation.begin(show.routes)

    def act(n: int) -> None:
        nonlocal state
        _, state = modulation.modulate(knobs, show.routes, {}, features, state, n / 30)

    return timed("modulation", act, frames, f"{len(show.routes)} routes, {len(knobs)} knobs")


def measure_loop(show: Show, frames: int) -> Row:
    """The show itself, headless, at the pace it asks for."""
    from installation.live.loop import Live
    from installation.live.options import parse

    seconds = str(max(5.0, frames / show.screen.fps))
    options = parse("--headless", "--seconds", seconds, "--osc-port", "0")
    show, options = opening.prepare(options, show)
    with ExitStack() as closing:
        report = Live(show, options, closing).play()
    ms, asked = report["frame_ms"], show.screen.fps
    return Row(
        "loop total (frame to frame)", ms["p50"], ms["p95"], f"{report['fps']:.1f} frames a second of {asked:.0f}"
    )


def gpu_name() -> str:
    """The CUDA device's name, "" when there is none."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
