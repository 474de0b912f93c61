"""A print cut into sheets: glued together they are the print, at its size on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PdfParser import PdfParser

from installation.__main__ import main
from installation.settings import SettingsError
from installation.stages.print_file import sheets

POINTS_MM = 72 / 25.4
DPI = 60.0


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a print of 50 x 30 cm, cut into A4."""
    folder = tmp_path_factory.mktemp("printed")
    dice = np.random.default_rng(1)
    Image.fromarray(dice.integers(0, 255, (709, 1181, 3), dtype=np.uint8)).save(folder / "page.png")
    line = ["still", str(folder / "page.png"), "--out", str(folder / "prints"), "--width", "50cm", "--dpi", "60"]
    assert main([*line, "--sheets", "A4", "--stages", "print_file"]) == 0
    return folder / "prints"


def test_sheets_glued_together_are_the_print(printed: Path) -> None:
    way = sheets.cut((1181, 709), DPI, "a4", 10, 8)
    whole = np.zeros((709, 1181, 3), np.uint8)
    for row in range(way.rows):
        for column in range(way.columns):
            with Image.open(printed / f"page.sheet-{row + 1:02d}-{column + 1:02d}.png") as sheet:
                assert sheet.size == way.paper_px
                assert sheet.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1) and "icc_profile" in sheet.info
                pixels = np.asarray(sheet)
            left, top, width, height = way.window(row, column)
            margin = way.margin_px
            whole[top : top + height, left : left + width] = pixels[margin : margin + height, margin : margin + width]
            assert (pixels[: margin // 2, margin // 2 : margin - 2] == 255).all(), "the corners are white"
    with Image.open(printed.parent / "page.png") as page:
        assert np.abs(whole.astype(int) - np.asarray(page)).max() <= 1
    assert len(list(printed.glob("page.sheet-*.png"))) == way.rows * way.columns == 4


def test_the_document_has_a_page_of_the_papers_size_for_every_sheet(printed: Path) -> None:
    with PdfParser(str(printed / "page.sheets.pdf")) as document:
        boxes = [document.read_indirect(page)[b"MediaBox"] for page in document.pages]
    assert len(boxes) == 4
    for box in boxes:
        assert sorted(box[2:]) == pytest.approx([210 * POINTS_MM, 297 * POINTS_MM], abs=1.3)


@pytest.mark.parametrize("overlap_mm", [0, 10, 25])
@pytest.mark.parametrize("size_mm", [(100, 100), (194, 281), (1000, 700), (203, 2000)])
def test_neighbours_share_the_overlap_and_nothing_is_left_out(size_mm: tuple[int, int], overlap_mm: int) -> None:
    size = tuple(round(mm / 25.4 * DPI) for mm in size_mm)
    way = sheets.cut(size, DPI, "a4", overlap_mm, 8)
    seen = np.zeros(size[::-1], int)
    for row in range(way.rows):
        for column in range(way.columns):
            left, top, width, height = way.window(row, column)
            assert width > 0 and height > 0
            seen[top : top + height, left : left + width] += 1
            if column + 1 < way.columns:
                assert left + width - way.window(row, column + 1)[0] == way.overlap_px
    assert seen.min() == 1
    other = sheets._lay(size, DPI, (210, 297), overlap_mm, 8), sheets._lay(size, DPI, (297, 210), overlap_mm, 8)
    assert way.rows * way.columns == min(one.rows * one.columns for one in other)


@pytest.mark.parametrize("wrong", [{"paper": "b7"}, {"overlap_mm": 99.0}, {"margin_mm": -1.0}, {"paper": "a5"}])
def test_paper_that_leaves_nothing_is_refused(wrong: dict[str, object]) -> None:
    asked = {"size_px": (90000, 90000), "dpi": DPI, "paper": "a4", "overlap_mm": 10.0, "margin_mm": 8.0} | wrong
    with pytest.raises(SettingsError, match=r"sheets|overlap_mm"):
        sheets.cut(**asked)  # type: ignore[arg-type]
