"""A corpus in, batches of pairs out: what is shown, what it is a picture of, and the colours that it does not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from installation.generators.translator.palette import codes_of
from installation.networks.sight import CHANNELS, edges, resized, see
from installation.training.corpus import Corpus

LEAST_CROP = 0.5  # of a side: what is drawn may be near or far, and a show paints at twice the size of training
ALONE = 0.5  # share of the examples that stand alone on a plain ground, as drawings do
LEAST_ALONE = 0.35  # of a side: how small what stands alone may be
GAPS = 0.35  # share of the examples whose lines have gaps, as drawn ones have
DETAIL = (0.1, 0.85)


@dataclass
class Pairs:
    """shown (B, C, S, S), 0..1; target (B, 3, S, S), -1..1; code (B, 6)."""

    shown: Tensor
    target: Tensor
    code: Tensor


@dataclass
class Source:
    """The corpus of what is painted; of what is shown, if that is another, its pictures in the same order."""

    sight: str
    images: np.ndarray
    inputs: np.ndarray | None
    before: np.ndarray | None  # of each picture, the one before it in its film; -1: none
    paired: bool = True  # whether inputs and images belong together

    def draw(self, among: np.ndarray, count: int, size: int) -> Pairs:
        """A batch of some of those pictures, each cut, mirrored and lined anew. Drawn from torch's generator."""
        which = among[torch.randint(len(among), (count,)).numpy()]
        return self._join([self._one(int(i), size, torch.rand(8).tolist()) for i in which])

    def plainly(self, which: np.ndarray, size: int) -> Pairs:
        """Those pictures whole, as the show would see them."""
        return self._join([self._one(int(i), size, None) for i in which])

    def _one(self, at: int, size: int, dice: list[float] | None) -> tuple[np.ndarray, np.ndarray]:
        box, mirror = _box(self.images.shape[1], dice)
        target = _cut(self.images[at], box, size, mirror)
        seen = target
        if self.inputs is not None and self.paired:
            seen = _cut(self.inputs[at], box, size, mirror)
        elif self.inputs is not None:
            other = at if dice is None else int(dice[7] * len(self.inputs))
            seen = _cut(self.inputs[other % len(self.inputs)], box, size, mirror)
        detail = 0.45 if dice is None else DETAIL[0] + (DETAIL[1] - DETAIL[0]) * dice[4]
        if self.before is not None:
            return see("flow", seen, detail, _cut(self.images[self.before[at]], box, size, mirror)), target
        if self.sight == "edges" and dice is not None:
            if dice[5] < ALONE:
                shown, target = _alone(seen, target, detail, dice)
            else:
                shown = edges(seen, detail)
            return _with_gap(shown, dice)[None], target
        return see(self.sight, seen, detail), target

    def _join(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Pairs:
        shown = torch.from_numpy(np.stack([shown for shown, _ in pairs]))
        target = torch.from_numpy(np.stack([target for _, target in pairs])).permute(0, 3, 1, 2)
        target = target.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
        code = codes_of(target) if self.paired else target.new_zeros(len(target), 0)
        return Pairs(shown.contiguous(memory_format=torch.channels_last), target, code)


def open_source(sight: str, corpus: Corpus, inputs: Corpus | None, paired: bool = True) -> Source:
    """inputs: what is shown; pictures of the same names if paired. Without, it is found in the corpus itself.

    Raises ValueError when names of the two do not meet, or there is nothing that moves.
    """
    if inputs is not None and not paired:
        return Source(sight, corpus.images, inputs.images, None, paired=False)
    if inputs is not None:
        places = {name.rpartition(".")[0]: i for i, name in enumerate(inputs.names)}
        pairs = [
            (i, places[stem]) for i, name in enumerate(corpus.names) if (stem := name.rpartition(".")[0]) in places
        ]
        if len(pairs) < 2:
            raise ValueError(f"expected two folders with pictures of equal names, found {len(pairs)} such names")
        mine, theirs = (list(column) for column in zip(*pairs, strict=True))
        return Source(sight, corpus.images[mine], inputs.images[theirs], None)
    if sight != "flow":
        return Source(sight, corpus.images, None, None)
    films = [name.rpartition(" ")[0] for name in corpus.names]
    moved = [i for i in range(1, len(films)) if films[i] and films[i] == films[i - 1]]
    if len(moved) < 2:
        raise ValueError("expected films to learn flow from, found none; put one into the folder, or choose edges")
    order = np.arange(len(films)) - 1
    order[[i for i in range(len(films)) if i not in set(moved)]] = -1
    return Source(sight, corpus.images, None, order)


def usable(source: Source) -> np.ndarray:
    """The numbers of the pictures that can be learnt from."""
    everything = np.arange(len(source.images))
    return everything if source.before is None else everything[source.before >= 0]


def channels(sight: str) -> int:
    return CHANNELS[sight]


def _box(side: int, dice: list[float] | None) -> tuple[tuple[int, int, int], bool]:
    """(left, top, side) of what is taken, and whether it is mirrored."""
    if dice is None:
        return (0, 0, side), False
    length = round(side * (1 - (1 - LEAST_CROP) * dice[0] ** 2))  # mostly nearly all of it
    left, top = (int(dice[i] * (side - length + 1)) for i in (1, 2))
    return (min(left, side - length), min(top, side - length), length), dice[3] < 0.5


def _cut(image: np.ndarray, box: tuple[int, int, int], size: int, mirror: bool) -> np.ndarray:
    left, top, length = box
    part = resized(image[top : top + length, left : left + length], (size, size))
    return np.ascontiguousarray(part[:, ::-1]) if mirror else part


def _alone(seen: np.ndarray, target: np.ndarray, detail: float, dice: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Lines (S, S) of a picture, smaller, somewhere on an empty sheet; the picture (S, S, 3) on its own blurred ground.

    A network that has only seen photographs, which are full of lines, does not know what to make of an empty sheet.
    """
    size = len(target)
    part = LEAST_ALONE + (1 - LEAST_ALONE) * dice[6]
    side = max(8, round(size * part))
    left, top = (int(dice[i] * (size - side + 1)) for i in (1, 2))
    seen, small = (resized(one, (side, side)) for one in (seen, target))
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]]).astype(np.float32)
    soft = resized(resized(small, (4, 4)), (size, size)).astype(np.float32)
    ground = 0.75 * np.median(rim, axis=0) + 0.25 * soft
    y, x = (np.mgrid[:side, :side].astype(np.float32) + 0.5) / side - 0.5
    cover = np.clip((0.5 - np.hypot(x, y)) * 12, 0, 1)
    spot, lines = (slice(top, top + side), slice(left, left + side)), np.zeros((size, size), np.float32)
    lines[spot] = edges(seen, detail) * np.clip((0.47 - np.hypot(x, y)) * 24, 0, 1)
    ground[spot] += cover[:, :, None] * (small - ground[spot])
    return lines, ground.round().clip(0, 255).astype(np.uint8)


def _with_gap(lines: np.ndarray, dice: list[float]) -> np.ndarray:
    """Lines (S, S), in some examples broken along a band, as drawn ones are."""
    if dice[7] >= GAPS:
        return lines
    y, x = np.mgrid[: len(lines), : len(lines)].astype(np.float32) / len(lines) - 0.5
    angle, wide = dice[0] * 6.283, 0.02 + 0.08 * dice[5]
    kept = np.abs(x * np.cos(angle) + y * np.sin(angle) - 0.5 * (dice[7] / GAPS - 0.5)) > wide / 2
    return (lines * kept).astype(np.float32)
