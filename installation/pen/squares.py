"""Numbers in, squares in squares out: chance decides which are drawn and how far their corners wander.

After Vera Molnar's plotter drawings of 1974: a grid of cells, in each a nest of squares around one centre.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from installation.pen import Colour, Layer, Stroke

MOST, MOST_NESTED = 60, 20  # rows or columns, and squares in a cell
SOFT = 0.04  # of all chances: while these pass, a square is part drawn
CORE = 0.10  # the innermost square, in parts of the outermost
UNIT = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
X0, PRESENT, INK, START, DICE = 0, 8, 9, 10, 11  # what is thrown for each square: x, y of four corners; ...


@dataclass(frozen=True)
class Sheet:
    """One drawing. Lengths are in parts of a cell or, where it says so, of the sheet's height."""

    rows: int = 11
    columns: int = 18
    nest: int = 9  # squares in a cell
    chance: float = 0.62  # share of them that is drawn
    wander: float = 0.2  # how far a corner strays, in parts of half a cell
    gather: float = 0.75  # 0 the same disorder everywhere, 1 in clouds
    side: float = 0.88  # of the outermost square
    margin: float = 0.07  # around the grid, of the height
    line: float = 1.5  # width of a line, in thousandths of the height
    share: float = 0.04  # of the squares, in the second ink
    throw: int = 0  # of the dice: another number, another drawing
    paper: Colour = (0.957, 0.941, 0.906)
    ink: Colour = (0.10, 0.095, 0.115)
    second: Colour = (0.80, 0.17, 0.10)


@dataclass(frozen=True)
class Squares:
    """Squares in the order in which a pen meets them; drawn says how much of each, from its first corner on.

    corners [shape=(N, 4, 2), float32]: x, y from the top left corner, in heights of the sheet; drawn [shape=(N,),
    0..1, none at 0]; second [shape=(N,), bool].
    """

    corners: np.ndarray
    drawn: np.ndarray
    second: np.ndarray

    def lines(self, second: bool) -> tuple[np.ndarray, list[np.ndarray]]:
        """Of one ink: the whole squares (M, 4, 2), and the part-drawn ones as lines (n, 2)."""
        mine = self.second == second
        whole = mine & (self.drawn >= 1)
        parts = zip(self.corners[mine & ~whole], self.drawn[mine & ~whole], strict=True)
        return self.corners[whole], [_begun(corners, float(share)) for corners, share in parts]


def calm(sheet: Sheet) -> np.ndarray:
    """No weather: (3, rows, columns) of 0."""
    return np.zeros((3, sheet.rows, sheet.columns), np.float32)


def lay(sheet: Sheet, aspect: float, weather: np.ndarray, seed: int = 0) -> Squares:
    """The squares of a sheet `aspect` as wide as it is high.

    weather [shape=(3, rows, columns), about -1..1]: in each cell more disorder, more squares, and how far round the
    corners have wandered (1 is half around).
    """
    rows, columns, nest = sheet.rows, sheet.columns, sheet.nest
    dice = _throw(seed, sheet.throw)[:rows, :columns, :nest]  # (R, C, N, DICE)
    cell = max(min((1 - 2 * sheet.margin) / rows, (aspect - 2 * sheet.margin) / columns), 1e-3)
    x = (aspect - columns * cell) / 2 + cell * (np.arange(columns, dtype=np.float32) + 0.5)
    y = (1 - rows * cell) / 2 + cell * (np.arange(rows, dtype=np.float32) + 0.5)
    centre = np.stack(np.broadcast_arrays(x[None], y[:, None]), -1)[:, :, None, None]  # (R, C, 1, 1, 2)
    size = np.linspace(1, CORE if nest > 1 else 1, nest, dtype=np.float32)  # the outermost first
    half = (0.5 * cell * sheet.side * size)[:, None, None] * UNIT  # (N, 4, 2)
    storm = 1 + sheet.gather * (np.clip(1 + 1.9 * weather[0], 0.03, 3.2) - 1)  # (R, C)
    reach = 0.5 * cell * sheet.wander * storm[:, :, None] * (0.35 + 0.65 * size)  # (R, C, N)
    corners = centre + half + _turned(dice[..., X0:PRESENT], weather[2]) * reach[..., None, None]
    wanted = np.clip(sheet.chance + 0.5 * sheet.gather * weather[1], 0, 1)[:, :, None] * (1 + SOFT)
    drawn = np.clip((wanted - dice[..., PRESENT]) / SOFT, 0, 1)
    second = dice[..., INK] < sheet.share
    first = (np.arange(4) + (4 * dice[..., START]).astype(int)[..., None]) % 4
    corners = np.take_along_axis(corners, first[..., None], axis=3)
    return _in_order(corners.astype(np.float32), drawn, second)


def to_layers(squares: Squares, sheet: Sheet, height_mm: float, pen_mm: float = 0.0) -> list[Layer]:
    """For a plotter: a layer for each ink that is used, a path for each square; pen_mm 0 is the sheet's own line."""
    width = pen_mm or sheet.line / 1000 * height_mm
    layers = []
    for name, colour, second in (("ink", sheet.ink, False), ("second ink", sheet.second, True)):
        whole, begun = squares.lines(second)
        strokes = [Stroke(one * height_mm, width, closed=True) for one in whole]
        strokes += [Stroke(one * height_mm, width) for one in begun]
        if strokes:
            layers.append(Layer(name, colour, strokes))
    return layers


@functools.lru_cache(maxsize=4)
def _throw(seed: int, throw: int) -> np.ndarray:
    """All the dice of a drawing, (MOST, MOST, MOST_NESTED, DICE), 0..1: a larger grid keeps what a smaller one had."""
    return np.random.default_rng((seed, throw)).random((MOST, MOST, MOST_NESTED, DICE), np.float32)


def _turned(dice: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Where corners stray to: dice (R, C, N, 8) -> (R, C, N, 4, 2) of -1..1, turned by `around` (R, C) half turns."""
    stray = dice.reshape(*dice.shape[:3], 4, 2) * 2 - 1
    angle = (np.pi * around).astype(np.float32)[:, :, None, None]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * stray[..., 0] - sin * stray[..., 1], sin * stray[..., 0] + cos * stray[..., 1]], -1)


def _in_order(corners: np.ndarray, drawn: np.ndarray, second: np.ndarray) -> Squares:
    """Row by row, to and fro, so that the pen travels little in the air; what is not drawn is left out."""
    for each in (corners, drawn, second):
        each[1::2] = each[1::2, ::-1].copy()
    seen = drawn > 0
    return Squares(corners[seen], drawn[seen], second[seen])


def _begun(corners: np.ndarray, share: float) -> np.ndarray:
    """The first part of a square's outline, as a line (n, 2)."""
    round_ = np.concatenate([corners, corners[:1]])
    side = min(int(4 * share), 3)
    end = round_[side] + (round_[side + 1] - round_[side]) * (4 * share - side)
    return np.concatenate([round_[: side + 1], end[None]])
