"""A page's wishes about the wall in, as small tables; the wall fitted so, and what a page shows of it, out.

A wish does what keys and mouse do over the projectors' windows, to the same state: whoever stands at the wall and
whoever holds the telephone see each other's changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from installation.checking import SettingsError, check
from installation.files import shown
from installation.rendering.gestures import Key
from installation.rendering.wall.dragging import move, select
from installation.rendering.wall.faults import FARTHEST
from installation.rendering.wall.patterns import PATTERNS

if TYPE_CHECKING:
    from installation.rendering.wall.calibrating import Calibrating
    from installation.rendering.window import Display

KEYS = {
    **{"undo": Key("u"), "redo": Key("u", shift=True), "save": Key("s")},
    **{"finer": Key("+"), "coarser": Key("-"), "curves": Key("k")},
}
WHERE = "wall"


@dataclass(frozen=True)
class Nothing:
    """What a wish says that has nothing to say."""


@dataclass(frozen=True)
class Begin:
    """Over a pattern, "": over the show's own picture. Also changes the pattern."""

    pattern: str


@dataclass(frozen=True)
class Choose:
    """A point of an output's mesh, of so many columns and rows: a page that is behind means no point that is there."""

    output: int
    columns: int
    rows: int
    point: int


@dataclass(frozen=True)
class Move(Choose):
    """The point to elsewhere, parts of the frame; undo takes back what one stroke did as a whole."""

    x: float
    y: float
    stroke: int


@dataclass(frozen=True)
class At:
    output: int


SAYS: dict[str, type] = {
    **{"begin": Begin, "end": Nothing, "choose": Choose, "move": Move},
    **{"undo": Nothing, "redo": Nothing, "save": Nothing, "finer": At, "coarser": At, "curves": At},
}


class Afar:
    """The wall of a display as a page fits it. hear() and look() belong to the thread that shows."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._listed: tuple[object, list[dict[str, Any]]] = None, []

    def hear(self, act: str, table: Mapping[str, Any]) -> None:
        """Do one of SAYS at once. Raises SettingsError for what cannot be done; nothing has changed then."""
        if act not in SAYS:
            raise SettingsError(f"{WHERE}: expected one of {', '.join(SAYS)}, found {shown(act)}")
        wish: object = check(SAYS[act], dict(table), WHERE)
        calibrating = self._display.calibrating
        if isinstance(wish, Begin):
            return self._begin(wish.pattern)
        if calibrating is None:
            raise SettingsError(f"{WHERE}: {act}: fitting has not begun")
        if act == "end":
            return self._display.show_on()
        if isinstance(wish, Choose):
            self._point(calibrating, wish)
        else:
            self._press(calibrating, act, wish)
        self._display.apply(calibrating.venue)

    def look(self) -> dict[str, Any]:
        """What a page shows; the same lists for as long as nothing moves."""
        display, calibrating = self._display, self._display.calibrating
        spell = calibrating or display.calibrated
        table = {"on": calibrating is not None, "outputs": self._outputs(), "patterns": list(PATTERNS)}
        table |= {"saved": spell.is_saved if spell else True, "version": display.venue.version}
        table |= {"name": display.screen.venue, "said": spell.said if spell else ""}
        if calibrating is None:
            return table
        state = calibrating.state
        at = [state.output, state.point if state.mask < 0 else -1]
        return table | {"pattern": state.pattern, "at": at, "undo": len(state.past), "redo": len(state.undone)}

    def _begin(self, pattern: str) -> None:
        if pattern and pattern not in PATTERNS:
            raise SettingsError(f"{WHERE}: pattern: expected one of {', '.join(PATTERNS)}, found {shown(pattern)}")
        if self._display.calibrating is None:
            self._display.calibrate(pattern)
        else:
            self._display.calibrating.turn(dataclasses.replace(self._display.calibrating.state, pattern=pattern))

    def _point(self, calibrating: Calibrating, wish: Choose) -> None:
        state = calibrating.state
        _check_output(calibrating, wish.output)
        mesh = calibrating.venue.outputs[wish.output].mesh
        if (wish.columns, wish.rows) != (mesh.columns, mesh.rows) or not 0 <= wish.point < len(mesh.points):
            raise SettingsError(f"{WHERE}: no point {shown(wish.point)}: the mesh has {mesh.columns} x {mesh.rows}")
        chosen = select(dataclasses.replace(state, output=wish.output), -1, wish.point)
        if isinstance(wish, Move):
            if not max(abs(wish.x), abs(wish.y)) <= FARTHEST:
                raise SettingsError(f"{WHERE}: expected a place within {FARTHEST:g} frames of this one")
            stroke = ("afar", wish.output, wish.point, wish.stroke)
            chosen = move(dataclasses.replace(chosen, doing=state.doing), (wish.x, wish.y), stroke)
        calibrating.turn(chosen)

    def _press(self, calibrating: Calibrating, act: str, wish: object) -> None:
        if act == "save" and calibrating.is_saved:
            return  # pressed twice: a version that says nothing new would push out an old one
        if isinstance(wish, At):
            _check_output(calibrating, wish.output)
            if wish.output != calibrating.state.output or calibrating.state.mask >= 0:
                calibrating.turn(select(dataclasses.replace(calibrating.state, output=wish.output), -1, 0))
        calibrating.hear(calibrating.state.output, KEYS[act], self._display.beams)

    def _outputs(self) -> list[dict[str, Any]]:
        calibrating, beams = self._display.calibrating, self._display.beams
        venue = calibrating.venue if calibrating else self._display.venue
        if self._listed[0] is not venue:
            rows = []
            for number, output in enumerate(venue.outputs):
                mesh = output.mesh
                row = {"name": venue.name_of(number), "size": list(beams.size_of(number)), "smooth": mesh.smooth}
                row |= {"columns": mesh.columns, "rows": mesh.rows, "points": [list(point) for point in mesh.points]}
                rows.append(row)
            self._listed = venue, rows
        return self._listed[1]


def _check_output(calibrating: Calibrating, number: int) -> None:
    if not 0 <= number < len(calibrating.venue.outputs):
        raise SettingsError(f"{WHERE}: no output {shown(number)}")
