"""A scene in, the same scene out as one group: moved and scaled so that it fills the frame, and rated."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from installation.stages.composition.arrangement import Fields, Rules, Scene, Slot
from installation.stages.composition.collage import Placement, warp
from installation.stages.composition.poses import Grid, Pose, lay_small, make_pose, seen_box
from installation.stages.composition.schemes import Scheme

SCALES = np.geomspace(0.9, 1.35, 10)


def settle(scene: Scene, scheme: Scheme, rules: Rules) -> Scene:
    """The whole group moved and scaled as if it were one object, to fill the frame and lie in it well."""
    box, grid = seen_box(scene.alpha), scene.grid
    if box is None:
        return scene
    both = np.dstack([scene.alpha[box], scene.interest[box]])
    worth = np.pad(np.maximum.reduce(scheme.matrices), grid.rim)
    fields = Fields(Slot(scene.cutouts[0], 1.0, 0.0, 1, worth), Scene.empty(grid), rules)
    best = -np.inf, 1.0, (box[0].start, box[1].start)
    for scale in SCALES.tolist():
        size = round(both.shape[1] * scale), round(both.shape[0] * scale)
        if size[0] > grid.shape[1] or size[1] > grid.shape[0]:
            break
        group = Placement("", "", scale, 0.0, False, 0.5, 0.5)
        pose = make_pose(cv2.resize(both, size, interpolation=cv2.INTER_AREA), group, (0.0, 0.0), grid)
        scores = _score(fields, pose)
        y, x = divmod(int(scores.argmax()), scores.shape[1])
        if scores[y, x] > best[0]:
            best = float(scores[y, x]), scale, (y, x)
    return _carry(scene, best[1], (box[0].start, box[1].start), best[2])


def _score(fields: Fields, pose: Pose) -> np.ndarray:
    """Scores of the group at every position: scheme, frame, size, and lying in the middle, by mass and by outline."""
    rules, grid = fields.rules, fields.grid
    off = [
        ((np.arange(count) + (side - whole) / 2) / span) ** 2
        for count, side, whole, span in zip(
            pose.room(grid), pose.alpha.shape, grid.shape, grid.frame[::-1], strict=True
        )
    ]
    outline = rules.balance * (off[0][:, None] + off[1][None, :])
    worth = fields.correlate((pose.interest_waves * fields.gain - pose.alpha_waves * fields.cost)[None], pose)[0]
    return worth + rules.filling * np.log(pose.size) - (outline + fields.unbalance(pose)) / 2


def _carry(scene: Scene, scale: float, before: tuple[int, int], after: tuple[int, int]) -> Scene:
    """Scale all placements about the group's corner (y, x) and move that corner from before to after."""
    grid, places = scene.grid, []
    for place in scene.places:
        column, row = place.x * grid.frame[0] + grid.rim - before[1], place.y * grid.frame[1] + grid.rim - before[0]
        x = (after[1] + column * scale - grid.rim) / grid.frame[0]
        y = (after[0] + row * scale - grid.rim) / grid.frame[1]
        places.append(replace(place, size=place.size * scale, x=x, y=y))
    return replace(scene, places=places)


def rate(scene: Scene, scheme: Scheme) -> dict[str, float]:
    """The composition's score 0..1 and what it is made of, all 0..1.

    under_scheme: the scheme's mean worth under all visible interest; filled: how much of the frame is solid; spans: how
    much of it the group's outline spans; off_centre: how far the middle of what is solid lies from the frame's.
    """
    alpha, interest = redraw(scene)
    box = seen_box(alpha)
    if box is None:
        return {"score": 0.0, "under_scheme": 0.0, "filled": 0.0, "spans": 0.0, "off_centre": 0.0}
    under = max(float((matrix * interest).sum()) for matrix in scheme.matrices) / max(float(interest.sum()), 1e-6)
    spans = float(np.prod([(part.stop - part.start) / whole for part, whole in zip(box, alpha.shape, strict=True)]))
    y, x = (alpha.sum(1 - i) @ (np.arange(n) + 0.5) / alpha.sum() / n - 0.5 for i, n in enumerate(alpha.shape))
    off = float(np.hypot(y, x))
    score = float(np.clip(0.5 * under + 0.3 * spans + 0.2 * (1 - 5 * off), 0, 1))
    found = {"score": score, "under_scheme": under, "filled": float(alpha.mean()), "spans": spans, "off_centre": off}
    return {name: round(value, 4) for name, value in found.items()}


def redraw(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and visible interest of a scene in its frame, small, from its placements."""
    grid: Grid = scene.grid
    whole = np.zeros((grid.frame[1], grid.frame[0], 2), np.float32)
    for cutout, place in zip(scene.cutouts, scene.places, strict=True):
        drawn, (y, x) = warp(np.dstack([cutout.alpha, cutout.interest]), lay_small(cutout, place, grid), grid.frame)
        part = whole[y : y + drawn.shape[0], x : x + drawn.shape[1]]
        part *= 1 - drawn[..., :1]
        part += drawn
    return whole[..., 0], whole[..., 1]
