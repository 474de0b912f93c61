"""How much is drawn goes by what frames take: no more than the machine can, no less than it could."""

import itertools

import pytest

from installation.live.governor import Governor, Rung, drawing, painting
from installation.settings import Screen

SCREEN = Screen(size=(1280, 720), working_size=(512, 288), fps=30.0)


def play(governor: Governor, busy_s: float, frames: int = 60, room: bool = True) -> list[str]:
    """The rungs that were stood on, one after another."""
    stood = [governor.rung.words]
    for _ in range(frames):
        if governor.note(busy_s, room):
            stood.append(governor.rung.words)
    return stood


def machine(governor: Governor, megapixel_s: float, frames: int) -> None:
    """A machine whose frames take as long as they are large."""
    for _ in range(frames):
        width, height = governor.rung.size
        governor.note(width * height / 1e6 * megapixel_s)


def test_a_slow_machine_plays_slower_before_its_picture_gets_softer() -> None:
    governor = drawing(SCREEN, gpu=False)
    assert governor.rung.fps == 30 and governor.rung.size == (512, 288)
    assert play(governor, 0.043)[-1] == "24 frames a second at 512x288"
    assert play(governor, 0.043, 400) == ["24 frames a second at 512x288"], "that is what it can"
    play(governor, 0.2, 300)
    assert governor.rung.size == (256, 144) and governor.rung.fps == 24


def test_a_show_that_asks_for_24_goes_no_slower() -> None:
    governor = drawing(Screen(size=(1280, 720), working_size=(512, 288), fps=24.0), gpu=False)
    assert {rung.fps for rung in governor.rungs} == {24.0}


def test_where_there_is_room_the_picture_gets_as_sharp_as_the_projector() -> None:
    governor = drawing(SCREEN, gpu=False)
    sizes = [rung.size for rung in governor.rungs if rung.fps == 30]
    assert sizes[0] == (1280, 720) and sizes[-1] == (512, 288) and len(sizes) >= 4
    assert all(1.4 < a[0] * a[1] / (b[0] * b[1]) < 1.8 for a, b in itertools.pairwise(sizes)), "no jump"
    machine(governor, 0.01, 4000)
    assert governor.rung.size == (1280, 720)


def test_the_picture_grows_only_as_far_as_the_time_for_a_frame_goes() -> None:
    governor = drawing(SCREEN, gpu=False)
    machine(governor, 0.04, 10_000)
    width, height = governor.rung.size
    assert (512, 288) < (width, height) < (1280, 720)
    assert 0.3 / 30 < width * height / 1e6 * 0.04 < 0.7 / 30


def test_while_the_generator_cannot_keep_pace_what_is_left_of_the_cores_is_its_own() -> None:
    governor = drawing(SCREEN, gpu=False)
    assert play(governor, 0.002, 3000, room=False) == ["30 frames a second at 512x288"]


def test_a_gpu_draws_at_the_size_of_the_projector_from_the_first_frame_on() -> None:
    governor = drawing(SCREEN, gpu=True)
    assert governor.rung.size == (1280, 720)
    machine(governor, 0.002, 3000)
    assert governor.rung.size == (1280, 720)


def test_a_projector_smaller_than_the_working_size_asks_for_no_steps_up() -> None:
    governor = drawing(Screen(size=(320, 180), working_size=(512, 288), fps=30.0), gpu=True)
    assert governor.rung.size == (512, 288)


def test_bends_are_left_out_when_a_picture_takes_too_long_and_come_back_after_a_calm_time() -> None:
    governor = painting(SCREEN)
    assert play(governor, 0.1, 100) == ["with bends"]
    assert play(governor, 0.3, 100) == ["with bends", "without bends"]
    assert play(governor, 0.05, 3000)[-1] == "with bends"


def test_what_is_too_slow_each_time_it_comes_back_does_not_come_and_go_all_evening() -> None:
    governor = Governor([Rung("all", 1 / 24, 3.0), Rung("some", 1 / 24, 2.5)])
    an_hour = range(24 * 3600)
    assert sum(governor.note((0.5 if governor.at else 1.4) / 24) for _ in an_hour) < 20
    play(governor, 0.01, 300 * 64)
    assert governor.at == 0, "once there is room for it, it comes back"


@pytest.mark.parametrize("gpu", [False, True])
def test_a_single_slow_frame_changes_nothing(gpu: bool) -> None:
    governor = drawing(SCREEN, gpu)
    assert not any(governor.note(0.5 if n % 10 == 0 else 0.03) for n in range(600))


def test_a_working_size_that_is_tiny_gets_no_smaller_than_can_be_drawn() -> None:
    governor = drawing(Screen(size=(64, 36), working_size=(20, 18), fps=30.0), gpu=False)
    assert min(min(rung.size) for rung in governor.rungs) == 16
