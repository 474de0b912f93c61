"""A small painted picture and the large one that it shows in, the large one painted out: colour and strokes go up."""

from __future__ import annotations

import cv2
import numpy as np

from installation.stages import pixels

RADIUS_PX = 4  # of the windows of the small picture in which paint follows the content's light
LEAST_CONTRAST = 0.03  # standard deviation of light in a window from which on the content's own detail is followed
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def carry_up(painted: np.ndarray, content: np.ndarray) -> np.ndarray:
    """painted (h, w, 3) and content (H, W, 3), float 0..1 encoded -> painted at (H, W, 3), with the content's edges.

    In each window of the small picture, paint is written as an affine function of the content's light (guided filter,
    He and Sun 2015), whose coefficients are enlarged and applied to the large content; what they do not explain, the
    strokes, is enlarged as it is.
    """
    size, small = (content.shape[1], content.shape[0]), (painted.shape[1], painted.shape[0])
    if size == small:
        return painted
    guide = (pixels.resize(content, small) @ LUMA)[..., None]
    gain, offset = _fit(guide, painted)
    strokes = painted - (gain * guide + offset)
    large = np.asarray(cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR), np.float32)
    large *= np.asarray(content @ LUMA, np.float32)[..., None]
    large += np.asarray(cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR), np.float32)
    large += np.asarray(cv2.resize(strokes, size, interpolation=cv2.INTER_CUBIC), np.float32)
    return np.clip(large, 0, 1, out=large)


def _fit(guide: np.ndarray, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset (h, w, 3) of painted by guide (h, w, 1), averaged over the windows that hold a pixel."""
    mean_guide, mean_painted = _mean(guide), _mean(painted)
    variance = _mean(guide * guide) - mean_guide * mean_guide
    gain = (_mean(guide * painted) - mean_guide * mean_painted) / (variance + LEAST_CONTRAST**2)
    return _mean(gain), _mean(mean_painted - gain * mean_guide)


def _mean(picture: np.ndarray) -> np.ndarray:
    side = 2 * RADIUS_PX + 1
    return cv2.blur(picture, (side, side), borderType=cv2.BORDER_REFLECT_101).reshape(picture.shape)


def keep_chroma(painted: np.ndarray, content: np.ndarray, share: float) -> np.ndarray:
    """Mix the content's own colours (a and b of CIELAB) into the paint, which keeps its light; share 0..1."""
    lab, own = (cv2.cvtColor(np.ascontiguousarray(p, np.float32), cv2.COLOR_RGB2LAB) for p in (painted, content))
    lab[..., 1:] = (1 - share) * lab[..., 1:] + share * own[..., 1:]
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
