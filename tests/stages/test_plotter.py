"""What an artist gets of the plotter stage: the wall's drawing, or a picture in squares, at any size, and its SVG."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from installation.generators import plotter as live
from installation.live import moments
from installation.settings import Part, Show
from installation.signals import Controls, Still
from installation.stages import plotter
from installation.stages.work import Work
from installation.stills import repainting

VALUES = {"generator.rows": 3.0, "generator.columns": 5.0, "generator.kick": 0.4, "generator.ink.r": 0.5}


def test_a_moment_is_drawn_as_it_stood_on_the_wall(tmp_path: Path) -> None:
    show = Show("sheet", seed=7, generator=Part("plotter"))
    painter = live.create(live.Settings(), (), (320, 180), "cpu", 7)
    controls = Controls(2.0, VALUES, 0.3)
    moment = moments.of(show, controls, painter.weights_sha256, (320, 180), 1)
    opened = repainting.repaint(moment, (320, 180))
    still = Still(opened.pixels, "x", "key", maps=opened.maps, notes={"source": opened.notes})
    made = plotter.create(plotter.Settings(size=(640, 360))).run((still,), Work(1, tmp_path))
    assert made.notes["sheet"]["rows"] == 3
    wall = painter.render(Controls(2.0, VALUES | {"generator.noise": 0.0}, 0.3), (640, 360)).pixels
    wall = (wall.permute(1, 2, 0).numpy() + 1) / 2
    assert np.abs(np.asarray(made.pixels) / 65535 - wall).mean() < 1e-3
    assert len(re.findall("<path", (tmp_path / "drawing.svg").read_text())) == made.notes["squares"]


def test_the_dark_of_a_picture_gets_more_squares(tmp_path: Path) -> None:
    picture = np.full((60, 90, 3), 65535, np.uint16)
    picture[:, :45] = 0
    settings = plotter.Settings(rows=6, nest=5, line=12.0, paper=(1.0, 1.0, 1.0), ink=(0.0, 0.0, 0.0))
    made = plotter.create(settings).run((Still(picture, "x", "key"),), Work(1, tmp_path)).pixels
    ink = 1 - np.asarray(made)[..., 0] / 65535
    assert ink[:, :40].mean() > 0.1 and ink[:, 50:].mean() < 0.01


def test_the_command_leaves_the_svg_beside_the_print(tmp_path: Path) -> None:
    from installation.__main__ import main

    Image.fromarray(np.tile(np.arange(96, dtype=np.uint8)[:, None, None], (1, 64, 3)) * 2).save(tmp_path / "x.png")
    words = ["--stages", "plotter,print_file", "--width", "64mm", "--dpi", "50.8", "--set", "plotter.rows=4"]
    out = tmp_path / "prints"
    assert main(["still", str(tmp_path / "x.png"), "--out", str(out), *words]) == 0
    assert 'width="64.000mm"' in (out / "x.svg").read_text() and (out / "x.tif").is_file()
    assert not (out / "x.png").exists()
    alone = tmp_path / "alone"
    assert main(["still", str(tmp_path / "x.png"), "--out", str(alone), "--stages", "plotter", *words[2:]]) == 0
    assert (alone / "x.svg").is_file() and (alone / "x.png").is_file()


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"nest": 99}, {"margin": 0.5}])
def test_a_sheet_that_cannot_be_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        plotter.create(plotter.Settings(**wrong))  # type: ignore[arg-type]
