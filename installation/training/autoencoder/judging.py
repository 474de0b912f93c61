"""Squares that a network made in; noise, copies, and those worth a look, with a figure for each, out.

Every square is so much of each picture. What is drawn in it (lines and forms, not areas of light) is shared out among
them: `voices` says how many pictures are heard, as 1 over the sum of the shares' squares; `presence` how strongly it is
drawn, as a part of what the pictures themselves are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NOISE, FAITHFUL, WORTH = "noise", "faithful", "worth"
VERDICTS = (WORTH, FAITHFUL, NOISE)
FEWEST_VOICES, MOST_VOICES = 1.35, 7.0
LEAST_PRESENCE = 0.38
BEST_VOICES, BEST_PRESENCE = 2.6, 0.8
ALIKE = 0.55  # two squares whose drawings agree more than this do not both hang among the best


@dataclass(frozen=True, eq=False)
class Judged:
    """Of M squares: voices, presence, score 0..1 (M,), and the shares (M, N) that each picture has in them."""

    voices: np.ndarray
    presence: np.ndarray
    shares: np.ndarray
    score: np.ndarray

    def verdict(self, number: int) -> str:
        """Which of the three sorts a square is of."""
        if self.presence[number] < LEAST_PRESENCE or self.voices[number] > MOST_VOICES:
            return NOISE
        return FAITHFUL if self.voices[number] < FEWEST_VOICES else WORTH

    def count(self) -> dict[str, int]:
        """How many squares are of each sort."""
        found = [self.verdict(number) for number in range(len(self.score))]
        return {name: found.count(name) for name in VERDICTS}


def judge(mixtures: np.ndarray, fine: np.ndarray, strength: np.ndarray | None = None) -> Judged:
    """mixtures (M, N): of each picture; fine (N, N): inner products of what is drawn in the pictures (span.fine_gram).

    strength (M,): the energy of what is drawn in the squares, where mixtures do not say all of it.
    """
    pulled = mixtures @ fine  # (M, N)
    parts = np.maximum(mixtures * pulled, 0)
    shares = parts / np.maximum(parts.sum(1, keepdims=True), 1e-12)
    voices = 1 / np.maximum((shares**2).sum(1), 1e-12)
    energy = (mixtures * pulled).sum(1) if strength is None else strength
    presence = np.sqrt(np.maximum(energy, 0) / np.diag(fine).mean())
    return Judged(voices, presence, shares, _score(voices, presence))


def _score(voices: np.ndarray, presence: np.ndarray) -> np.ndarray:
    """1 where two or three pictures are in each other at nearly full strength; less to every side."""
    heard = np.exp(-0.5 * (np.log(voices / BEST_VOICES) / 0.42) ** 2)
    seen = np.exp(-0.5 * (np.log(np.maximum(presence, 1e-3) / BEST_PRESENCE) / 0.35) ** 2)
    return heard * seen


def mixture_of(made: np.ndarray, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mixtures (M, N) of what is drawn (N, P) in pictures that come nearest to what is drawn (M, P) in squares of
    any kind, and the squares' own energy (M,)."""
    products = pictures @ pictures.T
    ridge = 0.02 * np.trace(products) / len(products)
    mixtures = np.linalg.solve(products + ridge * np.eye(len(products)), pictures @ made.T).T
    return mixtures, (made**2).mean(1)


def choose(
    scores: np.ndarray, mixtures: np.ndarray, fine: np.ndarray, count: int, first: Sequence[int] = ()
) -> list[int]:
    """The best `count` squares, in their order, no two of which are much alike; then, if they are too few, the rest.

    first: those that hang in any case.
    """
    if not len(scores):
        return []
    order = np.argsort(-scores, kind="stable")[: 40 * count]
    order = np.concatenate([np.array(list(first), int), order[~np.isin(order, list(first))]])
    seen = mixtures[order]
    products = seen @ fine @ seen.T
    lengths = np.sqrt(np.maximum(np.diag(products), 1e-12))
    alike = np.abs(products / lengths[:, None] / lengths[None])
    chosen, left = list(range(len(first))), []
    for i in range(len(first), len(order)):
        if len(chosen) >= count:
            break
        (left if len(chosen) and alike[i, chosen].max() > ALIKE else chosen).append(i)
    return [int(order[i]) for i in (chosen + left)[: max(count, len(first))]]
