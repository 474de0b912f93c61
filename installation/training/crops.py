"""A picture in, the square of it that is learnt from out: its middle, or where most of interest lies."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

COPIES = 6  # noisy copies through which interest is looked for: one batch


@dataclass(frozen=True)
class Box:
    """A square of a picture, in px; it may begin between two."""

    left: float
    top: float
    side: int


def find_box(pixels: np.ndarray, crop: str) -> Box:
    """The largest square of (H, W, 3) uint8: crop is "centre", or "interest" as `still` finds it (stages/saliency).

    Raises WeightsError when the network that looks is not here.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    if crop == "centre" or height == width:
        return Box((width - side) / 2, (height - side) / 2, side)
    interest = _interest(pixels)
    share = interest.sum(0) if width > height else interest.sum(1)
    at = _window(share, round(len(share) * side / max(height, width)))
    first = min(round(at * max(height, width) / len(share)), max(height, width) - side)
    return Box(first, 0, side) if width > height else Box(0, first, side)


def cut(pixels: np.ndarray, box: Box, size: int) -> np.ndarray:
    """That square of the picture, scaled: (size, size, 3) uint8."""
    edges = (box.left, box.top, box.left + box.side, box.top + box.side)
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS, edges))


def _window(share: np.ndarray, length: int) -> int:
    """Where `length` neighbours hold most of what there is; of several such places the one nearest the middle."""
    length = min(max(length, 1), len(share))
    sums = np.convolve(share, np.ones(length), "valid")
    best = np.flatnonzero(sums >= sums.max() * (1 - 1e-6))
    return int(best[np.abs(best - (len(sums) - 1) / 2).argmin()])


def _interest(pixels: np.ndarray) -> np.ndarray:
    """The map of interest (h, w), 0..1, in the picture's proportions, the same in every call."""
    from installation.stages.saliency import Settings, find_interest
    from installation.stages.work import Work

    settings = Settings(body=0.0, copies=COPIES)
    return find_interest(pixels, settings, Work(0, Path(tempfile.gettempdir())))[0]
