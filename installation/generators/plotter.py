"""Controls in, Molnar's squares in squares out, drawn by a pen that never dries: no weights, crisp at any size."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators import pattern
from installation.pen import inking, squares
from installation.pen.squares import MOST, MOST_NESTED, Sheet, Squares
from installation.settings import Bend
from installation.signals import Controls, Knob, Picture

WHOLE = "int"
RANGES = {  # of the numbers of a sheet: least, most, what they do
    "rows": (1, MOST, "cells from top to bottom"),
    "columns": (1, MOST, "cells from left to right"),
    "nest": (1, MOST_NESTED, "squares in a cell"),
    "chance": (0.0, 1.0, "share of the squares that is drawn"),
    "wander": (0.0, 2.0, "how far corners stray from their places, in parts of half a cell"),
    "gather": (0.0, 1.0, "0: the same disorder everywhere; 1: it gathers in clouds that drift"),
    "side": (0.1, 1.6, "of a cell's outermost square, in parts of the cell"),
    "margin": (0.0, 0.4, "around the grid, in parts of the height"),
    "line": (0.3, 12.0, "width of a line, in thousandths of the height"),
    "share": (0.0, 1.0, "of the squares, in the second ink"),
    "throw": (0, 999, "of the dice: another number, another drawing"),
}
COLOURS = {"paper": "the paper", "ink": "the ink", "second": "the second ink"}
SHAKE = 1.4  # how much further corners stray at a full kick
CLOUDS = 0.55  # of the weather, its deviation
GRAIN = 0.018  # of the paper, standard deviation at full noise


@dataclass(frozen=True)
class Settings(pattern.Settings):
    """sheet: where the knobs stand when nobody moves them."""

    size: tuple[int, int] = (1280, 720)
    detail: int = 24
    sheet: Sheet = dataclasses.field(default_factory=Sheet)


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Plotter:
    """A pen that needs no weights. Raises SettingsError for a bend at a layer that does not exist."""
    return Plotter(settings, bends, size or settings.size, "cpu", seed)


class Plotter(pattern.Pattern):
    """The walk and the fields are the pattern's: they are the weather over the sheet, in which corners wander."""

    settings: Settings

    def __init__(
        self, settings: Settings, bends: Sequence[Bend], size: tuple[int, int], device: str, seed: int
    ) -> None:
        super().__init__(settings, bends, size, device, seed)
        self.seed = seed
        self.knobs |= {knob.name: knob for knob in knobs_of(settings.sheet)}

    @torch.inference_mode()
    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """Picture of `controls`; size is (width, height) in px, any from 16 up."""
        start_s = time.perf_counter()
        width, height = size or self.size
        knob = self.knobs_of(controls)
        self.bends.set(knob)
        sheet, weather = self.sheet(knob)
        kicked = dataclasses.replace(sheet, wander=sheet.wander * (1 + SHAKE * knob["generator.kick"]))
        laid = squares.lay(kicked, width / height, weather, self.seed)
        pixels = _inked(laid, sheet, (width, height), knob["generator.noise"])
        self.number += 1
        return Picture(pixels, controls, self.number, time.perf_counter() - start_s)

    def sheet(self, knob: Mapping[str, float]) -> tuple[Sheet, np.ndarray]:
        """The sheet that the knobs ask for and its weather (3, rows, columns)."""
        sheet = sheet_of(knob)
        aspect = sheet.columns / sheet.rows
        field = self.field(self.point(knob), aspect, max(self.settings.detail, sheet.rows))
        sky = field[:, :3] + 0.6 * field[:, 3:]
        mean, spread = sky.mean((2, 3), keepdim=True), sky.std((2, 3), keepdim=True)
        sky = (sky - 0.9 * mean) / (spread + 0.25)  # nowhere all storm, nowhere all calm
        weather = F.interpolate(sky, (sheet.rows, sheet.columns), mode="bilinear", align_corners=False)
        return sheet, weather[0].numpy() * CLOUDS

    def drawing(self, controls: Controls) -> tuple[dict[str, Any], np.ndarray]:
        """What a plotter needs to draw the picture of `controls`: the sheet's table, with its seed, and its weather."""
        knob = self.knobs_of(controls)
        self.bends.set(knob)
        with torch.inference_mode():
            sheet, weather = self.sheet(knob)
        wander = sheet.wander * (1 + SHAKE * knob["generator.kick"])
        return dataclasses.asdict(sheet) | {"wander": wander, "seed": self.seed}, weather


def knobs_of(sheet: Sheet) -> list[Knob]:
    """A knob for every number and every part of a colour of a sheet, standing where the sheet has it."""
    knobs = []
    for name, (low, high, about) in RANGES.items():
        kind = WHOLE if isinstance(low, int) else "float"
        knobs.append(Knob(f"generator.{name}", low, high, getattr(sheet, name), about, kind))
    for name, about in COLOURS.items():
        for part, value in zip("rgb", getattr(sheet, name), strict=True):
            knobs.append(Knob(f"generator.{name}.{part}", 0.0, 1.0, value, f"colour of {about}: {part}"))
    return knobs


def sheet_of(knob: Mapping[str, float]) -> Sheet:
    """The sheet that knobs describe."""
    numbers: dict[str, Any] = {
        name: round(knob[f"generator.{name}"]) if isinstance(low, int) else float(knob[f"generator.{name}"])
        for name, (low, _, _) in RANGES.items()
    }
    colours: dict[str, Any] = {
        name: tuple(float(knob[f"generator.{name}.{part}"]) for part in "rgb") for name in COLOURS
    }
    return Sheet(**numbers, **colours)


def _inked(laid: Squares, sheet: Sheet, size: tuple[int, int], noise: float) -> Tensor:
    """Paper and two inks as a picture (3, H, W), -1..1."""
    width, height = size
    pixels = torch.tensor(sheet.paper)[:, None, None].expand(3, height, width).contiguous()
    if noise > 0:
        pixels *= 1 + noise * torch.from_numpy(_grain(height, width))
    for colour, second in ((sheet.ink, False), (sheet.second, True)):
        whole, begun = laid.lines(second)
        if len(whole) or begun:
            line_px = max(1.0, sheet.line / 1000 * height)
            cover = inking.ink(whole * height, [line * height for line in begun], line_px, size)
            pixels.lerp_(torch.tensor(colour)[:, None, None], torch.from_numpy(cover).float().div_(255)[None])
    return pixels.clamp_(0, 1).mul_(2).sub_(1)


@functools.lru_cache(maxsize=2)
def _grain(height: int, width: int) -> np.ndarray:
    """The tooth of the paper (H, W), around 0: a fine and a coarse one, the same for every picture of a size."""
    chance = np.random.default_rng(1974)
    fine = chance.standard_normal((height, width), np.float32)
    coarse = chance.standard_normal((-(-height // 6), -(-width // 6)), np.float32)
    large = torch.from_numpy(coarse)[None, None]
    return GRAIN * (0.75 * fine + 0.25 * F.interpolate(large, (height, width), mode="bicubic")[0, 0].numpy())
