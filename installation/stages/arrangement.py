"""Cut-outs and schemes in, placements out: where each object lies best, searched over size, turn, flip and position.

Every position of an object is tried at once: scores are cross-correlations, products of Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np

from installation.stages.cutouts import Cutout, Placement, lay, warp
from installation.stages.schemes import Scheme

SIZE_STEP = 1.1  # sizes of the search are powers of it, so that transforms are found again


@dataclass(frozen=True)
class Rules:
    """What makes a good picture, as weights and limits of the score."""

    grid_px: int = 80  # longer side of the frame in the search
    margin: float = 0.03  # of the frame's root area, kept free all round
    outside: float = 6.0  # weight of what lies beyond the margin
    hidden: float = 1.0  # weight of interest that another object covers
    overlap: tuple[float, float] = (0.1, 0.38)  # how much of an object may lie over or under others
    apart: float = 0.8  # weight of overlapping less or more than that
    balance: float = 2.5  # weight of the whole's centre being off the middle of the frame
    spread: float = 0.5  # weight of reaching into the empty part of the frame
    upright: float = 0.12  # weight of being turned, at 90 degrees
    fullness: float = 0.04  # weight of each step of size upwards, among those tried
    filling: float = 0.7  # weight of the whole group's being large
    choices: int = 8  # placements from which chance chooses
    warmth: float = 0.03  # how much worse than the best the chosen one may be


@dataclass(frozen=True)
class Pose:
    """A cut-out as it looks in the search, turned and scaled: its tight box, transforms of alpha and interest.

    area is the sum of alpha in cells; middle (y, x) is where the cut-out's middle lies from the box's corner.
    """

    size: float
    rotation_deg: float
    flip: bool
    alpha: np.ndarray
    interest: np.ndarray
    area: float
    middle: tuple[float, float]
    alpha_waves: np.ndarray
    interest_waves: np.ndarray


@dataclass(frozen=True)
class Grid:
    """The frame in the search: (width, height) cells of it, and of it with a rim all round for what hangs over."""

    frame: tuple[int, int]
    rim: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) with the rim."""
        return self.frame[1] + 2 * self.rim, self.frame[0] + 2 * self.rim

    def pad(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix of the frame with nothing in the rim."""
        return np.pad(matrix, self.rim)


@dataclass
class Scene:
    """What lies in the frame so far: alpha and visible interest on the grid, and placements from the lowest up."""

    alpha: np.ndarray
    interest: np.ndarray
    cutouts: list[Cutout] = field(default_factory=list)
    places: list[Placement] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    def joined_by(self, option: Option, cutout: Cutout) -> Scene:
        """This scene with one more object, on top or at the bottom."""
        alpha, interest = np.zeros_like(self.alpha), np.zeros_like(self.interest)
        window = np.s_[option.at[0] :, option.at[1] :]
        alpha[window][: option.pose.alpha.shape[0], : option.pose.alpha.shape[1]] = option.pose.alpha
        interest[window][: option.pose.alpha.shape[0], : option.pose.alpha.shape[1]] = option.pose.interest
        seen = self.interest * (1 - alpha) + interest if option.front else self.interest + interest * (1 - self.alpha)
        end = len(self.places) if option.front else 0
        joined = Scene(np.maximum(self.alpha, alpha), seen, [*self.cutouts], [*self.places], [*self.parts])
        joined.cutouts.insert(end, cutout)
        joined.places.insert(end, option.place)
        joined.parts.insert(end, option.parts)
        return joined


@dataclass(frozen=True)
class Option:
    """One way to lay the next object: pose, corner of its box (y, x) on the grid, whether on top; its score."""

    pose: Pose
    at: tuple[int, int]
    front: bool
    score: float
    place: Placement
    parts: dict[str, float]


@dataclass(frozen=True)
class Slot:
    """What the next object is to be: which cut-out, sizes about `size`, turns up to `turn_deg`, its scheme matrix."""

    cutout: Cutout
    size: float
    turn_deg: float
    turns: int
    matrix: np.ndarray


def make_grid(frame: tuple[int, int], rules: Rules) -> Grid:
    """The search's grid for a frame (width, height) of any size: only its shape counts."""
    scale = rules.grid_px / max(frame)
    cells = max(8, round(frame[0] * scale)), max(8, round(frame[1] * scale))
    return Grid(cells, max(2, rules.grid_px // 10))


def empty(grid: Grid) -> Scene:
    return Scene(np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32))


@lru_cache(maxsize=2048)
def pose_of(cutout: Cutout, step: int, rotation_deg: float, flip: bool, grid: Grid) -> Pose | None:
    """A cut-out at the size SIZE_STEP ** step, turned and flipped; None when it is larger than the grid."""
    size = SIZE_STEP**step
    height, width = grid.shape
    matrix = lay_small(cutout, Placement("", "", size, rotation_deg, flip, 1.0, 1.0), grid)
    twice = 2 * grid.frame[0], 2 * grid.frame[1]  # room to turn in: the middle lies at (frame width, frame height)
    both, corner = warp(np.dstack([cutout.alpha, cutout.interest]), matrix, twice)
    rows, columns = (np.flatnonzero((both[..., 0] > 0.05).any(axis)) for axis in (1, 0))
    if not len(rows) or rows[-1] - rows[0] >= height or columns[-1] - columns[0] >= width:
        return None
    tight = both[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    middle = grid.frame[1] - corner[0] - float(rows[0]), grid.frame[0] - corner[1] - float(columns[0])
    return make_pose(tight, size, rotation_deg, flip, middle, grid)


def make_pose(
    both: np.ndarray, size: float, rotation_deg: float, flip: bool, middle: tuple[float, float], grid: Grid
) -> Pose:
    """A pose from its tight alpha and interest [(h, w, 2)], with their transforms."""
    alpha, interest = np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])
    area, mass = max(float(alpha.sum()), 1e-6), max(float(interest.sum()), 1e-6)
    waves = [np.conj(np.fft.rfft2(m, grid.shape)).astype(np.complex64) for m in (alpha / area, interest / mass)]
    return Pose(size, rotation_deg, flip, alpha, interest, area, middle, *waves)


def poses_for(slot: Slot, grid: Grid) -> list[Pose]:
    """The poses tried for a slot: three sizes, its turns, both flips; smaller ones where those do not fit."""
    middle = round(np.log(slot.size) / np.log(SIZE_STEP))
    angles = np.linspace(-slot.turn_deg, slot.turn_deg, slot.turns) if slot.turns > 1 else np.zeros(1)
    for shrunk in range(0, 40, 3):
        steps = [middle + i - shrunk for i in (-1, 0, 1)]
        tried = [(s, round(float(a), 3), f) for s in steps for a in angles for f in (False, True)]
        found = [pose for s, a, f in tried if (pose := pose_of(slot.cutout, s, a, f, grid)) is not None]
        if found:
            return found
    return []


def options_for(slot: Slot, scene: Scene, grid: Grid, rules: Rules) -> list[Option]:
    """The best place of each pose of a slot, over or under what is there; the best first."""
    fields = Fields(slot, scene, grid, rules)
    found = [option for pose in poses_for(slot, grid) for option in fields.best_of(pose)]
    return sorted(found, key=lambda option: -option.score)


class Fields:
    """The transforms of all that a position is scored by, for one slot in one scene."""

    def __init__(self, slot: Slot, scene: Scene, grid: Grid, rules: Rules) -> None:
        self.slot, self.scene, self.grid, self.rules = slot, scene, grid, rules
        inner = np.ones(grid.shape, np.float32)
        free = grid.rim + round(rules.margin * (grid.frame[0] * grid.frame[1]) ** 0.5)
        inner[free:-free, free:-free] = 0
        spare = 1 - 0.8 * np.minimum(cv2.GaussianBlur(scene.interest, (0, 0), 2.5), 1)  # eyes that are taken
        crowd = np.minimum(1.5 * cv2.GaussianBlur(scene.alpha, (0, 0), rules.grid_px / 10), 1)
        self.gain = _waves(grid.pad(slot.matrix) * spare)
        self.beyond = _waves(rules.outside * inner + (0 if not scene.places else rules.spread) * crowd)
        self.starts = not scene.places
        if not self.starts:
            self.there = _waves(scene.alpha)
            self.noted = _waves(scene.interest / max(float(scene.interest.sum()), 1e-6))

    def best_of(self, pose: Pose) -> Iterator[Option]:
        """The best place of a pose on top of the scene and, where something is there, below it."""
        height, width = (a - b + 1 for a, b in zip(self.grid.shape, pose.alpha.shape, strict=True))
        if height < 1 or width < 1:
            return
        worth = pose.interest_waves * self.gain - pose.alpha_waves * self.beyond
        extra = self._extra(pose)
        if self.starts:
            yield self._option(pose, self._scores(worth, height, width) + extra, True)
            return
        there = self._scores(pose.alpha_waves * self.there, height, width)
        low, high = self.rules.overlap
        extra = extra - self.rules.apart * (
            np.maximum(low - there, 0) / max(low, 1e-6) + np.maximum(there - high, 0) / (1 - high)
        )
        extra = extra - self._unbalance(pose, height, width)
        covers = self.rules.hidden * pose.area * pose.alpha_waves * self.noted
        yield self._option(pose, self._scores(worth - covers, height, width) + extra, True)
        covered = self.rules.hidden * pose.interest_waves * self.there
        yield self._option(pose, self._scores(worth - covered, height, width) + extra, False)

    def settled(self, pose: Pose) -> np.ndarray:
        """Scores of every position of the whole group: scheme, frame, size, and lying in the middle."""
        height, width = (a - b + 1 for a, b in zip(self.grid.shape, pose.alpha.shape, strict=True))
        waves = pose.interest_waves * self.gain - pose.alpha_waves * self.beyond
        off = [
            ((np.arange(count) + side / 2 - whole / 2) / frame) ** 2
            for count, side, whole, frame in zip(
                (height, width), pose.alpha.shape, self.grid.shape, self.grid.frame[::-1], strict=True
            )
        ]
        middle = self.rules.balance * 4 * (off[0][:, None] + off[1][None, :])
        mass = self._unbalance(pose, height, width)
        return self._scores(waves, height, width) + self.rules.filling * np.log(pose.size) - (middle + mass) / 2

    def _scores(self, waves: np.ndarray, height: int, width: int) -> np.ndarray:
        return np.fft.irfft2(waves, self.grid.shape)[:height, :width]

    def _extra(self, pose: Pose) -> float:
        large = np.log(pose.size / self.slot.size) / np.log(SIZE_STEP)
        return float(self.rules.fullness * large - self.rules.upright * abs(pose.rotation_deg) / 90)

    def _unbalance(self, pose: Pose, height: int, width: int) -> np.ndarray:
        """How far the middle of all that is solid would lie from the frame's, squared, at each position."""
        total, away = float(self.scene.alpha.sum()), []
        for axis, count in ((0, height), (1, width)):
            cells = np.arange(self.grid.shape[axis]) + 0.5
            there = float(self.scene.alpha.sum(1 - axis) @ cells)
            own = float(pose.alpha.sum(1 - axis) @ (np.arange(pose.alpha.shape[axis]) + 0.5))
            centre = (there + own + pose.area * np.arange(count)) / (total + pose.area)
            away.append(((centre - self.grid.shape[axis] / 2) / self.grid.frame[1 - axis]) ** 2)
        return self.rules.balance * 4 * (away[0][:, None] + away[1][None, :])

    def _option(self, pose: Pose, scores: np.ndarray, front: bool) -> Option:
        y, x = np.unravel_index(int(scores.argmax()), scores.shape)
        at = int(y), int(x)
        grid, slot = self.grid, self.slot
        place = Placement(
            slot.cutout.still.name,
            slot.cutout.key,
            pose.size,
            pose.rotation_deg,
            pose.flip,
            (at[1] - grid.rim + pose.middle[1]) / grid.frame[0],
            (at[0] - grid.rim + pose.middle[0]) / grid.frame[1],
        )
        score = float(scores[at])
        return Option(pose, at, front, score, place, self._parts(pose, at, score))

    def _parts(self, pose: Pose, at: tuple[int, int], score: float) -> dict[str, float]:
        """What the score is made of at one place: the scheme under the interest, and how much lies over others."""
        window = np.s_[at[0] : at[0] + pose.alpha.shape[0], at[1] : at[1] + pose.alpha.shape[1]]
        scheme = self.grid.pad(self.slot.matrix)[window]
        return {
            "score": score,
            "scheme": float((scheme * pose.interest).sum() / max(float(pose.interest.sum()), 1e-6)),
            "overlap": float((self.scene.alpha[window] * pose.alpha).sum() / pose.area),
        }


def _waves(matrix: np.ndarray) -> np.ndarray:
    return np.fft.rfft2(matrix).astype(np.complex64)


def choose(options: Sequence[Option], rules: Rules, chance: np.random.Generator) -> Option:
    """One of the best options, the better the likelier."""
    best = sorted(options, key=lambda option: -option.score)[: rules.choices]
    odds = np.exp((np.array([option.score for option in best]) - best[0].score) / max(rules.warmth, 1e-6))
    return best[int(chance.choice(len(best), p=odds / odds.sum()))]


def arrange_pair(
    first: Slot, second: Slot, grid: Grid, rules: Rules, chance: np.random.Generator, starts: int = 4
) -> Scene:
    """The first two objects, their scores maximised together: the best second for each of several firsts."""
    options = options_for(first, empty(grid), grid, rules)
    pairs: list[tuple[Option, Option]] = []
    for _ in range(min(starts, len(options))):
        hero = choose(options, rules, chance)
        scene = empty(grid).joined_by(hero, first.cutout)
        pairs += [(hero, other) for other in options_for(second, scene, grid, rules)[: rules.choices]]
    joint = [Option(b.pose, b.at, b.front, a.score + b.score, b.place, b.parts) for a, b in pairs]
    chosen = choose(joint, rules, chance)
    hero = pairs[joint.index(chosen)][0]
    return empty(grid).joined_by(hero, first.cutout).joined_by(chosen, second.cutout)


def arrange(slots: Sequence[Slot], grid: Grid, rules: Rules, chance: np.random.Generator) -> Scene:
    """All objects of a composition: the first alone, the pair together, then the others one after another."""
    if len(slots) == 1:
        return empty(grid).joined_by(
            choose(options_for(slots[0], empty(grid), grid, rules), rules, chance), slots[0].cutout
        )
    scene = arrange_pair(slots[0], slots[1], grid, rules, chance)
    for slot in slots[2:]:
        scene = scene.joined_by(choose(options_for(slot, scene, grid, rules), rules, chance), slot.cutout)
    return scene


def settle(scene: Scene, scheme: Scheme, grid: Grid, rules: Rules) -> Scene:
    """The whole group moved and scaled as if it were one object, to fill the frame and lie in it well."""
    rows, columns = (np.flatnonzero((scene.alpha > 0.05).any(axis)) for axis in (1, 0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    alpha, interest = scene.alpha[window], scene.interest[window]
    height, width = alpha.shape
    whole = Fields(Slot(scene.cutouts[0], 1.0, 0.0, 1, np.maximum.reduce(scheme.matrices)), empty(grid), grid, rules)
    best: tuple[float, float, float, float] | None = None
    for scale in np.geomspace(0.9, 1.35, 10):
        size = round(width * scale), round(height * scale)
        if size[0] > grid.shape[1] or size[1] > grid.shape[0]:
            break
        pose = make_pose(cv2.resize(np.dstack([alpha, interest]), size), scale, 0.0, False, (0.0, 0.0), grid)
        scores = whole.settled(pose)
        y, x = np.unravel_index(int(scores.argmax()), scores.shape)
        if best is None or scores[y, x] > best[0]:
            best = float(scores[y, x]), float(scale), float(y), float(x)
    if best is None:
        return scene
    _, scale, y, x = best
    places = []
    for place in scene.places:  # a cell of the grid is carried with the group's corner
        column, row = place.x * grid.frame[0] + grid.rim - columns[0], place.y * grid.frame[1] + grid.rim - rows[0]
        new_x, new_y = (x + column * scale - grid.rim) / grid.frame[0], (y + row * scale - grid.rim) / grid.frame[1]
        places.append(replace(place, size=place.size * scale, x=new_x, y=new_y))
    return replace(scene, places=places)


def rate(scene: Scene, scheme: Scheme, grid: Grid) -> dict[str, float]:
    """The whole composition's score 0..1 and its parts: scheme under all visible interest, fullness, balance."""
    alpha, interest = redraw(scene, grid)
    under = max(float((matrix * interest).sum()) for matrix in scheme.matrices) / max(float(interest.sum()), 1e-6)
    rows, columns = (np.flatnonzero((alpha > 0.05).any(axis)) for axis in (1, 0))
    spans = (rows[-1] + 1 - rows[0]) / alpha.shape[0] * (columns[-1] + 1 - columns[0]) / alpha.shape[1]
    y, x = ((alpha.sum(1 - i) @ (np.arange(n) + 0.5)) / alpha.sum() / n - 0.5 for i, n in enumerate(alpha.shape))
    off = float(np.hypot(y, x))
    score = float(np.clip(0.5 * under + 0.3 * spans + 0.2 * (1 - 5 * off), 0, 1))
    found = {"score": score, "under_scheme": under, "filled": float(alpha.mean()), "spans": spans, "off_centre": off}
    return {name: round(float(value), 4) for name, value in found.items()}


def redraw(scene: Scene, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and visible interest of a scene in the frame, from its placements."""
    whole = np.zeros((grid.frame[1], grid.frame[0], 2), np.float32)
    for cutout, place in zip(scene.cutouts, scene.places, strict=True):
        both = np.dstack([cutout.alpha, cutout.interest])
        matrix = lay_small(cutout, place, grid)
        drawn, (y, x) = warp(both, matrix, grid.frame)
        part = whole[y : y + drawn.shape[0], x : x + drawn.shape[1]]
        part *= 1 - drawn[..., :1]
        part += drawn
    return whole[..., 0], whole[..., 1]


def lay_small(cutout: Cutout, place: Placement, grid: Grid) -> np.ndarray:
    """The matrix that carries a cut-out's small maps to its place on the grid."""
    height, width = cutout.alpha.shape
    shrunk = cutout.size[0] / width, cutout.size[1] / height
    return lay(cutout.size, cutout.extent_px, place, grid.frame) @ np.diag([*shrunk, 1.0])
