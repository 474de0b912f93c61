"""What a graph answered in, a picture of -1..1 out: how its numbers lie and how far they reach is seen from a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from installation.weights import WeightsError

RANGES = {"-1..1": (1.0, 0.0), "0..1": (2.0, -1.0), "0..255": (2 / 255, -1.0)}  # times, plus
BELOW, BEYOND = -0.02, 4.0  # what a picture of 0..1 never reaches, what one of -1..1 does not


@dataclass(frozen=True)
class Form:
    """Which of a graph's outputs is the picture, where its planes lie, how many they are, and what its numbers mean."""

    index: int
    last: bool  # planes lie last: (H, W, C)
    planes: int
    size: tuple[int, int]  # rows, columns
    range: str

    def picture(self, answers: Sequence[np.ndarray]) -> Tensor:
        """The picture (1, planes, H, W), float32."""
        x = torch.from_numpy(np.ascontiguousarray(answers[self.index]))
        x = x.reshape(1, *self.size, self.planes).permute(0, 3, 1, 2) if self.last else x.reshape(1, -1, *self.size)
        times, plus = RANGES[self.range]
        return x.float() * times + plus


def seen(trials: Sequence[Sequence[np.ndarray]], wish: str = "auto") -> Form:
    """The form of answers like these. wish: one of RANGES, or auto. Raises WeightsError where none is a picture."""
    if wish != "auto" and wish not in RANGES:
        raise WeightsError(f"[network]: range is auto, {', '.join(RANGES)}; found {wish!r}")
    for index, answer in enumerate(trials[0]):
        shape = answer.shape[1:] if answer.ndim == 4 and answer.shape[0] == 1 else answer.shape
        if len(shape) != 3 or answer.dtype.kind not in "fui":
            continue
        for last, planes, size in ((False, shape[0], shape[1:]), (True, shape[2], shape[:2])):
            if planes in (1, 3, 4) and min(size) > 4:
                return Form(index, last, planes, tuple(size), wish if wish != "auto" else _range(trials, index))
    found = ", ".join(" x ".join(map(str, answer.shape)) for answer in trials[0])
    raise WeightsError(f"its outputs are no picture of 1, 3 or 4 planes: {found}")


def _range(trials: Sequence[Sequence[np.ndarray]], index: int) -> str:
    low = min(float(trial[index].min()) for trial in trials)
    high = max(float(trial[index].max()) for trial in trials)
    if trials[0][index].dtype.kind != "f" or high > BEYOND:
        return "0..255"
    return "-1..1" if low < BELOW else "0..1"
