"""References with their maps of interest in, composed pictures out: cut-outs laid where a scheme wants interest.

After the source's composer: a scheme's matrix times the map of interest, summed, is the score; first of one object, of
the pair jointly, then of further objects on further lines. All positions are tried at once (arrangement.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from installation.signals import Still
from installation.stages.composition.arrangement import Rules, Scene, Slot, arrange
from installation.stages.composition.collage import draw, draw_interest
from installation.stages.composition.covering import cover
from installation.stages.composition.grouping import rate, settle
from installation.stages.composition.poses import Grid, make_grid
from installation.stages.composition.schemes import Scheme, open_scheme
from installation.stages.cutouts import Cutout, cut
from installation.stages.work import Made, Plan, Stage, Work, derive_seed
from installation.weights import digest

FINE = 0.6  # a hero has at least this part of the best reference's resolution


@dataclass(frozen=True)
class Settings:
    """What is composed, and how large things are; the same seed composes alike at every working size."""

    variants: int = 4  # compositions that are made
    working_size: tuple[int, int] = (640, 640)  # px, width and height
    objects: tuple[int, int] = (3, 5)  # fewest and most objects of a composition
    schemes: tuple[str, ...] = ("diagonals", "golden", "thirds", "spiral")  # or .png files of your own
    hero_size: tuple[float, float] = (0.7, 0.84)  # of the first object, in parts of the frame's root area
    shrink: tuple[float, float] = (0.68, 0.88)  # how much smaller each further object is than the one before
    hero_turn_deg: float = 12.0  # the first object is turned by at most this
    turn_deg: float = 60.0  # further objects by at most this
    turns: int = 5  # turns that are tried between the two ends
    cut_photographs: bool = True  # opaque references are cut out where they are of interest; a lone one fills the frame
    tries: int = 2  # arrangements of which the best is drawn
    rules: Rules = field(default_factory=Rules)


def create(settings: Settings) -> Stage:
    """The stage. Raises ValueError for impossible settings, PictureError for a scheme that cannot be read."""
    low, high = settings.objects
    if not 1 <= low <= high:
        raise ValueError(
            f"composition: expected objects = [fewest, most] with 1 <= fewest <= most, found {low}, {high}"
        )
    if not settings.schemes:
        raise ValueError("composition: expected at least one scheme")
    if min(settings.working_size) < 1:
        raise ValueError(f"composition: expected a working_size of at least 1x1 px, found {settings.working_size}")
    return Composition(settings)


class Composition(Stage):
    """Sees all references at once and plans one run for each variant, with the references that it will lay."""

    gathers = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        for name in settings.schemes:
            open_scheme(name, (8, 8))
        own = [name for name in settings.schemes if name.lower().endswith(".png")]
        self.fingerprint = "+".join(digest(Path(name)) for name in own)

    def plan(self, stills: Sequence[Still]) -> list[Plan]:
        """The variants, each with its references: every fine one is the hero in turn, the least used join it."""
        known = sorted(stills, key=lambda still: still.key)
        seed = derive_seed("composition", *((still.key, still.seed) for still in known))
        chance = np.random.default_rng(seed)
        used = dict.fromkeys((still.key for still in known), 0)
        plans: list[Plan] = []
        while known and len(plans) < self.settings.variants:
            for hero in chance.permutation(np.array(fine(known), object)):
                chosen = [hero, *self._company(hero, known, used, chance)]
                number = len(plans) + 1
                plans.append(Plan(tuple(chosen), derive_seed(seed, number), f"composition-{number:03d}"))
        return plans[: self.settings.variants]

    def _company(
        self, hero: Still, known: list[Still], used: dict[str, int], chance: np.random.Generator
    ) -> list[Still]:
        """Who joins the hero: others while there are any, the hero itself again when it is alone."""
        count = int(chance.integers(self.settings.objects[0], self.settings.objects[1] + 1)) - 1
        others = [still for still in known if still.key != hero.key]
        if not others:
            return [hero] * count
        odds = np.array([0.35 ** used[still.key] for still in others])
        picked = chance.choice(len(others), min(count, len(others)), replace=False, p=odds / odds.sum())
        for i in picked:
            used[others[i].key] += 1
        return [others[i] for i in picked]

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        settings = self.settings
        cutouts, skipped = cut_all(stills, settings)
        grid, chance = make_grid(settings.working_size, settings.rules.grid_px), work.chance("arrangement")
        scheme = open_scheme(
            str(chance.choice(list(settings.schemes))), grid.frame, bool(chance.integers(2)), bool(chance.integers(2))
        )
        scene = compose(cutouts, scheme, settings, grid, chance)
        work.progress(0.7, scheme.name)
        notes: dict[str, Any] = rate(scene, scheme) | {
            "scheme": scheme.name,
            "objects": [place.to_note() | parts for place, parts in zip(scene.places, scene.parts, strict=True)],
        }
        if skipped:
            notes["skipped"] = skipped
        return draw_scene(scene, settings.working_size, notes)


def compose(
    cutouts: Sequence[Cutout], scheme: Scheme, settings: Settings, grid: Grid, chance: np.random.Generator
) -> Scene:
    """The best of several arrangements; a lone opaque picture fills the frame instead."""
    if len({cutout.key for cutout in cutouts}) == 1 and cutouts[0].opaque:
        return cover(cutouts[0], scheme, grid, settings.rules, chance)
    scenes = []
    for _ in range(max(settings.tries, 1)):
        slots = make_slots(cutouts, scheme, settings, grid, chance)
        scenes.append(settle(arrange(slots, grid, settings.rules, chance), scheme, settings.rules))
    return max(scenes, key=lambda scene: rate(scene, scheme)["score"])


def compositions_per_hour(stills: Sequence[Still], settings: Settings, folder: Path) -> float:
    """How many compositions one core makes in an hour, drawing included, once the references are known to it.

    All of settings.variants are made twice, and the second time is measured.
    """
    stage = Composition(settings)
    plans, began_s = stage.plan(stills), 0.0
    for _ in range(2):
        began_s = time.perf_counter()
        for plan in plans:
            stage.run(plan.stills, Work(plan.seed, folder))
    return 3600 * len(plans) / max(time.perf_counter() - began_s, 1e-9)


def fine(stills: Sequence[Still]) -> list[Still]:
    """Those with enough pixels to be large in a print: FINE of the best one's root area, or more."""
    roots = [(still.pixels.shape[0] * still.pixels.shape[1]) ** 0.5 for still in stills]
    return [still for still, root in zip(stills, roots, strict=True) if root >= FINE * max(roots)]


def cut_all(stills: Sequence[Still], settings: Settings) -> tuple[list[Cutout], list[str]]:
    """The cut-outs of stills, and why some have none. Raises ValueError when none has."""
    cutouts, skipped = [], []
    width, height = settings.working_size
    alone = len({still.key for still in stills}) == 1
    for still in stills:
        try:
            cutout = cut(still, settings.cut_photographs and not alone)
            if min(cutout.size) / cutout.extent_px * settings.hero_size[1] * (width * height) ** 0.5 < 1:
                raise ValueError(f"{cutout.size[0]}x{cutout.size[1]} px is too thin to be seen at {width}x{height}")
            cutouts.append(cutout)
        except ValueError as error:
            skipped.append(f"{still.name}: {error}")
    if not cutouts:
        raise ValueError(f"composition: nothing to compose with: {'; '.join(skipped)}")
    return cutouts, skipped


def make_slots(
    cutouts: Sequence[Cutout], scheme: Scheme, settings: Settings, grid: Grid, chance: np.random.Generator
) -> list[Slot]:
    """What each object is to be: a hero, and companions each smaller than the one before."""
    size, slots = float(chance.uniform(*settings.hero_size)), []
    for number, cutout in enumerate(cutouts):
        turn = settings.turn_deg if number else settings.hero_turn_deg
        slots.append(Slot(cutout, size, turn, settings.turns, np.pad(scheme.of(number), grid.rim)))
        size *= float(chance.uniform(*settings.shrink))
    return slots


def draw_scene(scene: Scene, frame: tuple[int, int], notes: dict[str, Any]) -> Made:
    """The composed picture of a scene at a size (width, height), with the interest that can be seen in it."""
    maps = {"interest": draw_interest(scene.cutouts, scene.places, frame)}
    return Made(draw(scene.cutouts, scene.places, frame), maps, notes)
