"""A window of a cut-out in, its colour carried out under what is transparent: no edge takes a colour from nowhere."""

from __future__ import annotations

import cv2
import numpy as np

from installation.stages.pixels import split
from installation.stages.upscale.tiles import Window

RADII_PX = (4, 12, 24)
FAINT = 0.1  # below this alpha a colour is not to be trusted
GREY = 0.5


def read_window(pixels: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """rgb [shape=(h, w, 3)] and alpha [shape=(h, w)], float32 0..1, of a part of a picture (uint16, 3 or 4 channels).

    What is transparent gets the mean colour of what is opaque around it, from near by where there is any, and grey
    beyond. It depends on the picture only, not on the window, so neighbouring windows agree.
    """
    if pixels.shape[2] == 3:
        return split(pixels[window.slices])
    wide = window.grown(RADII_PX[-1], pixels.shape[:2])
    rgb, alpha = split(pixels[wide.slices])
    if alpha.min() < FAINT:
        rgb = _carry_out(rgb, alpha)
    here = window.within(wide)
    return np.ascontiguousarray(rgb[here]), np.ascontiguousarray(alpha[here])


def _carry_out(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    under = np.full_like(rgb, GREY)
    for radius in reversed(RADII_PX):
        box, softness = (2 * radius + 1, 2 * radius + 1), radius / 2.5
        mixed = cv2.GaussianBlur(rgb * alpha[..., None], box, softness, borderType=cv2.BORDER_CONSTANT)
        weight = cv2.GaussianBlur(alpha, box, softness, borderType=cv2.BORDER_CONSTANT)[..., None]
        share = np.clip(weight * 10, 0, 1)
        under += share * (mixed / np.maximum(weight, 1e-6) - under)
    trust = np.clip(alpha / FAINT, 0, 1)[..., None]
    return np.clip(rgb * trust + under * (1 - trust), 0, 1)
