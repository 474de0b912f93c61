"""How many projectors stand beside and above each other in; which piece of the picture each of them shows, out."""

from __future__ import annotations

import dataclasses

from installation.rendering.wall.venue import SIDES, Output, Venue

MOST_OVERLAP = 0.5
NEAR = 1e-6


def side_by_side(columns: int, rows: int, overlap: float) -> Venue:
    """As many projectors; each overlaps its neighbours by a part (0..0.5) of its own piece, and is blended there."""
    width, height = (1 / (count - (count - 1) * overlap) for count in (columns, rows))
    outputs = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * width * (1 - overlap), row * height * (1 - overlap)
            source = (round(x, 6), round(y, 6), round(min(width, 1 - x), 6), round(min(height, 1 - y), 6))
            outputs.append(Output(source=source))
    return blended(Venue(tuple(outputs)))


def blended(venue: Venue) -> Venue:
    """The same with every blend as wide as the pieces of the picture overlap there; a side without neighbours has none.

    Gammas stay as they are.
    """
    outputs = []
    for output in venue.outputs:
        widths = [0.0, 0.0, 0.0, 0.0]
        for other in venue.outputs:
            if other is not output:
                widths = [max(pair) for pair in zip(widths, _overlaps(output, other), strict=True)]
        edges = {
            side: dataclasses.replace(edge, width=round(min(width, MOST_OVERLAP), 6))
            for side, edge, width in zip(SIDES, output.blend.sides, widths, strict=True)
        }
        outputs.append(dataclasses.replace(output, blend=dataclasses.replace(output.blend, **edges)))
    return dataclasses.replace(venue, outputs=tuple(outputs))


def _overlaps(one: Output, other: Output) -> list[float]:
    """How far another piece of the picture reaches into this one from the left, right, top and bottom, as its parts."""
    found = []
    for axis in (0, 1):
        low, high = one.source[axis], one.source[axis] + one.source[axis + 2]
        other_low, other_high = other.source[axis], other.source[axis] + other.source[axis + 2]
        across = 1 - axis
        beside = min(one.source[across] + one.source[across + 2], other.source[across] + other.source[across + 2])
        meet = beside - max(one.source[across], other.source[across]) > NEAR
        before = meet and other_low < low - NEAR and low < other_high < high - NEAR
        after = meet and other_high > high + NEAR and low + NEAR < other_low < high
        found += [
            (other_high - low) / (high - low) if before else 0.0,
            (high - other_low) / (high - low) if after else 0.0,
        ]
    return found
