"""A still in, squares in squares out, as a picture and as an SVG for a pen plotter.

A moment of a show that `plotter` painted is drawn as it stood on the wall; of any other picture the dark decides how
many of a cell's squares are drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from installation.pen import FILE, MM_PER_INCH, inking, squares, to_svg
from installation.pen.squares import MOST, MOST_NESTED, Sheet, Squares
from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.work import Made, Stage, Work

ENDS = (0.02, 0.98)  # shares of the cells that are drawn as bare paper and as full ones


@dataclass(frozen=True)
class Settings(Sheet):
    """The sheet of a picture (a moment brings its own); chance and gather are the picture's to say."""

    rows: int = 44
    columns: int = 0  # 0: as many as the picture is wide
    nest: int = 6
    wander: float = 0.22
    side: float = 0.95
    margin: float = 0.05
    line: float = 1.1
    share: float = 0.0
    size: tuple[int, int] = (0, 0)  # of the print, width and height in pixels; (0, 0) is the still's
    dpi: float = 254.0
    pen_mm: float = 0.0  # width of the pen; 0 is the sheet's line
    colours: bool = False  # a moment is drawn in this paper and these inks, not its own


class Plotter(Stage):
    """One still -> one drawing."""

    files = (FILE,)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        settings, (still,) = self.settings, stills
        height, width = still.pixels.shape[:2] if settings.size == (0, 0) else settings.size[::-1]
        sheet, weather, seed = self._of_moment(still) or self._of_picture(still, width / height, work)
        laid = squares.lay(sheet, width / height, weather, seed)
        mm_per_px = MM_PER_INCH / settings.dpi
        layers = squares.to_layers(laid, sheet, height * mm_per_px, settings.pen_mm)
        svg = work.leave(FILE, to_svg(layers, (width * mm_per_px, height * mm_per_px), still.name))
        line_px = max(1.0, settings.pen_mm / mm_per_px or sheet.line / 1000 * height)
        made = _draw(laid, sheet, (width, height), line_px, work)
        notes = {"squares": len(laid.drawn), "inks": [layer.name for layer in layers], "files": [svg]}
        return Made(made, notes=notes | {"sheet": dataclasses.asdict(sheet)})

    def _of_moment(self, still: Still) -> tuple[Sheet, np.ndarray, int] | None:
        """The sheet that a show's plotter drew, its weather and its seed; None for any other picture."""
        told: dict[str, Any] = dict(still.notes.get("source", {}).get("drawing", {}))
        if not told:
            return None
        seed = int(told.pop("seed"))
        whole: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
        sheet = Sheet(**whole)
        if self.settings.colours:
            own = {name: getattr(self.settings, name) for name in ("paper", "ink", "second")}
            sheet = dataclasses.replace(sheet, **own)
        return sheet, still.maps["weather"], seed

    def _of_picture(self, still: Still, aspect: float, work: Work) -> tuple[Sheet, np.ndarray, int]:
        """The sheet of the settings, with as many squares in each cell as the picture is dark there."""
        told = {field.name: getattr(self.settings, field.name) for field in dataclasses.fields(Sheet)}
        sheet = Sheet(**told | {"chance": 0.5, "gather": 1.0})
        if not sheet.columns:
            wide = round(sheet.rows * (aspect - 2 * sheet.margin) / (1 - 2 * sheet.margin))
            sheet = dataclasses.replace(sheet, columns=min(max(1, wide), MOST))
        weather = squares.calm(sheet)
        weather[1] = 2 * darkness(still.pixels, (sheet.columns, sheet.rows), aspect) - 1
        return sheet, weather, work.seed


def create(settings: Settings) -> Plotter:
    """Raises ValueError naming the setting that does not fit."""
    for name, most in (("rows", MOST), ("columns", MOST), ("nest", MOST_NESTED)):
        least = int(name != "columns")
        if not least <= getattr(settings, name) <= most:
            raise ValueError(f"plotter: {name}: expected {least} to {most}, found {getattr(settings, name)}")
    if not settings.dpi > 0 or settings.line <= 0 or settings.pen_mm < 0 or not 0 <= settings.margin < 0.5:
        found = f"{settings.dpi}, {settings.line}, {settings.pen_mm} and {settings.margin}"
        raise ValueError(f"plotter: expected dpi and line > 0, pen_mm >= 0 and a margin of 0 to 0.5, found {found}")
    return Plotter(settings)


def darkness(picture: np.ndarray, cells: tuple[int, int], aspect: float) -> np.ndarray:
    """How dark a picture is in each of cells (columns, rows): 0 its lightest, 1 its darkest; what is clear is light.

    The middle of the picture is taken, as much of it as has the sheet's shape.
    """
    height, width = picture.shape[:2]
    wide, tall = min(width, max(1, round(height * aspect))), min(height, max(1, round(width / aspect)))
    left, top = (width - wide) // 2, (height - tall) // 2
    rgb, alpha = mattes.shrink(picture[top : top + tall, left : left + wide], 4 * max(cells))
    flat = pixels.resize(pixels.flatten(pixels.join(rgb, alpha)), cells)
    dark = 1 - mattes.to_lab(flat)[..., 0] / 100
    low, high = np.quantile(dark, ENDS)
    return np.clip((dark - low) / max(high - low, 0.05), 0, 1).astype(np.float32)


def _draw(laid: Squares, sheet: Sheet, size: tuple[int, int], line_px: float, work: Work) -> np.ndarray:
    """The drawing at full size, strip by strip."""
    width, height = size
    made = work.canvas(height, width, 3)
    inks = [(np.asarray(c, np.float32), *laid.lines(s)) for c, s in ((sheet.ink, False), (sheet.second, True))]
    for top, bottom in mattes.rows(height, width):
        strip = np.broadcast_to(np.asarray(sheet.paper, np.float32), (bottom - top, width, 3)).copy()
        for colour, whole, begun in inks:
            lines = [line * height for line in begun]
            cover = inking.ink(whole * height, lines, line_px, (width, bottom - top), top)
            strip += (colour - strip) * (cover[..., None] / np.float32(255))
        made[top:bottom] = pixels.to_uint16(strip)
        work.progress(bottom / height, "ink")
    work.preview(made[:: max(1, height // 1024), :: max(1, height // 1024)])
    return made
