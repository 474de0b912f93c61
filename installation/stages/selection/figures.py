"""A picture in, what can be measured of it out: each figure is a number 0..1 that says one thing a viewer would see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from installation.stages.pixels import fit, flatten, resize, split

SEEN_PX = 256  # figures are of the picture as seen from some steps away, so that they do not depend on its resolution
FAR_PX = 64
PAPER_L = 97.0  # CIELAB lightness above which a pixel counts as white paper

ABOUT = {
    "noise": "0 smooth, 1 white noise: differences of neighbours over twice the variance (von Neumann's ratio)",
    "likeness": "1 the same as the composition before the glitch, 0 nothing alike",
    "contrast": "spread (RMS) of lightness inside the picture; 1 is half black and half white",
    "colourfulness": "Hasler and Suesstrunk 2003, of 109, which their viewers called extremely colourful",
    "composition": "score of the composition that the take was made from",
    "coverage": "share of the paper that the picture covers",
    "worth": "of a square: two or three pictures in each other at nearly full strength",
    "voices": "of a square: how many pictures are heard in it, of ten",
    "balance": "of a square: how loud the second picture is beside the first",
    "clarity": "of a square: what part of all that is drawn in it the four loudest pictures are",
    "depth": "of a square: how far its lights and darks are apart, as a part of what its pictures' are",
    "presence": "of a square: how strongly it is drawn, as a part of what its pictures are",
    "nima": "mean of NIMA's ten bins, 1..10 brought to 0..1: a taste of amateur photographs, compare in one batch only",
}


def measure(pixels: np.ndarray, before: np.ndarray | None = None, notes: Mapping[str, Any] | None = None) -> dict:
    """Figures of one picture, those of ABOUT that can be had without a network; each 0..1, finite.

    pixels [shape=(H, W, 3 or 4)]: uint16 or float 0..1, sRGB-encoded. before [shape=(h, w, 3), float 0..1]: the
    composition that it was made from. notes: the still's, for what earlier stages measured: the score, the change.
    """
    seen = resize(thin(pixels), fit((pixels.shape[1], pixels.shape[0]), SEEN_PX))
    told, (_, alpha) = notes or {}, split(seen)
    lab = cv2.cvtColor(flatten(seen), cv2.COLOR_RGB2LAB)
    inside = alpha > 0.5
    figures = {
        "noise": noise(lab, inside),
        "contrast": _unit(float(lab[..., 0][inside].std()) / 50 if inside.any() else 0.0),
        "colourfulness": colourfulness(seen[..., :3], inside),
        "coverage": coverage(lab, seen),
    }
    change = told.get("slomo_glitch", {}).get("judgement", {}).get("change")
    if before is not None and before.ndim == 3:
        figures["likeness"] = likeness(seen, before)
    elif isinstance(change, int | float) and np.isfinite(change):
        figures["likeness"] = _unit(1 - float(change))
    score = told.get("composition", {}).get("score")
    if isinstance(score, int | float) and np.isfinite(score):
        figures["composition"] = _unit(float(score))
    return {name: round(value, 6) for name, value in sorted(figures.items())}


def thin(pixels: np.ndarray, longest_px: int = 2048) -> np.ndarray:
    """Every n-th row and column of a picture too large to look at whole, so that 30,000 px cost no memory."""
    step = max(1, -(-max(pixels.shape[:2]) // longest_px))
    return np.ascontiguousarray(pixels[::step, ::step])


def noise(lab: np.ndarray, inside: np.ndarray) -> float:
    """How near a picture is to white noise, the mean of as seen (<= 256 px) and from afar (<= 64 px).

    lab [shape=(H, W, 3), CIELAB]; inside [shape=(H, W), bool]: what belongs to the picture.
    """
    far = fit((lab.shape[1], lab.shape[0]), FAR_PX)
    smaller = cv2.resize(lab, far, interpolation=cv2.INTER_AREA).reshape(far[1], far[0], 3)
    there = cv2.resize(inside.astype(np.float32), far, interpolation=cv2.INTER_AREA).reshape(far[1], far[0]) > 0.5
    return (_roughness(lab, inside) + _roughness(smaller, there)) / 2


def colourfulness(rgb: np.ndarray, inside: np.ndarray) -> float:
    """Spread and strength of red-green and yellow-blue (Hasler and Suesstrunk 2003), over 109."""
    if not inside.any():
        return 0.0
    red, green, blue = (rgb[inside] * 255).T
    rg, yb = red - green, (red + green) / 2 - blue
    strength = float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))
    return _unit(strength / 109)


def coverage(lab: np.ndarray, seen: np.ndarray) -> float:
    """Mean alpha; of a picture without alpha, the share that is not as light as paper."""
    return _unit(float(seen[..., 3].mean()) if seen.shape[2] == 4 else float((lab[..., 0] < PAPER_L).mean()))


def likeness(seen: np.ndarray, before: np.ndarray) -> float:
    """exp(-mean CIELAB distance / 20) where either of the two has something on the paper, both at <= 128 px."""
    size = fit((before.shape[1], before.shape[0]), 128)
    labs = [cv2.cvtColor(resize(x, size), cv2.COLOR_RGB2LAB) for x in (flatten(seen), flatten(before))]
    drawn = (labs[0][..., 0] < PAPER_L) | (labs[1][..., 0] < PAPER_L)
    if not drawn.any():
        return 1.0
    apart = np.linalg.norm(labs[0] - labs[1], axis=2)[drawn]
    return _unit(float(np.exp(-apart.mean() / 20)))


def _roughness(lab: np.ndarray, inside: np.ndarray) -> float:
    """Mean squared difference of neighbours over twice the variance: 1 - autocorrelation at one pixel."""
    variance = float(lab[inside].var(axis=0).sum()) if inside.any() else 0.0
    if variance < 1.0:  # a plain surface; what varies by less than one CIELAB unit is not seen
        return 0.0
    squares = []
    for axis in (0, 1):
        pairs = np.take(inside, range(1, inside.shape[axis]), axis) & np.take(
            inside, range(inside.shape[axis] - 1), axis
        )
        if pairs.any():
            squares.append(float((np.diff(lab, axis=axis)[pairs] ** 2).sum(axis=1).mean()))
    return _unit(float(np.mean(squares)) / (2 * variance)) if squares else 0.0


def _unit(value: float) -> float:
    return float(min(1.0, max(0.0, value))) if np.isfinite(value) else 0.0
