"""What a pen draws in, an SVG for a plotter out: millimetres, a layer for each ink, a path for each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np

Colour = tuple[float, float, float]
FILE = "drawing.svg"  # what a stage calls the file that it leaves beside its picture
MM_PER_INCH = 25.4


@dataclass(frozen=True)
class Stroke:
    """One line without lifting the pen: points [shape=(n, 2), x and y in mm], width in mm.

    curved: its points are those of cubic Béziers that go on from one another, 3 k + 1 of them.
    """

    points: np.ndarray
    width_mm: float
    closed: bool = False
    curved: bool = False

    @property
    def path(self) -> str:
        """Its `d` as SVG has it, to a thousandth of a millimetre."""
        x0, *rest = (f"{x:.3f},{y:.3f}" for x, y in self.points.tolist())
        return f"M{x0} {'C' if self.curved else 'L'}{' '.join(rest)}{' Z' if self.closed else ''}"


@dataclass(frozen=True)
class Layer:
    """All that is drawn with one pen: colour is sRGB-encoded 0..1."""

    name: str
    colour: Colour
    strokes: Sequence[Stroke]


def to_svg(layers: Sequence[Layer], size_mm: tuple[float, float], title: str = "") -> str:
    """A drawing of size (width, height) as text; layers are Inkscape's, numbered as plotters' programs read them.

    The paper is not drawn: a plotter would.
    """
    width, height = size_mm
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
        f' width="{width:.3f}mm" height="{height:.3f}mm" viewBox="0 0 {width:.3f} {height:.3f}">',
    ]
    if title:
        lines.append(f"<title>{quoteattr(title)[1:-1]}</title>")
    for number, layer in enumerate(layers, 1):
        label = quoteattr(f"{number} {layer.name}")
        lines.append(
            f'<g id="layer{number}" inkscape:groupmode="layer" inkscape:label={label} fill="none"'
            f' stroke="{to_hex(layer.colour)}" stroke-linecap="round" stroke-linejoin="round">'
        )
        lines += [f'<path d="{one.path}" stroke-width="{one.width_mm:.3f}"/>' for one in layer.strokes]
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def to_hex(colour: Colour) -> str:
    """sRGB 0..1 -> #rrggbb."""
    return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in colour)
