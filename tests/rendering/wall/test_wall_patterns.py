"""What each test pattern lets a technician see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from installation.rendering.wall import patterns
from installation.rendering.wall.patterns import BARS, INK, PATTERNS, ROSE, paint
from installation.rendering.wall.venue import Blend, Edge, Output, Venue

SIZE = (640, 360)
TWO = Venue(
    (
        Output("left", source=(0, 0, 0.6, 1), blend=Blend(right=Edge(1 / 3))),
        Output("right", source=(0.4, 0, 0.6, 1), blend=Blend(left=Edge(1 / 3))),
    )
)


def seen(name: str, venue: Venue = TWO, size: tuple[int, int] = SIZE, words: str = "") -> np.ndarray:
    """Upright [shape=(H, W, 3)]."""
    return paint(name, venue, size, words)[::-1, :, :3].astype(int)


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("size", [(1920, 1080), (64, 36), (360, 640), (17, 16)])
def test_every_pattern_can_be_painted_at_every_size(name: str, size: tuple[int, int]) -> None:
    rgba = paint(name, TWO, size, "http://127.0.0.1:8000")
    assert rgba.shape == (size[1], size[0], 4) and rgba.dtype == np.uint8 and rgba.flags.c_contiguous
    assert rgba[..., 3].min() == 255 and np.ptp(rgba[..., :3]) > 30


@pytest.mark.parametrize("name", ["grid", "circles", "focus"])
def test_the_outermost_pixels_are_rose(name: str) -> None:
    rgb = seen(name)
    for side in (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]):
        assert (side == ROSE).all()


def test_the_grid_has_square_cells_and_its_middle_is_marked() -> None:
    rgb = seen("grid")
    lines = [np.flatnonzero((line[10:-10] > 40).all(1)) + 10 for line in (rgb[7], rgb[:, 7])]
    pitch = [np.median(np.diff(line)[np.diff(line) > 5]) for line in lines]
    assert pitch[0] == pytest.approx(pitch[1], abs=1) == pytest.approx(30, abs=1)
    assert (rgb[50, 320] == INK).all() and (rgb[180, 50] == INK).all()


def test_circles_are_as_wide_as_they_are_high() -> None:
    rgb = seen("circles")[..., 1] > 150
    across, down = np.flatnonzero(rgb[180, 140:500]), np.flatnonzero(rgb[4:-4, 320])
    assert len(across) and np.ptp(across) == pytest.approx(np.ptp(down), abs=2) == pytest.approx(346, abs=2)


def test_greys_are_sixteen_steps_and_a_ramp_and_steps_at_either_end() -> None:
    rgb = seen("greys")[..., 0]
    assert len(np.unique(rgb[20])) == 16 and len(np.unique(rgb[180])) > 200
    assert np.unique(rgb[350]).tolist() == sorted(
        {int(n / 50 * 255) for n in range(8)} | {int((1 - n / 50) * 255) for n in range(8)}
    )


def test_blend_lines_stand_where_the_blends_begin() -> None:
    row = seen("blend")[180]
    marks = np.flatnonzero((row != 190).any(1))
    assert sorted({round(mark / 64) for mark in marks}) == [0, 4, 6, 10]
    assert 250 <= marks[(marks > 200) & (marks < 300)].mean() <= 262, "two fifths across: the left one begins to fade"


def test_bars_are_the_eight_colours() -> None:
    rgb = seen("bars")
    assert [tuple(rgb[10, 40 + 80 * i]) for i in range(8)] == BARS
    assert rgb[-1, 40].tolist() == [127] * 3


def test_focus_stars_are_even_grey_from_afar_and_sharp_from_near() -> None:
    rgb = seen("focus", Venue(), (1280, 720))[..., 1]
    star = rgb[360 - 60 : 360 + 60, 640 - 60 : 640 + 60]
    assert star.mean() == pytest.approx(229 / 2, rel=0.1) and star.std() > 70


def test_each_projector_is_told_its_name_on_its_own_piece() -> None:
    rgb = seen("names")
    assert np.abs(rgb[:150, :256] - seen("names", TWO.replaced(0, name="other"))[:150, :256]).max() > 100
    assert np.abs(rgb[20:150, 400:] - seen("names", TWO.replaced(0, name="other"))[20:150, 400:]).max() == 0


@pytest.mark.parametrize("words", ["http://192.168.1.20:8000/panel?token=hK3jd0s9fjq2", "x", "é☃ " * 60])
def test_a_telephone_reads_the_code_beside_the_name(words: str) -> None:
    rgb = seen("names", Venue((Output("wall"),)), (1280, 720), words).astype(np.uint8)
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(np.ascontiguousarray(rgb[..., ::-1]))
    assert found == words


def test_a_star_and_a_code_at_the_border_are_cut_off_there() -> None:
    whole, part = np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60, 3), np.uint8)
    patterns._star(whole, 30, 30, 12)
    patterns._star(part, 4, 6, 12)
    assert np.abs(part[:18, :16].astype(int) - whole[24:42, 26:42]).max() <= 1 and part[:3, :3].max() > 0
    code = patterns.code("http://127.0.0.1:8000")
    small = np.full((60, 60, 3), 7, np.uint8)
    patterns._paste(small, code, 0, 0, len(code) // 2)
    assert (small == 0).sum() > 100 and (small[:, -5:] == 7).all()


def test_words_too_many_for_their_box_are_written_all_the_same() -> None:
    for words, box in (("", (20.0, 8.0)), ("a hall with a long name", (12.0, 3.0)), ("hall", (60.0, 20.0))):
        rgb = np.zeros((40, 80, 3), np.uint8)
        patterns._write(rgb, words, (40.0, 20.0), *box, INK)
        assert rgb.any() == bool(words)
