"""A show in, a table out: where each millisecond of a frame goes here, ours beside the plain way in the same run."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from installation.live import modulation, opening
from installation.live.portable import with_model
from installation.live.senses import Senses
from installation.machine.bench_drawing import measure_rendering
from installation.machine.peak import flops_of, peak_gflops
from installation.machine.plain import plainly
from installation.machine.rows import WARM_UP, Row, Table, machine, summary, timed
from installation.machine.standard import standard_show
from installation.memory import keep_pages
from installation.settings import Show, open_show
from installation.signals import CameraFrame, Controls, SoundBlock

TURN, PLAIN_TURN = 12, 4  # pictures of ours and of the plain generator, one after the other, until the next turn
TURN_S, TURNS_S = 10.0, 60.0  # where pictures take long there are fewer: none is begun after so long, and no turn


@dataclass(frozen=True)
class Painted:
    """Milliseconds of each picture: ours with bends at rest and at work, and the plain way (none for some generators).

    flops: floating-point operations of one picture, peak_gflops what the machine does at most in the same format.
    """

    ours: list[float]
    bent: list[float]
    plain: list[float]
    flops: float | None
    peak_gflops: float
    note: str
    dtype: str


def main(options: Namespace) -> int:
    """`installation bench live`: print the table; --json writes the same."""
    show = open_show(options.show)
    with tempfile.TemporaryDirectory() as folder:
        if options.model:
            show = dataclasses.replace(show, generator=with_model(show.generator, options.model))
        if options.standard:
            show = standard_show(show, options.standard, Path(folder), network=options.network)
        table = Table(("high",), options.json, options.markdown, machine=machine(), show=show.name)
        table.add_all(measure(show, options.frames, sheds=not options.standard))
    return 0


def measure(show: Show, frames: int, sheds: bool = True) -> Iterator[Row]:
    """Every part by itself, then the whole loop."""
    yield from measure_generator(show, frames)
    yield from measure_rendering(show, frames)
    yield from measure_senses(show, frames)
    yield measure_loop(show, frames, sheds=sheds)


def measure_generator(show: Show, frames: int) -> Iterator[Row]:
    """The generator with bends at rest and at work beside a plain one, and how much of the machine it makes use of."""
    painted = paint_in_turns(show, frames)
    ours = summary("generator", painted.ours, painted.note)
    bent = summary("generator + bends", painted.bent, f"{len(show.bends)} bends")
    yield from (ours, bent)
    assert ours.value and bent.value
    yield Row("bends alone", bent.value - ours.value, "ms", note="difference of the two above")
    if painted.plain:
        plain = summary(
            "plain eager float32 generator", painted.plain, "same shape, weights, threads; torch as it comes"
        )
        assert plain.value
        yield plain
        yield Row("plain : ours", plain.value / ours.value, "times")
    if painted.flops:
        yield share_of_peak(painted)


def share_of_peak(painted: Painted) -> Row:
    """What the generator multiplies a second beside a matrix product of the same format, threads and run."""
    assert painted.flops
    gflops = painted.flops / statistics.median(painted.ours) / 1e6
    counted = f"{painted.flops / 1e9:.3g} GFLOP a picture, {gflops:.3g} of {painted.peak_gflops:.3g} GFLOP/s"
    note = f"{counted}: the best matrix product in {painted.dtype}, same threads"
    return Row("generator's share of the machine's peak", 100 * gflops / painted.peak_gflops, "%", note=note)


def paint_in_turns(show: Show, frames: int) -> Painted:
    """Ours with bends at rest and with all of them at work, and a plain eager float32 one of the same shape.

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
    flops, peak, dtype = flops_of(generator), 0.0, getattr(generator, "dtype", torch.float32)
    with torch.inference_mode(), plainly(show.generator, thread_count()) as plain:
        until_s = time.perf_counter() + TURNS_S
        for turn in range(0, frames, TURN):
            if turn and time.perf_counter() > until_s:
                break
            numbers = range(turn, min(turn + TURN, frames) + WARM_UP)
            taken_ms["ours"] += in_time((partial(paint, rest, n) for n in numbers), WARM_UP)
            taken_ms["bent"] += in_time((partial(paint, bent, n) for n in numbers), WARM_UP)
            if plain:
                taken_ms["plain"] += in_time([plain] * PLAIN_TURN, 1)
            if flops:
                peak = max(peak, peak_gflops(dtype, generator.device))
    note = f"{show.generator.name} on {generator.device}, {torch.get_num_threads()} threads"
    return Painted(**taken_ms, flops=flops, peak_gflops=peak, note=note, dtype=str(dtype).removeprefix("torch."))


def in_time(calls: Iterable[Callable[[], float]], warm_up: int) -> list[float]:
    """What each call says it took, without those that only warmed up: of slow ones two are enough, then one counts."""
    until_s, taken = time.perf_counter() + TURN_S, list[float]()
    for call in calls:
        taken.append(call())
        if len(taken) > 1 and time.perf_counter() > until_s:
            break
    return taken[min(warm_up, len(taken) - 1) :]


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
        knobs = generator.knobs | opening.open_easel(show, closing).knobs
    features = {route.source: 0.5 for route in show.routes}
    state = modulation.begin(show.routes)

    def act(n: int) -> None:
        nonlocal state
        _, state = modulation.modulate(knobs, show.routes, {}, features, state, n / 30)

    return timed("modulation", act, frames, f"{len(show.routes)} routes, {len(knobs)} knobs")


def measure_loop(show: Show, frames: int, seconds: float = 5.0, sheds: bool = True) -> Row:
    """The show itself, headless, at the pace it asks for, for `seconds` or as long as `frames` take.

    sheds: what is too slow for that pace is left out, as in a gallery; without, all is drawn however long it takes.
    """
    from installation.live.loop import Live
    from installation.live.options import parse

    seconds = max(seconds, frames / show.screen.fps)
    options = parse("--headless", "--seconds", str(seconds), "--osc-port", "0", "--output", "none")
    show, options = opening.prepare(options, show)
    with ExitStack() as closing:
        report = Live(show, options, closing, sheds).play()
    ms, pace = report["frame_ms"], f"{report['fps']:.1f} frames a second of {show.screen.fps:.0f}"
    made = f"{report['drawn_per_s']:.1f} drawn and {report['painted_per_s']:.1f} painted a second"
    note = f"{pace}, {made}; at the end {', '.join(report['drawing'])}"
    return Row("loop total (frame to frame)", ms["p50"], "ms", ms["p95"], note=note)
