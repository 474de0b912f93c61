"""The two ways to the projector's frame, by a GPU's shader and by OpenCV, show the same picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from flower import picture

from installation.rendering import projector
from installation.rendering.canvas import Canvas, Target
from installation.rendering.projection import GlProjection, Projection, SoftProjection

PINS = np.array([[0.1, 0.05], [0.92, 0.0], [1.0, 0.95], [0.03, 0.9]])
SIZE = (320, 180)


@pytest.fixture
def drawn(context) -> tuple[Target, np.ndarray]:
    """A flower as a drawing comes: its first row at the bottom."""
    rgb = (picture(128, 72)[::-1] * 255).astype(np.uint8)
    pixels = np.ascontiguousarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))
    target = Target(context, (128, 72))
    target.texture.write(pixels)
    return target, pixels


def both(context, corners: np.ndarray) -> list[Projection]:
    canvas = Canvas(context)
    return [GlProjection(canvas, SIZE, corners), SoftProjection(canvas, SIZE, corners)]


@pytest.mark.parametrize("corners", [projector.IDENTITY, PINS], ids=["straight", "warped"])
@pytest.mark.parametrize("level", [1.0, 0.4])
def test_both_ways_show_the_same_picture(context, drawn, corners: np.ndarray, level: float) -> None:
    seen = []
    for way in both(context, corners):
        way.draw(*drawn, level)
        seen.append(way.read_now().astype(float))
    assert seen[0].mean() > 10
    off = np.abs(seen[0] - seen[1])
    assert off.mean() < 1.2 and np.percentile(off, 99) < 12, "OpenCV's cubic is a little crisper, and no more"
    beyond = cv2.erode((seen[0].max(-1) == 0).astype(np.uint8), np.ones((5, 5))) > 0
    assert seen[1][beyond].max(initial=0) == 0, "what lies beyond the pins is dark"


def test_the_test_card_is_not_warped(context, drawn) -> None:
    for way in both(context, PINS):
        way.draw(*drawn, 1.0, warped=False)
        assert way.read_now()[0].max() > 0 and way.read_now()[-1].max() > 0


def test_a_drawing_whose_pixels_are_only_on_the_gpu_is_shown_too(context, drawn) -> None:
    target, pixels = drawn
    (_, soft) = both(context, projector.IDENTITY)
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
