"""A show in, rows out: what it costs to draw a picture, to present it, to fit it to a wall and to read it back."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from installation.live import opening
from installation.machine.rows import WARM_UP, Row, summary, timed
from installation.rendering import projection
from installation.rendering.canvas import Canvas, Target
from installation.rendering.readback import Whole
from installation.rendering.wall.mesh import moved, regrid
from installation.rendering.wall.venue import PLAIN, Blend, Edge, Mesh
from installation.rendering.window import Display
from installation.settings import Show
from installation.signals import Controls, Levels


def measure_rendering(show: Show, frames: int) -> Iterator[Row]:
    """Upload, effects and the way to the projector, then reading back for a recording.

    First all that is drawn, then all that is presented: in a show they are two processes, and a software driver takes
    a tenth of a second to turn from one context to another within one.
    """
    generator = opening.open_generator(show)
    drawings, parts, hands = list[np.ndarray](), dict[str, list[float]](), Whole()
    with ExitStack() as closing:
        easel = opening.open_easel(show, closing)
        values = {name: knob.default for name, knob in (generator.knobs | easel.knobs).items()}
        picture = generator.render(Controls(0, values, 0.0))

        def draw(n: int) -> None:
            drawn = easel.draw(dataclasses.replace(picture, number=n + 1), values, n / 30)
            assert drawn is not None
            began_s = time.perf_counter()
            rgba = hands.read_rgba(drawn.framebuffer).copy()
            handed_ms = (time.perf_counter() - began_s) * 1e3
            drawings.append(rgba)
            del drawings[:-2]
            for name, taken_ms in (easel.timings | {"hand over": handed_ms}).items():
                parts.setdefault(name, []).append(taken_ms)

        drawn = timed("drawn", draw, frames, f"upload to hand over, at {show.screen.working_size}")
    with ExitStack() as closing:
        screen = opening.open_screen(show, True, closing)
        levels = Levels(values)
        presented = timed(
            "presented",
            lambda n: screen.show(drawings[n % len(drawings)], levels, n / 30),
            frames,
            f"{show.screen.working_size} -> {show.screen.size}",
            settle=screen.canvas.wait,
        )
        yield from (summary(f"  {name}", taken_ms[WARM_UP:]) for name, taken_ms in parts.items())
        yield from (drawn, presented)
        yield measure_reading(screen, drawings, levels, frames)
        yield from measure_wall(screen.canvas, show, frames)


def measure_reading(screen: Display, drawings: list[np.ndarray], levels: Levels, frames: int) -> Row:
    """What a film, a stream or a panel costs the loop: each presented frame read back once."""
    taken_ms = []
    for n in range(frames + WARM_UP):
        screen.show(drawings[n % len(drawings)], levels, n / 30)
        screen.canvas.wait()
        began_s = time.perf_counter()
        screen.read()
        taken_ms.append((time.perf_counter() - began_s) * 1e3)
    return summary("read back for recording", taken_ms[WARM_UP:])


def measure_wall(canvas: Canvas, show: Show, frames: int) -> Iterator[Row]:
    """The last pass as it stands, laid into corner pins, into a curved mesh, and blended too: by turns."""
    pins = Mesh(points=((0.05, 0.03), (0.96, 0.0), (0.0, 0.94), (1.0, 1.0)))
    curved = replace(moved(regrid(pins, 5, 5), 12, (0.51, 0.5)), smooth=True)
    walls = {"plain": PLAIN, "corner pins": replace(PLAIN, mesh=pins)}
    walls["5 x 5 points"] = replace(PLAIN, mesh=curved)
    walls["5 x 5 points, a blend"] = replace(PLAIN, mesh=curved, blend=Blend(right=Edge(0.2)))
    picture = Target(canvas.context, show.screen.working_size)
    rgba = np.random.default_rng(0).integers(0, 256, (picture.size[1], picture.size[0], 4), np.uint8)
    picture.texture.write(rgba)
    frames_of = {name: projection.create(canvas, show.screen.size, output) for name, output in walls.items()}
    taken: dict[str, list[float]] = {name: [] for name in walls}
    for _ in range(frames + WARM_UP):
        for name, frame in frames_of.items():
            began_s = time.perf_counter()
            frame.draw(picture, rgba, 1.0)
            canvas.wait()
            taken[name].append((time.perf_counter() - began_s) * 1e3)
    for name, taken_ms in taken.items():
        yield summary(f"last pass, {name}", taken_ms[WARM_UP:], f"{show.screen.working_size} -> {show.screen.size}")
