"""The newest drawing and the desk's levels in; light out of the projector, master and blackout last."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

import numpy as np

from installation import settings
from installation.rendering.canvas import Canvas, Target
from installation.rendering.desktop import Window
from installation.rendering.gestures import Key
from installation.rendering.guard import Guard
from installation.rendering.monitors import DisplayError, monitors
from installation.rendering.readback import Whole
from installation.rendering.stopwatch import Stopwatch
from installation.rendering.surfaces import Headless, gl_info
from installation.rendering.wall import patterns
from installation.rendering.wall.afar import Afar
from installation.rendering.wall.beams import Beams, wishes_of
from installation.rendering.wall.calibrating import Calibrating
from installation.rendering.wall.keeping import CALIBRATION, read_venue
from installation.rendering.wall.venue import Venue
from installation.signals import Levels

__all__ = ["Display", "DisplayError", "create", "gl_info", "monitors"]


def create(
    screen: settings.Screen, headless: bool = False, calibration: Path = CALIBRATION, venue: Venue | None = None
) -> Display:
    """Open the window (or none), for a venue that is not yet saved or for the one that the screen names.

    Raises SettingsError for a venue that is not there, or DisplayError, at once.
    """
    venue = venue or read_venue(screen.venue, calibration)
    surface = Headless() if headless else Window(screen, wishes_of(screen, venue)[:1])
    try:
        return Display(surface, screen, venue, calibration)
    except BaseException:
        surface.close()
        raise


log = logging.getLogger("installation.rendering")


class Display:
    """What stands between every picture and the wall: flash limiter, the fit to the wall, then master and blackout.

    Nothing here depends on what paints and draws: a frame costs the same whatever that does, and is black in the very
    frame that it was asked for.
    """

    def __init__(self, surface: Window | Headless, screen: settings.Screen, venue: Venue, folder: Path) -> None:
        self.surface, self.screen = surface, screen
        self.canvas = canvas = Canvas(surface.context)
        self.guard = Guard(canvas) if screen.flash_limiter else None
        self.card = canvas.own_program("card")
        self.beams = Beams(surface, canvas, screen, self._seen(venue), folder)
        self.venue = venue  # as it is in its file, or would be
        self.calibrating: Calibrating | None = None
        self.calibrated: Calibrating | None = None  # what the last spell of it left
        self.afar = Afar(self, folder)
        self._folder = folder
        self._wished: Venue | None = None
        self.timings: dict[str, float] = {}
        self._stopwatch = None if canvas.software else Stopwatch(canvas.context)
        self._frames: list[Target] = []  # for drawings, by turns: the limiter looks at the one before too
        self._hung: Target | None = None  # the newest of them
        self._hanging: np.ndarray | None = None  # whose pixels it has
        self._drawn_card: Target | None = None
        self._code: np.ndarray | None = None  # that the card bears
        self._words = ""  # the same in letters
        self._shown: Target | None = None  # what was presented last, before master
        self._read: np.ndarray | None = None  # of this frame, for whoever else asks

    def apply(self, venue: Venue) -> None:
        """Light the wall by another venue from the next frame on. May be called by any thread."""
        self._wished = venue

    def _fit(self) -> None:
        """Do as was wished last; what cannot be shown leaves the wall as it was, and is said."""
        venue, self._wished = self._wished, None
        if venue is None or venue == self.venue:
            return
        try:
            self.beams.fit(self._seen(venue))
            self.venue = venue
            if self.calibrating:
                self.calibrating.take(venue)
        except (settings.SettingsError, DisplayError) as error:
            log.warning("the wall stays as it was: %s", error)

    def _seen(self, venue: Venue) -> Venue:
        return venue.mirrored() if self.screen.mirror else venue

    @property
    def flashes_limited(self) -> int:
        return self.guard.limiter.limited if self.guard else 0

    @property
    def closed(self) -> bool:
        return self.beams.closed

    @property
    def busy_s(self) -> float:
        """Seconds that a GPU drew on one of the last frames, as it says itself; 0 where a processor draws."""
        return self._stopwatch.newest_s if self._stopwatch else 0.0

    @property
    def waited_s(self) -> float:
        """Seconds of the last frame in which nothing was done but waiting for the screen (vsync)."""
        return self.surface.waited_s

    def show(self, rgba: np.ndarray | None, levels: Levels, now_s: float) -> None:
        """Present one frame: a drawing [shape=(H, W, 4), uint8, row 0 at the bottom], None before the first.

        The same array again is the same drawing. Blackout is black in this very frame.
        """
        began_s = time.perf_counter()
        self._fit()
        self._read = None
        level = 0.0 if levels.blackout else levels.master
        fits = self.calibrating is not None and not levels.test_card
        pattern = self.calibrating.picture(self.screen.size) if self.calibrating and fits else None
        with self._stopwatch or contextlib.nullcontext():
            if level <= 0.0:
                self._go_dark(now_s)
            elif levels.test_card:
                self._present(self._draw_card(now_s), level, now_s, fitted=False)
            else:
                held = self._shown if levels.freeze and not fits else None
                self._present(held or self._hang(rgba if pattern is None else pattern), level, now_s)
            if self.calibrating and fits and level > 0.0:
                self.beams.draw_over(self._handles(self.calibrating), level)
        presented_s = time.perf_counter()
        self.beams.present()
        self.timings = {"present": (presented_s - began_s) * 1e3, "total": (time.perf_counter() - began_s) * 1e3}

    def show_alone(self, number: int, rgba: np.ndarray, now_s: float) -> None:
        """Present a drawing, see `show`, by one projector as it stands, all others black: what a camera looks at."""
        picture, level = self._hang(rgba), 1.0
        assert picture is not None
        if self.guard:
            picture, level = self.guard.limit(picture, self._shown, level, now_s)
        self._shown = picture
        pixels = rgba if picture is self._hung else Whole().read_rgba(picture.framebuffer)
        self.beams.draw_alone(number, picture, pixels, level)
        self.beams.present()

    def _handles(self, calibrating: Calibrating) -> list[np.ndarray]:
        return [calibrating.over(number, self.beams.size_of(number)) for number in range(len(self.beams.frames))]

    def _go_dark(self, now_s: float) -> None:
        self.beams.clear()
        if self.guard:
            self.guard.go_dark(now_s)

    def _hang(self, rgba: np.ndarray | None) -> Target | None:
        """The drawing as a texture, uploaded once."""
        if rgba is None or rgba is self._hanging:
            return self._hung
        size = (rgba.shape[1], rgba.shape[0])
        free = [frame for frame in self._frames if frame is not self._hung and frame is not self._shown]
        frame = next((one for one in free if one.size == size), None)
        if frame is None:
            for one in free:  # of a size that is drawn no more
                self._frames.remove(one)
                one.release()
            frame = Target(self.canvas.context, size)
            self._frames.append(frame)
        frame.texture.write(rgba)
        self._hung, self._hanging = frame, rgba
        return frame

    def _present(self, picture: Target | None, level: float, now_s: float, fitted: bool = True) -> None:
        """Flash limiter, warp and scale, and the master last: there is no other way to the wall."""
        if picture is None:
            self.beams.clear()
            return
        if self.guard:
            picture, level = self.guard.limit(picture, self._shown, level, now_s)
        self._shown = picture
        self.beams.draw(picture, self._hanging if picture is self._hung else None, level, fitted)

    def _draw_card(self, now_s: float) -> Target:
        """The test card at the projector's own size, so that its lines are single pixels."""
        if self._drawn_card is None:
            self._drawn_card = Target(self.canvas.context, self.screen.size)
        self.card.set("master", 1.0)
        self.card.set("size", tuple(map(float, self.screen.size)))
        self.card.set("time_s", now_s % 3600.0)
        self.card.draw(self._drawn_card.framebuffer)
        if self._code is not None:
            high, wide = self._code.shape[:2]
            at = (self.screen.size[0] - wide - wide // 4, wide // 4)
            self._drawn_card.texture.write(self._code, viewport=(*at, wide, high))
        return self._drawn_card

    def put_up(self, words: str) -> None:
        """Let the test card, and the pattern `names`, bear words as a code to scan; a third of the card high."""
        code = patterns.code(words)
        self._words = words
        times = max(1, min(self.screen.size) // 3 // len(code))
        grey = np.kron(code[::-1], np.ones((times, times), np.uint8))
        self._code = np.dstack([grey, grey, grey, np.full_like(grey, 255)])

    def calibrate(self, pattern: str = "grid") -> None:
        """Begin to fit the wall by keys and mouse, over a test pattern, or go on with it."""
        self.calibrating = (
            self.calibrated.resume(self.venue, pattern, self._words)
            if self.calibrated
            else Calibrating(self.venue, self.screen.venue, self._folder, pattern, self._words)
        )
        self.beams.point(True)

    def show_on(self) -> None:
        """End fitting the wall, and show what the show shows. What was not saved stays until the show ends."""
        self.calibrated, self.calibrating = self.calibrating, None
        self.beams.point(False)

    def keys(self) -> list[str]:
        """Keys pressed since the last call: esc, f, t, b, m, 1 to 9. f has been acted on already; c begins and ends
        fitting the wall, and meanwhile other keys belong to that."""
        heard = []
        for number, gesture in self.beams.gestures():
            name = gesture.name if isinstance(gesture, Key) and not gesture.again else ""
            if name == "c":
                self.show_on() if self.calibrating else self.calibrate()
            elif self.calibrating:
                before = self.calibrating.venue
                heard.append(self.calibrating.hear(number, gesture, self.beams))
                if self.calibrating.venue != before:
                    self.apply(self.calibrating.venue)
            else:
                heard.append(name)
        return [name for name in heard if name]

    def read(self) -> np.ndarray:
        """The newest picture or the one before [shape=(H, W, 3), uint8, row 0 on top], without waiting for a GPU.

        As it is shown, master and blackout last, but not fitted to the wall: for films and other software. It never
        changes later, and is read once a frame however many ask.
        """
        if self._read is None:
            self._read = self.beams.read()
        return self._read

    def read_now(self) -> np.ndarray:
        """The newest frame [shape=(H, W, 3), uint8, row 0 on top], waited for."""
        return self.beams.read_now()

    def close(self) -> None:
        self.beams.close()
