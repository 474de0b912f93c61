"""What projectors send to one wall adds up: even light across every blend, even black, dark where a mask is."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from flower import picture
from PIL import Image

from installation import settings
from installation.rendering import window
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.keeping import write_venue
from installation.rendering.wall.light import mask_of, shade
from installation.rendering.wall.soft import FINE, Fitting
from installation.rendering.wall.venue import PLAIN, Blend, Edge, Mask, Mesh, Output, Venue
from installation.signals import Levels

FRAME = (320, 180)
LEFT, RIGHT = (0.0, 0.0, 0.625, 1.0), (0.375, 0.0, 0.625, 1.0)  # they share 0.4 of each
BENT = meshes.moved(
    meshes.regrid(Mesh(points=((0.03, 0.02), (0.98, 0.05), (0.0, 1.0), (0.97, 0.93))), 3, 3), 4, (0.5, 0.46)
)
GAMMA = np.array([2.2, 2.0, 2.5])
EDGE = Edge(0.4, tuple(GAMMA))
SIDE_BY_SIDE = Venue(
    (Output("l", source=LEFT, blend=Blend(right=EDGE)), Output("r", source=RIGHT, blend=Blend(left=EDGE)))
)


@pytest.fixture
def lit(tmp_path: Path) -> Iterator[Callable[..., window.Display]]:
    """lit(venue, rgba): a headless display of that venue that shows a drawing."""
    opened = []

    def light(venue: Venue, rgba: np.ndarray, **levels: float) -> window.Display:
        write_venue("hall", venue, tmp_path)
        screen = settings.Screen(FRAME, (64, 36), venue="hall", flash_limiter=False)
        opened.append(window.create(screen, headless=True, calibration=tmp_path))
        opened[-1].show(rgba, Levels({}, **levels), 0.0)
        return opened[-1]

    yield light
    for display in opened:
        display.close()


def grey(value: int) -> np.ndarray:
    return np.full((72, 128, 4), value, np.uint8)


def frames(display: window.Display) -> list[np.ndarray]:
    return [frame.read_now() for frame in display.beams.frames]


def on_the_wall(display: window.Display, black: float = 0.0) -> np.ndarray:
    """The light on a wall of 512 x 180 places [shape=(H, W, 3)]: of all projectors, each with its own black."""
    wall = np.zeros((180, 512, 3))
    for output, frame in zip(display.beams.venue.outputs, frames(display), strict=True):
        light = (frame / 255.0) ** GAMMA + black
        x = (np.arange(512) + 0.5) / 512
        within = (x - output.source[0]) / output.source[2]
        seen = (within > 0) & (within < 1)
        at = meshes.place(output.mesh, within[seen], (np.arange(180) + 0.5) / 180) * FRAME - 0.5
        at = at.astype("f4")
        wall[:, seen] += cv2.remap(light, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return wall


@pytest.mark.parametrize("value", [255, 200, 128])
@pytest.mark.parametrize("bent", [False, True])
def test_two_projectors_side_by_side_light_the_wall_evenly_across_their_blend(lit, value: int, bent: bool) -> None:
    venue = SIDE_BY_SIDE.replaced(0, mesh=BENT).replaced(1, mesh=BENT) if bent else SIDE_BY_SIDE
    display = lit(venue, grey(value))
    wall = on_the_wall(display)[6:-6, 6:-6] / (value / 255) ** GAMMA
    assert np.abs(wall - 1).max() < 0.02
    alone = frames(display)[0][90, :, 1].astype(int)
    assert alone[20] == value and alone[-20] < value / 3, "each of them fades"


def test_four_projectors_light_the_wall_evenly_where_all_of_them_meet(lit) -> None:
    edge = Edge(0.4, tuple(GAMMA))
    outputs = []
    for i, (x, y) in enumerate([(0.0, 0.0), (0.375, 0.0), (0.0, 0.375), (0.375, 0.375)]):
        sides = {"left": x > 0, "right": x == 0, "top": y > 0, "bottom": y == 0}
        blend = Blend(**{side: edge for side, meets in sides.items() if meets})
        outputs.append(Output(str(i), source=(x, y, 0.625, 0.625), blend=blend))
    display = lit(Venue(tuple(outputs)), grey(255))
    wall = np.zeros((288, 512, 3))
    for output, frame in zip(outputs, frames(display), strict=True):
        x, y = round(output.source[0] * 512), round(output.source[1] * 288)
        wall[y : y + 180, x : x + 320] += (frame / 255.0) ** GAMMA
    assert np.abs(wall - 1).max() < 0.02


def test_a_dark_picture_shows_no_brighter_strip_where_projectors_overlap(lit) -> None:
    lift = 20 / 255
    venue = SIDE_BY_SIDE.replaced(0, black=(lift,) * 3).replaced(1, black=(lift,) * 3)
    display = lit(venue, grey(0))
    wall = on_the_wall(display, black=lift**GAMMA)
    assert np.abs(wall / wall[90, 5] - 1).max() < 0.02
    bright = frames(lit(venue, grey(255)))[0]
    assert bright[90, 5].min() >= 254, "white is still white"


def test_blackout_and_master_act_on_lifted_black_too(lit) -> None:
    venue = SIDE_BY_SIDE.replaced(0, black=(0.2, 0.2, 0.2))
    half, dark = (frames(lit(venue, grey(0), **level))[0] for level in ({"master": 0.5}, {"blackout": True}))
    assert half[90, 5].tolist() == pytest.approx([25, 25, 25], abs=1) and dark.max() == 0


def test_each_channel_is_dimmed_to_its_share_of_light(lit) -> None:
    (frame,) = frames(lit(Venue((Output(colour=(1.0, 0.5, 0.25)),)), grey(255)))
    assert (frame[90, 160] / 255.0) ** 2.2 == pytest.approx([1.0, 0.5, 0.25], abs=0.01)


def test_a_mask_is_dark_inside_and_a_kept_shape_is_dark_outside(lit) -> None:
    square = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    for keep in (False, True):
        (frame,) = frames(lit(Venue((Output(masks=(Mask(square, 0.0, keep),)),)), grey(255)))
        inside, outside = frame[47:133, 82:238], frame[:43]
        assert (inside.min(), outside.max()) == (255, 0) if keep else (inside.max(), outside.min()) == (0, 255)


def test_a_soft_mask_fades_over_as_much_of_the_frame_as_it_says(lit) -> None:
    half = ((-1.0, -1.0), (0.5, -1.0), (0.5, 2.0), (-1.0, 2.0))
    (frame,) = frames(lit(Venue((Output(masks=(Mask(half, 0.4),)),)), grey(255)))
    row = frame[90, :, 0].astype(int)
    fading = np.flatnonzero((row > 2) & (row < 253))
    assert (np.diff(row) >= 0).all() and abs(np.median(fading) - 159.5) < 2 and 55 < np.ptp(fading) < 74


def test_a_mask_painted_as_png_lies_beside_the_venue(lit, tmp_path: Path) -> None:
    painted = np.zeros((90, 160), np.uint8)
    painted[:, 80:] = 255
    Image.fromarray(painted).save(tmp_path / "door.png")
    (frame,) = frames(lit(Venue((Output(mask_file="door.png"),)), grey(255)))
    assert frame[:, :156].max() == 0 and frame[:, 164:].min() == 255


@pytest.mark.parametrize("name", ["gone.png", "../door.png", "hall.toml"])
def test_a_mask_that_cannot_be_read_is_told_before_the_show_begins(lit, name: str) -> None:
    with pytest.raises(settings.SettingsError, match=r"mask_file: .*(no file|hall\.toml)") as refused:
        lit(Venue((Output(mask_file=name),)), grey(255))
    assert "\n" not in str(refused.value)


def test_a_wall_is_fitted_anew_in_the_next_frame_and_one_that_cannot_be_leaves_it_as_it_was(lit, caplog) -> None:
    display = lit(Venue(), grey(255))
    pinned = Output(mesh=Mesh(points=((0.5, 0.0), (1.0, 0.0), (0.5, 1.0), (1.0, 1.0))))
    for venue in (Venue((pinned,)), Venue((dataclasses.replace(pinned, mask_file="gone.png"),))):
        display.apply(venue)
        with caplog.at_level(logging.WARNING):
            display.show(grey(255), Levels({}), 0.1)
        (frame,) = frames(display)
        assert frame[:, :158].max() == 0 and frame[:, 162:].min() == 255
    assert "the wall stays as it was" in caplog.text and "gone.png" in caplog.text


def test_a_wall_whose_last_projector_cannot_be_fitted_leaves_the_first_as_it_was_too(lit) -> None:
    display = lit(SIDE_BY_SIDE, grey(255))
    before = frames(display)
    display.apply(SIDE_BY_SIDE.replaced(0, mesh=BENT).replaced(1, mask_file="gone.png"))
    display.show(grey(255), Levels({}), 0.1)
    assert all(np.array_equal(one, other) for one, other in zip(frames(display), before, strict=True))


def test_projectors_may_come_and_go_while_the_show_runs(lit) -> None:
    display = lit(Venue(), grey(255))
    for venue in (SIDE_BY_SIDE, Venue()):
        display.apply(venue)
        display.show(grey(255), Levels({}), 0.1)
        assert [frame.shape for frame in frames(display)] == [(180, 320, 3)] * len(venue.outputs)


def test_what_is_recorded_of_several_projectors_is_the_whole_picture(lit) -> None:
    rgba = np.dstack([(picture(64, 36)[::-1] * 255).astype(np.uint8), np.full((36, 64), 255, np.uint8)])
    whole = lit(Venue(), rgba).read_now()
    several = lit(SIDE_BY_SIDE, rgba)
    assert np.array_equal(several.read_now(), whole) and np.array_equal(several.read(), whole)
    several.show(rgba, Levels({}, blackout=True), 0.1)
    assert several.read_now().max() == 0


def test_where_nothing_is_changed_every_pixel_is_the_picture_s_own(lit) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (180, 320, 4), np.uint8)
    for output in (
        PLAIN,
        Output(mesh=meshes.straight(5, 4)),
        Output(mesh=dataclasses.replace(meshes.straight(9, 9), smooth=True)),
    ):
        (frame,) = frames(lit(Venue((output,)), rgba))
        assert np.array_equal(frame, rgba[::-1, :, :3])


def test_a_turned_and_mirrored_frame_has_the_picture_s_own_pixels_too(lit) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (360, 640, 4), np.uint8)
    upright = rgba[::-1, :, :3]
    for output, expected in (
        (Output(source=(0.5, 0.5, 0.5, 0.5)), upright[180:, 320:]),
        (Output(source=(0.0, 0.5, 0.5, 0.5), rotation=180), upright[180:, :320][::-1, ::-1]),
        (Output(source=(0.0, 0.0, 0.5, 0.5), mirror_x=True), upright[:180, :320][:, ::-1]),
        (Output(source=(0.0, 0.0, 0.5, 0.5), mirror_y=True), upright[:180, :320][::-1]),
        (Output(size=(180, 320), source=(0, 0, 0.5, 0.5), rotation=90), np.rot90(upright[:180, :320], -1)),
        (Output(size=(180, 320), source=(0, 0, 0.5, 0.5), rotation=270), np.rot90(upright[:180, :320])),
        (
            Output(size=(180, 320), source=(0, 0, 0.5, 0.5), rotation=90, mirror_x=True),
            np.rot90(upright[:180, :320], -1)[:, ::-1],
        ),
    ):
        (frame,) = frames(lit(Venue((output,)), rgba))
        assert np.array_equal(frame, expected), output


def test_where_no_black_is_lifted_nothing_is_added() -> None:
    part = np.zeros((4, 4, 2), "f4")
    assert shade(part, Output())[1] is None
    assert shade(part, Output(black=(0.1, 0.1, 0.1)))[1] is not None


def test_a_projector_whose_picture_lies_beside_its_frame_is_dark(lit) -> None:
    beside = Mesh(points=((2.0, 2.0), (3.0, 2.0), (2.0, 3.0), (3.0, 3.0)))
    assert frames(lit(Venue((Output(mesh=beside),)), grey(200)))[0].max() == 0


@pytest.mark.parametrize(("source", "times"), [((0.0, 0.0, 0.05, 0.05), FINE), ((0.0, 0.0, 1.0, 1.0), 1.0)])
def test_a_picture_is_scaled_as_far_as_can_be_seen_and_never_down(source: tuple, times: float) -> None:
    asked = SimpleNamespace(output=Output(source=source), size=FRAME)
    (left, top, right, bottom), scaled = Fitting._cut(asked, (640, 360))  # type: ignore[arg-type]
    assert scaled == (round((right - left) * times), round((bottom - top) * times))


def test_a_frame_without_masks_has_none_to_be_multiplied_by() -> None:
    assert mask_of(Output(), FRAME, Path()) is None
    assert mask_of(Output(masks=(Mask(((0.1, 0.1), (0.5, 0.1), (0.1, 0.5))),)), FRAME, Path()) is not None
