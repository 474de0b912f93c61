"""A show in, a table out: where each millisecond of a frame goes here, ours beside the plain way in the same run."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from installation import modulation, opening
from installation.journal import write_json
from installation.senses import Senses
from installation.settings import Show, open_show
from installation.signals import CameraFrame, Controls, Levels, SoundBlock

WARM_UP = 5


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
    for row in measure(show, options.frames):
        rows.append(row)
        print(f"{row.part:<34} {row.median_ms:9.2f} ms  p95 {row.p95_ms:9.2f} ms   {row.note}", flush=True)
    if options.json:
        machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "gpu": _gpu()}
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
    taken_ms = sorted(taken_ms[WARM_UP:])
    return Row(part, statistics.median(taken_ms), taken_ms[int(0.95 * (len(taken_ms) - 1))], note)


def measure_generator(show: Show, frames: int) -> Iterator[Row]:
    """The generator with bends at rest, then all of them at work, and a plain eager float32 one of the same shape."""
    import torch

    generator = opening.open_generator(show)
    settle = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    rest = {name: knob.default for name, knob in generator.knobs.items()}
    rest |= {name: 0.0 for name in rest if name.startswith("bend.")}
    bent = {name: 0.5 if name.startswith("bend.") else value for name, value in rest.items()}
    shape = f"{show.generator.name} on {generator.device}, {torch.get_num_threads()} threads"
    with torch.inference_mode():
        ours = timed("generator", lambda n: generator.render(Controls(0, rest, n / 500)), frames, shape, settle)
        yield ours
        bends = timed(
            "generator + bends",
            lambda n: generator.render(Controls(0, bent, n / 500)),
            frames,
            f"{len(show.bends)} bends",
            settle,
        )
        yield bends
        yield Row(
            "bends alone", bends.median_ms - ours.median_ms, bends.p95_ms - ours.p95_ms, "difference of the two above"
        )
        if hasattr(generator, "reference"):
            plain = generator.reference()
            row = timed(
                "plain eager float32 generator",
                lambda n: plain(),
                max(5, frames // 4),
                "same shape, same weights",
                settle,
            )
            yield row
            yield Row("ratio plain : ours", row.median_ms / ours.median_ms, row.p95_ms / ours.p95_ms, "times, not ms")


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
            taken_ms = sorted(taken_ms[WARM_UP:])
            yield Row(f"  {name}", statistics.median(taken_ms), taken_ms[int(0.95 * (len(taken_ms) - 1))])
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
    routes = modulation.begin(show.routes)
    features = {route.source: 0.5 for route in show.routes}
    generator = opening.open_generator(show)
    yield timed(
        "modulation",
        lambda n: modulation.modulate(generator.knobs, (), {}, features, modulation.begin(()), n / 30),
        frames,
        f"{len(routes.eased)} routes",
    )


def measure_loop(show: Show, frames: int) -> Row:
    """The show itself, headless, as fast as the show's pace lets it."""
    from installation.__main__ import parser
    from installation.live import Live

    seconds = str(max(5.0, frames / show.screen.fps))
    options = parser().parse_args(["live", "--show", show.name, "--headless", "--seconds", seconds, "--osc-port", "0"])
    show, options = opening.prepare(options)
    with ExitStack() as closing:
        report = Live(show, options, closing).play()
    ms = report["frame_ms"]
    return Row(
        "loop total (frame to frame)",
        ms["p50"],
        ms["p95"],
        f"{report['fps']:.1f} frames a second of {show.screen.fps:.0f} asked for",
    )


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


if __name__ == "__main__":
    print(json.dumps([dataclasses.asdict(row) for row in measure(open_show("bloom"), 30)], indent=1))
