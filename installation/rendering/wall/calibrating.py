"""What a technician does over the wall in; the wall fitted at once, its handles and patterns, and a saved venue out."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np

from installation.rendering.gestures import Gesture, Key
from installation.rendering.wall import handles, patterns
from installation.rendering.wall.beams import Beams
from installation.rendering.wall.dragging import Dragging, become, step
from installation.rendering.wall.keeping import HERE, path_of, write_venue
from installation.rendering.wall.venue import Size, Venue
from installation.settings import SettingsError

log = logging.getLogger("installation.rendering")
LEFT_TO_THE_SHOW = ("b", "esc", "f", "t")  # keys that do what they always do


class Calibrating:
    """One spell of it, from the key that begins it to the one that ends it. The venue that it leaves is on the wall."""

    def __init__(self, venue: Venue, name: str, folder: Path, pattern: str = "grid", words: str = "") -> None:
        """words, such as the address of a page, are shown as a code with the projectors' names."""
        self.state = Dragging(venue, pattern=pattern)
        self.name, self.words = name, words
        self._folder = folder
        self._saved, self._is_written = venue, venue.version > 0
        self._said = ""
        self._painted: tuple[tuple[str, Venue, Size], np.ndarray] | None = None
        self._drawn: dict[int, tuple[tuple[object, ...], np.ndarray]] = {}

    @property
    def venue(self) -> Venue:
        return self.state.venue

    @property
    def is_saved(self) -> bool:
        """Whether the file says what is on the wall."""
        return self._is_written and self.venue.outputs == self._saved.outputs

    @property
    def said(self) -> str:
        """What became of the last wish to save."""
        return self._said

    @property
    def path(self) -> Path:
        """The file that the wall is saved to."""
        return path_of(self.name, self._folder)

    def take(self, venue: Venue) -> None:
        """Go on from a venue that came from elsewhere, such as a page; undo goes back to the one before."""
        self.state = become(self.state, venue)

    def turn(self, state: Dragging) -> None:
        """Go on from another state of this spell."""
        self.state, self._said = state, ""

    def resume(self, venue: Venue, pattern: str, words: str) -> Calibrating:
        """Go on after the show was shown in between: nothing of it is forgotten."""
        self.words = words
        self.turn(dataclasses.replace(self.state, pattern=pattern, wish="", doing=(), grip=None))
        self.take(venue)
        return self

    def hear(self, number: int, gesture: Gesture, beams: Beams) -> str:
        """Do as a gesture over an output's frame says; the name of a key that is the show's own, else ""."""
        if isinstance(gesture, Key) and gesture.name in LEFT_TO_THE_SHOW:
            return "" if gesture.again else gesture.name
        self._said = ""
        self.state = step(self.state, number, gesture, beams.size_of(number))
        if self.state.wish == "save":
            self._save(beams)
        return ""

    def _save(self, beams: Beams) -> None:
        try:
            saved = write_venue(self.name, beams.bound(self.venue), self._folder)
        except (SettingsError, OSError) as error:
            self._said = f"not saved: {error}"
            log.warning("the wall was not saved: %s", error)
            return
        self._saved, self._is_written = saved, True
        self.state = dataclasses.replace(self.state, venue=saved)
        self._said = f"saved: {self.name or HERE}, version {saved.version}"
        log.info("the wall was saved: %s, version %d", self.name or HERE, saved.version)

    def picture(self, size: Size) -> np.ndarray | None:
        """The pattern that was chosen [shape=(H, W, 4), uint8, row 0 at the bottom]; None: the show's own picture.

        The same array as long as it is the same pattern.
        """
        if not self.state.pattern:
            return None
        key = (self.state.pattern, self.venue, size)
        if self._painted is None or self._painted[0] != key:
            self._painted = key, patterns.paint(*key, self.words)
        return self._painted[1]

    def over(self, number: int, size: Size) -> np.ndarray:
        """The handles over an output's frame, see `handles.draw`; the same array as long as nothing moves."""
        state, output = self.state, self.venue.outputs[number]
        chosen = state.mask if number == state.output else None
        words = self.describe() if number == state.output else ""
        key = (output, size, chosen, state.point, words)
        if number not in self._drawn or self._drawn[number][0] != key:
            self._drawn[number] = key, handles.draw(output, size, chosen, state.point, words)
        return self._drawn[number][1]

    def describe(self) -> str:
        """Where the technician is: output, layer, point and whether it is saved."""
        if self._said:
            return self._said
        state, mesh = self.state, self.state.here.mesh
        layer = f"mesh {mesh.columns} x {mesh.rows}" if state.mask < 0 else f"mask {state.mask + 1}"
        curves = ", curves" if mesh.smooth and state.mask < 0 else ""
        x, y = state.points[state.point]
        kept = "saved" if self.is_saved else "not saved: s"
        name = self.venue.name_of(state.output)
        return f"{name}   {layer}{curves}   point {state.point + 1}: {x:.4f} {y:.4f}   {kept}   c: back to the show"
