"""A translator in the show: a drawing before the camera, the camera before what is painted; nothing of either stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small
import torch

from installation.generators import translator
from installation.live.plan import DRAWING_PX, Plan
from installation.memory import Memory
from installation.settings import Part, SettingsError
from installation.signals import Controls, Picture
from installation.weights import WeightsError


def room(at: int = 40) -> np.ndarray:
    """What a camera sees: a pale square on a dark ground."""
    rgb = np.full((96, 128, 3), 20, np.uint8)
    rgb[30:70, at : at + 40] = 220
    return rgb


def sheet() -> np.ndarray:
    """A line on paper."""
    paper = np.full((128, 192, 3), 255, np.uint8)
    paper[60:66, 20:170] = 0
    return paper


def paint(one: translator.Translator, **knobs: float) -> torch.Tensor:
    picture: Picture = one.render(Controls(0.0, {f"translator.{name}": value for name, value in knobs.items()}))
    return picture.pixels


def test_a_drawing_goes_before_the_camera_and_the_camera_before_what_is_painted_and_nothing_stays() -> None:
    one = small.play_translator(sight="edges")
    painted = paint(one)
    one.look = room
    seen = paint(one)
    one.paper = sheet
    drawn = paint(one)
    assert not seen.equal(painted) and not drawn.equal(seen)
    one.paper = one.look = lambda: None
    assert paint(one).equal(painted)
    kept = [value for value in vars(one).values() if isinstance(value, np.ndarray | torch.Tensor)]
    assert not kept, "no picture of the camera, nor its edges"


def test_edges_of_the_camera_linger_and_what_is_seen_shows_through_only_when_asked() -> None:
    one = small.play_translator(sight="edges")
    one.look = room
    plain = paint(one, follow=0.0)
    one.look = lambda: room(60)
    assert not paint(one, follow=0.5).equal(plain)
    there = paint(one, follow=0.0)
    one.look = room
    paint(one, follow=0.5)
    one.look = lambda: room(60)
    assert not paint(one, follow=0.5).equal(there), "the last edges are still seen"
    through = paint(one, follow=0.0, through=1.0)
    assert (through[:, 16, 26] > 0.5).all() and (through[:, 2] < -0.7).all(), "the room itself"
    looked: list[int] = []
    one.look = lambda: looked.append(1) or room()
    one.render(Controls(0.0, {"generator.camera": 0.0}))
    assert not looked and not one.wants_camera


def test_colours_are_knobs_where_the_network_is_told_any() -> None:
    one = small.play_translator()
    grey, vivid = paint(one, vivid=0.0), paint(one, vivid=2.0)
    assert not grey.equal(vivid) and not paint(one, hue=0.3).equal(paint(one))
    assert (paint(one, light=0.8) - paint(one, light=-0.8)).abs().mean() > 0.1


def test_a_drawing_crosses_to_the_painter_and_a_blank_sheet_is_none() -> None:
    plan = Plan(Memory(Plan.bytes_of(64)), 64)
    assert plan.drawn() is None
    plan.drawing.write(np.full((DRAWING_PX, DRAWING_PX // 2, 1), 255, np.uint8))
    assert plan.drawn() is None
    plan.drawing.write(sheet()[:, :, :1])
    found = plan.drawn()
    assert found is not None and np.array_equal(found, sheet())


def test_paintings_are_a_translator_without_training(tmp_path: Path) -> None:
    from PIL import Image

    for name, colour in (("red", (220, 30, 20)), ("blue", (10, 40, 220))):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    styles = tuple(str(tmp_path / f"{name}.png") for name in ("red", "blue"))
    settings = translator.Settings(style=styles, generator=Part("pattern"), size=(48, 32))
    one = translator.create(settings, device="cpu")
    assert one.size == (48, 32) and "translator.palette" in one.knobs and "translator.hue" not in one.knobs
    red, blue = paint(one, palette=0.0), paint(one, palette=0.5)
    assert (red - blue).abs().mean() > 0.02 and red.isfinite().all()
    mixed = translator.create(translator.Settings(style=(f"{styles[0]}:3", f"{styles[1]}:1"), size=(48, 32)))
    assert "translator.palette" not in mixed.knobs
    with pytest.raises(SettingsError, match="style"):
        translator.create(translator.Settings(style=(str(tmp_path / "none.png"),)))


def test_what_cannot_be_opened_says_why() -> None:
    with pytest.raises(SettingsError, match="cannot stand behind"):
        translator.create(translator.Settings(generator=Part("translator")))
    with pytest.raises(WeightsError, match="of kind translator, found 'stylegan2'"):
        translator.create(translator.Settings("bloom"))
