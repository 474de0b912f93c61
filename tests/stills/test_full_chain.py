"""The first command of the README at the size of a stamp: a folder of references through all ten stages to files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from printing import paint, still

from installation.stills.job import ALL_STAGES

pytestmark = pytest.mark.usefixtures("workers")


def dye(path: Path, rgb: tuple[int, int, int]) -> Path:
    """A style of one colour, lighter and darker."""
    light = np.linspace(0.4, 1.0, 64)[:, None, None] * np.ones((64, 64, 1))
    Image.fromarray((light * rgb).astype(np.uint8)).save(path)
    return path


def redness(prints: Path) -> float:
    pictures = [tifffile.imread(path).astype(float) / 65535 for path in sorted(prints.glob("*.tif"))]
    return float(np.mean([(picture[..., 0] - picture[..., 2]).mean() for picture in pictures]))


def made(prints: Path) -> dict[str, int]:
    return {told.parent.name: told.stat().st_mtime_ns for told in (prints / ".work").glob("[!.]*/still.json")}


def test_references_and_two_styles_become_prints_through_every_stage_and_other_weights_begin_at_the_colour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    references, prints = tmp_path / "cutouts", tmp_path / "prints"
    references.mkdir()
    for n in range(3):
        paint(references / f"flower{n}.png", n, (160, 160))
    red, blue = dye(tmp_path / "red.png", (230, 30, 10)), dye(tmp_path / "blue.png", (10, 40, 230))
    order = [references, "--variants", "2", "--size", "128x96", "--effort", "proof", "--threads", "1", "--out", prints]
    reds = [*order, "--style", f"{red}:0.9", "--style", f"{blue}:0.1"]
    assert still(*reds) == 0, capsys.readouterr().err

    sidecars = [json.loads(path.read_text()) for path in sorted(prints.glob("*.json"))]
    assert len(sidecars) == 2, "a print of each variant"
    for told in sidecars:
        assert {step["stage"] for step in told["history"]} == {"source", *ALL_STAGES}
        colour = next(step for step in told["history"] if step["stage"] == "colour")
        assert colour["notes"]["styles"] == [["red.png", 0.9], ["blue.png", 0.1]]
        assert len(told["inputs"]) == 3 and {file["name"] for file in told["files"]} >= {f"{told['name']}.tif"}
        master = tifffile.imread(prints / f"{told['name']}.tif")
        assert master.dtype == np.uint16 and master.shape == (96, 128, 3) and master.std() > 1000
        for sheet in (f"{told['name']}.proof.jpg", f"{told['name']}.before-after.jpg", "contact.jpg", "stages.jpg"):
            assert Image.open(prints / sheet).size[0] > 50
    before = made(prints)
    assert still(*reds) == 0 and made(prints) == before, "the same command makes nothing again"

    as_red = redness(prints)
    assert still(*order, "--style", f"{red}:0.1", "--style", f"{blue}:0.9") == 0
    assert as_red > redness(prints) + 0.05, "more blue in the style is more blue on paper"
    changed = {name.split("-")[0] for name in made(prints).keys() - before.keys()}
    assert changed == {"colour", "clean", "lines", "upscale", "print_file"}
    assert before.items() <= made(prints).items()
