"""Where the light falls: corner pins, test card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flower import SMALL

from installation import settings
from installation.rendering import window
from installation.rendering.projection import is_plain
from installation.rendering.wall import mesh
from installation.rendering.wall.keeping import read_venue
from installation.signals import Levels


def test_a_homography_takes_corners_to_corners() -> None:
    pins = np.array([[0.1, 0.05], [0.9, 0.0], [0.0, 1.0], [1.0, 0.95]])
    matrix = mesh.homography(pins, mesh.SQUARE)
    assert np.allclose(mesh.through(matrix, pins), mesh.SQUARE, atol=1e-9)


def test_no_venue_and_the_default_venue_leave_the_picture_alone() -> None:
    for venue in ("", "default"):
        assert all(map(is_plain, read_venue(venue).outputs))


def test_corner_pins_move_the_light(tmp_path: Path) -> None:
    (tmp_path / "hall.toml").write_text("corners = [[0.5, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5]]")
    screen = settings.Screen(SMALL.size, SMALL.working_size, venue="hall")
    display = window.create(screen, headless=True, calibration=tmp_path)
    display.show(np.full((36, 64, 4), 255, np.uint8), Levels({}), 0.0)
    seen = display.read_now()[..., 1].astype(int)
    display.close()
    assert seen[4:30, 70:124].min() > 250, "the upper right quarter is lit"
    assert seen[40:].max() == 0 and seen[:, :60].max() == 0, "and nothing else"


@pytest.mark.parametrize("venue", ["", "hall", "mirrored"])
def test_a_projector_behind_its_screen_shows_everything_mirrored(tmp_path: Path, venue: str) -> None:
    """By corners that run the other way round, or by one setting, alone or with corners."""
    (tmp_path / "hall.toml").write_text("corners = [[0.0, 0.0], [1.0, 0.1], [1.0, 0.9], [0.0, 1.0]]")
    (tmp_path / "mirrored.toml").write_text("corners = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]")
    rgba = np.full((36, 64, 4), 255, np.uint8)
    rgba[:, 16:, :3] = 0  # bright on the left
    screen = settings.Screen(SMALL.size, SMALL.working_size, venue=venue, mirror=venue != "mirrored")
    display = window.create(screen, headless=True, calibration=tmp_path)
    display.show(rgba, Levels({}), 0.0)
    row = display.read_now()[36, :, 1].astype(int)
    display.close()
    assert row[-24:-4].min() > 250 and row[:64].max() < 5


def test_the_test_card_shows_every_edge_and_which_way_is_up(open_stage) -> None:
    stage = open_stage(settings.Screen((320, 180), (160, 90)))
    card = stage.show(None, test_card=True).astype(int)
    rose = (card[..., 0] - card[..., 1] > 100) & (card[..., 0] > 180)
    assert rose[0].all() and rose[-1].all() and rose[:, 0].all() and rose[:, -1].all()
    inside = rose[4:-4, 140:180].sum(1)
    assert inside[:60].sum() > 30 > inside[-60:].sum(), "the arrow is above the middle"
    assert len(np.unique(card[67, 90:230, 0])) > 8, "a ramp of greys"
    assert stage.show(None, test_card=True, blackout=True).max() == 0
    assert stage.show(None, test_card=True, master=0.0).max() == 0  # where a panic has ended
    assert np.abs(stage.show(None, test_card=True, master=0.5).astype(int) - card // 2).mean() < 4
