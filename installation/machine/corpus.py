"""A folder that will be learnt from in; what of it, on one sheet of paper, out: `installation corpus sheet FOLDER`."""

from __future__ import annotations

import sys
import textwrap
from argparse import Namespace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from installation.files import named
from installation.stills.sheets import Cell, contact_sheet
from installation.training.corpus import Example, Taking, find_files, take
from installation.training.labels import class_of, count_classes

CELL_PX = 160
COLUMNS = 12
MOST = 240  # on one sheet; of more every so many-th is shown
LETTERS, LINES = 30, 4  # of a reason, below the name of what is refused
FAINT = 0.3  # how much of what lies beside the crop is to be seen
LINE = (210, 60, 30)
REFUSED = np.full((CELL_PX // 2, CELL_PX, 3), 238, np.uint8)


def main(options: Namespace) -> int:
    """Read the folder as a training run would, and show it. Exit code 1: there is too little to learn from.

    Raises FileNotFoundError when the folder is missing, ValueError for options that cannot be.
    """
    if options.size < 1 or options.frames < 1:
        raise ValueError(f"expected size and frames of 1 or more, found {options.size}, {options.frames}")
    taking = Taking(options.size, crop=options.crop, frames=options.frames)
    there, refused = find_files(options.folder)
    cells: list[Cell] = []  # of classes, where folders say some: the class, and the file's name in it below
    for one in take(options.folder, there, taking):
        if isinstance(one, Example):
            cells.append((one.name, _shown(one)))
        else:
            refused[one[0]] = one[1]
    for name, reason in refused.items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    print(f"{len(cells)} examples of {taking.size} px, {len(refused)} files left out; {options.out}")
    classes = ", ".join(f"{name} {count}" for name, count in count_classes(name for name, _ in cells).items())
    if classes:
        print(_printable(f"folders that train gan --labels makes classes of: {classes}"))
        cells = [(f"{class_of(name)}\n{Path(*Path(name).parts[1:])}", pixels) for name, pixels in cells]
    _write(options.out, options.folder, cells, refused, taking, classes)
    return 0 if len(cells) > 1 else 1


def _write(
    path: Path, folder: Path, cells: list[Cell], refused: dict[str, str], taking: Taking, classes: str = ""
) -> None:
    shown = cells[:: -(-len(cells) // MOST) or 1]
    part = f", {len(shown)} of them here" if len(shown) < len(cells) else ""
    title = f"{folder.resolve().name}: {len(cells)} examples of {taking.size} px, {taking.crop} crop{part}"
    title += f"; {classes}" if classes else ""
    for name, reason in sorted(refused.items())[:MOST]:
        lines = textwrap.wrap(reason, LETTERS, max_lines=LINES, placeholder=" …")
        shown.append(("\n".join([name, *lines]), REFUSED))
    told = [(_printable(name), picture) for name, picture in shown] or [("nothing to learn from", REFUSED)]
    page = contact_sheet(told, COLUMNS, CELL_PX, _printable(title))
    with named.whole(path) as file:
        Image.fromarray(page).save(file)


def _shown(one: Example) -> np.ndarray:
    """The whole picture, small: its crop framed, the rest faint."""
    height, width = one.pixels.shape[:2]
    scale = CELL_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(one.pixels).resize(size, Image.Resampling.BOX)
    left, top = round(one.box.left * scale), round(one.box.top * scale)
    right, bottom = (min(at + round(one.box.side * scale), end) for at, end in ((left, size[0]), (top, size[1])))
    faint = Image.blend(Image.new("RGB", size, (255, 255, 255)), small, FAINT)
    faint.paste(small.crop((left, top, right, bottom)), (left, top))
    ImageDraw.Draw(faint).rectangle((left, top, right - 1, bottom - 1), outline=LINE)
    return np.asarray(faint)


def _printable(text: str) -> str:
    """Names as the disk has them may hold what no text does."""
    return text.encode("utf-8", "replace").decode()
