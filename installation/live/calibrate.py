"""A show's screen in; its wall fitted by hand or by a camera, and saved as a venue, out. No show runs meanwhile."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import numpy as np

from installation import plugins
from installation.clock import StepClock, WallClock
from installation.live.displays import has_display
from installation.settings import Screen, SettingsError, open_show
from installation.signals import CameraFrame, Levels

if TYPE_CHECKING:
    from installation.rendering.wall.venue import Venue
    from installation.rendering.window import Display

SETTLE_S = 0.35  # from a pattern to a camera's picture of it: exposures and cables take their time
FRAMES = 4  # of a camera, whose mean has half the noise
PATIENCE_S = 20.0  # for a camera to send anything


Clock = WallClock | StepClock


class Camera(Protocol):
    def read(self, now_s: float) -> CameraFrame | None: ...


def main(options: Namespace) -> int:
    """`installation calibrate`: windows on the projectors, a test pattern, handles; or a camera does it."""
    from installation.rendering import window

    screen = screen_of(options)
    if not (options.headless or has_display()):
        raise SettingsError("calibrate needs a display: run it at the machine that the projectors are plugged into")
    with ExitStack() as closing:
        display = window.create(screen, headless=options.headless, venue=_start(options, screen))
        closing.callback(display.close)
        display.calibrate(pattern="grid" if len(display.venue.outputs) == 1 else "names")
        clock = WallClock()
        if options.camera is not None:
            camera = plugins.load("inputs", "camera")
            opened = camera.create(camera.Settings(device=options.camera, mirror=False))
            closing.callback(opened.close)
            opened.start()
            display.apply(fit_by_camera(display, opened, clock))
        play(display, clock, screen.fps, options.seconds)
        print(_say(display))
    return 0


def screen_of(options: Namespace) -> Screen:
    """The show's screen as the command line changes it."""
    screen = open_show(options.show).screen
    asked = {"venue": options.venue, "monitor": options.monitor, "size": options.size}
    asked["mode"] = "windowed" if options.windowed else None
    return dataclasses.replace(screen, **{name: value for name, value in asked.items() if value is not None})


def _start(options: Namespace, screen: Screen) -> Venue | None:
    """What to begin with: so many projectors anew, a new venue of one, or (None) the venue that is there."""
    from installation import files
    from installation.rendering.wall.keeping import CALIBRATION
    from installation.rendering.wall.layouts import side_by_side
    from installation.rendering.wall.venue import Venue

    if options.projectors:
        columns, rows = options.projectors
        return side_by_side(columns, rows, options.overlap)
    if screen.venue and files.find(CALIBRATION, f"{screen.venue}.toml") is None:
        return Venue()
    return None


def play(display: Display, clock: Clock, fps: float, seconds: float = 0.0) -> None:
    """Until c, esc or the time is over. b and t are switches as in a show."""
    levels, began_s = Levels({}), clock.now_s()
    while display.calibrating and not display.closed:
        for key in display.keys():  # noqa: SIM118 (presses since the last call, not a mapping)
            if key == "b":
                levels = dataclasses.replace(levels, blackout=not levels.blackout)
            elif key == "t":
                levels = dataclasses.replace(levels, test_card=not levels.test_card)
        now_s = clock.now_s()
        if 0 < seconds <= now_s - began_s:
            return
        display.show(None, levels, now_s)
        clock.wait_until(now_s + 1 / fps)


def fit_by_camera(display: Display, camera: Camera, clock: Clock) -> Venue:
    """Show stripes, one projector after the other, and fit all of them by what the camera saw; its pictures are not
    kept. Raises UnseenError, see `looking.look`, and SettingsError for a camera that sends nothing."""
    from installation.rendering.wall import gray, looking

    seen, aspect = [], 1.0
    for number in range(len(display.venue.outputs)):
        print(f"The camera looks at projector {display.venue.name_of(number)}: stay out of its light.", flush=True)
        pictures = list(photographs(display, camera, clock, number))
        aspect = pictures[0].shape[1] / pictures[0].shape[0]
        seen.append(gray.decode(pictures))
    view = looking.look(seen, aspect)
    return looking.fit(display.venue, view, display.screen.size[0] / display.screen.size[1])


def photographs(display: Display, camera: Camera, clock: Clock, number: int) -> Iterator[np.ndarray]:
    """The camera's picture of each of a projector's stripe patterns [shape=(h, w), 0..1, float32]."""
    from installation.rendering.wall import gray

    for stripes in gray.stripes(display.beams.size_of(number)):
        rgba = np.dstack([stripes, stripes, stripes, np.full_like(stripes, 255)])[::-1]
        yield _photograph(display, camera, clock, number, np.ascontiguousarray(rgba))


def _photograph(display: Display, camera: Camera, clock: Clock, number: int, rgba: np.ndarray) -> np.ndarray:
    """The mean of a few frames that are newer than the pattern."""
    taken: list[np.ndarray] = []
    shown_s = clock.now_s()
    while len(taken) < FRAMES:
        now_s = clock.now_s()
        display.show_alone(number, rgba, now_s)
        display.keys()
        if display.closed:
            raise SettingsError("the window was closed before the camera had seen all")
        if now_s - shown_s > PATIENCE_S:
            raise SettingsError("the camera sends no picture: `installation doctor` lists the cameras that there are")
        frame = camera.read(now_s)
        if frame is not None and frame.time_s > shown_s + SETTLE_S:
            taken.append(frame.rgb.astype("f4").mean(-1) / 255)
        clock.wait_until(now_s + 0.01)
    return np.mean(taken, axis=0)


def _say(display: Display) -> str:
    """What became of it: the file, or that nothing was saved."""
    calibrating = display.calibrating or display.calibrated
    if calibrating is None or not calibrating.is_saved:
        return "The wall was not saved (s saves it)."
    also = "" if calibrating.name else " Every show that names no venue is shown by it."
    return f"Saved as {calibrating.path}.{also}"
