"""A camera finds where a picture is a straight rectangle on the wall: on a simulated wall, where the truth is known."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from simulated import CAMERA, FRAME, Room

from installation.rendering.wall import gray, looking
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.layouts import side_by_side
from installation.rendering.wall.looking import UnseenError
from installation.rendering.wall.venue import Output, Venue

ASPECT = CAMERA[0] / CAMERA[1]
ONE = np.array([[0.12, 0.15], [0.85, 0.08], [0.18, 0.82], [0.8, 0.93]])
TWO = [
    np.array([[0.06, 0.2], [0.56, 0.17], [0.07, 0.78], [0.55, 0.83]]),
    np.array([[0.42, 0.19], [0.95, 0.22], [0.44, 0.84], [0.93, 0.76]]),
]
ROOMS = {
    "as it should be": Room([ONE]),
    "a straight lens": Room([ONE], lens=(0.0, 0.0)),
    "a lens that bends the other way": Room([ONE], lens=(0.12, -0.03)),
    "noise and light in the room": Room([ONE], noise=0.05, light=0.3),
    "upside down": Room([ONE[::-1]]),
    "on its side": Room([ONE[[1, 3, 0, 2]]]),
    "behind the wall": Room([ONE[[1, 0, 3, 2]]]),
}


@functools.cache
def seen(room: Room) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the camera saw of each projector by itself, the others dark."""
    dark = np.zeros(FRAME[::-1], np.uint8)
    found = []
    for number in range(len(room.frames)):
        shows = ([one if i == number else dark for i in range(len(room.frames))] for one in gray.stripes(FRAME))
        found.append(gray.decode([room.see(shown) for shown in shows]))
    return found


def on_wall(room: Room, output: Output, number: int) -> np.ndarray:
    """Where the corners of an output's piece truly are in a perfect camera's picture [shape=(4, 2), px]."""
    return meshes.through(np.linalg.inv(room.to_frame(number)), meshes.corners_of(output.mesh)) * CAMERA


def px_of_frame(room: Room, number: int, output: Output, on_the_wall: np.ndarray) -> np.ndarray:
    """How far the corners are from these places on the wall (perfect camera, px), in the frame's pixels."""
    should = meshes.through(room.to_frame(number), on_the_wall / CAMERA)
    return np.abs((meshes.corners_of(output.mesh) - should) * FRAME)


@pytest.mark.parametrize("name", ROOMS)
def test_the_picture_s_corners_are_a_rectangle_within_half_a_pixel_of_the_projector(name: str) -> None:
    room = ROOMS[name]
    view = looking.look(seen(room), ASPECT)
    (output,) = looking.fit(Venue(), view, 16 / 9).outputs
    corners = on_wall(room, output, 0)
    left, top = corners[[0, 2], 0].mean(), corners[[0, 1], 1].mean()
    right, bottom = corners[[1, 3], 0].mean(), corners[[2, 3], 1].mean()
    rectangle = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    assert px_of_frame(room, 0, output, rectangle).max() < 0.5
    assert (right - left) / (bottom - top) == pytest.approx(16 / 9, rel=0.004)
    assert left < right and top < bottom, "upright and not mirrored, however the projector stands"


def test_the_rectangle_is_the_largest_that_the_projector_reaches() -> None:
    room = ROOMS["as it should be"]
    (output,) = looking.fit(Venue(), looking.look(seen(room), ASPECT), 16 / 9).outputs
    corners = meshes.corners_of(output.mesh)
    assert corners.min() > 0 and corners.max() < 1
    near = np.minimum(corners, 1 - corners).min(1)
    assert (near < 0.02).sum() >= 2, "it touches what can be reached"
    assert np.ptp(on_wall(room, output, 0)[:, 0]) > 0.55 * CAMERA[0]


def test_two_projectors_show_one_rectangle_and_meet_within_half_a_pixel() -> None:
    room = Room(TWO)
    venue = looking.fit(side_by_side(2, 1, 0.25), looking.look(seen(room), ASPECT), 2.0)
    left, right = (on_wall(room, output, number) for number, output in enumerate(venue.outputs))
    x = [output.source[0] for output in venue.outputs]
    assert left[0, 1] == pytest.approx(right[1, 1], abs=0.6) and left[2, 1] == pytest.approx(right[3, 1], abs=0.6)
    wide = right[1, 0] - left[0, 0]
    assert wide / (left[2, 1] - left[0, 1]) == pytest.approx(2.0, rel=0.005)
    for number, (output, corners) in enumerate(zip(venue.outputs, (left, right), strict=True)):
        start = left[0, 0] + wide * x[number]
        ends = [start, start + wide * output.source[2]]
        top, bottom = (left[0, 1] + right[1, 1]) / 2, (left[2, 1] + right[3, 1]) / 2
        should = np.array([[ends[0], top], [ends[1], top], [ends[0], bottom], [ends[1], bottom]])
        assert px_of_frame(room, number, output, should).max() < 0.5
        assert corners[0, 0] < corners[1, 0]
    assert venue.outputs[0].blend.right.width > 0.2 and venue.outputs[1].blend.left.width > 0.2


def test_a_camera_that_sees_no_projector_says_which_and_what_to_do() -> None:
    dark = [np.full(CAMERA[::-1], 0.3, "f4")] * gray.COUNT
    good = seen(ROOMS["as it should be"])[0]
    with pytest.raises(UnseenError, match="does not see projector 2: point it at the wall"):
        looking.look([good, gray.decode(dark)], ASPECT)


def test_a_wall_that_is_not_flat_is_told() -> None:
    camera, frame = seen(ROOMS["as it should be"])[0]
    bulged = frame + 0.05 * np.sin(camera[:, :1] * 9) * np.sin(camera[:, 1:] * 9)
    with pytest.raises(UnseenError, match="no flat wall"):
        looking.look([(camera, bulged)], ASPECT)


def test_projectors_that_light_different_walls_have_no_rectangle() -> None:
    view = looking.look(seen(ROOMS["as it should be"]), ASPECT)
    far = np.array([[1.0, 0.0, -9.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    apart = looking.View(ASPECT, view.bend, (view.frames[0], far @ view.frames[0]), 0.0)
    with pytest.raises(UnseenError, match="no rectangle fits"):
        looking.fit(side_by_side(1, 2, 0.2), apart, 16 / 9)


def test_every_place_of_the_frame_has_a_code_of_its_own() -> None:
    pictures = np.stack([one[209:219] for one in gray.stripes(FRAME)]).astype("f4") / 255
    assert len(pictures) == gray.COUNT
    camera, frame = gray.decode(list(pictures))
    assert len(camera) > 0.8 * pictures[0].size and len(np.unique(frame[:, 0])) == 256
    assert np.abs(frame[:, 0] - camera[:, 0]).max() < 1 / 256, "one stripe at most"
    assert np.abs(frame[:, 1] - 214 / 720).max() < 3 / 256
    codes = (pictures[2 : 2 + 2 * gray.BITS : 2, 0] > 0.5).astype(int)
    assert (np.abs(np.diff(codes, axis=1)).sum(0) <= 1).all(), "one bit changes at a time"


def test_stripes_lie_evenly_over_a_frame_that_they_do_not_divide() -> None:
    size = (700, 450)
    camera, frame = gray.decode([one.astype("f4") / 255 for one in gray.stripes(size)])
    assert np.abs((frame - camera).mean(0) * size).max() < 0.1


def test_what_is_lit_by_something_else_is_left_out() -> None:
    room = Room([ONE], noise=0.0)
    pictures = [room.see([one]) for one in gray.stripes(FRAME)]
    camera, _ = gray.decode(pictures)
    ideal = meshes.through(room.to_frame(0), camera)
    assert ideal.min() > -0.06 and ideal.max() < 1.06, "nothing beyond the projector's light, but for the lens's bend"


def test_a_spot_too_small_to_tell_its_shape_is_said() -> None:
    for camera in (np.full((40, 2), 0.5), np.linspace([0.1, 0.1], [0.9, 0.9], 40)):
        with pytest.raises(UnseenError, match="too small or too slantwise"):
            looking._homography(camera, np.linspace([0.0, 0.0], [1.0, 1.0], 40))
