"""`installation calibrate`: the wall fitted without a show, by hand and by a camera, and there at the next start."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from simulated import Room

from installation.__main__ import parser
from installation.clock import StepClock
from installation.live import calibrate, opening, options
from installation.rendering import window
from installation.rendering.gestures import Key
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.dragging import KEYS
from installation.rendering.wall.layouts import side_by_side
from installation.rendering.wall.looking import UnseenError
from installation.rendering.wall.venue import Venue
from installation.settings import Screen, SettingsError
from installation.signals import CameraFrame, Levels

SIZE = (640, 360)
ONE = np.array([[0.12, 0.15], [0.85, 0.08], [0.18, 0.82], [0.8, 0.93]])
TWO = [
    np.array([[0.06, 0.2], [0.56, 0.17], [0.07, 0.78], [0.55, 0.83]]),
    np.array([[0.42, 0.19], [0.95, 0.22], [0.44, 0.84], [0.93, 0.76]]),
]


@pytest.fixture
def away(tmp_path: Path, monkeypatch) -> Path:
    """A folder of its own to work in, with nobody's walls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "calibration").mkdir()
    return tmp_path


class Watching:
    """A camera in a simulated room, which sees what the display presented a little before."""

    def __init__(self, room: Room, display: window.Display) -> None:
        self.room, self.display, self.number = room, display, 0
        self.before: list[np.ndarray] = []

    def read(self, now_s: float) -> CameraFrame | None:
        self.number += 1
        if self.number % 2:  # slower than the display
            return None
        shows = [frame.read_now()[..., 1] for frame in self.display.beams.frames]
        late, self.before = self.before or shows, shows
        grey = self.room.see(late)
        rgb = np.round(np.repeat(grey[..., None], 3, 2) * 255).astype(np.uint8)
        return CameraFrame(rgb, now_s - 0.01, self.number)


@pytest.fixture
def display(away: Path) -> Iterator[window.Display]:
    opened = window.create(Screen(SIZE, (64, 36), venue=""), headless=True, venue=Venue())
    yield opened
    opened.close()


def test_a_camera_fits_the_wall_that_it_looks_at_and_no_picture_of_it_is_kept(display, away: Path) -> None:
    room = Room([ONE], frame=SIZE)
    venue = calibrate.fit_by_camera(display, Watching(room, display), StepClock(8.0))
    corners = meshes.corners_of(venue.outputs[0].mesh)
    wall = meshes.through(np.linalg.inv(room.to_frame(0)), corners)
    should = np.array(
        [[x, y] for y in (wall[:2, 1].mean(), wall[2:, 1].mean()) for x in (wall[::2, 0].mean(), wall[1::2, 0].mean())]
    )
    assert np.abs((corners - meshes.through(room.to_frame(0), should)) * SIZE).max() < 1.0
    assert [path for path in away.rglob("*") if path.is_file()] == []
    display.apply(venue)
    display.show(np.full((36, 64, 4), 255, np.uint8), Levels({}), 99.0)
    assert display.read_now()[5, 5].max() == 0 and display.read_now()[180, 320].min() == 255


def test_a_camera_fits_two_projectors_one_after_the_other(display) -> None:
    display.apply(side_by_side(2, 1, 0.25))
    display.show(None, Levels({}), 0.0)
    room = Room(TWO, frame=SIZE)
    venue = calibrate.fit_by_camera(display, Watching(room, display), StepClock(8.0))
    corners = [
        meshes.through(np.linalg.inv(room.to_frame(n)), meshes.corners_of(output.mesh)) * (640, 360)
        for n, output in enumerate(venue.outputs)
    ]
    assert np.abs(corners[0][[0, 2], 1] - corners[1][[1, 3], 1]).max() < 0.6
    assert venue.outputs[0].blend.right.width == pytest.approx(0.25, abs=1e-5)


def test_a_camera_that_sends_nothing_is_told(display) -> None:
    class Silent:
        def read(self, now_s: float) -> None:
            return None

    with pytest.raises(SettingsError, match="sends no picture"):
        calibrate.fit_by_camera(display, Silent(), StepClock(8.0))


def test_closing_the_window_while_the_camera_looks_ends_it(display) -> None:
    class Watched(Watching):
        def read(self, now_s: float) -> CameraFrame | None:
            display.surface.closed = self.number > 20
            return super().read(now_s)

    with pytest.raises(SettingsError, match="the window was closed"):
        calibrate.fit_by_camera(display, Watched(Room([ONE], frame=SIZE), display), StepClock(8.0))


def test_a_camera_that_looks_elsewhere_is_told(display) -> None:
    with pytest.raises(UnseenError, match="does not see projector 1"):
        calibrate.fit_by_camera(display, Watching(Room([ONE * 0.01 + 3], frame=SIZE), display), StepClock(8.0))


def strike(opened: window.Display, *keys: str) -> None:
    """These keys, one a frame."""
    waiting = [[(0, Key(key))] for key in keys]
    opened.beams.gestures = lambda: waiting.pop(0) if waiting else []  # type: ignore[method-assign]


def test_c_ends_it_and_what_was_saved_is_said(display, away: Path) -> None:
    display.calibrate()
    strike(display, "right", "b", "b", "s", "c")
    calibrate.play(display, StepClock(30.0), 30.0)
    assert "Saved as calibration/here.toml. Every show that names no venue" in calibrate._say(display)
    assert tomllib.loads((away / "calibration/here.toml").read_text())["version"] == 1


def test_what_was_not_saved_is_said_too(display) -> None:
    display.calibrate()
    strike(display, "s", "right", "c")
    calibrate.play(display, StepClock(30.0), 30.0)
    assert "not saved" in calibrate._say(display)


def test_blackout_is_a_switch_here_too(display) -> None:
    display.calibrate()
    strike(display, "b")
    calibrate.play(display, StepClock(30.0), 30.0, seconds=0.2)
    assert display.read_now().max() == 0
    calibrate.play(display, StepClock(30.0), 30.0, seconds=0.2)
    assert display.read_now().max() > 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--projectors", "2x1", "--overlap", "0.1"], (2, 0.1)),
        (["--venue", "new"], (1, 0.0)),
    ],
)
def test_the_command_begins_with_what_was_asked_for(away: Path, words: list[str], expected: tuple[int, float]) -> None:
    asked = parser().parse_args(["calibrate", *words])
    venue = calibrate._start(asked, calibrate.screen_of(asked))
    assert venue is not None and len(venue.outputs) == expected[0]
    assert venue.outputs[0].blend.right.width == pytest.approx(expected[1], abs=1e-5)
    assert calibrate._start(parser().parse_args(["calibrate"]), Screen()) is None


@pytest.mark.parametrize("words", ["--projectors 9x9", "--projectors 0x2", "--projectors two", "--overlap 0.7"])
def test_what_cannot_be_asked_for_is_refused_in_one_line(words: str, capsys) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["calibrate", *words.split()])
    assert "error: argument" in capsys.readouterr().err


def test_help_tells_every_key(capsys) -> None:
    for command, words in (("live", options.KEYS), ("calibrate", options.WALL_KEYS)):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert " ".join(words.split()) in told
    told = {key for line in options.WALL_KEYS.splitlines()[1:] for key in line[:18].split()}
    assert set(KEYS) - {"=", "_"} <= told and "c fit the wall" in options.KEYS


def test_a_show_is_played_on_another_wall_than_its_own() -> None:
    show, _ = opening.prepare(options.parse("--headless", "--seconds", "1", "--venue", "hall"))
    assert show.screen.venue == "hall"


@pytest.mark.parametrize("how", ["--headless", "--windowed"])
def test_the_program_itself_fits_a_wall(away: Path, desktop: str, how: str) -> None:
    line = [sys.executable, "-m", "installation", "calibrate", how, "--seconds", "0.1", "--projectors", "2x1"]
    answer = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0 and "not saved" in answer.stdout, answer.stderr
