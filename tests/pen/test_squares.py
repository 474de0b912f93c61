"""What comes off a plotter: the squares that were asked for, in millimetres, as other programs read them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import pyvips
import svgelements

from installation.pen import inking, squares, to_svg
from installation.pen.squares import Sheet

ORDER = Sheet(rows=4, columns=6, nest=3, chance=1.0, wander=0.0, share=0.0)


def storm(sheet: Sheet) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (3, sheet.rows, sheet.columns)).astype(np.float32)


def test_without_chance_and_wander_every_square_stands_in_its_place() -> None:
    laid = squares.lay(ORDER, 1.5, squares.calm(ORDER))
    assert laid.corners.shape == (4 * 6 * 3, 4, 2) and (laid.drawn == 1).all()
    spans = np.ptp(laid.corners, axis=1)
    assert np.allclose(spans[:, 0], spans[:, 1], atol=1e-5), "squares"
    assert np.allclose(laid.corners.reshape(-1, 2).mean(0), (0.75, 0.5), atol=1e-4), "in the middle of the sheet"
    assert laid.corners.min() > 0 and laid.corners[..., 0].max() < 1.5 and laid.corners[..., 1].max() < 1


def test_chance_says_how_many_are_drawn_and_wander_how_far_corners_stray() -> None:
    half = dataclasses.replace(ORDER, rows=20, columns=20, chance=0.5)
    laid = squares.lay(half, 1.0, squares.calm(half))
    assert 0.4 < laid.drawn.sum() / (20 * 20 * 3) < 0.6
    assert not len(squares.lay(dataclasses.replace(half, chance=0.0), 1.0, squares.calm(half)).drawn)
    strays = []
    for wander in (0.1, 0.4):
        moved = squares.lay(dataclasses.replace(half, wander=wander), 1.0, squares.calm(half))
        strays.append(np.abs(moved.corners - laid.corners).max())
    assert 3.5 < strays[1] / strays[0] < 4.5


def test_a_square_is_drawn_bit_by_bit_while_its_chance_grows() -> None:
    lengths = []
    for chance in np.linspace(0.3, 0.5, 21):
        sheet = dataclasses.replace(ORDER, rows=1, columns=1, nest=1, chance=float(chance), throw=5)
        whole, begun = squares.lay(sheet, 1.0, squares.calm(sheet)).lines(False)
        lines = [*(np.concatenate([one, one[:1]]) for one in whole), *begun]
        lengths.append(sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines))
    full = 4 * 0.88 * (1 - 2 * ORDER.margin)
    assert lengths[0] == 0 and lengths[-1] == pytest.approx(full, rel=1e-3) and lengths == sorted(lengths)
    assert any(0 < length < 0.9 * full for length in lengths)


def test_a_larger_grid_keeps_the_dice_of_a_smaller_one_and_another_throw_is_another_drawing() -> None:
    wild = dataclasses.replace(ORDER, wander=0.5, margin=0.0)
    one = squares.lay(wild, 1.5, squares.calm(wild))
    assert np.array_equal(one.corners, squares.lay(wild, 1.5, squares.calm(wild)).corners)
    other = dataclasses.replace(wild, throw=1)
    assert not np.array_equal(one.corners, squares.lay(other, 1.5, squares.calm(other)).corners)


def test_the_svg_has_millimetres_a_layer_for_each_ink_and_a_path_for_each_square(tmp_path: Path) -> None:
    sheet = dataclasses.replace(Sheet(rows=5, columns=5), share=0.3)
    laid = squares.lay(sheet, 1.0, storm(sheet))
    text = to_svg(squares.to_layers(laid, sheet, 200.0, 0.35), (200.0, 200.0), 'rose & "thorn"')
    (tmp_path / "x.svg").write_text(text)
    read = svgelements.SVG.parse(tmp_path / "x.svg", ppi=25.4)
    assert (read.width, read.height) == pytest.approx((200, 200), abs=0.01)
    groups = [group for group in read if isinstance(group, svgelements.Group)]
    labels = [group.values["{http://www.inkscape.org/namespaces/inkscape}label"] for group in groups]
    assert labels == ["1 ink", "2 second ink"]
    paths = [path for path in read.elements() if isinstance(path, svgelements.Path)]
    assert len(paths) == len(laid.drawn)
    assert {path.stroke.hexrgb for path in paths} == {"#1a181d", "#cc2b1a"}
    first = squares.to_layers(laid, sheet, 200.0)[0].strokes[0].points
    assert np.allclose([(p.x, p.y) for p in list(paths[0].as_points())[:1]], first[:1], atol=2e-3)


def test_another_program_paints_the_svg_as_the_wall_shows_it() -> None:
    sheet = dataclasses.replace(
        Sheet(rows=4, columns=6), paper=(1.0, 1.0, 1.0), ink=(0.0, 0.0, 0.0), share=0.0, line=6.0
    )
    laid = squares.lay(sheet, 1.5, storm(sheet))
    whole, begun = laid.lines(False)
    assert begun
    for width in (1.0, 2.2, 5.0):
        ours = inking.ink(whole * 320, [line * 320 for line in begun], width, (480, 320))
        svg = to_svg(squares.to_layers(laid, sheet, 320.0, width), (480.0, 320.0))
        theirs = pyvips.Image.svgload_buffer(svg.encode(), dpi=72, scale=25.4 / 72).numpy()[..., 3]
        assert theirs.shape == ours.shape
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97
        assert ours.mean() == pytest.approx(theirs.mean(), rel=0.05), "as much ink"
        strips = [inking.ink(whole * 320, [x * 320 for x in begun], width, (480, 80), top) for top in range(0, 320, 80)]
        apart = np.abs(np.concatenate(strips).astype(int) - ours)
        assert apart.max() < 40 and apart.mean() < 0.1, "strips leave no seam"
