"""The golden pictures: every effect of ours after a second of a stepped clock. Run this file to paint them anew."""

from __future__ import annotations

from pathlib import Path

import moderngl
import numpy as np
from flower import picture, pixels_of, upload
from PIL import Image

from installation import files, settings
from installation.clock import StepClock
from installation.rendering.effects import Chain

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE = (64, 64)
FRAMES = 30
NAMES = sorted(path.stem for path in files.shipped("shaders/effects").glob("*.fs"))


def paint(context: moderngl.Context, name: str) -> np.ndarray:
    """One effect with its defaults over the turning flower [shape=(64, 64, 3), uint8]."""
    chain, clock = Chain(context, [settings.Effect(name)], SIZE), StepClock(30)
    for _ in range(FRAMES):
        texture = upload(context, picture(*SIZE, time_s=clock.now_s() * 2))
        seen = pixels_of(chain.draw(texture, {}, clock.now_s()))
        clock.step()
        texture.release()
    chain.release()
    return seen[::-1, :, :3]


if __name__ == "__main__":
    from installation.rendering.surfaces import open_headless

    GOLDEN.mkdir(exist_ok=True)
    made = open_headless()
    for one in NAMES:
        Image.fromarray(np.ascontiguousarray(paint(made, one))).save(GOLDEN / f"{one}.png", optimize=True)
        print(f"wrote golden/{one}.png")
