"""The wall as somebody last looked at it, by either way. Run this file to paint it anew, then look at it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from flower import picture
from golden import GOLDEN, differ
from test_projection import WALLS

from installation.rendering.canvas import Canvas, Target
from installation.rendering.projection import GlProjection, SoftProjection

SIZE = (160, 90)
ADVICE = "run tests/rendering/wall/test_golden_wall.py if the new look is meant, and look at what it wrote"


def paint(context) -> np.ndarray:
    """A row for each way, a column for each wall [shape=(H, W, 3), uint8]."""
    rgb = (picture(128, 72, crisp=40.0)[::-1] * 255).astype(np.uint8)
    rgb[::12, :, :] = 255  # lines, to see what is straight
    rgb[:, ::16, :] = 255
    pixels = np.ascontiguousarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))
    canvas, target = Canvas(context), Target(context, (128, 72))
    target.texture.write(pixels)
    rows = []
    for way in (GlProjection, SoftProjection):
        row = []
        for output in WALLS.values():
            one = way(canvas, SIZE, output)
            one.draw(target, pixels, 1.0)
            row.append(one.read_now())
        rows.append(np.hstack(row))
    return np.vstack(rows)


def test_the_wall_looks_like_its_golden_picture(context) -> None:
    found = paint(context)
    with Image.open(GOLDEN / "wall.png") as hung:
        expected = np.asarray(hung.convert("RGB"))
    assert found.shape == expected.shape, ADVICE
    for i in range(len(WALLS)):
        for row in range(2):
            tile = np.s_[row * SIZE[1] : (row + 1) * SIZE[1], i * SIZE[0] : (i + 1) * SIZE[0]]
            assert not (said := differ(found[tile], expected[tile])), f"{list(WALLS)[i]}: {said}: {ADVICE}"


if __name__ == "__main__":
    from installation.rendering.surfaces import open_headless

    Image.fromarray(paint(open_headless())).save(GOLDEN / "wall.png", optimize=True)
