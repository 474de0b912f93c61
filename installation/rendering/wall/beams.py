"""One picture in; what each projector of a venue makes of it out, to its own window."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from installation.rendering import projection
from installation.rendering.canvas import Canvas, Target
from installation.rendering.desktop import Window
from installation.rendering.gestures import Gesture
from installation.rendering.monitors import Wish
from installation.rendering.surfaces import Headless
from installation.rendering.wall import light
from installation.rendering.wall.venue import Size, Venue
from installation.settings import Screen


class Beams:
    """Every projector's frame. All are made of one texture of the picture, in the one GL context of the first window.

    What is read back for films and other software is the whole picture, not fitted to any wall.
    """

    def __init__(self, surface: Window | Headless, canvas: Canvas, screen: Screen, venue: Venue, folder: Path) -> None:
        self.surface, self.canvas, self.screen = surface, canvas, screen
        self.venue = venue
        self.windows: list[Window] = [surface] if isinstance(surface, Window) else []
        self._folder = folder
        self.frames: list[projection.Projection] = []
        self._sizes: list[Size] = []
        self._whole: projection.Projection | None = None  # for whoever reads, where no frame is just that
        self._drawn: tuple[Target, np.ndarray | None, float, bool] | None = None
        self.fit(venue)

    def fit(self, venue: Venue) -> None:
        """From now on light the wall as this venue says. Raises SettingsError, and changes nothing, where it cannot.

        Windows are opened and closed as projectors come and go. Raises DisplayError where one cannot be opened.
        """
        frames, sizes = [], [_size_of(output.size, self.screen) for output in venue.outputs]
        for output, size in zip(venue.outputs, sizes, strict=True):
            light.mask_of(output, size, self._folder)  # what may fail, before anything is changed
        self._open(venue)
        for number, (output, size) in enumerate(zip(venue.outputs, sizes, strict=True)):
            fits = number < len(self.frames) and self._sizes[number] == size
            frame = self.frames[number] if fits else projection.create(self.canvas, size, folder=self._folder)
            if not (fits and output == self.venue.outputs[number]):
                frame.fit(output)
            frames.append(frame)
        self.frames, self._sizes, self.venue = frames, sizes, venue

    def _open(self, venue: Venue) -> None:
        """As many windows as there are outputs, each told which monitor it is for."""
        if not isinstance(self.surface, Window):
            return
        wishes = wishes_of(self.screen, venue)
        while len(self.windows) > len(wishes):
            self.windows.pop().close()
        while len(self.windows) < len(wishes):
            number = len(self.windows)
            screen = dataclasses.replace(self.screen, size=_size_of(venue.outputs[number].size, self.screen))
            self.windows.append(Window(screen, wishes, number, first=self.surface))
        for window in self.windows:
            window.want(wishes)

    def clear(self) -> None:
        """Black, all of them."""
        self._drawn = None
        for frame in self.frames:
            frame.clear()

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, fitted: bool = True) -> None:
        """Fill every frame with its piece of a picture, see `Projection.draw`."""
        self._drawn = picture, pixels, level, fitted
        for frame in self.frames:
            frame.draw(picture, pixels, level, fitted)

    def draw_alone(self, number: int, picture: Target, pixels: np.ndarray, level: float) -> None:
        """Fill one frame with a picture as it stands; all others are black."""
        self.clear()
        self.frames[number].draw(picture, pixels, level, fitted=False)

    def size_of(self, number: int) -> Size:
        """An output's frame, px."""
        return self._sizes[min(number, len(self._sizes) - 1)]

    def draw_over(self, overlays: list[np.ndarray], level: float) -> None:
        """Lay an overlay [shape=(h, w, 4), uint8, row 0 on top] over each frame, where its alpha is set."""
        for frame, overlay in zip(self.frames, overlays, strict=True):
            frame.draw_over(overlay, level)

    def bound(self, venue: Venue) -> Venue:
        """The same venue, each output bound to the monitor that its window fills now."""
        outputs = list(venue.outputs)
        for number, (window, output) in enumerate(zip(self.windows, outputs, strict=False)):
            if monitor := window.monitor:
                outputs[number] = dataclasses.replace(output, monitor=monitor.name, edid=monitor.edid)
        return dataclasses.replace(venue, outputs=tuple(outputs))

    def present(self) -> None:
        """Show what was drawn, every projector in its window, and wait for the screen of the first."""
        others = list(zip(self.windows, self.frames, strict=False))[1:]
        finished = [frame.finish() for _, frame in others]
        if others:
            self.canvas.wait()  # what one context drew another one sees only when it is done
        for (window, _), target in zip(others, finished, strict=True):
            with window.current():
                window.present(lambda target=target: target)  # type: ignore[misc]
        self.surface.present(self.frames[0].finish)

    @property
    def closed(self) -> bool:
        """Whether somebody closed a window, or pressed esc over one."""
        return self.surface.closed or any(window.closed for window in self.windows)

    def gestures(self) -> list[tuple[int, Gesture]]:
        """What keys and mouse did since the last call, and over which output's window."""
        heard = [(0, gesture) for gesture in self.surface.gestures()]
        return heard + [(n, gesture) for n, window in enumerate(self.windows) if n for gesture in window.gestures()]

    def point(self, pointing: bool) -> None:
        """Let the mouse's arrow be seen on full screens too, or not."""
        for window in self.windows:
            window.point(pointing)

    def close(self) -> None:
        while len(self.windows) > 1:
            self.windows.pop().close()
        self.surface.close()

    def read(self) -> np.ndarray:
        """The newest picture or the one before [shape=(H, W, 3), uint8], unfitted, without waiting for a GPU."""
        plain = len(self.frames) == 1 and projection.is_plain(self.venue.outputs[0])
        return (self.frames[0] if plain and self._sizes[0] == self.screen.size else self._draw_whole()).read()

    def read_now(self) -> np.ndarray:
        """The newest frame of a single projector, of several the whole picture unfitted; waited for."""
        return (self.frames[0] if len(self.frames) == 1 else self._draw_whole()).read_now()

    def _draw_whole(self) -> projection.Projection:
        if self._whole is None:
            self._whole = projection.create(self.canvas, self.screen.size)
        if self._drawn is None:
            self._whole.clear()
        else:
            self._whole.draw(*self._drawn)
        return self._whole


def wishes_of(screen: Screen, venue: Venue) -> tuple[Wish, ...]:
    """Which monitor each output is for. What a show or the command line says goes before what a single output says."""
    wishes = tuple(Wish(output.monitor, output.edid) for output in venue.outputs)
    return (Wish(screen.monitor),) if screen.monitor and len(wishes) == 1 else wishes


def _size_of(size: Size, screen: Screen) -> Size:
    return screen.size if size == (0, 0) else size
