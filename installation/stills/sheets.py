"""Pictures and their names in, one sheet of white paper to look at them together out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from installation.stages.pixels import fit, to_uint8
from installation.stages.print_file import press

PAPER = (255, 255, 255)
HAIRLINE = (222, 222, 220)  # shows where a print ends whose ground is white like the sheet
INK = (34, 34, 34)
FAINT_INK = (132, 132, 130)
WHITE = (1.0, 1.0, 1.0)
Cell = tuple[str, np.ndarray]


def contact_sheet(cells: Sequence[Cell], columns: int = 4, cell_px: int = 480, title: str = "") -> np.ndarray:
    """Pictures in rows, each whole, with its name below it -> (H, W, 3) uint8.

    cells are (name, pixels (H, W, 3 or 4)); a name may have a second line, set fainter. Pictures stand on a common
    line, as on a gallery's wall; one that is not full is only as wide as it has to be. Raises ValueError when empty.
    """
    if not cells or columns < 1 or cell_px < 16:
        raise ValueError(f"expected pictures, columns >= 1, cell_px >= 16, found {len(cells)}, {columns}, {cell_px}")
    small = [(name, _shrink(pixels, cell_px)) for name, pixels in cells]
    columns = min(columns, len(small))
    rows = [small[start : start + columns] for start in range(0, len(small), columns)]
    gap, margin, text = cell_px // 6, cell_px // 3, max(9, cell_px // 26)
    caption = text * 3 // 4 + round(text * 1.45) * max(name.count("\n") + 1 for name, _ in small)
    heights = [max(picture.shape[0] for _, picture in row) for row in rows]
    top = margin + (cell_px // 5 if title else 0)
    width = 2 * margin + columns * cell_px + (columns - 1) * gap
    height = top + sum(heights) + len(rows) * caption + (len(rows) - 1) * gap + margin
    sheet = _Sheet(width, height)
    if title:
        sheet.write((margin, margin - text // 2), title, 2 * text, INK, width - 2 * margin)
    foot = top
    for row, tallest in zip(rows, heights, strict=True):
        foot += tallest
        for column, (name, picture) in enumerate(row):
            left = margin + column * (cell_px + gap)
            sheet.hang((left, foot - picture.shape[0]), picture)
            sheet.caption((left, foot + text * 3 // 4), name, text, cell_px)
        foot += caption + gap
    return sheet.pixels()


def before_after(
    before: np.ndarray, after: np.ndarray, height_px: int = 1200, names: tuple[str, str] = ("before", "after")
) -> np.ndarray:
    """Two pictures (H, W, 3 or 4) side by side at one height, but at most three times as wide -> (H, W, 3) uint8."""
    pair = [_at_height(pixels, height_px) for pixels in (before, after)]
    gap, margin, text = height_px // 14, height_px // 9, height_px // 48
    width = 2 * margin + sum(picture.shape[1] for picture in pair) + gap
    sheet = _Sheet(width, 2 * margin + height_px + 2 * text)
    left = margin
    for name, picture in zip(names, pair, strict=True):
        sheet.hang((left, margin + height_px - picture.shape[0]), picture)
        sheet.caption((left, margin + height_px + text * 3 // 4), name, text, max(picture.shape[1], 8 * text))
        left += picture.shape[1] + gap
    return sheet.pixels()


class _Sheet:
    """White paper that pictures are hung on and words written on."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def hang(self, at: tuple[int, int], picture: np.ndarray) -> None:
        from PIL import Image

        height, width = picture.shape[:2]
        self.draw.rectangle((at[0] - 1, at[1] - 1, at[0] + width, at[1] + height), outline=HAIRLINE)
        self.image.paste(Image.fromarray(picture), at)

    def caption(self, at: tuple[int, int], name: str, size_px: int, width: int) -> None:
        for number, line in enumerate(name.split("\n")):
            place = at[0], at[1] + number * round(size_px * 1.45)
            self.write(place, line, size_px, FAINT_INK if number else INK, width)

    def write(self, at: tuple[int, int], text: str, size_px: int, ink: tuple[int, int, int], width: int) -> None:
        """One line; what is wider than width ends in an ellipsis."""
        from PIL import ImageFont

        font: Any = ImageFont.load_default(size_px)
        shown = text
        while shown and font.getlength(shown) > width:
            shown = shown.rstrip("…")[:-1] + "…" if len(shown) > 1 else ""
        self.draw.text(at, shown, font=font, fill=ink)

    def pixels(self) -> np.ndarray:
        return np.asarray(self.image)


def _shrink(pixels: np.ndarray, longest_px: int) -> np.ndarray:
    """A picture on white paper, its longer side at most longest_px, never enlarged; (H, W, 3) uint8."""
    return _at_size(pixels, fit((pixels.shape[1], pixels.shape[0]), longest_px))


def _at_height(pixels: np.ndarray, height_px: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    scale = min(height_px / height, 3 * height_px / width)
    return _at_size(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


def _at_size(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return to_uint8(press.fit(press.flatten(press.open_pixels(pixels), WHITE), size, "pad", WHITE).numpy())
