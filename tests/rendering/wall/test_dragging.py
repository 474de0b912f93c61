"""What keys and mouse make of a venue, step by step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.rendering.gestures import Gesture, Key, Pointer
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.dragging import (
    ARROWS,
    GRIDS,
    KEYS,
    MOST_MASK_POINTS,
    Dragging,
    _delete,
    _insert,
    _soften,
    step,
)
from installation.rendering.wall.faults import faults
from installation.rendering.wall.layouts import blended, side_by_side
from installation.rendering.wall.patterns import PATTERNS
from installation.rendering.wall.venue import Blend, Edge, Mask, Mesh, Output, Venue

SIZE = (1280, 720)
PINS = Mesh(points=((0.1, 0.1), (0.9, 0.05), (0.0, 1.0), (1.0, 0.9)))
START = Dragging(Venue((Output(mesh=PINS),)))
MASKED = Dragging(Venue((Output(masks=(Mask(((0.2, 0.2), (0.8, 0.2), (0.5, 0.8))),)),)))


def after(state: Dragging, *gestures: Gesture | str, number: int = 0) -> Dragging:
    for one in gestures:
        state = step(state, number, Key(one) if isinstance(one, str) else one, SIZE)
    return state


def drag(*places: tuple[float, float]) -> list[Gesture]:
    first, *others = places
    return [Pointer("press", *first), *(Pointer("move", *at) for at in others), Pointer("release", *places[-1])]


def test_a_handle_is_dragged_to_where_the_mouse_lets_it_go() -> None:
    state = after(START, *drag((0.9, 0.05), (0.85, 0.1), (0.8, 0.15)))
    assert state.points == ((0.1, 0.1), (0.8, 0.15), (0.0, 1.0), (1.0, 0.9)) and state.point == 1
    assert after(state, Pointer("move", 0.5, 0.5)).points == state.points, "it has been let go"


def test_a_handle_that_is_taken_beside_its_middle_does_not_jump() -> None:
    assert after(START, Pointer("press", 0.905, 0.055), Pointer("move", 0.905, 0.055)).venue == START.venue


def test_a_press_on_nothing_moves_nothing() -> None:
    assert after(START, *drag((0.5, 0.5), (0.6, 0.6))).venue == START.venue


def test_a_point_beyond_the_frame_is_taken_at_the_frame_s_edge() -> None:
    beyond = Dragging(Venue((Output(mesh=Mesh(points=((-0.2, -0.1), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)))),)))
    state = after(beyond, *drag((0.006, 0.012), (0.056, 0.012)))
    assert state.points[0] == pytest.approx((-0.15, -0.1), abs=2e-3)


@pytest.mark.parametrize(
    ("key", "moved"),
    [("left", (-1, 0)), ("right", (1, 0)), ("up", (0, -1)), ("down", (0, 1))],
)
def test_arrows_move_by_one_pixel_and_with_shift_by_ten(key: str, moved: tuple[int, int]) -> None:
    for shift, far in ((False, 1), (True, 10)):
        x, y = after(START, Key(key, shift)).points[0]
        assert ((x - 0.1) * 1280, (y - 0.1) * 720) == pytest.approx((moved[0] * far, moved[1] * far), abs=2e-3)


def test_tab_goes_round_the_points_and_shift_tab_back() -> None:
    seen = [state.point for state in (after(START, *["tab"] * n) for n in range(6))]
    assert seen == [0, 1, 2, 3, 0, 1] and after(START, Key("tab", shift=True)).point == 3


def test_more_points_keep_the_shape_and_fewer_give_it_back() -> None:
    seen = [after(START, *["+"] * n).here.mesh for n in range(6)]
    assert [mesh.columns for mesh in seen] == [*GRIDS, 16] and all(mesh.rows == mesh.columns for mesh in seen)
    assert all(meshes.is_flat(mesh) for mesh in seen)
    assert after(START, *"+++---").here.mesh == PINS
    assert after(START, "-").venue == START.venue
    assert after(START, *"++", Key("tab", shift=True), *"--").point < 4


def test_a_point_stops_before_its_mesh_folds() -> None:
    state = after(START, *drag((0.9, 0.05), (0.6, 0.2), (0.05, 0.95)))
    assert state.points[1] == (0.6, 0.2), "the last place where it was no fold"
    folded = after(dataclasses.replace(START, point=1), *["left"] * 3, *[Key("left", shift=True)] * 200)
    assert folded.points[1][0] > folded.points[0][0]


def test_undo_takes_back_a_whole_stroke_and_redo_gives_it_back() -> None:
    state = after(START, *drag((0.9, 0.05), (0.85, 0.1), (0.8, 0.15)), "right", "right", "right")
    back = after(state, "u")
    assert back.points[1] == (0.8, 0.15), "the arrows were one stroke"
    assert after(back, "u").venue == START.venue == after(back, *"uuuu").venue
    redone = after(back, "u", Key("u", shift=True))
    assert redone.venue == back.venue and after(redone, Key("u", shift=True)).venue == state.venue
    assert after(state, Key("u", shift=True)).venue == state.venue


def test_two_points_that_were_nudged_in_turn_are_two_strokes() -> None:
    state = after(START, "right", "right", "tab", "right")
    assert after(state, "u").points[0] == state.points[0] != after(state, "u", "u").points[0] == (0.1, 0.1)


def test_what_is_done_after_an_undo_cannot_be_redone_over() -> None:
    state = after(START, "right", "u", "down", Key("u", shift=True))
    assert state.points[0] == pytest.approx((0.1, 0.1 + 1 / 720), abs=1e-6)


def test_undo_leaves_the_hand_on_a_point_that_is_there() -> None:
    state = after(START, *"++", Key("tab", shift=True))
    assert state.point == 24 and after(state, "u", "u").point < 4
    assert after(MASKED, "n", "delete", "u").mask in (-1, 0)
    assert after(Dragging(Venue()), "a", "u", "left").mask == -1


def test_s_asks_to_save_once_and_digits_choose_patterns() -> None:
    state = after(START, "s")
    assert state.wish == "save" and after(state, "tab").wish == ""
    assert [after(START, str(n)).pattern for n in range(8)] == ["", *PATTERNS]
    assert after(START, "9").pattern == START.pattern


def test_masks_are_made_shaped_softened_and_taken_away() -> None:
    state = after(Dragging(Venue()), "a")
    assert state.mask == 0 and len(state.points) == 4
    state = after(state, *drag((0.4, 0.4), (0.3, 0.35)))
    assert state.points[0] == pytest.approx((0.3, 0.35))
    state = after(state, "insert")
    assert len(state.points) == 5 and state.point == 1
    assert after(state, *"]]]").here.masks[0].softness == pytest.approx(0.03)
    assert after(state, *"]]]", *["["] * 9).here.masks[0].softness == 0
    assert len(after(state, "delete").points) == 4
    assert after(state, *["delete"] * 3).here.masks == ()


def test_n_goes_from_the_mesh_to_each_mask_and_back() -> None:
    assert [after(MASKED, *["n"] * n).mask for n in range(4)] == [-1, 0, -1, 0]


def test_the_mouse_takes_a_mask_s_point_too() -> None:
    state = after(MASKED, *drag((0.5, 0.8), (0.5, 0.7)))
    assert state.mask == 0 and state.here.masks[0].points[2] == pytest.approx((0.5, 0.7))


def test_curves_turn_and_mirror_are_a_key_each() -> None:
    assert after(START, "k").here.mesh.smooth and not after(START, "k", "k").here.mesh.smooth
    assert [after(START, *["r"] * n).here.rotation for n in range(5)] == [0, 90, 180, 270, 0]
    assert after(START, "h").here.mirror_x and not after(START, "h", "h").here.mirror_x


def test_o_and_the_mouse_go_to_another_projector() -> None:
    two = Dragging(side_by_side(2, 1, 0.2))
    assert [after(two, *["o"] * n).output for n in range(3)] == [0, 1, 0]
    state = after(two, *drag((1.0, 0.0), (0.9, 0.1)), number=1)
    assert state.output == 1 and state.venue.outputs[0] == two.venue.outputs[0]
    assert state.venue.outputs[1].mesh.points[1] == pytest.approx((0.9, 0.1))


def test_keys_that_mean_nothing_here_change_nothing() -> None:
    for name in ("x", "enter", "space", "?", ""):
        assert after(START, name) == START
    assert after(START, Key("k", again=True)) == START


@pytest.mark.parametrize(
    ("columns", "rows", "overlap"), [(1, 1, 0.2), (2, 1, 0.2), (3, 1, 0.1), (2, 2, 0.25), (4, 3, 0.0)]
)
def test_projectors_side_by_side_show_all_of_the_picture_and_overlap_as_they_should(columns, rows, overlap) -> None:
    venue = side_by_side(columns, rows, overlap)
    assert len(venue.outputs) == columns * rows
    first, last = venue.outputs[0].source, venue.outputs[-1].source
    assert first[:2] == (0, 0) and last[0] + last[2] == pytest.approx(1) and last[1] + last[3] == pytest.approx(1)
    for i, output in enumerate(venue.outputs):
        row, column = divmod(i, columns)
        expected = [column > 0, column < columns - 1, row > 0, row < rows - 1]
        assert [edge.width for edge in output.blend.sides] == pytest.approx(
            [overlap * one for one in expected], abs=1e-5
        )


def test_e_blends_as_far_as_the_pieces_overlap_and_keeps_the_gammas() -> None:
    venue = Venue(
        (
            Output("a", source=(0, 0, 0.6, 1), blend=Blend(top=Edge(0.3), right=Edge(0.1, (2.0, 2.1, 2.2)))),
            Output("b", source=(0.45, 0, 0.55, 1)),
        )
    )
    one, other = blended(venue).outputs
    assert one.blend.right == Edge(0.25, (2.0, 2.1, 2.2)) and one.blend.top.width == one.blend.left.width == 0
    assert other.blend.left.width == pytest.approx(0.15 / 0.55, abs=1e-5) and other.blend.right.width == 0
    assert after(Dragging(venue), "e").venue == blended(venue)


PLACES = st.floats(-0.3, 1.3) | st.sampled_from([0.0, 0.5, 1.0])
POINTERS = st.builds(Pointer, st.sampled_from(["press", "move", "move", "release"]), PLACES, PLACES)
STROKES = st.builds(Key, st.sampled_from([*KEYS, *ARROWS, *"0123456789", "x"]), st.booleans(), st.booleans())


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), POINTERS | STROKES), max_size=40))
def test_whatever_is_done_over_it_a_wall_stays_one_that_can_be_shown(gestures: list) -> None:
    state = Dragging(side_by_side(2, 1, 0.2))
    for number, gesture in gestures:
        state = step(state, number, gesture, SIZE)
        assert not list(faults(state.venue)) and state.point < len(state.points)
    assert all(np.isfinite(meshes.fine(output.mesh)[1]).all() for output in state.venue.outputs)


def test_a_corner_that_is_dragged_onto_another_one_stops_before() -> None:
    for to in ((0.1, 0.1), (0.0, 1.0), (0.5, 0.95), (1.0, 0.9)):
        assert after(START, *drag((0.9, 0.05), to)).venue == START.venue
        assert after(START, "+", *drag((0.9, 0.05), to)).here.mesh.points[2] == (0.9, 0.05)


def test_a_mask_of_which_the_first_point_goes_is_held_by_the_next_and_is_softened_within_bounds() -> None:
    state = after(MASKED, "n", "insert")
    first = dataclasses.replace(state, point=0)
    gone = _delete(first, Key("delete"))
    assert gone.point == 0 and len(gone.points) == 3
    assert _soften(first, -5.0).here.masks[0].softness == 0.0 and _soften(first, 5.0).here.masks[0].softness == 1.0


def test_without_a_mask_in_hand_its_keys_change_nothing() -> None:
    assert _soften(START, 0.1) is START
    assert _insert(START, Key("insert")) is START and _delete(START, Key("delete")) is START
    full = after(MASKED, "n")
    while len(full.points) < MOST_MASK_POINTS:
        full = _insert(full, Key("insert"))
    assert _insert(full, Key("insert")) is full


def test_pieces_that_are_nearly_one_are_blended_over_half_at_the_most() -> None:
    venue = blended(Venue((Output(source=(0.0, 0.0, 0.9, 1.0)), Output(source=(0.1, 0.0, 0.9, 1.0)))))
    assert [max(edge.width for edge in output.blend.sides) for output in venue.outputs] == [0.5, 0.5]
