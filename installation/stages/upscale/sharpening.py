"""A picture in; the same with as much fine detail as pictures of the world have, made of what detail it has, out.

The sizes of waves in photographs fall off with their frequency, by much the same law in all of them (Field 1987). A
generator's picture, a lens out of focus and a picture that was enlarged before fall off faster. Every band is lifted to
the law that the coarse ones of the same picture follow, by one small kernel, which is as if the blur had been taken
back. A sharp picture is left as it is, and so is one that is made of grain.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from installation.stages.upscale.tiles import Window
from installation.stages.upscale.underpaint import read_window

FALL = 1.3  # how waves fall off, as a power of their frequency; of 83 photographs of flowers of 256 px, 1.1 to 1.35
COARSE = (0.02, 0.06)  # cycles/px: what blur leaves
FINEST = (0.25, 0.45)  # cycles/px, between which lifting ends: beyond is the grid of whatever made the picture
BANDS = 32  # between a standing wave and the finest, of half a cycle a pixel
MOST = 2.5  # times: beyond it borders get a second line beside them
TAPS = 15
REACH = TAPS // 2 + 2
OVERSHOOT = 0.06  # of the range, beyond what there is in the neighbourhood
NEAR = np.ones((5, 5), np.uint8)
LEAST_PX = 64  # a side that says something about waves
LEAST_LIFT = 1.01
MOST_PX = 1024  # that are looked at
Look = Callable[[np.ndarray, Window], tuple[np.ndarray, np.ndarray]]
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def lifts_of(rgb: np.ndarray) -> np.ndarray:
    """How much each band of a picture [shape=(h, w, 3), float32 0..1] is to be lifted [shape=(BANDS,), 1..MOST]."""
    if min(rgb.shape[:2]) < LEAST_PX:
        return np.ones(BANDS)
    grey = rgb @ GREY
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1])).astype(np.float32)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None])
    band = (frequency * 2 * BANDS).astype(int).ravel()
    there = band < BANDS
    sums = np.bincount(band[there], power.ravel()[there], BANDS)
    sizes = np.sqrt(sums / np.maximum(np.bincount(band[there], minlength=BANDS), 1))
    at = (np.arange(BANDS) + 0.5) / (2 * BANDS)
    coarse = (at >= COARSE[0]) & (at <= COARSE[1])
    law = at**-FALL
    law = law * np.exp(np.log((sizes[coarse] + 1e-9) / law[coarse]).mean())
    lifts = np.clip(law / np.maximum(sizes, 1e-9), 1.0, MOST)
    lifts[at < COARSE[1]] = 1.0
    lifts = np.maximum.accumulate(np.convolve(np.pad(lifts, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid"))
    return 1 + (lifts - 1) * np.interp(at, FINEST, (1.0, 0.0))


def kernel_of(lifts: np.ndarray) -> np.ndarray:
    """A round kernel [shape=(TAPS, TAPS), float32] that lifts bands so; what is even stays as it is."""
    side = 4 * (TAPS + 1)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    lifted = np.interp(frequency, (np.arange(BANDS) + 0.5) / (2 * BANDS), lifts)
    kernel = np.fft.fftshift(np.fft.ifft2(lifted).real)
    middle = slice(side // 2 - TAPS // 2, side // 2 + TAPS // 2 + 1)
    taper = np.hanning(TAPS + 2)[1:-1] ** 0.5
    kernel = kernel[middle, middle] * np.outer(taper, taper)
    return (kernel / kernel.sum()).astype(np.float32)


def sharpened(picture: np.ndarray, strength: float) -> Look:
    """How windows of a picture [shape=(h, w, 3 or 4), uint16] are read with its fine bands lifted, as `read_window`.

    strength 0 leaves them, 1 lifts them wholly. Alpha stays, and no border of a cut-out takes colour from beyond it.
    """
    height, width = picture.shape[:2]
    top, left = max(0, height - MOST_PX) // 2, max(0, width - MOST_PX) // 2
    middle, _ = read_window(picture, Window(top, min(top + MOST_PX, height), left, min(left + MOST_PX, width)))
    lifts = lifts_of(middle) ** strength
    if lifts.max() < LEAST_LIFT:
        return read_window
    kernel = kernel_of(lifts)

    def look(pixels: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
        wide = window.grown(REACH, pixels.shape[:2])
        rgb, alpha = read_window(pixels, wide)
        drawn = cv2.filter2D(rgb, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        low, high = cv2.erode(rgb, NEAR) - OVERSHOOT, cv2.dilate(rgb, NEAR) + OVERSHOOT
        here = window.within(wide)
        return np.clip(np.clip(drawn, low, high), 0.0, 1.0)[here], alpha[here]

    return look
