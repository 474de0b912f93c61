"""Chance in, bends for the slo-mo nets out: operations, layers and amounts that were found worth looking at."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from installation.bending.layers import Layer
from installation.settings import Bend


@dataclass(frozen=True)
class Draw:
    """A kind of glitch: one operation, the layers it suits, and ranges of amount and share."""

    operation: str
    layers: tuple[str, ...]
    amount: tuple[float, float]
    share: tuple[float, float] = (0.3, 1.0)
    weight: float = 1.0


DEEP = ("flow.down[123].conv2", "flow.up[12].conv2", "blend.down[12].conv2", "blend.up[12].conv2")
FINE = ("flow.up[345].conv?", "blend.up[345].conv?")
DRAWS = (
    Draw("multiply", (*DEEP, *FINE, "flow.conv3"), (0.5, 1.0), (0.3, 0.9), 3.0),  # melts: folds, runs and drips
    Draw("noise", ("flow.up[34].conv2", "blend.up[34].conv2"), (0.4, 0.9), (0.3, 0.8)),  # lace and ink
    Draw("rotate", FINE, (0.08, 0.4), (0.4, 1.0), 1.5),  # whirls that follow the outlines of elsewhere
    Draw("translate", FINE, (0.05, 0.2), (0.4, 1.0)),  # doubled contours
    Draw("lift", FINE, (0.05, 0.2), (0.4, 1.0)),
    Draw("scale", FINE, (0.1, 0.4), (0.4, 1.0)),
    Draw("flip", FINE, (0.6, 1.0), (0.3, 0.7)),
    Draw("sort", ("flow.up[345].conv2", "blend.up[45].conv2"), (0.5, 1.0), (0.3, 0.9), 1.5),  # hanging threads
    Draw("shuffle", (*DEEP, "flow.up[34].conv2"), (0.6, 1.0), (0.4, 1.0)),
    Draw("threshold", ("flow.up[45].conv2", "flow.conv3"), (0.5, 1.0), (0.4, 1.0)),  # cuts
    Draw("quantise", ("flow.up5.conv2", "flow.conv3"), (0.6, 1.0), (0.5, 1.0)),  # terraces
    Draw("dilate", ("flow.up[45].conv2", "blend.up[45].conv2"), (0.6, 1.0), (0.4, 1.0)),  # petals that swell
    Draw("invert", (*DEEP, "flow.up[34].conv2"), (0.6, 1.0), (0.4, 1.0)),
)


def draw_bends(dice: np.random.Generator, layers: Sequence[Layer], most: int = 3) -> tuple[Bend, ...]:
    """One to `most` bends, of different kinds, at layers of these names."""
    weights = np.array([draw.weight for draw in DRAWS])
    count = min(int(dice.integers(1, most + 1)), len(DRAWS))
    chosen = dice.choice(len(DRAWS), count, replace=False, p=weights / weights.sum())
    return tuple(_bend(DRAWS[kind], f"glitch{n + 1}", dice, layers) for n, kind in enumerate(chosen))


def _bend(draw: Draw, name: str, dice: np.random.Generator, layers: Sequence[Layer]) -> Bend:
    names = [layer[0] for layer in layers if any(fnmatch.fnmatchcase(layer[0], p) for p in draw.layers)]
    layer = str(dice.choice(names))
    amount, share = (round(float(dice.uniform(*span)), 3) for span in (draw.amount, draw.share))
    return Bend(name, layer, draw.operation, amount, share, seed=int(dice.integers(1 << 31)))
