"""A small painted picture and the large one that it shows in, the large one painted out: colour and strokes go up."""

from __future__ import annotations

import cv2
import numpy as np

RADIUS_PX = 3  # of the windows of the small picture in which paint follows the content's light
LEAST_CONTRAST = 0.03  # standard deviation of light in a window from which on the paint's own answer to it is believed
LEAST_GAIN = 0.5  # of the content's fine light that shows through any paint
FAINT, TRUSTED = 0.05, 0.3  # cover of a pixel below which its colour means nothing, from which on it is right
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def carry_up(painted: np.ndarray, content: np.ndarray) -> np.ndarray:
    """painted (h, w, 3) and content (H, W, 3), float 0..1 encoded -> painted at (H, W, 3), with the content's edges.

    Paint is enlarged, and the light that the content has lost by being small is laid over it: as strongly as the paint
    answers to the content's light in each window of the small picture (the gain of a guided filter, He and Sun 2015).
    """
    size, small = (content.shape[1], content.shape[0]), (painted.shape[1], painted.shape[0])
    if size == small:
        return painted
    light = np.asarray(content @ LUMA, np.float32)
    guide = cv2.resize(light, small, interpolation=cv2.INTER_AREA)
    gain = np.asarray(cv2.resize(_gain(guide, painted), size, interpolation=cv2.INTER_LINEAR), np.float32)
    light -= cv2.resize(guide, size, interpolation=cv2.INTER_CUBIC)
    gain *= light[..., None]
    gain += np.asarray(cv2.resize(painted, size, interpolation=cv2.INTER_CUBIC), np.float32)
    return np.clip(gain, 0, 1, out=gain)


def _gain(guide: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """How much painted (h, w, 3) changes with the guide (h, w) about each pixel, LEAST_GAIN to 2."""
    mean_guide, mean_painted = _mean(guide)[..., None], _mean(painted)
    variance = _mean(guide * guide)[..., None] - mean_guide * mean_guide
    gain = (_mean(guide[..., None] * painted) - mean_guide * mean_painted) / (variance + LEAST_CONTRAST**2)
    return np.asarray(_mean(np.clip(gain, LEAST_GAIN, 2)))


def _mean(picture: np.ndarray) -> np.ndarray:
    side = 2 * RADIUS_PX + 1
    return np.asarray(cv2.blur(picture, (side, side), borderType=cv2.BORDER_REFLECT_101))


def spread(rgb: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """rgb (H, W, 3) and how much of each pixel it covers (H, W, 1) -> rgb, the nearest colours where it covers nothing.

    Means of covered pixels over ever larger squares (pull), put back from the largest to the smallest (push; Gortler et
    al. 1996): no edge takes a colour from the paper.
    """
    # Where nothing at all is to be trusted, what is faint speaks after all.
    weight = np.clip((cover - FAINT) / (TRUSTED - FAINT), 1e-3 * cover, 1).astype(np.float32)
    levels = [(np.asarray(rgb * weight, np.float32), weight)]
    while max(levels[-1][1].shape) > 1:
        height, width = (-(-side // 2) for side in levels[-1][1].shape[:2])
        halves = [cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA) for part in levels[-1]]
        levels.append((_shaped(halves[0], (height, width, 3)), _shaped(halves[1], (height, width, 1))))
    under = levels[-1][0] / np.maximum(levels[-1][1], 1e-6)
    for colour, weight in reversed(levels):
        size = (weight.shape[1], weight.shape[0])
        under = _shaped(cv2.resize(under, size, interpolation=cv2.INTER_LINEAR), colour.shape)
        own = np.clip(weight * 4, 0, 1)  # a quarter of a square covered is enough to speak for it
        under = own * colour / np.maximum(weight, 1e-6) + (1 - own) * under
    exact = np.clip(levels[0][1], 0, 1)
    return np.asarray(exact * rgb + (1 - exact) * under, np.float32)


def _shaped(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """OpenCV drops an axis of length 1."""
    return np.asarray(picture, np.float32).reshape(shape)


def keep_chroma(painted: np.ndarray, content: np.ndarray, share: float) -> np.ndarray:
    """Mix the content's own colours (a and b of CIELAB) into the paint, which keeps its light; share 0..1."""
    lab, own = (cv2.cvtColor(np.ascontiguousarray(p, np.float32), cv2.COLOR_RGB2LAB) for p in (painted, content))
    lab[..., 1:] = (1 - share) * lab[..., 1:] + share * own[..., 1:]
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
