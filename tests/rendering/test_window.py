"""What comes out of the projector, headless and in a real window."""

from __future__ import annotations

import ctypes
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from desktops import sockets
from flower import SMALL, even, painted, picture

from installation import settings
from installation.rendering import awake, edid, gestures, projection, surfaces, window
from installation.rendering import desktop as desktop_room
from installation.rendering.monitors import choose_monitor
from installation.rendering.surfaces import DisplayError
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
    rgb[:4, :, 1] = 1.0  # and the upper one
    stage = open_stage()
    stage.values["screen.fill"] = 0.0
    seen = stage.show(painted(rgb))
    row = seen[36, :, 0].astype(int)
    assert np.ptp(np.flatnonzero(seen[:, 64, 1] > 128)) == pytest.approx(8, abs=2), "nothing is cut off above"
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


def test_however_many_read_a_frame_it_is_read_once(open_stage, monkeypatch) -> None:
    stage, asked = open_stage(settings.Screen(SMALL.size, SMALL.working_size, flash_limiter=False)), []
    (frame,) = stage.display.beams.frames
    read = frame.read
    monkeypatch.setattr(frame, "read", lambda: asked.append(1) or read())
    for n in range(3):
        stage.show(even(n / 10, n))
        assert stage.display.read() is stage.display.read()
    assert len(asked) == 3


@pytest.mark.parametrize("gpu", [False, True], ids=["by a processor", "by a shader"])
def test_other_software_is_given_the_picture_as_shown_and_not_as_warped(tmp_path, monkeypatch, gpu: bool) -> None:
    (tmp_path / "hall.toml").write_text("corners = [[0.5, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5]]")
    if gpu:
        monkeypatch.setattr(projection, "create", projection.GlProjection)
    screen = settings.Screen(SMALL.size, SMALL.working_size, venue="hall", flash_limiter=False)
    display = window.create(screen, headless=True, calibration=tmp_path)
    rgba = np.full((36, 64, 4), [200, 100, 50, 255], np.uint8)
    seen = []
    for levels in ({}, {}, {"master": 0.5}, {"master": 0.5}, {"blackout": True}, {"blackout": True}):
        display.show(rgba, Levels({}, **levels), 0.0)
        seen.append(display.read().astype(int))
    display.close()
    assert np.abs(seen[1] - [200, 100, 50]).max() <= 1, "it fills the frame, and not the wall's quarter"
    assert np.abs(seen[3] - [100, 50, 25]).max() <= 1 and seen[5].max() == 0


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
    ("wish", "names", "shown"),
    [
        ("1", ["a", "b"], "b"),
        ("epson", ["Dell", "EPSON PJ"], "EPSON PJ"),
        ("epson", ["EPSON left", "EPSON"], "EPSON"),
        ("epson", ["Dell", "EPSON PJ", "HDMI-2"], "EPSON PJ"),
        ("DP-1", ["eDP-1", "DP-1"], "DP-1"),
        ("HDMI-1", ["HDMI-10", "HDMI-1"], "HDMI-1"),
        ("hdmi-1", ["DP-1", "HDMI-1", "HDMI-1-2"], "HDMI-1"),
        ("DP-1", ["eDP-1", "HDMI-1"], "HDMI-1"),
        ("HDMI-1", ["DP-1", "HDMI-10", "DP-2"], "DP-2"),
        ("5", ["a", "b", "c"], "c"),
        ("0", ["eDP-1", "HDMI-1"], "eDP-1"),
        ("gone", ["a"], "a"),
        ("", ["a", "b"], "b"),
        ("", ["eDP-1", "HDMI-1"], "HDMI-1"),
        ("", ["HDMI-1", "eDP-1"], "HDMI-1"),
        ("", ["HDMI-1", "LVDS-1", "DSI-1"], "HDMI-1"),
        ("", ["DP-1", "HDMI-1", "eDP-1"], "HDMI-1"),
        ("", ["eDP-1"], "eDP-1"),
    ],
)
def test_a_monitor_is_found_by_its_whole_name_or_is_the_projector(wish: str, names: list[str], shown: str) -> None:
    assert names[choose_monitor(wish, names)] == shown


def test_a_show_that_names_no_monitor_is_shown_on_the_projector() -> None:
    assert settings.Screen().monitor == ""


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


@pytest.fixture
def placed(desktop: str):
    """placed(mode): a window of the display 800 x 600, and what looks after the monitors at once."""
    opened = []

    def place(mode: str) -> tuple[window.Display, Callable[[], None]]:
        display = window.create(settings.Screen((400, 300), (100, 75), mode=mode), headless=False)
        opened.append(display)

        def look() -> None:
            display.surface._looked_s = 0.0
            assert display.keys() == [] and not display.closed

        return display, look

    yield place
    for display in opened:
        display.close()


def where(display: window.Display) -> tuple[int, ...]:
    glfw, handle = display.surface.glfw, display.surface.handle
    return (*glfw.get_window_pos(handle), *glfw.get_window_size(handle))


def test_a_monitor_that_goes_while_the_window_is_placed_does_not_end_the_show(placed, monkeypatch) -> None:
    display, look = placed("fullscreen")
    surface = display.surface
    before = surface._monitors
    with monkeypatch.context() as gone:  # what glfw does with the null pointer that it is given
        gone.setattr(surface.glfw, "get_video_mode", lambda monitor: ctypes.POINTER(ctypes.c_int)().contents)
        look()
    look()
    assert surface._monitors == before


def test_a_monitor_that_was_away_for_a_moment_is_filled_again(placed, wait_for) -> None:
    display, look = placed("fullscreen")
    glfw, handle = display.surface.glfw, display.surface.handle
    glfw.set_window_monitor(handle, None, 30, 40, 320, 240, 0)  # what glfw leaves of a full screen that was away
    wait_for(lambda: glfw.poll_events() or where(display)[2:] == (320, 240))
    look()
    wait_for(lambda: glfw.poll_events() or where(display) == (0, 0, 800, 600))
    assert glfw.get_window_monitor(handle)


def test_a_window_without_borders_that_was_moved_or_shrunk_is_put_back(placed, wait_for) -> None:
    display, look = placed("borderless")
    glfw, handle = display.surface.glfw, display.surface.handle
    wait_for(lambda: glfw.poll_events() or where(display) == (0, 0, 800, 600))
    glfw.set_window_size(handle, 320, 240)
    glfw.set_window_pos(handle, 30, 40)
    wait_for(lambda: glfw.poll_events() or where(display) == (30, 40, 320, 240))
    look()
    wait_for(lambda: glfw.poll_events() or where(display) == (0, 0, 800, 600))


def test_a_projector_that_comes_goes_and_changes_its_mode_or_place_is_filled(tmp_path, monkeypatch, wait_for) -> None:
    """On a real X server, whose monitors are changed by the tool that technicians use."""
    with sockets(tmp_path) as card:
        monkeypatch.setenv("DISPLAY", f":{card.number}")
        for mode in ("borderless", "fullscreen"):
            display = window.create(settings.Screen((400, 300), (100, 75), mode=mode), headless=False)
            try:
                fills(display, (0, 0, 800, 600), wait_for)
                card.plug("DUMMY1", "1024x768")
                fills(display, (800, 0, 1024, 768), wait_for)
                card.set("DUMMY1", "--mode", "640x480")
                fills(display, (800, 0, 640, 480), wait_for)
                card.set("DUMMY1", "--pos", "0x600")
                fills(display, (0, 600, 640, 480), wait_for)
                card.unplug("DUMMY1")
                fills(display, (0, 0, 800, 600), wait_for)
            finally:
                display.close()


def fills(display: window.Display, place: tuple[int, ...], wait_for) -> None:
    """The window comes to fill that place, frame by frame, and shows its picture there."""

    def shown() -> bool:
        display.surface._looked_s = 0.0
        display.show(np.full((75, 100, 4), [255, 128, 0, 255], np.uint8), Levels({}), 0.0)
        assert display.keys() == [] and not display.closed
        return where(display) == place

    wait_for(shown)
    assert display.read_now()[5, 5].tolist() == pytest.approx([255, 128, 0], abs=1)


def test_another_monitor_in_the_same_socket_is_filled_anew(placed, wait_for, monkeypatch) -> None:
    display, look = placed("borderless")
    (now,) = display.surface._monitors
    changed = dataclasses.replace(now, name="another", size=(640, 480))
    monkeypatch.setattr(desktop_room, "look", lambda glfw: (changed,))
    look()
    wait_for(lambda: display.surface.glfw.poll_events() or where(display) == (*changed.position, *changed.size))


def test_a_window_manager_that_has_other_ideas_is_not_fought_for_ever(placed, monkeypatch) -> None:
    display, look = placed("borderless")
    tries = []
    monkeypatch.setattr(display.surface, "_is_in_place", lambda: False)
    monkeypatch.setattr(display.surface, "_place", lambda: tries.append(1))
    for _ in range(20):
        look()
    assert 1 <= len(tries) <= 5


def test_monitors_are_asked_for_now_and_then_and_not_for_every_frame(placed, monkeypatch) -> None:
    display, _ = placed("borderless")
    looks, real = [], desktop_room.look
    monkeypatch.setattr(desktop_room, "look", lambda glfw: looks.append(1) or real(glfw))
    monkeypatch.setattr(desktop_room, "LOOK_EVERY_S", 3600.0)
    display.surface._looked_s = time.monotonic()
    for _ in range(20):
        display.keys()
    assert not looks


@pytest.fixture
def saver(desktop: str) -> Iterator[Callable[[], tuple[int, bool | None]]]:
    """saver(): after how many seconds it comes (0: never), and whether monitors may be put to sleep (None: no such)."""
    x11, ext = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXext.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(desktop.encode()))

    def ask() -> tuple[int, bool | None]:
        four, two, level, on = (ctypes.c_int * 4)(), (ctypes.c_int * 2)(), ctypes.c_uint16(), ctypes.c_ubyte()
        x11.XGetScreenSaver(display, *(ctypes.byref(four, 4 * i) for i in range(4)))
        if not ext.DPMSQueryExtension(display, ctypes.byref(two), ctypes.byref(two, 4)):
            return four[0], None
        ext.DPMSInfo(display, ctypes.byref(level), ctypes.byref(on))
        return four[0], bool(on.value)

    x11.XSetScreenSaver(display, 600, 600, 1, 1)
    if ask()[1] is not None:
        ext.DPMSEnable(display)
    yield ask
    x11.XCloseDisplay(display)


@pytest.mark.parametrize("mode", ["windowed", "borderless", "fullscreen"])
def test_no_screen_saver_comes_while_the_window_is_open_whatever_its_mode(saver, mode: str) -> None:
    before = saver()
    assert before[0] == 600
    display = window.create(settings.Screen((400, 300), (100, 75), mode=mode), headless=False)
    during = saver()
    display.close()
    assert during[0] == 0 and not during[1] and saver() == before


@pytest.mark.parametrize(
    ("layout", "names"),
    [("Russian", "иеьа"), ("Greek", "βτμφ"), ("Hebrew", "נאצכ"), ("Arabic", "") , ("US", "btmf"), ("Dvorak", "btmf")],
)  # fmt: skip
def test_the_keys_of_the_show_work_on_every_layout(placed, monkeypatch, layout: str, names: str) -> None:
    display, _ = placed("windowed")
    surface, glfw = display.surface, display.surface.glfw
    places = {"b": glfw.KEY_B, "t": glfw.KEY_T, "m": glfw.KEY_M, "f": glfw.KEY_F}
    if layout == "Dvorak":  # where the letters stand, for those who read them off the keys
        places = {"b": glfw.KEY_N, "t": glfw.KEY_K, "m": glfw.KEY_M, "f": glfw.KEY_Y}
    said = dict(zip(places.values(), names, strict=False))
    monkeypatch.setattr(glfw, "get_key_name", lambda key, scan: said.get(key))
    for key in places.values():
        surface._on_key(None, key, 0, glfw.PRESS, 0)
    assert [key.name for key in surface.heard.take()] == list(places) and surface.mode == "fullscreen"


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


def test_digits_and_letters_are_known_by_their_place_on_every_layout() -> None:
    glfw = SimpleNamespace(KEY_0=48, KEY_9=57, KEY_A=65, KEY_Z=90, **{f"KEY_{name}": -1 for name in gestures.NAMED})
    for key, said, name in ((49, "&", "1"), (66, "\u0438", "b"), (66, "b", "b"), (65, "q", "q"), (44, ",", ",")):
        glfw.get_key_name = lambda key, scan, said=said: said  # type: ignore[misc]
        assert gestures.name_of(glfw, key, 0) == name


def test_a_window_that_cannot_be_opened_says_what_to_do(desktop: str, monkeypatch) -> None:
    import glfw

    monkeypatch.setattr(glfw, "create_window", lambda *_: None)
    try:
        with pytest.raises(DisplayError, match="update the graphics driver or use --headless"):
            window.create(settings.Screen((400, 300), (100, 75)), headless=False)
    finally:
        glfw.terminate()  # else this whole process ends with the display


def test_where_nothing_sleeps_nothing_is_kept_awake(monkeypatch) -> None:
    def none(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(awake.ctypes, "CDLL", none)
    monkeypatch.setenv("DISPLAY", ":77")
    awake.Awake().close()
    monkeypatch.undo()
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(awake.ctypes, "CDLL", lambda name: pytest.fail("there is no display to ask"))
    awake.Awake().close()


def test_without_any_opengl_it_is_said_what_was_tried_and_what_to_install(monkeypatch) -> None:
    tried: list[dict[str, object]] = []

    def none(**how: object) -> None:
        tried.append(how)
        raise Exception("no such library")

    monkeypatch.setattr(surfaces.moderngl, "create_context", none)
    with pytest.raises(DisplayError, match=r"(egl: no such library; ){2}X11: no such library.*apt install"):
        surfaces.open_headless()
    assert len(tried) == 3 and "no OpenGL 3.3 context" in surfaces.gl_info()["missing"]


def test_a_monitor_that_says_nothing_of_itself_has_no_identity(tmp_path) -> None:
    (tmp_path / "card0-DP-1" / "edid").mkdir(parents=True)  # what cannot be read
    (tmp_path / "card0-DP-2").mkdir()
    (tmp_path / "card0-DP-2" / "edid").touch()
    assert edid.identities(tmp_path) == {}


def test_a_window_that_was_shrunk_to_nothing_still_says_where_the_mouse_is() -> None:
    glfw = SimpleNamespace(
        MOUSE_BUTTON_LEFT=0,
        PRESS=1,
        set_mouse_button_callback=lambda *_: None,
        set_cursor_pos_callback=lambda *_: None,
        get_cursor_pos=lambda handle: (3.0, 4.0),
        get_window_size=lambda handle: (0, 0),
    )
    heard = gestures.Gestures(glfw, None)
    heard._on_button(None, 0, 1, 0)
    assert heard.take() == [gestures.Pointer("press", 3.0, 4.0)]


def test_the_first_window_draws_with_its_own_textures(placed) -> None:
    display, _ = placed("windowed")
    texture = display.canvas.context.texture((4, 4), 4)
    assert display.surface._mine(texture) is texture


def test_a_code_is_shown_however_small_the_screen_is(open_stage) -> None:
    display = open_stage().display
    display.put_up("http://127.0.0.1:8000/?token=a-long-enough-one")
    assert display._code is not None and min(display._code.shape[:2]) > 20
