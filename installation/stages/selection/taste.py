"""Pictures that an artist kept or rejected in, how much each of the others would please out: a taste that learns.

Kernel logistic regression (Zhu and Hastie 2005) on two views of a picture, weighing the same: what a network saw of it
(embedding) and what was measured of it (figures). A few milliseconds for hundreds of choices, so it learns at each one.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from installation import files

FEWEST = 4  # choices that make a taste; below it nothing is claimed
LONGEST = 4096  # choices that a taste file remembers, the newest
STEPS = 12
log = logging.getLogger("installation.stages")


@dataclass(frozen=True)
class Looks:
    """What a taste sees of pictures: embeddings [shape=(N, D), NaN where there is none], figures [shape=(N, F)]."""

    embeddings: np.ndarray
    figures: np.ndarray


def learn(looks: Looks, kept: Sequence[bool | None], strictness: float = 1.0) -> np.ndarray | None:
    """How probably each picture pleases [shape=(N,), 0..1]; None with fewer than 4 choices or only one kind of them.

    kept says of each picture True (kept), False (rejected) or None (not judged). strictness is the ridge: higher trusts
    the choices less. Kept and rejected ones weigh the same in sum, however many of each there are.
    """
    judged = np.array([k is not None for k in kept], bool)
    signs = np.array([1.0 if k else -1.0 for k in kept])[judged]
    if judged.sum() < FEWEST or len(set(signs)) < 2:
        return None
    seen = np.hstack([_standardise(looks.embeddings), _standardise(looks.figures)]) / np.sqrt(2)
    kernel = seen @ seen[judged].T  # (N, judged)
    share = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum()) * len(signs)
    alpha, offset = _fit(kernel[judged], signs, share, strictness)
    return 1 / (1 + np.exp(-np.clip(kernel @ alpha + offset, -30, 30)))


def _fit(kernel: np.ndarray, signs: np.ndarray, share: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Newton's method on sum(share log(1 + exp(-sign f))) + ridge / 2 a'Ka, where f = K a + b."""
    n = len(signs)
    alpha, offset = np.zeros(n), 0.0
    for _ in range(STEPS):
        f = kernel @ alpha + offset
        p = 1 / (1 + np.exp(-np.clip(f, -30, 30)))
        slope = np.maximum(share * p * (1 - p), 1e-6)
        target = f + share * ((signs > 0) - p) / slope
        system = np.block([[kernel + ridge * np.diag(1 / slope), np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
        solved = np.linalg.solve(system, np.append(target, 0.0))
        alpha, offset = solved[:-1], float(solved[-1])
    return alpha, offset


def _standardise(values: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and deviation 1, scaled so that a row has length 1 on average; NaN (not known) becomes 0."""
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - np.where(known, values, 0).sum(axis=0) / count, 0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    centred = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)
    length = np.sqrt((centred**2).sum() / max(len(centred), 1))
    return centred / length if length > 0 else centred


def _nothing() -> np.ndarray:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Memory:
    """Choices of earlier jobs: takes are keys (N,), kept (N,), embeddings (N, D), figures (N, F) named by `names`."""

    takes: tuple[str, ...] = ()
    kept: tuple[bool, ...] = ()
    embeddings: np.ndarray = field(default_factory=_nothing)
    figures: np.ndarray = field(default_factory=_nothing)
    names: tuple[str, ...] = ()

    def without(self, takes: set[str]) -> Memory:
        """The same without some takes: those of the job at hand speak for themselves."""
        stays = [i for i, take in enumerate(self.takes) if take not in takes]
        picked = np.array(stays, int)
        chosen = tuple(self.takes[i] for i in stays), tuple(self.kept[i] for i in stays)
        return Memory(*chosen, self.embeddings[picked], self.figures[picked], self.names)


def recall(path: Path | None) -> Memory:
    """A taste file; an empty memory when there is none, and a word about it when it cannot be read."""
    if path is None or not path.is_file():
        return Memory()
    try:
        with np.load(path, allow_pickle=False) as file:
            memory = Memory(
                tuple(map(str, file["takes"])),
                tuple(map(bool, file["kept"])),
                file["embeddings"].astype(np.float32),
                file["figures"].astype(np.float32),
                tuple(map(str, file["names"])),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s: expected a taste file, found something else or a torn one (%s): not used", path, error)
        return Memory()
    n = len(memory.takes)
    whole = len(memory.kept) == n and memory.embeddings.shape[:1] == (n,) == memory.figures.shape[:1]
    whole = whole and memory.embeddings.ndim == 2 and memory.figures.shape[1:] == (len(memory.names),)
    if not whole:
        log.warning("%s: expected as many rows of each kind in a taste file: not used", path)
        return Memory()
    return memory


def remember(path: Path, memory: Memory) -> None:
    """Write a taste file whole: the newest 4096 choices."""
    with files.whole(path) as part, part.open("wb") as file:
        np.savez(
            file,
            takes=np.array(memory.takes[-LONGEST:], str),
            kept=np.array(memory.kept[-LONGEST:], bool),
            embeddings=memory.embeddings[-LONGEST:].astype(np.float32),
            figures=memory.figures[-LONGEST:].astype(np.float32),
            names=np.array(memory.names, str),
        )
