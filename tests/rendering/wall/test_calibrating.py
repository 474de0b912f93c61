"""Fitting the wall while a show runs: handles over the picture, at once on the wall, saved, and the show goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from installation import settings
from installation.rendering import window
from installation.rendering.canvas import Canvas, Target
from installation.rendering.gestures import Gesture, Key, Pointer
from installation.rendering.projection import GlProjection, SoftProjection
from installation.rendering.wall import handles
from installation.rendering.wall.keeping import read_venue, write_venue
from installation.rendering.wall.layouts import side_by_side
from installation.rendering.wall.venue import PLAIN, Mask, Mesh, Output, Venue
from installation.signals import Levels

SHOW = np.full((36, 64, 4), 255, np.uint8)
SHOW[..., :3] = (0, 90, 0)


class Hand:
    """A headless display, and what is done over it."""

    def __init__(self, folder: Path, venue: str = "hall") -> None:
        self.folder = folder
        screen = settings.Screen((320, 180), (64, 36), venue=venue, flash_limiter=False)
        self.display = window.create(screen, headless=True, calibration=folder)
        self.now_s = 0.0

    def does(self, *gestures: Gesture | str, number: int = 0) -> list[str]:
        heard = [(number, Key(one) if isinstance(one, str) else one) for one in gestures]
        self.display.beams.gestures = lambda: heard  # type: ignore[method-assign]
        return self.display.keys()

    def sees(self, number: int = 0, **levels: float) -> np.ndarray:
        self.now_s += 0.1
        self.display.show(SHOW, Levels({}, **levels), self.now_s)
        return self.display.beams.frames[number].read_now().astype(int)


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Callable[..., Hand]]:
    opened = []

    def open_one(venue: Venue | None = None, name: str = "hall") -> Hand:
        if venue is not None:
            write_venue(name, venue, tmp_path)
        opened.append(Hand(tmp_path, name))
        return opened[-1]

    yield open_one
    for one in opened:
        one.display.close()


def test_c_shows_grid_and_handles_and_c_again_the_show(hand) -> None:
    technician = hand(Venue())
    before = technician.sees()
    assert (before == [0, 90, 0]).all()
    assert technician.does("c") == []
    fitting = technician.sees()
    assert (fitting[90, 100] != [0, 90, 0]).any() and np.abs(fitting - handles.MESH[:3]).max(-1).min() < 2
    technician.does("c")
    assert np.array_equal(technician.sees(), before)


def test_a_point_is_dragged_and_the_wall_follows_in_the_next_frame(hand) -> None:
    technician = hand(Venue())
    technician.does("c", "0")
    technician.does(Pointer("press", 0.006, 0.011), Pointer("move", 0.5, 0.011), Pointer("release", 0.5, 0.011))
    seen = technician.sees()
    assert seen[60, 10].max() == 0 and seen[60, 250].tolist() == [0, 90, 0]
    technician.does("u")
    assert technician.sees()[60, 10].tolist() == [0, 90, 0]


def test_s_saves_and_the_next_start_shows_the_wall_as_it_was_left(hand, tmp_path: Path) -> None:
    technician = hand(Venue())
    technician.does("c", Key("right", shift=True), "s", "c")
    left = technician.sees()
    assert read_venue("hall", tmp_path).outputs[0].mesh.points[0] == pytest.approx((10 / 320, 0))
    assert np.array_equal(hand().sees(), left) and left[80, 0].max() == 0


def test_a_show_without_a_venue_has_one_once_its_wall_was_fitted(hand, tmp_path: Path) -> None:
    technician = hand(name="")
    technician.does("c", Key("down", shift=True), "s")
    assert (tmp_path / "here.toml").is_file()
    assert hand(name="").display.venue.outputs[0].mesh.points[0] == pytest.approx((0, 10 / 180), abs=1e-5)


def test_what_was_not_saved_stays_on_the_wall_but_not_on_the_disk(hand, tmp_path: Path) -> None:
    technician = hand(Venue())
    technician.does("c", Key("right", shift=True), "c")
    assert technician.sees()[80, 0].max() == 0
    assert read_venue("hall", tmp_path).outputs == (PLAIN,)


def test_a_wall_that_cannot_be_saved_says_so_over_the_wall_and_goes_on(hand, tmp_path: Path, monkeypatch) -> None:
    technician = hand(Venue())
    monkeypatch.setattr("installation.files.write_text", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    technician.does("c", "s")
    assert "disk full" in technician.display.calibrating.describe()
    technician.does("right")
    assert "not saved" in technician.display.calibrating.describe() and technician.sees().max() > 0


def test_meanwhile_keys_are_the_technician_s_but_for_blackout_full_screen_and_the_end(hand) -> None:
    technician = hand(Venue())
    assert technician.does("m", "1", "c", "m", "v", "1", "tab", "b", "f", "t", "esc", "c", "m") == [
        *("m", "1"),
        *("b", "f", "t", "esc"),
        "m",
    ]
    assert technician.does(Key("b", again=True), Key("right", again=True)) == []


def test_blackout_is_black_over_the_handles_too_and_the_master_dims_them(hand) -> None:
    technician = hand(Venue())
    technician.does("c")
    full = technician.sees()
    assert technician.sees(blackout=True).max() == 0 and technician.sees(master=0.0).max() == 0
    assert np.abs(technician.sees(master=0.5) - full / 2).max() < 3


def test_patterns_are_shown_though_the_picture_is_frozen_or_there_is_none(hand) -> None:
    technician = hand(Venue())
    technician.sees()
    technician.does("c", "5")
    bars = technician.sees(freeze=True)
    assert bars[40, 60].tolist() == [255, 255, 0] and bars[40, 300].max() == 0
    technician.display.show(None, Levels({}), 9.0)
    assert technician.display.read_now()[40, 60].tolist() == [255, 255, 0]


def test_the_test_card_is_shown_without_handles(hand) -> None:
    technician = hand(Venue())
    card = technician.sees(test_card=True)
    technician.does("c")
    assert np.abs(technician.sees(test_card=True) - card).mean() < 1


def test_only_the_projector_that_is_fitted_has_the_chosen_handle_and_the_words(hand) -> None:
    technician = hand(side_by_side(2, 1, 0.2))
    technician.does("c", "o", "0")
    first, second = (technician.sees(number) for number in (0, 1))
    chosen = [np.abs(frame - handles.CHOSEN[:3]).max(-1).min() for frame in (first, second)]
    assert chosen[0] > 20 and chosen[1] < 2


def test_a_wall_that_is_fitted_from_a_page_meanwhile_is_gone_on_with(hand) -> None:
    technician = hand(Venue())
    technician.does("c")
    pinned = Venue((Output(mesh=Mesh(points=((0.2, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)))),))
    technician.display.apply(pinned)
    technician.sees()
    technician.does("down")
    assert technician.display.calibrating.venue.outputs[0].mesh.points[0] == pytest.approx((0.2, 1 / 180), abs=1e-5)
    technician.does("u", "u")
    technician.sees()
    assert technician.display.venue.outputs == (PLAIN,)


@pytest.mark.parametrize("way", [GlProjection, SoftProjection])
def test_handles_lie_over_the_frame_whichever_way_it_is_made(context, way) -> None:
    target = Target(context, (64, 36))
    target.texture.write(np.ascontiguousarray(SHOW))
    frame = way(Canvas(context), (320, 180))
    for level in (1.0, 0.5):
        for left in (10, 200):
            over = np.zeros((180, 320, 4), np.uint8)
            over[20:40, left : left + 30] = (200, 100, 50, 255)
            frame.draw(target, SHOW, level)
            frame.draw_over(over, level)
            seen = frame.read_now().astype(int)
            assert np.abs(seen[20:40, left : left + 30] - np.array([200, 100, 50]) * level).max() <= 1
            assert np.abs(seen[41:] - np.array([0, 90, 0]) * level).max() <= 1
            assert np.abs(seen[20:40, 100:180] - np.array([0, 90, 0]) * level).max() <= 1


def test_the_chosen_handle_marks_the_very_pixel() -> None:
    over = handles.draw(Output(mesh=Mesh(points=((0.3, 0.4), (1, 0), (0, 1), (1, 1.1)))), (320, 180), -1, 0)
    rose = (over[..., :3] == handles.CHOSEN[:3]).all(-1)
    rows, columns = np.nonzero(rose)
    assert columns.mean() == pytest.approx(0.3 * 320 - 0.5, abs=0.6) and rows.mean() == pytest.approx(
        0.4 * 180 - 0.5, abs=0.6
    )
    tiny = handles.draw(PLAIN, (128, 72), -1, 0)
    across = np.nonzero((tiny[..., :3] == handles.CHOSEN[:3]).all(-1))[1]
    assert np.ptp(across) >= 6, "and is seen in a small frame too"
    masked = handles.draw(Output(masks=(Mask(((0.2, 0.2), (0.4, 0.2), (0.3, 0.5))),)), (320, 180), 0, 1)
    assert (masked[..., :3] == handles.MASK[:3]).all(-1).sum() > 50


def test_words_over_the_wall_stand_on_an_even_strip() -> None:
    over = handles.draw(PLAIN, (960, 540), -1, 0, "left   mesh 2 x 2   point 1")
    dark = (over[400:520, 40:-40, :3] == handles.DARK[:3]).all(-1)
    rows, columns = np.nonzero(dark)
    strip = over[400 + rows.min() : 400 + rows.max(), 40 + columns.min() : 40 + columns.max()]
    assert (strip[..., 3] == 255).all() and (strip[..., 0] > 200).sum() > 100


def test_handles_and_words_are_drawn_in_frames_that_are_too_small_for_them() -> None:
    words = "left   mesh 2 x 2   point 1   a great many words for so little room"
    small, narrow = (handles.draw(PLAIN, size, -1, 0, words) for size in ((64, 36), (300, 400)))
    assert (small[..., :3] == handles.MESH[:3]).all(-1).sum() > 50
    assert (narrow[360, :, 3] == 255).all(), "the strip goes from border to border"
    assert (narrow[350:365, 3:60, :3] > 200).any(-1).sum() > 30, "the words begin within the frame"
