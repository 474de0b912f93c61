"""The camera's picture as the show's: it fades in, fills the frame upright, and nothing of it stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from installation.generators import camera
from installation.settings import Part, SettingsError
from installation.signals import Controls

SIZE = (64, 36)


def made(**settings) -> camera.Camera:
    return camera.create(camera.Settings(**({"generator": Part("pattern")} | settings)), (), SIZE, "cpu", 3)


def room(low: int = 0, high: int = 255) -> np.ndarray:
    """A picture of 4:3, dark above and light below, its right third green."""
    rgb = np.repeat(np.linspace(low, high, 96)[:, None, None], 128, 1).repeat(3, 2)
    rgb[:, 96:, [0, 2]] = low
    return rgb.astype(np.uint8)


def paint(one: camera.Camera, frames: int, start_s: float = 0.0, **knobs: float) -> torch.Tensor:
    values = {f"generator.{name}": value for name, value in knobs.items()}
    return [one.render(Controls(start_s + n / 10, values)).pixels for n in range(frames)][-1]


def test_without_a_camera_the_generator_behind_paints_bit_for_bit() -> None:
    one = made()
    assert paint(one, 3).equal(one.inner.render(Controls(0.2, {})).pixels)


def test_the_camera_fades_in_and_its_picture_stands_upright_and_fills_the_frame() -> None:
    one = made()
    painted = paint(one, 1)
    one.look = room
    between, seen = paint(one, 5), paint(one, 20, 1.0, exposure=0.0)
    assert seen.shape == (3, 36, 64)
    assert 0.02 < (between - painted).abs().mean() < (seen - painted).abs().mean()
    assert (seen[1, -1] - seen[1, 0] > 1.2).all(), "light below, on the whole width; cut at top and bottom"
    assert (seen[0, -1, 50:] < -0.9).all() and (seen[0, -1, :45] > 0.5).all(), "the right third is green"


def test_a_camera_that_leaves_is_forgotten_once_it_has_faded() -> None:
    one = made()
    one.look = room
    paint(one, 30)
    one.look = lambda: None
    assert not paint(one, 3, 3.0).equal(one.inner.render(Controls(0.0, {})).pixels), "it fades"
    assert paint(one, 30, 4.0).equal(one.inner.render(Controls(0.0, {})).pixels)
    assert one._seen is None


def test_nobody_looks_while_the_knob_is_at_0() -> None:
    one, looked = made(), []
    one.look = lambda: looked.append(1) or room()
    paint(one, 30, camera=0.0)
    assert not looked and not one.wants_camera
    paint(one, 1, 3.0)
    assert looked and one.wants_camera


def test_a_dark_room_is_brought_to_full_contrast_and_noise_is_not() -> None:
    one = made()
    one.look = lambda: room(20, 90)
    dark, bright = paint(one, 40, exposure=0.0), paint(one, 40, 5.0, exposure=1.0)
    assert dark[1].max() < 0 and bright[1].max() > 0.9 and bright[1].min() < -0.7
    one.look = lambda: room(100, 104)
    assert paint(one, 60, 10.0, exposure=1.0)[1].std() < 0.2, "an empty wall stays one"


def test_a_camera_cannot_stand_in_for_itself() -> None:
    with pytest.raises(SettingsError, match="camera cannot stand in for camera"):
        made(generator=Part("camera"))
