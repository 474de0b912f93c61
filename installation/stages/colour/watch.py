"""Iterations of a painting in; how far it is, and a preview every few seconds, out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from installation.stages.colour import transfer
from installation.stages.work import Work

PREVIEW_S = 3.0


class Watch:
    """Tells how far the work is, and shows the picture every few seconds."""

    def __init__(self, work: Work, plan: Sequence[tuple[int, int]]) -> None:
        self.work, self.done = work, 0.0
        self.whole = sum(cost(px) * iterations for px, iterations in plan)
        self.shown_s = time.monotonic()

    def at(self, px: int, iterations: int, cover: np.ndarray) -> Callable[[int, Tensor], None]:
        """What is called after each iteration at one scale; the preview lies on white paper."""

        def watch(iteration: int, picture: Tensor) -> None:
            self.done += cost(px)
            self.work.progress(min(1.0, self.done / self.whole), f"scale {px} px, iteration {iteration}/{iterations}")
            if (now_s := time.monotonic()) - self.shown_s >= PREVIEW_S:
                self.shown_s = now_s
                self.work.preview(lay(transfer.to_array(picture), cover))

        return watch


def lay(rgb: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Paint (H, W, 3) on white paper, where it covers it (H, W, 1)."""
    return np.asarray(1 - cover * (1 - rgb), np.float32)


def cost(px: int) -> float:
    return px * px + 100.0**2  # small scales are not free
