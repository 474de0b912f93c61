"""Landmarks of one hand in; what it does out: where it is, how open, pinched, spread and tilted, 0..1."""

from __future__ import annotations

import math

import numpy as np

from installation.features.euro import clamp

WRIST, THUMB_TIP, INDEX_BASE, INDEX_TIP, MIDDLE_BASE, PINKY_BASE, PINKY_TIP = 0, 4, 5, 8, 9, 17, 20
FINGER_TIPS = (8, 12, 16, 20)
PALM = (0, 5, 9, 13, 17)
# Measured on photographs: thumb to index is 0.12-0.26 palm lengths in a pinch and 0.7 or more otherwise.
PINCHED, UNPINCHED = 0.25, 0.65
# Mean reach of the finger tips from the wrist in palm lengths: a fist 0.8-1.0, an open hand 1.7-1.9.
FIST, OPEN = 0.95, 1.75
SPREAD_LOW_DEG, SPREAD_HIGH_DEG = 8.0, 45.0


def centre_of(points: np.ndarray) -> tuple[float, float]:
    """Middle of the palm in points [shape=(21, 3), 0..1 of the picture], as (x, y) of the picture."""
    x, y = points[PALM, :2].mean(axis=0)
    return float(x), float(y)


def shape_of(points: np.ndarray, aspect: float) -> dict[str, float]:
    """x, y, height, openness, pinch, spread, roll of points [shape=(21, 3)]; aspect is picture height / width.

    y is 0 at the top; height is 0 in the lowest tenth of the picture and 1 in the highest; roll is 0.5 upright, towards
    1 leaning right by 90 degrees.
    """
    x, y = centre_of(points)
    scaled = points * np.array([1.0, aspect, 1.0], np.float32)  # one unit along all axes: picture widths
    flat = scaled[:, :2]
    palm = max(float(np.linalg.norm(flat[MIDDLE_BASE] - flat[WRIST])), 1e-4)
    palm_3d = max(float(np.linalg.norm(scaled[MIDDLE_BASE] - scaled[WRIST])), 1e-4)
    reach = np.linalg.norm(scaled[FINGER_TIPS, :] - scaled[WRIST], axis=1) / palm_3d
    openness = clamp((float(reach.mean()) - FIST) / (OPEN - FIST))
    gap = float(np.linalg.norm(flat[THUMB_TIP] - flat[INDEX_TIP])) / palm
    # In a fist the thumb lies by the index finger too; a pinch reaches out.
    reaching = clamp((float(reach[0]) - 0.75) / 0.2)
    up = flat[MIDDLE_BASE] - flat[WRIST]
    return {
        "x": clamp(x),
        "y": clamp(y),
        "height": clamp((0.9 - y) / 0.8),
        "openness": openness,
        "pinch": clamp((UNPINCHED - gap) / (UNPINCHED - PINCHED)) * reaching,
        "spread": _spread(scaled) * clamp(2 * openness - 0.4),
        "roll": clamp(0.5 + math.atan2(float(up[0]), -float(up[1])) / math.pi),
    }


def _spread(scaled: np.ndarray) -> float:
    index, pinky = scaled[INDEX_TIP] - scaled[INDEX_BASE], scaled[PINKY_TIP] - scaled[PINKY_BASE]
    lengths = float(np.linalg.norm(index) * np.linalg.norm(pinky))
    angle_deg = math.degrees(math.acos(clamp(float(index @ pinky) / max(lengths, 1e-9), -1.0, 1.0)))
    return clamp((angle_deg - SPREAD_LOW_DEG) / (SPREAD_HIGH_DEG - SPREAD_LOW_DEG))
