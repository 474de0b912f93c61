"""The camera's pictures in, the same as the show's picture out; while there are none, what another generator paints.

No picture of the camera outlives the fade in which it leaves, and none is ever written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins
from installation.generators.crossfade import fit
from installation.settings import Bend, Part, SettingsError, check
from installation.signals import Controls, Knob, Picture

SIGHT = Knob(
    "generator.camera", 0.0, 1.0, 1.0, "how much is seen of the camera, while there is one; the rest is painted"
)
EXPOSURE = Knob("generator.exposure", 0.0, 1.0, 0.8, "how far dark and pale rooms are brought to full contrast")
KNOBS = {knob.name: knob for knob in (SIGHT, EXPOSURE)}
PAINTS = Part("veil")
FADE_S = 1.5  # in which the camera's picture comes and goes
EXPOSED_S = 1.2  # in which the exposure follows the light of the room
DARK, PALE, LEAST = 0.02, 0.985, 0.18  # shares of the pixels that may be lost at either end; the least contrast trusted


@dataclass(frozen=True)
class Settings:
    """generator paints while there is no camera; its bends are the show's. size (width, height) in px."""

    generator: Part = PAINTS
    size: tuple[int, int] = (448, 252)


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Camera:
    """Open what paints while there is no camera. Raises SettingsError, and what that one raises."""
    if settings.generator.name == "camera":
        raise SettingsError("generator: camera cannot stand in for camera; name the generator that paints, e.g. veil")
    module = plugins.load("generators", settings.generator.name)
    inner = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    return Camera(module.create(inner, bends, size or settings.size, device, seed), size or settings.size)


class Camera:
    """What is before the camera, over a generator that has the walk, the bends and the knobs.

    look() gives the camera's newest picture (H, W, 3), uint8, or None; asked while generator.camera is not at 0.
    """

    def __init__(self, inner: Any, size: tuple[int, int]) -> None:
        self.inner, self.size, self.device, self.layers = inner, size, inner.device, inner.layers
        self.weights_sha256: str = inner.weights_sha256
        self.knobs: dict[str, Knob] = inner.knobs | KNOBS
        self.look: Callable[[], np.ndarray | None] = lambda: None
        self.wants_camera, self.remembers, self.number = True, True, 0
        self.reset()

    @property
    def faults(self) -> Counter[str]:
        """What was survived while painting."""
        faults: Counter[str] = self.inner.faults
        return faults

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to the generator behind, and take over the knobs that it gave it."""
        act(self.inner)
        self.knobs = self.inner.knobs | KNOBS

    def where(self, controls: Controls) -> Tensor:
        """The point of the generator behind."""
        where: Tensor = self.inner.where(controls)
        return where

    def shed(self, level: int) -> None:
        self.inner.shed(level)

    def reset(self) -> None:
        """Forget earlier frames."""
        self._seen: Tensor | None = None
        self._here, self._time_s = 0.0, 0.0
        self._range: Tensor | None = None
        if hasattr(self, "inner"):
            self.inner.reset()

    @torch.inference_mode()
    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """The picture of the camera, of the generator behind, or one fading into the other."""
        began_s = time.perf_counter()
        sight = self._look(controls) * self._here
        if sight <= 0 or self._seen is None:
            picture: Picture = self.inner.render(controls, size)
            return picture
        pixels = fit(self._seen, size or self.size).to(self.device)
        if sight < 1:
            pixels = torch.lerp(fit(self.inner.render(controls, size).pixels, size or self.size), pixels, sight)
        self.number += 1
        return Picture(pixels, controls, self.number, time.perf_counter() - began_s)

    def _look(self, controls: Controls) -> float:
        """How much of the camera is asked for; its newest picture is taken, and how far it has come is moved on."""
        asked = _of(controls, SIGHT)
        self.wants_camera = asked > 0
        step_s = min(max(0.0, controls.time_s - self._time_s), 0.5)
        self._time_s = controls.time_s
        rgb = self.look() if asked > 0 else None
        self._here = min(max(self._here + (step_s if rgb is not None else -step_s) / FADE_S, 0.0), 1.0)
        if rgb is not None:
            self._seen = self._exposed(_small(rgb, self.size), _of(controls, EXPOSURE), step_s)
        elif self._here <= 0:
            self._seen = self._range = None
        return asked

    def _exposed(self, picture: Tensor, share: float, step_s: float) -> Tensor:
        """(3, H, W) of 0..1 with the room's darkest and palest brought to black and white, as -1..1."""
        grey = picture[:, ::6, ::6].mean(0).flatten()
        found = torch.quantile(grey, torch.tensor([DARK, PALE]))
        if self._range is None:
            self._range = found
        self._range = torch.lerp(self._range, found, min(1.0, step_s / EXPOSED_S))
        low, high = (float(end) for end in self._range)
        middle, half = (low + high) / 2, max(high - low, LEAST) / 2
        stretched = (picture - middle) / half
        return torch.lerp(picture * 2 - 1, stretched, share).clamp_(-1, 1)


def _of(controls: Controls, knob: Knob) -> float:
    values: Mapping[str, float] = controls.values
    return values.get(knob.name, knob.default)


def _small(rgb: np.ndarray, size: tuple[int, int]) -> Tensor:
    """A camera's picture (H, W, 3), uint8, cut and shrunk to size (width, height): (3, h, w) of 0..1."""
    height, width = rgb.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    cut_w, cut_h = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    left, top = (width - cut_w) // 2, (height - cut_h) // 2
    cut = torch.from_numpy(rgb[top : top + cut_h, left : left + cut_w]).permute(2, 0, 1).float()[None]
    return F.interpolate(cut, (size[1], size[0]), mode="bilinear", antialias=scale < 1, align_corners=False)[0] / 255
