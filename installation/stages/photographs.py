"""An opaque picture and its map of interest in, a mask of what stands out of it out."""

from __future__ import annotations

import cv2
import numpy as np

SURE, LIKELY = 0.6, 0.2  # interest from which a pixel surely, or likely, belongs to the object
ROUNDS = 4
LEAST, MOST = 0.03, 0.9  # an object of less or more than this part of its picture is none


def find_object(rgb: np.ndarray, interest: np.ndarray) -> np.ndarray | None:
    """The soft mask [(H, W), float32, 0..1] of what stands out of a small picture; None where nothing does.

    GrabCut (Rother et al. 2004), started from the map of interest; what touches most of the rim is ground.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < 16:
        return None
    near: np.ndarray = cv2.GaussianBlur(interest, (0, 0), max(height, width) / 40)
    near = near / max(float(near.max()), 1e-6)
    mask = np.where(near > LIKELY, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[near > SURE] = cv2.GC_FGD
    rim = np.ones_like(mask, bool)
    rim[2:-2, 2:-2] = False
    mask[rim & (near <= SURE)] = cv2.GC_BGD
    if not (mask == cv2.GC_BGD).any() or not (mask == cv2.GC_FGD).any():
        return None
    cv2.setRNGSeed(1)  # its clusters start from OpenCV's chance
    bytes_ = (rgb * 255 + 0.5).astype(np.uint8)
    cv2.grabCut(bytes_, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    found = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found)
    areas = stats[:, cv2.CC_STAT_AREA] * (np.arange(count) > 0)
    kept = np.isin(labels, np.flatnonzero(areas > 0.1 * areas.max()))  # crumbs are dropped
    if not LEAST < kept.mean() < MOST:
        return None
    return cv2.GaussianBlur(kept.astype(np.float32), (0, 0), 0.8)
