"""A page's wishes about the wall in, as small tables; the wall fitted so, and what a page shows of it, out.

A wish does what keys and mouse do over the projectors' windows, to the same state: whoever stands at the wall and
whoever holds the telephone see each other's changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installation import files
from installation.checking import SettingsError, check
from installation.files import shown
from installation.rendering.gestures import Key
from installation.rendering.wall import light
from installation.rendering.wall.dials import turned
from installation.rendering.wall.dragging import become, move, select, without_mask
from installation.rendering.wall.faults import FARTHEST
from installation.rendering.wall.patterns import PATTERNS

if TYPE_CHECKING:
    from installation.rendering.wall.dragging import Dragging
    from installation.rendering.window import Display

KEYS = {
    **{"undo": Key("u"), "redo": Key("u", shift=True), "save": Key("s"), "blend": Key("e")},
    **{"finer": Key("+"), "coarser": Key("-"), "curves": Key("k")},
    **{"mask": Key("a"), "insert": Key("insert"), "delete": Key("delete")},
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
class At:
    output: int


@dataclass(frozen=True)
class Choose(At):
    """A point of an output's mesh (mask -1), of so many columns and rows, or of one of its masks: a row of points. A
    page that is behind means no point that is there."""

    mask: int
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
class Dial(At):
    """A value for what a name of `dials` says; a stroke as of Move."""

    dial: str
    value: float
    stroke: int


@dataclass(frozen=True)
class Paint(At):
    """The painted mask: a file that lies beside the venue's; "" for none."""

    file: str


@dataclass(frozen=True)
class Unmask(At):
    mask: int


SAYS: dict[str, type] = {
    **{"begin": Begin, "end": Nothing, "undo": Nothing, "redo": Nothing, "save": Nothing, "blend": Nothing},
    **{"choose": Choose, "move": Move, "insert": Choose, "delete": Choose},
    **{"finer": At, "coarser": At, "curves": At, "mask": At, "unmask": Unmask, "paint": Paint, "dial": Dial},
}


class Afar:
    """The wall of a display as a page fits it. hear() and look() belong to the thread that shows."""

    def __init__(self, display: Display, folder: Path) -> None:
        self._display, self._folder = display, folder
        self._listed: tuple[object, list[dict[str, Any]]] = None, []
        self._painted: list[str] = []  # what may be painted masks

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
        if isinstance(wish, At):
            if not 0 <= wish.output < len(calibrating.venue.outputs):
                raise SettingsError(f"{WHERE}: no output {shown(wish.output)}")
            calibrating.turn(self._at(calibrating.state, wish))
        if act in KEYS and not (act == "save" and calibrating.is_saved):
            # a save that is pressed twice: a version that says nothing new would push out an old one
            calibrating.hear(calibrating.state.output, KEYS[act], self._display.beams)
        self._display.apply(calibrating.venue)

    def look(self) -> dict[str, Any]:
        """What a page shows; the same lists for as long as nothing moves."""
        display, calibrating = self._display, self._display.calibrating
        spell = calibrating or display.calibrated
        table = {"on": calibrating is not None, "outputs": self._outputs(), "patterns": list(PATTERNS)}
        table |= {"saved": spell.is_saved if spell else True, "version": display.venue.version}
        table |= {"name": display.screen.venue, "said": spell.said if spell else "", "painted": self._painted}
        if calibrating is None:
            return table
        state = calibrating.state
        at = [state.output, state.mask, state.point]
        return table | {"pattern": state.pattern, "at": at, "undo": len(state.past), "redo": len(state.undone)}

    def _begin(self, pattern: str) -> None:
        if pattern and pattern not in PATTERNS:
            raise SettingsError(f"{WHERE}: pattern: expected one of {', '.join(PATTERNS)}, found {shown(pattern)}")
        self._painted = [path.name for path in files.there_are(self._folder, "*.png")]
        if self._display.calibrating is None:
            self._display.calibrate(pattern)
        else:
            self._display.calibrating.turn(dataclasses.replace(self._display.calibrating.state, pattern=pattern))

    def _at(self, state: Dragging, wish: At) -> Dragging:
        """The state with a wish about one output done, as far as no key does it."""
        if isinstance(wish, Dial):
            stroke = ("afar", wish.output, wish.dial, wish.stroke)
            return become(state, turned(state.venue, wish.output, wish.dial, wish.value), stroke)
        if isinstance(wish, Paint):
            return self._paint(state, wish)
        at = dataclasses.replace(state, output=wish.output)
        if isinstance(wish, Choose):
            return _point(state, wish)
        if isinstance(wish, Unmask):
            if not 0 <= wish.mask < len(at.here.masks):
                raise SettingsError(f"{WHERE}: no mask {shown(wish.mask)}")
            return without_mask(select(at, wish.mask, 0))
        return select(at, -1, 0) if wish.output != state.output or state.mask >= 0 else state

    def _paint(self, state: Dragging, wish: Paint) -> Dragging:
        venue = state.venue.replaced(wish.output, mask_file=wish.file)
        light.mask_of(venue.outputs[wish.output], self._display.beams.size_of(wish.output), self._folder)
        return become(state, venue)

    def _outputs(self) -> list[dict[str, Any]]:
        calibrating, beams = self._display.calibrating, self._display.beams
        venue = calibrating.venue if calibrating else self._display.venue
        if self._listed[0] is not venue:
            rows = []
            for number, output in enumerate(venue.outputs):
                row = dataclasses.asdict(output)
                row |= {"name": venue.name_of(number), "size": list(beams.size_of(number))} | row.pop("mesh")
                rows.append(row)
            self._listed = venue, rows
        return self._listed[1]


def _point(state: Dragging, wish: Choose) -> Dragging:
    """The chosen point, elsewhere if it is moved."""
    at = dataclasses.replace(state, output=wish.output)
    if not -1 <= wish.mask < len(at.here.masks):
        raise SettingsError(f"{WHERE}: no mask {shown(wish.mask)}")
    mesh = at.here.mesh
    across, down = (mesh.columns, mesh.rows) if wish.mask < 0 else (len(at.here.masks[wish.mask].points), 1)
    if (wish.columns, wish.rows) != (across, down) or not 0 <= wish.point < across * down:
        raise SettingsError(f"{WHERE}: no point {shown(wish.point)}: there are {across} x {down}")
    chosen = select(at, wish.mask, wish.point)
    if not isinstance(wish, Move):
        return chosen
    if not max(abs(wish.x), abs(wish.y)) <= FARTHEST:
        raise SettingsError(f"{WHERE}: expected a place within {FARTHEST:g} frames of this one")
    stroke = ("afar", wish.output, wish.mask, wish.point, wish.stroke)
    return move(dataclasses.replace(chosen, doing=state.doing), (wish.x, wish.y), stroke)
