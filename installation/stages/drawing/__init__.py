"""Paper in, a few strokes that several classifiers take for one thing out: a picture, and an SVG for plotter or screen.

After Tom White's Synthetic Abstractions. The strokes are moved along the gradient of what the nets see in them; the
print is painted from the SVG by another program, and the nets are asked once more what that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyvips
import torch

from installation.networks import eyes
from installation.networks.efficientnet import CLASSES
from installation.networks.eyes import LITES, NETS
from installation.pen import FILE, MM_PER_INCH, Colour, Layer, to_svg
from installation.pen.letters import write
from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.drawing.agreeing import Judge, agree, open_judges, thrower
from installation.stages.drawing.strokes import paint, to_layers
from installation.stages.work import Made, Stage, Work

NEEDS = {"gpu": 0.5}
EFFORTS = {"proof": {"steps": 40}, "draft": {"steps": 240}, "print": {"steps": 600, "tries": 64}}
JUDGED_PX = 448
BAND, LETTER = 0.075, 0.017  # of the shorter side of the sheet: a caption's place; of the drawing's side: its height
PT_PER_INCH = 72  # at which a point of librsvg is a pixel


@dataclass(frozen=True)
class Settings:
    """category is a number of ImageNet's thousand classes; the nets all have to see it."""

    category: int = 559  # 4 hammerhead, 130 flamingo, 559 folding chair, 606 iron, 644 matchstick, ...
    nets: tuple[str, ...] = ("lite0", "lite1", "lite2")
    strokes: int = 12
    widths: tuple[float, float] = (0.012, 0.16)  # least and most, in parts of the drawing's side
    inks: tuple[Colour, ...] = ((0.93, 0.90, 0.82), (0.90, 0.45, 0.20))  # one to three, to begin with
    paper: Colour = (0.07, 0.08, 0.12)
    steps: int = 240
    tries: int = 20  # beginnings by chance, of which the nets' favourite is gone on with
    margin: float = 0.02  # around the square drawing, in parts of the shorter side
    caption: bool = False  # what it is and how sure each net was, small below it, by the same pen
    name: str = ""  # what the caption calls the class; without one, its number
    size: tuple[int, int] = (0, 0)  # of the print, width and height in pixels; (0, 0) is the still's
    dpi: float = 254.0


class Drawing(Stage):
    """One still, of which only the size is taken -> one drawing."""

    files = (FILE,)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fingerprint = eyes.fingerprint(settings.nets)

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Draw. Raises weights.WeightsError for a net whose weights are not there; the notes have each net's score."""
        settings, (still,) = self.settings, stills
        height, width = still.pixels.shape[:2] if settings.size == (0, 0) else settings.size[::-1]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        judges = open_judges(settings.nets, device)

        def tell(part: float, strokes: object) -> None:
            work.progress(0.95 * part, f"class {settings.category}")
            work.preview(_seen(paint(strokes, settings.paper, 256, 0.004)))  # type: ignore[arg-type]

        begin = thrower(
            settings.strokes,
            list(settings.inks),
            settings.widths,
            lambda number: work.chance("strokes", number),
            device,
        )
        strokes = agree(
            judges,
            settings.category,
            begin,
            settings.paper,
            settings.steps,
            settings.tries,
            work.chance("views"),
            tell,
        )
        mm_per_px = MM_PER_INCH / settings.dpi
        size_mm = (width * mm_per_px, height * mm_per_px)
        corner, side = place(size_mm, settings.margin, settings.caption)
        layers, title = to_layers(strokes, corner, side), settings.name or f"ImageNet class {settings.category}"
        svg = to_svg(layers, size_mm, title)
        scores = score(svg, settings.paper, judges, settings.category, corner, side)
        if settings.caption:
            svg = to_svg([*layers, caption(title, scores, corner, side, layers, settings.paper)], size_mm, title)
        made = print_svg(svg, settings.paper, (width, height), 1 / mm_per_px, work)
        notes = {"category": settings.category, "scores": scores, "files": [work.leave(FILE, svg)]}
        return Made(made, notes=notes)


def create(settings: Settings) -> Drawing:
    """Raises ValueError naming the setting that does not fit."""
    classifiers = [net for net in NETS if net in LITES]
    if not settings.nets or not set(settings.nets) <= set(classifiers):
        raise ValueError(f"drawing: nets: expected some of {', '.join(classifiers)}, found {settings.nets}")
    if not 0 <= settings.category < CLASSES:
        raise ValueError(f"drawing: category: expected 0 to {CLASSES - 1}, found {settings.category}")
    if not 1 <= settings.strokes <= 64 or not 1 <= len(settings.inks) <= 3 or settings.tries < 1:
        raise ValueError("drawing: expected 1 to 64 strokes, 1 to 3 inks and 1 try or more")
    if not 0 < settings.widths[0] <= settings.widths[1] <= 1 or not 0 <= settings.margin < 0.5:
        raise ValueError(f"drawing: widths: expected 0 < least <= most <= 1, found {settings.widths}")
    return Drawing(settings)


def place(size_mm: tuple[float, float], margin: float, captioned: bool) -> tuple[tuple[float, float], float]:
    """The corner and the side of the square that is drawn in, mm; a caption has a band of its own below it."""
    width, height = size_mm
    band = BAND * min(size_mm) if captioned else 0.0
    side = min(width, height - band) * (1 - 2 * margin)
    return ((width - side) / 2, (height - band - side) / 2), side


def caption(
    title: str,
    scores: dict[str, float],
    corner: tuple[float, float],
    side: float,
    layers: Sequence[Layer],
    paper: Colour,
) -> Layer:
    """Two lines below the drawing, in that of its inks which is the most unlike the paper."""
    told = "   ".join(f"{net} {100 * sure:.0f}%" for net, sure in scores.items())
    height = LETTER * side
    x, y = corner[0], corner[1] + side + height
    strokes = [*write(title, (x, y), height, side), *write(told, (x, y + 1.9 * height), 0.7 * height, side)]
    ink = max((layer.colour for layer in layers), key=lambda one: np.abs(np.subtract(one, paper)).sum())
    return Layer("caption", ink, strokes)


def score(
    svg: str, paper: Colour, judges: Sequence[Judge], category: int, corner: tuple[float, float], side: float
) -> dict[str, float]:
    """How sure each net is of the class, 0..1, of the square of the SVG as another program (librsvg) paints it."""
    image = _open(svg, JUDGED_PX / side, paper)
    left, top = (
        min(round(part * JUDGED_PX / side), most)
        for part, most in zip(corner, (image.width, image.height), strict=True)
    )
    square = image.crop(left, top, min(JUDGED_PX, image.width - left), min(JUDGED_PX, image.height - top)).numpy()
    seen = torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() / 255
    return {judge.name: round(judge.score(seen.to(_device_of(judge)), category), 4) for judge in judges}


def print_svg(svg: str, paper: Colour, size: tuple[int, int], px_per_mm: float, work: Work) -> np.ndarray:
    """The SVG on paper at full size (width, height), strip by strip."""
    width, height = size
    canvas = work.canvas(height, width, 3)
    image = _open(svg, px_per_mm, paper).embed(0, 0, width, height, extend="copy")  # a pixel more where it was rounded
    for top, bottom in mattes.rows(height, width):
        canvas[top:bottom] = pixels.to_uint16(image.crop(0, top, width, bottom - top).numpy())
        work.progress(0.95 + 0.05 * bottom / height, "ink")
    return canvas


def _open(svg: str, px_per_mm: float, paper: Colour) -> pyvips.Image:
    """An SVG in millimetres as pixels on paper, 8 bit."""
    scale = px_per_mm * MM_PER_INCH / PT_PER_INCH
    image = pyvips.Image.svgload_buffer(svg.encode(), dpi=PT_PER_INCH, scale=scale)
    return image.flatten(background=[255 * part for part in paper])


def _seen(picture: torch.Tensor) -> np.ndarray:
    shown: np.ndarray = picture.detach()[0].permute(1, 2, 0).cpu().numpy()
    return shown


def _device_of(judge: Judge) -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
