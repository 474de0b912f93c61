"""Several projectors of one show: each its own window, on its own monitor, with its own piece of one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageGrab

from installation import settings
from installation.rendering import edid, window
from installation.rendering.gestures import Key, Pointer
from installation.rendering.monitors import Monitor, Wish, share_out
from installation.rendering.wall.keeping import write_venue
from installation.rendering.wall.venue import Mesh, Output, Venue
from installation.signals import Levels

TWO = Venue((Output("left", source=(0, 0, 0.5, 1)), Output("right", source=(0.5, 0, 0.5, 1))))
RED_AND_BLUE = np.zeros((64, 128, 4), np.uint8)
RED_AND_BLUE[:, :64], RED_AND_BLUE[:, 64:] = (255, 0, 0, 255), (0, 0, 255, 255)


def monitor(name: str, said: str = "") -> Monitor:
    return Monitor(name, (800, 600), (0, 0), 60, said)


PANEL, LEFT, RIGHT = monitor("eDP-1"), monitor("DP-1", "EPS-1"), monitor("HDMI-1", "EPS-2")


@pytest.mark.parametrize(
    ("wishes", "there", "given"),
    [
        ([Wish(), Wish()], [PANEL, LEFT, RIGHT], [2, 1]),
        ([Wish("DP-1"), Wish("HDMI-1")], [PANEL, LEFT, RIGHT], [1, 2]),
        ([Wish("HDMI"), Wish()], [PANEL, LEFT, RIGHT], [2, 1]),
        ([Wish(), Wish("2")], [PANEL, LEFT, RIGHT], [1, 2]),
        ([Wish("DP-1", "EPS-2"), Wish("HDMI-1", "EPS-1")], [PANEL, LEFT, RIGHT], [2, 1]),
        ([Wish("DP-1", "EPS-9"), Wish()], [PANEL, LEFT, RIGHT], [1, 2]),
        ([Wish("DP-7"), Wish("DP-1")], [PANEL, LEFT, RIGHT], [2, 1]),
        ([Wish(), Wish(), Wish()], [PANEL, LEFT, RIGHT], [2, 1, 0]),
        ([Wish("DP-1"), Wish("DP-1")], [LEFT], [0, 0]),
        ([Wish(), Wish()], [], []),
    ],
)
def test_every_projector_gets_its_monitor(wishes: list[Wish], there: list[Monitor], given: list[int]) -> None:
    assert share_out(wishes, there) == given


def said_by(maker: str, product: int, serial: int, name: str = "", number: str = "") -> bytes:
    block = bytearray(128)
    block[:8] = edid.HEADER
    packed = sum((ord(c) - 64) << shift for c, shift in zip(maker, (10, 5, 0), strict=True))
    block[8:16] = packed.to_bytes(2, "big") + product.to_bytes(2, "little") + serial.to_bytes(4, "little")
    for at, kind, words in ((72, edid.NAME, name), (90, edid.SERIAL, number)):
        if words:
            block[at : at + 18] = bytes([0, 0, 0, kind, 0]) + f"{words}\n".ljust(13).encode()
    block[127] = -sum(block) % 256
    return bytes(block)


def test_a_projector_is_known_by_what_it_says_of_itself_wherever_it_is_plugged_in(tmp_path: Path) -> None:
    for connector, content in (
        ("card0-DP-1", said_by("EPS", 0xA12, 7, "EPSON PJ", "X12 34")),
        ("card1-HDMI-A-2", said_by("BNQ", 1, 2)),
        ("card1-DP-3", b""),
        ("card1-DP-4", b"\x00" * 128),
    ):
        (tmp_path / connector).mkdir()
        (tmp_path / connector / "edid").write_bytes(content)
    found = edid.identities(tmp_path)
    assert found["DP-1"] == "EPS-0A12-00000007 EPSON PJ X12 34"
    assert found["HDMI-2"] == found["HDMI-A-2"] == "BNQ-0001-00000002" and set(found) == {"DP-1", "HDMI-2", "HDMI-A-2"}
    assert edid.identities(tmp_path / "nothing") == {}


def test_an_edid_that_was_read_wrong_is_none() -> None:
    good = said_by("EPS", 0xA12, 7)
    assert edid.identity(good) and not edid.identity(good[:100])
    assert not any(edid.identity(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :]) for i in range(0, 128, 7))


@pytest.fixture
def opened(desktop: str, tmp_path: Path) -> Iterator[Callable[[Venue], window.Display]]:
    """opened(venue): a display in windows of 300 x 200 px."""
    displays = []

    def open_one(venue: Venue) -> window.Display:
        write_venue("hall", venue, tmp_path)
        screen = settings.Screen((300, 200), (128, 64), venue="hall", mode="windowed", flash_limiter=False)
        displays.append(window.create(screen, headless=False, calibration=tmp_path))
        return displays[-1]

    yield open_one
    for display in displays:
        display.close()


def spread(display: window.Display) -> None:
    """Beside each other, where a test can see all of them."""
    for n, one in enumerate(display.beams.windows):
        one.glfw.set_window_pos(one.handle, 20 + 340 * n, 40)


def colours(desktop: str, display: window.Display) -> list[list[int]]:
    """What is seen in the middle of each window."""
    screen = np.asarray(ImageGrab.grab(xdisplay=desktop).convert("RGB")).astype(int)
    places = [one.glfw.get_window_pos(one.handle) for one in display.beams.windows]
    return [screen[y + 100, x + 150].tolist() for x, y in places]


def shown(display: window.Display, **levels: bool) -> None:
    for n in range(3):
        display.show(RED_AND_BLUE, Levels({}, **levels), n / 30)
        display.keys()


def test_each_window_shows_its_own_piece_of_the_picture(opened, desktop: str) -> None:
    display = opened(TWO)
    spread(display)
    shown(display)
    assert colours(desktop, display) == [[255, 0, 0], [0, 0, 255]]
    shown(display, blackout=True)
    assert colours(desktop, display) == [[0, 0, 0], [0, 0, 0]]


def test_windows_come_and_go_with_the_projectors_while_the_show_runs(opened, desktop: str) -> None:
    display = opened(Venue())
    for venue, expected in (
        (TWO, [[255, 0, 0], [0, 0, 255]]),
        (Venue(TWO.outputs[1:]), [[0, 0, 255]]),
        (Venue(TWO.outputs[::-1]), [[0, 0, 255], [255, 0, 0]]),
    ):
        display.apply(venue)
        shown(display)
        spread(display)
        shown(display)
        assert colours(desktop, display) == expected and not display.closed


def test_a_wall_that_is_fitted_anew_is_seen_in_its_window(opened, desktop: str) -> None:
    display = opened(TWO)
    spread(display)
    half = Mesh(points=((0.0, 0.6), (1.0, 0.6), (0.0, 1.0), (1.0, 1.0)))
    display.apply(TWO.replaced(1, mesh=half))
    shown(display)
    assert colours(desktop, display) == [[255, 0, 0], [0, 0, 0]]


def test_whoever_closes_one_of_the_windows_ends_the_show(opened) -> None:
    display = opened(TWO)
    other = display.beams.windows[1]
    other.glfw.set_window_should_close(other.handle, True)
    display.keys()
    assert display.closed


def test_keys_and_mouse_are_heard_from_every_window(opened) -> None:
    display = opened(TWO)
    glfw = display.surface.glfw
    first, second = display.beams.windows
    second._on_key(None, glfw.KEY_LEFT, 0, glfw.PRESS, glfw.MOD_SHIFT)
    second._on_key(None, glfw.KEY_LEFT, 0, glfw.REPEAT, 0)
    first._on_key(None, glfw.KEY_B, 0, glfw.REPEAT, 0)
    first._on_key(None, glfw.KEY_B, 0, glfw.RELEASE, 0)
    first.heard._on_move(None, 10, 10)
    first.heard._on_button(None, glfw.MOUSE_BUTTON_LEFT, glfw.PRESS, 0)
    for x in (30, 60, 75):
        first.heard._on_move(None, x, 50)
    first.heard._on_button(None, glfw.MOUSE_BUTTON_LEFT, glfw.RELEASE, 0)
    heard = display.beams.gestures()
    assert [one for n, one in heard if n == 1] == [Key("left", True), Key("left", False, True)]
    press, move, release = (one for n, one in heard if n == 0)
    assert (press.kind, release.kind) == ("press", "release") and move == Pointer("move", 0.25, 0.25)
