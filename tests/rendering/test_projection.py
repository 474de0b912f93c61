"""The two ways to the projector's frame, by a GPU's shader and by OpenCV, show the same picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from flower import picture

from installation.rendering.canvas import Canvas, Target
from installation.rendering.projection import GlProjection, Projection, SoftProjection
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.venue import PLAIN, Blend, Edge, Mask, Mesh, Output

PINS = Output(mesh=Mesh(points=((0.1, 0.05), (0.92, 0.0), (0.03, 0.9), (1.0, 0.95))))
BENT = Output(mesh=meshes.moved(meshes.regrid(Mesh(smooth=True), 4, 3), 5, (0.36, 0.42)))
TURNED = Output(mesh=PINS.mesh, rotation=90, mirror_x=True, source=(0.2, 0.0, 0.5, 0.83))
PIECE = Output(rotation=180, mirror_y=True, source=(0.0, 0.5, 0.5, 0.5))
MASKED = Output(
    masks=(Mask(((0.2, 0.3), (0.4, 0.3), (0.3, 0.8)), 0.1), Mask(((0.02, 0.02), (1.2, 0.02), (0.9, 1.3)), keep=True))
)
BLENDED = Output(
    mesh=PINS.mesh,
    blend=Blend(Edge(0.2), Edge(0.3, (1.8, 2.2, 2.6)), bottom=Edge(0.25)),
    black=(0.1, 0.05, 0.2),
    colour=(1.0, 0.8, 0.6),
)
WALLS = {"straight": PLAIN, "pins": PINS, "bent": BENT, "turned": TURNED, "piece": PIECE}
WALLS |= {"masked": MASKED, "blended": BLENDED}
SIZE = (320, 180)


@pytest.fixture
def drawn(context) -> tuple[Target, np.ndarray]:
    """A flower as a drawing comes: its first row at the bottom."""
    rgb = (picture(128, 72)[::-1] * 255).astype(np.uint8)
    pixels = np.ascontiguousarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))
    target = Target(context, (128, 72))
    target.texture.write(pixels)
    return target, pixels


def both(context, output: Output) -> list[Projection]:
    canvas = Canvas(context)
    return [GlProjection(canvas, SIZE, output), SoftProjection(canvas, SIZE, output)]


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("level", [1.0, 0.4])
def test_both_ways_show_the_same_picture(context, drawn, wall: str, level: float) -> None:
    seen = []
    for way in both(context, WALLS[wall]):
        way.draw(*drawn, level)
        seen.append(way.read_now().astype(float))
    assert seen[0].mean() > 10
    off = np.abs(seen[0] - seen[1])
    assert off.mean() < 1.2 and np.percentile(off, 99) < 12, "OpenCV's cubic is a little crisper, and no more"
    beyond = cv2.erode((seen[0].max(-1) == 0).astype(np.uint8), np.ones((5, 5))) > 0
    assert seen[1][beyond].max(initial=0) == 0, "what lies beyond the pins is dark"


def test_the_test_card_is_not_warped(context, drawn) -> None:
    for way in both(context, PINS):
        way.draw(*drawn, 1.0, fitted=False)
        assert way.read_now()[0].max() > 0 and way.read_now()[-1].max() > 0


def test_a_drawing_whose_pixels_are_only_on_the_gpu_is_shown_too(context, drawn) -> None:
    target, pixels = drawn
    (_, soft) = both(context, PLAIN)
    soft.draw(target, pixels, 1.0)
    known = soft.read_now()
    soft.draw(target, None, 1.0)
    assert np.array_equal(soft.read_now(), known)


def test_a_window_gets_the_frame_that_is_recorded(context, drawn) -> None:
    for way in both(context, PINS):
        way.draw(*drawn, 0.7)
        shown = np.frombuffer(way.finish().framebuffer.read(components=3), np.uint8).reshape(SIZE[1], SIZE[0], 3)
        assert np.array_equal(shown, way.read_now())
        way.clear()
        assert way.read_now().max() == 0
        assert np.frombuffer(way.finish().framebuffer.read(components=3), np.uint8).max() == 0


def test_a_frame_that_is_the_picture_itself_is_not_sent_through_a_mesh(context) -> None:
    made = GlProjection(Canvas(context), SIZE, PINS)
    assert made._cloth is not None
    made.fit(PLAIN)
    assert made._cloth is None
