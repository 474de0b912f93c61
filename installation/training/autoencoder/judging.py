"""Squares that a network made in; noise, copies, and those worth a look, with a figure for each, out.

Every square is so much of each picture. What is drawn in it (lines and forms, not areas of light) is shared out among
them: `voices` says how many pictures are heard, as 1 over the sum of the shares' squares; `balance` how loud the second
one is beside the first; `clarity` what part of all the four loudest are. `presence` says how strongly it is drawn, and
`depth` how far its lights and darks are apart, both as parts of what the pictures themselves are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

NOISE, FAITHFUL, WORTH = "noise", "faithful", "worth"
VERDICTS = (WORTH, FAITHFUL, NOISE)
FEWEST_VOICES, MOST_VOICES = 1.35, 7.0
LEAST_PRESENCE, MOST_PRESENCE = 0.38, 1.8
BEST_VOICES, FULL_PRESENCE, FULL_DEPTH, FULL_BALANCE, FULL_CLARITY = 2.5, 0.9, 1.0, 0.35, 0.85
LOUDEST = 4
ALIKE = 0.55  # two squares whose drawings agree more than this do not both hang among the best
MOST_COMPARED = 4000


@dataclass(frozen=True, eq=False)
class Judged:
    """Of M squares, each (M,): what a viewer sees of them; score 0..1 is higher for what is wanted."""

    voices: np.ndarray
    balance: np.ndarray
    clarity: np.ndarray
    presence: np.ndarray
    depth: np.ndarray

    @cached_property
    def score(self) -> np.ndarray:
        """1 where two or three pictures are in each other at full strength; less to every side."""
        heard = _near(self.voices, BEST_VOICES, 0.4)
        seen = _near(np.minimum(self.presence, FULL_PRESENCE), FULL_PRESENCE, 0.25)
        deep = _near(np.minimum(self.depth, FULL_DEPTH), FULL_DEPTH, 0.25)
        even = np.clip(self.balance / FULL_BALANCE, 0.02, 1) ** 0.6
        clear = np.clip(self.clarity / FULL_CLARITY, 0, 1) ** 2.5
        return np.asarray(heard * seen * deep * even * clear)

    def verdict(self, number: int) -> str:
        """Which of the three sorts a square is of."""
        drawn = LEAST_PRESENCE < self.presence[number] < MOST_PRESENCE
        if not drawn or self.voices[number] > MOST_VOICES:
            return NOISE
        return FAITHFUL if self.voices[number] < FEWEST_VOICES else WORTH

    def count(self) -> dict[str, int]:
        """How many squares are of each sort."""
        found = [self.verdict(number) for number in range(len(self.score))]
        return {name: found.count(name) for name in VERDICTS}


@dataclass(frozen=True, eq=False)
class Known:
    """What is measured of the N pictures once: inner products (N, N) of what is drawn in them, and of all their lights
    and darks (span.fine_gram, span.tone_gram)."""

    fine: np.ndarray
    tone: np.ndarray


def judge(mixtures: np.ndarray, known: Known, energies: np.ndarray | None = None) -> Judged:
    """mixtures (M, N): so much of each picture. energies (M, 2): of what is drawn in the squares, and of all their
    lights and darks, where mixtures do not say all of it."""
    pulled = mixtures @ known.fine  # (M, N)
    parts = np.maximum(mixtures * pulled, 0)
    shares = -np.sort(-parts / np.maximum(parts.sum(1, keepdims=True), 1e-12), 1)
    if energies is None:
        energies = np.stack([(mixtures * pulled).sum(1), (mixtures * (mixtures @ known.tone)).sum(1)], 1)
    whole = np.array([np.diag(known.fine).mean(), np.diag(known.tone).mean()])
    presence, depth = np.sqrt(np.maximum(energies, 0) / np.maximum(whole, 1e-12)).T
    voices = 1 / np.maximum((shares**2).sum(1), 1e-12)
    balance = shares[:, 1] / np.maximum(shares[:, 0], 1e-12)
    return Judged(voices, balance, shares[:, :LOUDEST].sum(1), presence, depth)


def _near(values: np.ndarray, best: float, spread: float) -> np.ndarray:
    """1 at the best, falling on both sides of it as a bell over the logarithm."""
    return np.asarray(np.exp(-0.5 * (np.log(np.maximum(values, 1e-3) / best) / spread) ** 2))


def mixture_of(made: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The mixtures (M, N) of what is drawn (N, P) in pictures that come nearest to what is drawn (M, P) in squares."""
    products = pictures @ pictures.T
    ridge = 0.02 * np.trace(products) / len(products)
    return np.asarray(np.linalg.solve(products + ridge * np.eye(len(products)), pictures @ made.T).T)


def choose(
    scores: np.ndarray, mixtures: np.ndarray, fine: np.ndarray, count: int, first: Sequence[int] = ()
) -> list[int]:
    """The best `count` squares, in their order, no two of which are much alike; then, if they are too few, the rest.

    first: those that hang in any case.
    """
    if not len(scores):
        return []
    order = np.argsort(-scores, kind="stable")[: min(MOST_COMPARED, 40 * count)]
    order = np.concatenate([np.array(list(first), int), order[~np.isin(order, list(first))]])
    seen = mixtures[order]
    products = seen @ fine @ seen.T
    lengths = np.sqrt(np.maximum(np.diag(products), 1e-12))
    alike = np.abs(products / lengths[:, None] / lengths[None])
    chosen: list[int] = list(range(len(first)))
    left: list[int] = []
    for i in range(len(first), len(order)):
        if len(chosen) >= count:
            break
        (left if len(chosen) and alike[i, chosen].max() > ALIKE else chosen).append(i)
    return [int(order[i]) for i in (chosen + left)[: max(count, len(first))]]
