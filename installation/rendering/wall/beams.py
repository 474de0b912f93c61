"""One picture in; what each projector of a venue makes of it out, to its own window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from installation.rendering import projection
from installation.rendering.canvas import Canvas, Target
from installation.rendering.surfaces import Headless, Window
from installation.rendering.wall.venue import Venue
from installation.settings import Screen


class Beams:
    """Every projector's frame. All are made of one texture of the picture, in the one GL context of the first window.

    What is read back, for a film or a moment, is the frame of a single projector, else the whole picture unfitted.
    """

    def __init__(self, surface: Window | Headless, canvas: Canvas, screen: Screen, venue: Venue, folder: Path) -> None:
        self.surface, self.canvas, self.screen = surface, canvas, screen
        self.venue = venue
        self._folder = folder
        self.frames: list[projection.Projection] = []
        self._sizes: list[tuple[int, int]] = []
        self._whole: projection.Projection | None = None  # for whoever reads, where there are several
        self._drawn: tuple[Target, np.ndarray | None, float, bool] | None = None
        self.fit(venue)

    def fit(self, venue: Venue) -> None:
        """From now on light the wall as this venue says. Raises SettingsError, and changes nothing, where it cannot."""
        frames, sizes = [], [_size_of(output.size, self.screen) for output in venue.outputs]
        for number, (output, size) in enumerate(zip(venue.outputs, sizes, strict=True)):
            fits = number < len(self.frames) and self._sizes[number] == size
            frame = self.frames[number] if fits else projection.create(self.canvas, size, folder=self._folder)
            if not (fits and output == self.venue.outputs[number]):
                frame.fit(output)
            frames.append(frame)
        self.frames, self._sizes, self.venue = frames, sizes, venue

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

    def present(self) -> None:
        """Show what was drawn, and wait for the screen."""
        self.surface.present(self.frames[0].finish)

    def read(self) -> np.ndarray:
        """The newest frame or the one before [shape=(H, W, 3), uint8], without waiting for a GPU."""
        return self._read_from().read()

    def read_now(self) -> np.ndarray:
        """The newest frame, waited for."""
        return self._read_from().read_now()

    def _read_from(self) -> projection.Projection:
        if len(self.frames) == 1:
            return self.frames[0]
        if self._whole is None:
            self._whole = projection.create(self.canvas, self.screen.size)
        if self._drawn is None:
            self._whole.clear()
        else:
            self._whole.draw(*self._drawn)
        return self._whole


def _size_of(size: tuple[int, int], screen: Screen) -> tuple[int, int]:
    return screen.size if size == (0, 0) else size
