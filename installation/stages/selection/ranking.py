"""Takes and the artist's choices in, their order and those that go on out: what the stage and the select page agree on.

Within one batch only: every figure becomes a rank 0..1, their weighted mean is the score, and what hardly differs from
its composition, is near noise or leaves the paper empty comes last. When the artist has kept and rejected a few takes,
a taste learnt from that counts the more, the more choices there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from installation.signals import Still
from installation.stages.selection import taste

SAYS = {
    "worth": 4.0,
    "contrast": 1.0,
    "colourfulness": 1.0,
    "composition": 1.0,
    "nima": 1.0,
    "likeness": -0.5,
    "noise": -2.0,
}


@dataclass(frozen=True)
class Limits:
    """Beyond these a take is a failure and comes last; each 0..1."""

    noisiest: float = 0.45  # noise above this: a photograph has 0.02, an engraving 0.1
    likest: float = 0.97  # likeness to the composition above this: the glitch did nothing
    emptiest: float = 0.005  # coverage of the paper below this


@dataclass(frozen=True)
class Rank:
    """Where a take stands in its batch, 0..1, higher is better; taste is None before it has learnt."""

    overall: float
    taste: float | None
    failure: str = ""


def select(stills: Sequence[Still], scores: Sequence[float], choices: Mapping[str, str], keep: int = 1) -> list[Still]:
    """Which takes go on, in the order they came: kept ones always, rejected ones never, then by score."""
    groups: dict[str, list[int]] = {}
    for i, still in enumerate(stills):
        groups.setdefault(composition_of(still), []).append(i)
    chosen: set[int] = set()
    for group in groups.values():
        kept = [i for i in group if judged(stills[i], choices) == "keep"]
        open_ = sorted((i for i in group if not judged(stills[i], choices)), key=lambda i: -scores[i])
        chosen |= {*kept, *open_[: max(0, keep - len(kept))]}
    return [still for i, still in enumerate(stills) if i in chosen]


def rank(
    stills: Sequence[Still],
    choices: Mapping[str, str],
    limits: Limits | None = None,
    memory: taste.Memory | None = None,
) -> list[Rank]:
    """Where each take stands in this batch. memory: the artist's choices in earlier jobs."""
    limits, memory = limits or Limits(), memory or taste.Memory()
    faults = [failure_of(still, limits) for still in stills]
    scores = _weigh([figures_of(still) for still in stills])
    pleasing = learn_taste(stills, choices, memory)
    if pleasing is not None:
        here = {take_of(still) for still in stills if judged(still, choices)}
        known = len(here | set(memory.takes))
        trust = known / (known + 6)
        scores = (1 - trust) * scores + trust * _ranks(pleasing)
    order = _ranks(scores - 2.0 * np.array([bool(fault) for fault in faults], float))
    return [
        Rank(round(float(o), 4), None if pleasing is None else round(float(pleasing[i]), 4), faults[i])
        for i, o in enumerate(order)
    ]


def learn_taste(stills: Sequence[Still], choices: Mapping[str, str], memory: taste.Memory) -> np.ndarray | None:
    """How probably each take pleases, learnt from the choices among them and from earlier ones; None before it can."""
    names = sorted({name for still in stills for name in figures_of(still)} | set(memory.names))
    memory = memory.without({take_of(still) for still in stills if judged(still, choices)})
    seen = _rows([still.maps.get("embedding", np.zeros(0, np.float32)) for still in stills] + list(memory.embeddings))
    measured = [figures_of(still) for still in stills]
    measured += [dict(zip(memory.names, map(float, row), strict=True)) for row in memory.figures]
    table = _rows([np.array([row.get(name, np.nan) for name in names]) for row in measured])
    kept: list[bool | None] = [{"keep": True, "reject": False}.get(judged(still, choices)) for still in stills]
    pleasing = taste.learn(taste.Looks(seen, table), kept + list(memory.kept))
    return None if pleasing is None else pleasing[: len(stills)]


def remember(stills: Sequence[Still], choices: Mapping[str, str], memory: taste.Memory) -> taste.Memory:
    """The earlier choices and those among these takes; of a take that was judged again, the new choice."""
    new = [still for still in stills if judged(still, choices) and "embedding" in still.maps]
    old = memory.without({take_of(still) for still in stills})
    if not new:
        return old
    names = tuple(sorted({name for still in new for name in figures_of(still)} | set(old.names)))
    rows = [dict(zip(old.names, map(float, row), strict=True)) for row in old.figures] + [figures_of(s) for s in new]
    seen = [*old.embeddings, *(still.maps["embedding"] for still in new)]
    table = [np.array([row.get(name, np.nan) for name in names]) for row in rows]
    takes = (*old.takes, *(take_of(still) for still in new))
    kept = (*old.kept, *(judged(still, choices) == "keep" for still in new))
    return taste.Memory(takes, kept, _rows(seen), _rows(table), names)


def take_of(still: Still) -> str:
    """The key of the take before it was measured: choices under it outlive a change of selection's own limits."""
    return str(still.notes.get("selection", {}).get("take", still.key))


def judged(still: Still, choices: Mapping[str, str]) -> str:
    """What the artist said of a take: "keep", "reject" or ""."""
    return choices.get(take_of(still)) or choices.get(still.key) or ""


def figures_of(still: Still) -> dict[str, float]:
    """What was measured of a take, {name: 0..1}."""
    return dict(still.notes.get("selection", {}).get("figures", {}))


def composition_of(still: Still) -> str:
    """Which composition it is a take of: its name before "-take"."""
    return still.name.rpartition("-take")[0] or still.name


def failure_of(still: Still, limits: Limits) -> str:
    """Why a take comes last, or "": what the stage that made it found, or what its figures say."""
    found = figures_of(still)
    if fault := still.notes.get("slomo_glitch", {}).get("fault"):
        return str(fault)
    if found.get("coverage", 1.0) < limits.emptiest:
        return "empty"
    if found.get("noise", 0.0) > limits.noisiest:
        return "near noise"
    return "near-identical" if found.get("likeness", 0.0) > limits.likest else ""


def _rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of one length as a table (N, D), float32; a row of another length is not known: NaN."""
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), np.nan, np.float32)
    for i, row in enumerate(rows):
        if len(row) == width:
            table[i] = row
    return table


def _weigh(measured: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Weighted mean of each figure's rank in the batch; only figures that all have are compared."""
    total, weight = np.zeros(len(measured)), 0.0
    for name, says in SAYS.items():
        if measured and all(name in row for row in measured):
            ranks = _ranks(np.array([row[name] for row in measured]))
            total += abs(says) * (ranks if says > 0 else 1 - ranks)
            weight += abs(says)
    return total / weight if weight else total + 0.5


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks brought to 0..1, equal values sharing the middle of theirs; robust against outliers."""
    if len(values) < 2:
        return np.full(len(values), 0.5)
    ordered = np.sort(values)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + upto - 1) / 2 / (len(values) - 1)
