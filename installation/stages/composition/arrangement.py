"""Cut-outs and a scheme in, placements out: where each object lies best, over size, turn, flip and position.

Every position of an object is tried at once: scores are cross-correlations, products of Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from installation.stages.composition.collage import Placement
from installation.stages.composition.poses import SIZE_STEP, Grid, Pose, pose_of, waves
from installation.stages.cutouts import Cutout


@dataclass(frozen=True)
class Rules:
    """What makes a good picture, as weights and limits of the score."""

    grid_px: int = 80  # longer side of the frame in the search
    margin: float = 0.03  # of the frame's root area, kept free all round
    outside: float = 6.0  # weight of what lies beyond the margin
    hidden: float = 1.0  # weight of interest that another object covers
    overlap: tuple[float, float] = (0.12, 0.4)  # how much of an object may lie over or under others
    apart: float = 1.3  # weight of overlapping less or more than that
    spread: float = 0.5  # weight of reaching into the empty part of the frame
    balance: float = 14.0  # weight of the whole's centre being off the middle of the frame, squared
    upright: float = 0.12  # weight of being turned, at 90 degrees
    fullness: float = 0.04  # weight of each step of size upwards, among those tried
    filling: float = 0.7  # weight of the whole group's being large
    starts: int = 4  # places of the first object from which a pair is tried
    choices: int = 8  # placements from which chance chooses
    warmth: float = 0.03  # how much worse than the best the chosen one may be


@dataclass(frozen=True, eq=False)
class Slot:
    """What the next object is to be: which cut-out, sizes about `size`, turns up to `turn_deg`, its scheme's worth.

    worth [shape of the grid] says how well each cell suits something of interest.
    """

    cutout: Cutout
    size: float
    turn_deg: float
    turns: int
    worth: np.ndarray


@dataclass(frozen=True, eq=False)
class Option:
    """One way to lay a slot's object: pose, corner of its box (y, x) on the grid, whether on top; its score."""

    slot: Slot
    pose: Pose
    at: tuple[int, int]
    front: bool
    score: float

    @property
    def window(self) -> tuple[slice, slice]:
        """Where its box lies on the grid, as an index."""
        height, width = self.pose.alpha.shape
        return np.s_[self.at[0] : self.at[0] + height, self.at[1] : self.at[1] + width]

    def place(self, grid: Grid) -> Placement:
        """The same in units of the frame."""
        x = (self.at[1] - grid.rim + self.pose.middle[1]) / grid.frame[0]
        y = (self.at[0] - grid.rim + self.pose.middle[0]) / grid.frame[1]
        cutout, pose = self.slot.cutout, self.pose
        return Placement(cutout.still.name, cutout.still.key, pose.size, pose.rotation_deg, pose.flip, x, y)


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies in the frame so far: alpha and visible interest on the grid, and the objects from the lowest up.

    parts are each object's score: the whole, the scheme's worth under its interest, its overlap with what was there.
    """

    grid: Grid
    alpha: np.ndarray
    interest: np.ndarray
    cutouts: list[Cutout] = field(default_factory=list)
    places: list[Placement] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def empty(cls, grid: Grid) -> Scene:
        return cls(grid, np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32))

    def joined_by(self, option: Option) -> Scene:
        """This scene with one more object, on top or at the bottom."""
        pose, window = option.pose, option.window
        alpha, interest = self.alpha.copy(), self.interest.copy()
        there = alpha[window].copy()
        alpha[window] = there + pose.alpha * (1 - there)
        if option.front:
            interest[window] = interest[window] * (1 - pose.alpha) + pose.interest
        else:
            interest[window] += pose.interest * (1 - there)
        parts = {
            "score": option.score,
            "scheme": float((option.slot.worth[window] * pose.interest).sum() / max(float(pose.interest.sum()), 1e-6)),
            "overlap": float((there * pose.alpha).sum() / pose.area),
        }
        end = len(self.places) if option.front else 0
        joined = Scene(self.grid, alpha, interest, [*self.cutouts], [*self.places], [*self.parts])
        joined.cutouts.insert(end, option.slot.cutout)
        joined.places.insert(end, option.place(self.grid))
        joined.parts.insert(end, {name: round(value, 4) for name, value in parts.items()})
        return joined


class Fields:
    """The transforms of all that a position is scored by, for one slot in one scene."""

    def __init__(self, slot: Slot, scene: Scene, rules: Rules) -> None:
        self.slot, self.scene, self.rules, self.grid = slot, scene, rules, scene.grid
        spare = 1 - 0.8 * np.minimum(cv2.GaussianBlur(scene.interest, (0, 0), 2.5), 1)  # eyes that are taken
        crowd = np.minimum(1.5 * cv2.GaussianBlur(scene.alpha, (0, 0), rules.grid_px / 10), 1)
        self.gain = waves(slot.worth * spare)
        self.cost = waves(rules.outside * beyond(self.grid, rules.margin) + rules.spread * crowd)
        self.there = waves(scene.alpha)
        self.noted = waves(scene.interest / max(float(scene.interest.sum()), 1e-6))
        self.area = float(scene.alpha.sum())
        self.moments = [float(scene.alpha.sum(1 - i) @ (np.arange(n) + 0.5)) for i, n in enumerate(self.grid.shape)]

    def best_of(self, pose: Pose) -> Iterator[Option]:
        """The best place of a pose on top of the scene and, where something is there, below it."""
        worth = pose.interest_waves * self.gain - pose.alpha_waves * self.cost
        large = np.log(pose.size / self.slot.size) / np.log(SIZE_STEP)
        extra = self.rules.fullness * large - self.rules.upright * abs(pose.rotation_deg) / 90
        if not self.scene.places:
            yield self._best(pose, self.correlate(worth[None], pose)[0] + extra, True)
            return
        covers = self.rules.hidden * pose.area * pose.alpha_waves * self.noted
        covered = self.rules.hidden * pose.interest_waves * self.there
        over, under, there = self.correlate(
            np.stack([worth - covers, worth - covered, pose.alpha_waves * self.there]), pose
        )
        low, high = self.rules.overlap
        apart = np.maximum(low - there, 0) / max(low, 1e-6) + np.maximum(there - high, 0) / max(1 - high, 1e-6)
        common = extra - self.rules.apart * apart - self.unbalance(pose)
        yield self._best(pose, over + common, True)
        yield self._best(pose, under + common, False)

    def correlate(self, products: np.ndarray, pose: Pose) -> np.ndarray:
        """Products of transforms [(n, ...)] -> sums at every position of the pose's box [(n, rows, columns)]."""
        rows, columns = pose.room(self.grid)
        return np.fft.irfft2(products, self.grid.shape)[:, :rows, :columns]

    def unbalance(self, pose: Pose) -> np.ndarray:
        """How far the middle of all that is solid would lie from the frame's, squared and weighted, by position."""
        away = []
        for axis, count in enumerate(pose.room(self.grid)):
            own = float(pose.alpha.sum(1 - axis) @ (np.arange(pose.alpha.shape[axis]) + 0.5))
            middle = (self.moments[axis] + own + pose.area * np.arange(count)) / (self.area + pose.area)
            away.append(((middle - self.grid.shape[axis] / 2) / self.grid.frame[1 - axis]) ** 2)
        return (self.rules.balance * (away[0][:, None] + away[1][None, :])).astype(np.float32)

    def _best(self, pose: Pose, scores: np.ndarray, front: bool) -> Option:
        y, x = divmod(int(scores.argmax()), scores.shape[1])
        return Option(self.slot, pose, (y, x), front, float(scores[y, x]))


def beyond(grid: Grid, margin: float) -> np.ndarray:
    """1 on the rim and on the frame's margin, 0 within."""
    outside = np.ones(grid.shape, np.float32)
    free = grid.rim + round(margin * (grid.frame[0] * grid.frame[1]) ** 0.5)
    outside[free:-free, free:-free] = 0
    return outside


def poses_for(slot: Slot, grid: Grid) -> list[Pose]:
    """The poses tried for a slot: three sizes, its turns, both flips; smaller ones where those do not fit."""
    step = round(np.log(slot.size) / np.log(SIZE_STEP))
    angles = np.linspace(-slot.turn_deg, slot.turn_deg, slot.turns) if slot.turns > 1 else np.zeros(1)
    while True:
        tried = [(step + i, round(float(a), 3), f) for i in (-1, 0, 1) for a in angles for f in (False, True)]
        if found := [pose for s, a, f in tried if (pose := pose_of(slot.cutout, s, a, f, grid)) is not None]:
            return found
        step -= 2


def options_for(slot: Slot, scene: Scene, rules: Rules) -> list[Option]:
    """The best place of each pose of a slot, over or under what is there; the best first."""
    fields = Fields(slot, scene, rules)
    found = [option for pose in poses_for(slot, scene.grid) for option in fields.best_of(pose)]
    return sorted(found, key=lambda option: -option.score)


def choose(scores: Sequence[float], rules: Rules, chance: np.random.Generator) -> int:
    """The number of one of the best, the better the likelier."""
    best = np.argsort(-np.asarray(scores), kind="stable")[: max(rules.choices, 1)]
    odds = np.exp((np.asarray(scores)[best] - scores[best[0]]) / max(rules.warmth, 1e-6))
    return int(chance.choice(best, p=odds / odds.sum()))


def arrange(slots: Sequence[Slot], grid: Grid, rules: Rules, chance: np.random.Generator) -> Scene:
    """All objects of a composition: the first alone, the pair together, then the others one after another."""
    firsts = options_for(slots[0], Scene.empty(grid), rules)
    if len(slots) == 1:
        return Scene.empty(grid).joined_by(firsts[choose([o.score for o in firsts], rules, chance)])
    picked = [firsts[choose([o.score for o in firsts], rules, chance)] for _ in range(max(rules.starts, 1))]
    pairs: list[tuple[float, Scene, Option]] = []
    for first in dict.fromkeys(picked):
        scene = Scene.empty(grid).joined_by(first)
        pairs += [(first.score + second.score, scene, second) for second in options_for(slots[1], scene, rules)]
    _, scene, second = pairs[choose([score for score, *_ in pairs], rules, chance)]
    scene = scene.joined_by(second)
    for slot in slots[2:]:
        options = options_for(slot, scene, rules)
        scene = scene.joined_by(options[choose([o.score for o in options], rules, chance)])
    return scene
