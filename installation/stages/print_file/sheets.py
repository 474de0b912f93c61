"""A print larger than the paper there is in; sheets of that paper out, which glued together are the print.

Every sheet shows a part of the print within its margins, and a strip of what its neighbours show. Marks in the margins
say where to cut and where the next sheet comes to lie; a line below says which sheet it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image, ImageDraw, ImageFont

from installation import files
from installation.settings import SettingsError
from installation.stages.print_file.lengths import MM_PER_INCH
from installation.stages.print_file.profiles import open_profile

PAPERS_MM = {
    "a5": (148.0, 210.0),
    "a4": (210.0, 297.0),
    "a3": (297.0, 420.0),
    "a2": (420.0, 594.0),
    "a1": (594.0, 841.0),
    "a0": (841.0, 1189.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
    "tabloid": (279.4, 431.8),
}
DOCUMENT = "sheets.pdf"
MOST_SHEETS = 400
INK = (90, 90, 90)
PDF_QUALITY = 94


@dataclass(frozen=True)
class Cut:
    """How a print of size_px is cut: what a whole sheet measures and shows of it, all in px (width, height)."""

    size_px: tuple[int, int]
    paper_px: tuple[int, int]
    shown_px: tuple[int, int]
    margin_px: int
    overlap_px: int
    dpi: float

    @property
    def columns(self) -> int:
        return self._count(0)

    @property
    def rows(self) -> int:
        return self._count(1)

    def _count(self, axis: int) -> int:
        step = self.shown_px[axis] - self.overlap_px
        return max(1, -(-(self.size_px[axis] - self.overlap_px) // step))

    def window(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Left, top, width and height of what a sheet shows of the print; the last ones may show less."""
        corner = [at * (shown - self.overlap_px) for at, shown in zip((column, row), self.shown_px, strict=True)]
        sides = [min(shown, whole - at) for shown, whole, at in zip(self.shown_px, self.size_px, corner, strict=True)]
        return corner[0], corner[1], sides[0], sides[1]

    @property
    def names(self) -> list[str]:
        """The files: a document of all sheets, and each as a picture, row by row."""
        sheets = [_name(row, column) for row in range(self.rows) for column in range(self.columns)]
        return [DOCUMENT, *sheets]


def cut(size_px: tuple[int, int], dpi: float, paper: str, overlap_mm: float, margin_mm: float) -> Cut:
    """The way of cutting that needs the fewest sheets, upright where both ways need as many.

    Raises SettingsError for paper there is not, and where margins and overlap leave nothing of it.
    """
    if paper.lower() not in PAPERS_MM:
        raise SettingsError(f"sheets: expected one of {', '.join(PAPERS_MM)}, found {files.shown(paper)}")
    if not (0 <= overlap_mm <= 100 and 0 <= margin_mm <= 100):
        raise SettingsError(f"expected overlap_mm and margin_mm of 0..100, found {overlap_mm:g} and {margin_mm:g}")
    upright = PAPERS_MM[paper.lower()]
    ways = [_lay(size_px, dpi, sides, overlap_mm, margin_mm) for sides in (upright, upright[::-1])]
    best = min(ways, key=lambda way: way.rows * way.columns)
    if best.rows * best.columns > MOST_SHEETS:
        found = f"{best.rows * best.columns} of {paper}"
        raise SettingsError(f"sheets: expected at most {MOST_SHEETS} for a print, found {found}; take larger paper")
    return best


def _lay(
    size_px: tuple[int, int], dpi: float, paper_mm: tuple[float, float], overlap_mm: float, margin_mm: float
) -> Cut:
    paper_px = round(paper_mm[0] / MM_PER_INCH * dpi), round(paper_mm[1] / MM_PER_INCH * dpi)
    margin_px, overlap_px = (round(mm / MM_PER_INCH * dpi) for mm in (margin_mm, overlap_mm))
    shown_px = paper_px[0] - 2 * margin_px, paper_px[1] - 2 * margin_px
    if min(shown_px) <= 2 * overlap_px:
        raise SettingsError("sheets: margins and overlap leave nothing of the paper; expected smaller ones")
    return Cut(size_px, paper_px, shown_px, margin_px, overlap_px, dpi)


def write_sheets(
    image: pyvips.Image, way: Cut, folder: Path, name: str, progress: Callable[[float], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Write every sheet as PNG, and all of them as one PDF; what each file is, for the print's sidecar.

    image: the print in 8-bit sRGB, way.size_px large; only a sheet of it is in memory at once. Raises OSError.
    """
    profile, resolution = open_profile("srgb").icc, (way.dpi, way.dpi)
    count = way.rows * way.columns
    with files.whole(folder / DOCUMENT) as document:
        for number, (file, sheet) in enumerate(_sheets(image, way, name)):
            with files.whole(folder / file) as part:
                sheet.save(part, dpi=resolution, icc_profile=profile)
            sheet.save(document, "PDF", append=number > 0, resolution=way.dpi, quality=PDF_QUALITY, title=name)
            progress((number + 1) / count)
    return [_describe(folder / file, way) for file in way.names]


def _sheets(image: pyvips.Image, way: Cut, name: str) -> Iterator[tuple[str, Image.Image]]:
    for row in range(way.rows):
        for column in range(way.columns):
            shown = np.ascontiguousarray(image.crop(*way.window(row, column)).numpy()[..., :3])
            text = f"{name}   row {row + 1} of {way.rows}, column {column + 1} of {way.columns}"
            yield _name(row, column), _sheet(Image.fromarray(shown), way, row, column, text)


def _sheet(shown: Image.Image, way: Cut, row: int, column: int, text: str) -> Image.Image:
    """The paper with a part of the print on it, marks and a word in its margins."""
    sheet = Image.new("RGB", way.paper_px, "white")
    margin = way.margin_px
    sheet.paste(shown, (margin, margin))
    draw, width = ImageDraw.Draw(sheet), max(1, round(0.1 / MM_PER_INCH * way.dpi))
    for axis, (side, more) in enumerate(zip(shown.size, (column + 1 < way.columns, row + 1 < way.rows), strict=True)):
        far = margin + shown.size[1 - axis]
        for at in (margin, margin + side, *((margin + side - way.overlap_px,) if more else ())):
            short = margin // 2 if margin < at < margin + side else margin // 6
            for begin, end in ((0, margin - short), (far + short, way.paper_px[1 - axis])):
                line = [(at, begin), (at, end)] if axis == 0 else [(begin, at), (end, at)]
                draw.line(line, INK, width)
    size = max(6, margin * 2 // 5)
    if margin > 8:
        place = margin + way.overlap_px // 4, margin + shown.size[1] + (margin - size) // 2
        draw.text(place, text, INK, ImageFont.load_default(size))
    return sheet


def _name(row: int, column: int) -> str:
    return f"sheet-{row + 1:02d}-{column + 1:02d}.png"


def _describe(path: Path, way: Cut) -> dict[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    told = {"name": path.name, "size_px": list(way.paper_px), "dpi": way.dpi}
    return told | {"bytes": path.stat().st_size, "sha256": sha256}
