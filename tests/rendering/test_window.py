"""What comes out of the projector, headless and in a real window."""

from __future__ import annotations

import ctypes
import threading
import time

import numpy as np
import pytest
from conftest import SMALL
from flower import even, painted, picture

from installation import settings
from installation.rendering import window
from installation.rendering.surfaces import choose_monitor
from installation.signals import Levels


def test_a_picture_is_shown_as_it_was_painted(open_stage) -> None:
    rgb = picture(128, 72)
    seen = open_stage(settings.Screen((128, 72), (128, 72))).show(painted(rgb))
    assert np.abs(seen.astype(float) - rgb * 255).mean() < 1.0


def test_a_picture_stays_the_right_way_up_when_it_is_scaled(open_stage) -> None:
    rgb = np.zeros((32, 32, 3), "f4")
    rgb[:16, :16, 0] = 1.0  # red upper left
    stage = open_stage()
    stage.values["screen.fill"] = 1.0
    seen = stage.show(painted(rgb))
    assert seen[10, 20, 0] > 250 and seen[60, 20].max() < 5 and seen[10, 100].max() < 5


def test_fill_0_shows_the_whole_picture_beside_its_mirror_image(open_stage) -> None:
    rgb = np.zeros((32, 32, 3), "f4")
    rgb[:, :4] = 1.0  # its left edge
    stage = open_stage()
    stage.values["screen.fill"] = 0.0
    row = stage.show(painted(rgb))[36, :, 0].astype(int)
    bright = np.flatnonzero(row > 128)
    assert 28 - 10 <= bright.mean() <= 28 + 1 and np.ptp(bright) > 12, "the edge and its reflection meet at the left"


def test_fill_above_1_goes_nearer_and_leaves_the_borders_out(open_stage) -> None:
    rgb = np.zeros((32, 32, 3), "f4")
    rgb[:, :1] = rgb[:, -1:] = 1.0  # a network's border is its worst column
    stage = open_stage()
    stage.values["screen.fill"] = 1.2
    assert stage.show(painted(rgb))[:, 2:-2].max() < 40


def test_a_picture_is_uploaded_once(open_stage, monkeypatch) -> None:
    stage, uploads = open_stage(), []
    upload = stage.easel.uploader.upload
    monkeypatch.setattr(stage.easel.uploader, "upload", lambda pixels: uploads.append(1) or upload(pixels))
    first, second = even(0.5), even(0.6)
    for shown in (first, first, second, second, None):
        stage.show(shown)
    assert len(uploads) == 2


def test_blackout_is_black_on_the_next_frame_and_the_light_comes_back(open_stage) -> None:
    stage = open_stage(effects=[settings.Effect("grain")])
    assert stage.show(even(0.8)).mean() > 150
    assert stage.show(even(0.8), blackout=True).max() == 0
    assert stage.show(even(0.8)).mean() > 150


def test_before_the_first_picture_the_projector_is_black(open_stage) -> None:
    assert open_stage().show(None).max() == 0


def test_the_last_picture_stays_when_no_other_comes(open_stage) -> None:
    stage = open_stage()
    first = stage.show(even(0.5))
    assert np.array_equal(stage.show(None), first)


def test_the_master_dims_evenly(open_stage) -> None:
    stage = open_stage()
    full = stage.show(even(0.8)).mean()
    assert stage.show(even(0.8), master=0.5).mean() == pytest.approx(full / 2, abs=1)
    assert stage.show(even(0.8), master=0.0).max() == 0


def test_freeze_holds_the_picture_and_its_effects(open_stage) -> None:
    stage = open_stage(effects=[settings.Effect("grain", knobs={"amount": 1.0})])
    held = stage.show(even(0.5))
    assert np.array_equal(stage.show(even(0.2), freeze=True), held)
    assert stage.show(even(0.5), freeze=True, master=0.5).mean() < held.mean() * 0.6, "the master still acts"
    assert not np.array_equal(stage.show(even(0.5)), held)


def test_reading_for_a_recording_gives_every_frame_in_its_turn_and_none_changes_later(open_stage) -> None:
    stage = open_stage(settings.Screen(SMALL.size, SMALL.working_size, flash_limiter=False))
    frames = []
    for n in range(6):
        stage.show(even(n / 10, n))
        frames.append(stage.display.read())
    seen = [round(frame[5, 5, 0] / 25.5) for frame in frames]
    assert seen in ([0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]), "at once from a processor, one late from a GPU"


def test_the_governor_may_change_the_working_size_while_the_show_runs(open_stage) -> None:
    stage = open_stage(effects=[settings.Effect("echo"), settings.Effect("bloom")])
    for size in ((64, 36), (32, 18), (48, 27), (128, 72)):
        stage.easel.work_at(size)
        assert stage.show(even(0.5)).mean() > 100


def test_other_threads_run_on_while_a_slow_effect_is_drawn(open_stage, tmp_path) -> None:
    """The generator lives in one of them; without a GPU the drawing takes the processor, but never the interpreter."""
    (tmp_path / "slow.fs").write_text(
        '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/ void main() { vec4 sum = vec4(0.0);'
        "for (int i = 0; i < 40000; i++) sum += fract(IMG_THIS_PIXEL(inputImage) * float(i) + sum);"
        "gl_FragColor = sum / 40000.0; }"
    )
    stage = open_stage(effects=[settings.Effect("slow")], folder=tmp_path)
    stage.show(even(0.5))
    ticks, over = [time.perf_counter()], threading.Event()

    def tick() -> None:
        while not over.wait(0.001):
            ticks.append(time.perf_counter())

    other = threading.Thread(target=tick)
    other.start()
    began_s = time.perf_counter()
    stage.show(even(0.6))
    took_s = time.perf_counter() - began_s
    over.set()
    other.join()
    assert np.diff([*ticks, began_s + took_s]).max() < max(took_s / 2, 0.05)


def test_timings_name_the_parts_of_a_frame(open_stage) -> None:
    stage = open_stage()
    stage.show(even(0.5))
    timings = stage.easel.timings | stage.display.timings
    assert set(timings) == {"upload", "effects", "present", "total"}
    assert all(ms >= 0 for ms in timings.values())


@pytest.mark.parametrize(
    ("wish", "names", "index"),
    [
        ("1", ["a", "b"], 1),
        ("epson", ["Dell", "EPSON PJ"], 1),
        ("5", ["a", "b", "c"], 2),
        ("gone", ["a"], 0),
        ("", ["a", "b"], 1),
    ],
)
def test_a_monitor_is_found_by_number_or_name_or_else_the_last(wish: str, names: list[str], index: int) -> None:
    assert choose_monitor(wish, names) == index


@pytest.mark.parametrize("mode", ["windowed", "borderless", "fullscreen"])
def test_a_real_window_shows_the_picture(desktop: str, mode: str) -> None:
    from PIL import ImageGrab

    display = window.create(settings.Screen((400, 300), (100, 75), mode=mode), headless=False)
    try:
        for n in range(3):
            display.show(np.full((75, 100, 4), [255, 128, 0, 255], np.uint8), Levels({}), n / 30)
            assert display.keys() == [] and not display.closed
        assert display.read_now()[5, 5].tolist() == pytest.approx([255, 128, 0], abs=1)
        screen = np.asarray(ImageGrab.grab(xdisplay=desktop).convert("RGB")).astype(int)
        lit = (np.abs(screen - [255, 128, 0]).max(-1) <= 2).mean()
        assert lit > (0.95 if mode != "windowed" else 0.2)
    finally:
        display.close()


def test_a_monitor_that_goes_while_the_window_is_placed_does_not_end_the_show(desktop: str, monkeypatch) -> None:
    display = window.create(settings.Screen((400, 300), (100, 75), mode="fullscreen"), headless=False)
    try:
        surface = display.surface
        (name,) = surface._monitors
        with monkeypatch.context() as gone:  # what glfw does with the null pointer that it is given
            gone.setattr(surface.glfw, "get_video_mode", lambda monitor: ctypes.POINTER(ctypes.c_int)().contents)
            surface._monitors, surface._looked_s = ["another"], 0.0
            assert display.keys() == [] and not display.closed
        surface._looked_s = 0.0
        assert display.keys() == [] and surface._monitors == [name]
    finally:
        display.close()


def test_a_machine_without_a_display_says_so(monkeypatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(window.DisplayError, match="--headless"):
        window.create(settings.Screen(), headless=False)
    assert window.monitors() == []
    assert window.gl_info()["software"] in (True, False)


def test_monitors_are_listed(desktop: str) -> None:
    (one,) = window.monitors()
    assert one["size"] == [800, 600] and one["index"] == 0


def test_a_picture_shown_again_is_drawn_from_itself_and_not_from_what_was_made_of_it(open_stage) -> None:
    """The loop is faster than the generator: the same picture is presented several times."""
    stage = open_stage(settings.Screen(size=(320, 180), working_size=(160, 90)), [settings.Effect("edges")])
    shown = painted(np.random.default_rng(0).random((12, 12, 3), dtype=np.float32))
    frames = [stage.show(shown) for _ in range(6)]
    assert all(np.array_equal(frame, frames[0]) for frame in frames)


def test_drawings_of_another_size_are_shown_as_large_as_the_projector(open_stage) -> None:
    stage = open_stage(settings.Screen(SMALL.size, SMALL.working_size, flash_limiter=False))
    for size in ((36, 64), (72, 128), (18, 32), (36, 64)):
        stage.display.show(np.full((*size, 4), [200, 100, 50, 255], np.uint8), Levels({}), 0.0)
        assert (np.abs(stage.display.read_now().astype(int) - [200, 100, 50]) <= 1).all()


def test_a_frozen_picture_stays_as_it_is_when_the_governor_takes_size_away(open_stage) -> None:
    stage = open_stage(effects=[settings.Effect("edges", knobs={"amount": 1.0})])
    frozen = stage.show(painted(picture(64, 36)))
    stage.easel.work_at((32, 18))
    assert np.array_equal(stage.show(painted(picture(64, 36, time_s=1.0)), freeze=True), frozen)
    stage.show(painted(picture(64, 36)))
    assert stage.easel.chain.size == (32, 18)
