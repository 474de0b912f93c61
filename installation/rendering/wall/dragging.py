"""Keys and mouse over a wall in, a new venue out: a pure state machine, without GL, clock or disk.

KEYS says which key does what; `installation calibrate --help` says it in words.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from installation.rendering.gestures import Gesture, Key, Pointer
from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.faults import MOST_MASK_POINTS, faults
from installation.rendering.wall.handles import handle_at, points_of
from installation.rendering.wall.layouts import blended
from installation.rendering.wall.patterns import PATTERNS
from installation.rendering.wall.venue import Mask, Output, Point, Size, Venue

GRIDS = (2, 3, 5, 9, 16)
ARROWS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
NEAR_PX = 40.0  # of a frame 1080 px high: so near must the mouse be to take a handle
SOFTER = 0.01
NEW_MASK = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
MOST_PAST = 500


@dataclass(frozen=True)
class Dragging:
    """mask is the one whose points are moved, -1 the mesh; pattern "" is the show's own picture.

    wish is what the last gesture asked of others: save, or nothing. doing tells one stroke from the next, so that undo
    takes back whole ones.
    """

    venue: Venue
    output: int = 0
    mask: int = -1
    point: int = 0
    pattern: str = "grid"
    wish: str = ""
    doing: tuple[object, ...] = ()
    grip: Point | None = None  # from the mouse to the point that it holds
    past: tuple[Venue, ...] = ()
    undone: tuple[Venue, ...] = ()

    @property
    def here(self) -> Output:
        return self.venue.outputs[self.output]

    @property
    def points(self) -> tuple[Point, ...]:
        return points_of(self.here, self.mask)


def step(state: Dragging, number: int, gesture: Gesture, size: Size) -> Dragging:
    """What a gesture over the frame of an output makes of it; size is that frame's, in pixels."""
    state = dataclasses.replace(state, wish="")
    if isinstance(gesture, Pointer):
        return POINTING[gesture.kind](state, number, (gesture.x, gesture.y), size)
    if gesture.name in ARROWS:
        x, y = ARROWS[gesture.name]
        far = 10 if gesture.shift else 1
        at = state.points[state.point]
        to = at[0] + x * far / size[0], at[1] + y * far / size[1]
        return move(state, to, ("nudge", state.output, state.mask, state.point))
    if gesture.name.isdecimal() and int(gesture.name) <= len(PATTERNS):
        return dataclasses.replace(state, pattern=("", *PATTERNS)[int(gesture.name)])
    does = KEYS.get(gesture.name)
    return does(state, gesture) if does and not gesture.again else state


def _press(state: Dragging, number: int, at: Point, size: Size) -> Dragging:
    """Take the nearest handle of this output, mesh or mask, if one is near."""
    output, near, found = state.venue.outputs[number], NEAR_PX * size[1] / 1080, None
    for mask in range(-1, len(output.masks)):
        for i, point in enumerate(points_of(output, mask)):
            x, y = handle_at(point, size)
            away = math.hypot((x - at[0]) * size[0], (y - at[1]) * size[1])
            if away < near:
                near, found = away, (mask, i, (point[0] - at[0], point[1] - at[1]))
    state = dataclasses.replace(state, output=number, doing=(), grip=None)
    if found is None:
        return select(state, state.mask, state.point)
    mask, i, grip = found
    return dataclasses.replace(select(state, mask, i), grip=grip)


def _drag(state: Dragging, number: int, at: Point, size: Size) -> Dragging:
    if state.grip is None or number != state.output:
        return state
    return move(state, (at[0] + state.grip[0], at[1] + state.grip[1]), ("drag",))


def _let_go(state: Dragging, number: int, at: Point, size: Size) -> Dragging:
    return dataclasses.replace(state, grip=None, doing=())


POINTING = {"press": _press, "move": _drag, "release": _let_go}


def move(state: Dragging, to: Point, doing: tuple[object, ...]) -> Dragging:
    """The chosen point elsewhere, or where it was if no projector could show that; doing: see `Dragging`."""
    here = state.here
    if state.mask < 0:
        return _change(state, doing, mesh=meshes.moved(here.mesh, state.point, to))
    points = list(state.points)
    points[state.point] = (round(to[0], 6), round(to[1], 6))
    return _reshape(state, doing, tuple(points))


def _reshape(state: Dragging, doing: tuple[object, ...], points: tuple[Point, ...]) -> Dragging:
    masks = list(state.here.masks)
    masks[state.mask] = dataclasses.replace(masks[state.mask], points=points)
    return _change(state, doing, masks=tuple(masks))


def _change(state: Dragging, doing: tuple[object, ...] = (), **changes: object) -> Dragging:
    return become(state, state.venue.replaced(state.output, **changes), doing)


def become(state: Dragging, venue: Venue, doing: tuple[object, ...] = ()) -> Dragging:
    """Another venue, unless it is one that no projector could show: a point stops before its mesh would fold."""
    if venue == state.venue or next(faults(venue), None):
        return state
    past = state.past if doing and doing == state.doing else (*state.past, state.venue)[-MOST_PAST:]
    state = dataclasses.replace(state, venue=venue, past=past, undone=(), doing=doing)
    fits = state.output < len(venue.outputs) and state.mask < len(state.here.masks)
    return state if fits and state.point < len(state.points) else select(state, state.mask, state.point)


def select(state: Dragging, mask: int, point: int) -> Dragging:
    """Other points, or another one of them, wherever the venue has some."""
    output = min(state.output, len(state.venue.outputs) - 1)
    state = dataclasses.replace(state, output=output)
    mask = mask if mask < len(state.here.masks) else -1
    point = point % len(points_of(state.here, mask))
    return dataclasses.replace(state, mask=mask, point=point, grip=None, doing=())


def _next_point(state: Dragging, key: Key) -> Dragging:
    return select(state, state.mask, state.point + (-1 if key.shift else 1))


def _next_layer(state: Dragging, key: Key) -> Dragging:
    return select(state, state.mask + 1, 0)


def _next_output(state: Dragging, key: Key) -> Dragging:
    following = (state.output + 1) % len(state.venue.outputs)
    return select(dataclasses.replace(state, output=following), -1, 0)


def _resize(state: Dragging, step: int) -> Dragging:
    mesh = state.here.mesh

    def grown(count: int) -> int:
        others = [n for n in GRIDS if (n - count) * step > 0]
        return (min(others) if step > 0 else max(others)) if others else count

    state = _change(state, mesh=meshes.regrid(mesh, grown(mesh.columns), grown(mesh.rows)))
    return select(state, -1, min(state.point, len(state.here.mesh.points) - 1) if state.mask < 0 else 0)


def _curve(state: Dragging, key: Key) -> Dragging:
    mesh = state.here.mesh
    return _change(state, mesh=dataclasses.replace(mesh, smooth=not mesh.smooth))


def _add_mask(state: Dragging, key: Key) -> Dragging:
    more = _change(state, masks=(*state.here.masks, Mask(NEW_MASK)))
    return select(more, len(more.here.masks) - 1, 0)


def _insert(state: Dragging, key: Key) -> Dragging:
    """A point of a mask between the chosen one and the next."""
    if state.mask < 0 or len(state.points) >= MOST_MASK_POINTS:
        return state
    (ax, ay), (bx, by) = state.points[state.point], state.points[(state.point + 1) % len(state.points)]
    after = state.point + 1
    points = (*state.points[:after], (round((ax + bx) / 2, 6), round((ay + by) / 2, 6)), *state.points[after:])
    return select(_reshape(state, (), points), state.mask, after)


def _delete(state: Dragging, key: Key) -> Dragging:
    """A point of a mask; with its third last one the mask."""
    if state.mask < 0:
        return state
    if len(state.points) > 3:
        points = state.points[: state.point] + state.points[state.point + 1 :]
        return select(_reshape(state, (), points), state.mask, max(state.point - 1, 0))
    return without_mask(state)


def without_mask(state: Dragging) -> Dragging:
    """Without the mask whose points are moved."""
    masks = state.here.masks[: state.mask] + state.here.masks[state.mask + 1 :]
    return select(_change(dataclasses.replace(state, mask=-1, point=0), masks=masks), -1, 0)


def _soften(state: Dragging, by: float) -> Dragging:
    if state.mask < 0:
        return state
    masks = list(state.here.masks)
    soft = round(min(max(masks[state.mask].softness + by, 0.0), 1.0), 3)
    masks[state.mask] = dataclasses.replace(masks[state.mask], softness=soft)
    return _change(state, ("soften", state.output, state.mask), masks=tuple(masks))


def _turn(state: Dragging, key: Key) -> Dragging:
    return _change(state, rotation=(state.here.rotation + 90) % 360)


def _mirror(state: Dragging, key: Key) -> Dragging:
    return _change(state, mirror_x=not state.here.mirror_x)


def _undo(state: Dragging, key: Key) -> Dragging:
    """Back by one stroke, or forward again."""
    past, undone = (state.undone, state.past) if key.shift else (state.past, state.undone)
    if not past:
        return state
    past, undone, venue = past[:-1], (*undone, state.venue), past[-1]
    if key.shift:
        past, undone = undone, past
    state = dataclasses.replace(state, venue=venue, past=past, undone=undone)
    return select(state, state.mask, state.point)


def _save(state: Dragging, key: Key) -> Dragging:
    return dataclasses.replace(state, wish="save", doing=())


KEYS: dict[str, Callable[[Dragging, Key], Dragging]] = {
    "tab": _next_point,
    "n": _next_layer,
    "o": _next_output,
    "+": lambda state, key: _resize(state, 1),
    "=": lambda state, key: _resize(state, 1),
    "-": lambda state, key: _resize(state, -1),
    "_": lambda state, key: _resize(state, -1),
    "k": _curve,
    "a": _add_mask,
    "insert": _insert,
    "delete": _delete,
    "[": lambda state, key: _soften(state, -SOFTER),
    "]": lambda state, key: _soften(state, SOFTER),
    "r": _turn,
    "h": _mirror,
    "e": lambda state, key: become(state, blended(state.venue)),
    "u": _undo,
    "s": _save,
}
