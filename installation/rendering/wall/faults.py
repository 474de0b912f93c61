"""A venue's table in, the venue out; or the first thing about it that no projector could show."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from installation.checking import SettingsError, check
from installation.files import shown
from installation.rendering.wall.venue import PLAIN, SIDES, Blend, Mask, Mesh, Output, Point, Venue, corner_pins

FEWEST, MOST = 2, 16  # points of a mesh along one side
MOST_OUTPUTS, MOST_MASKS, MOST_MASK_POINTS = 16, 32, 256
FARTHEST = 16.0  # frames that a point may lie beyond the projector's own


def check_venue(table: dict[str, Any], where: str) -> Venue:
    """The venue that a file's table says: outputs, or corners alone, as files of earlier versions have them.

    Raises SettingsError, one line that names `where`, the place, what was expected and what was found.
    """
    if "corners" in table and "outputs" not in table:
        venue = Venue((dataclasses.replace(PLAIN, mesh=_read_corners(table["corners"], where)),))
    else:
        venue = check(Venue, table, where)
    for fault in faults(venue):
        raise SettingsError(f"{where}: {fault}")
    return venue


def _read_corners(corners: Any, where: str) -> Mesh:
    try:
        told = check(_Corners, {"corners": corners}, where).corners
    except SettingsError as error:
        raise SettingsError(f"{where}: expected corners = [[x, y], ...]: {error}") from error
    if len(told) != 4:
        raise SettingsError(f"{where}: expected 4 corners of 2 numbers, found {shown(corners)}")
    return corner_pins(told)


@dataclass(frozen=True)
class _Corners:
    corners: tuple[Point, ...]


def faults(venue: Venue) -> Iterator[str]:
    """Everything about a venue that no projector could show: the place, what was expected, what was found."""
    if not 1 <= len(venue.outputs) <= MOST_OUTPUTS:
        yield f"outputs: expected 1 to {MOST_OUTPUTS}, found {len(venue.outputs)}"
    names = [venue.name_of(i) for i in range(len(venue.outputs))]
    for i, output in enumerate(venue.outputs):
        here = f"outputs[{i}]"
        if names.count(names[i]) > 1:
            yield f"{here}: name: {shown(names[i])} is there {names.count(names[i])} times"
        yield from (f"{here}: {fault}" for fault in _faults_of(output))


def _faults_of(output: Output) -> Iterator[str]:
    x, y, width, height = output.source
    if min(x, y) < 0 or min(width, height) < 0.01 or max(x + width, y + height) > 1 + 1e-6:
        yield f"source: expected x, y, width, height within 0..1, found {list(output.source)}"
    if output.rotation not in (0, 90, 180, 270):
        yield f"rotation: expected 0, 90, 180 or 270, found {output.rotation}"
    if output.size != (0, 0) and not all(16 <= side <= 16384 for side in output.size):
        yield f"size: expected 16 to 16384 px each way, found {list(output.size)}"
    for name, values, low, high in (("black", output.black, 0.0, 0.5), ("colour", output.colour, 0.0, 1.0)):
        if not all(low <= value <= high for value in values):
            yield f"{name}: expected three numbers from {low:g} to {high:g}, found {list(values)}"
    yield from _faults_of_blend(output.blend)
    yield from (f"mesh: {fault}" for fault in faults_of_mesh(output.mesh))
    if len(output.masks) > MOST_MASKS:
        yield f"masks: expected at most {MOST_MASKS}, found {len(output.masks)}"
    for i, mask in enumerate(output.masks):
        yield from (f"masks[{i}]: {fault}" for fault in _faults_of_mask(mask))


def _faults_of_blend(blend: Blend) -> Iterator[str]:
    for name, edge in zip(SIDES, blend.sides, strict=True):
        if not 0.0 <= edge.width <= 0.5:
            yield f"blend.{name}.width: expected 0 to 0.5, found {edge.width:g}"
        if not all(1.0 <= gamma <= 4.0 for gamma in edge.gamma):
            yield f"blend.{name}.gamma: expected three numbers from 1 to 4, found {list(edge.gamma)}"


def _faults_of_mask(mask: Mask) -> Iterator[str]:
    if not 3 <= len(mask.points) <= MOST_MASK_POINTS:
        yield f"points: expected 3 to {MOST_MASK_POINTS}, found {len(mask.points)}"
    if not 0.0 <= mask.softness <= 1.0:
        yield f"softness: expected 0 to 1, found {mask.softness:g}"
    yield from _far(mask.points)


def _far(points: tuple[Point, ...]) -> Iterator[str]:
    far = [point for point in points if not all(-FARTHEST <= value <= 1 + FARTHEST for value in point)]
    if far:
        yield f"points: expected all within {FARTHEST:g} frames of this one, found {list(far[0])}"


def faults_of_mesh(mesh: Mesh) -> Iterator[str]:
    """What is wrong with a mesh: its size, or a cell that is folded over, which no light can show."""
    for name, count in (("columns", mesh.columns), ("rows", mesh.rows)):
        if not FEWEST <= count <= MOST:
            yield f"{name}: expected {FEWEST} to {MOST}, found {count}"
            return
    if len(mesh.points) != mesh.columns * mesh.rows:
        yield f"points: expected {mesh.columns} x {mesh.rows}, found {len(mesh.points)}"
        return
    yield from _far(mesh.points)
    whole = ring_of(mesh)
    way = turns(whole)
    if not way:
        yield f"expected corners around one convex shape from top left on, found {list(map(list, whole))}"
        return
    for i in range((mesh.columns - 1) * (mesh.rows - 1)):
        row, column = divmod(i, mesh.columns - 1)
        if turns(_ring(mesh, column, row, 1, 1)) != way:
            yield f"the cell right below point {column + 1} of row {row + 1} is folded over or no convex shape"
            return


def ring_of(mesh: Mesh) -> tuple[Point, ...]:
    """Its corners around: upper left, upper right, lower right, lower left."""
    return _ring(mesh, 0, 0, mesh.columns - 1, mesh.rows - 1)


def _ring(mesh: Mesh, x: int, y: int, width: int, height: int) -> tuple[Point, ...]:
    """The corners around a piece of a mesh, counted in points."""
    at = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return tuple(mesh.points[row * mesh.columns + column] for column, row in at)


def turns(ring: tuple[Point, ...]) -> int:
    """1 where every corner of a ring turns clockwise, -1 where every one turns the other way (a picture seen from
    behind), 0 where it is no convex shape."""
    found = set()
    for (ax, ay), (bx, by), (cx, cy) in zip(ring, ring[1:] + ring[:1], ring[2:] + ring[:2], strict=True):
        turn = (bx - ax) * (cy - by) - (by - ay) * (cx - bx)
        found.add(1 if turn > 1e-6 else -1 if turn < -1e-6 else 0)
    return found.pop() if len(found) == 1 else 0
