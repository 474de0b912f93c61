"""A translating network and a generator behind it in; pictures of what is drawn, seen or painted, translated, out."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from installation import settings
from installation.bending.layers import Bends, Layer, bend_knobs
from installation.generators.crossfade import fit
from installation.generators.translator.palette import blend, turn
from installation.networks.sight import ink, resized, see
from installation.networks.unet import Bend, plain
from installation.settings import SettingsError
from installation.signals import Controls, Knob, Picture

CAMERA = Knob("generator.camera", 0.0, 1.0, 1.0, "above 0: what the camera sees is translated, while there is one")
KNOBS = (
    CAMERA,
    Knob("translator.palette", 0.0, 1.0, 0.0, "place on the round through the colours of what it was trained on"),
    Knob("translator.wander", 0.0, 4.0, 1.0, "rounds through the colours in one lap of the walk", "int"),
    Knob("translator.hue", -0.5, 0.5, 0.0, "how far the colour of what is painted is turned, in turns"),
    Knob("translator.heart", -0.5, 0.5, 0.0, "how far the colour of its heart is turned, in turns"),
    Knob("translator.vivid", 0.0, 2.0, 1.0, "how colourful it is; 0: grey"),
    Knob("translator.light", -1.0, 1.0, 0.0, "how light it is, and its ground"),
    Knob("translator.detail", 0.0, 1.0, 0.45, "how faint an edge may be to be seen"),
    Knob("translator.strength", 0.0, 2.0, 1.0, "strength of the lines that the network is shown"),
    Knob("translator.through", 0.0, 1.0, 0.0, "how much of what is seen shows through, unpainted"),
    Knob("translator.follow", 0.0, 1.0, 0.35, "how long what is seen lingers: steadier, slower"),
)
OF_COLOUR = "translator.hue", "translator.heart", "translator.vivid", "translator.light"
OF_PALETTE = "translator.palette", "translator.wander"
OF_EDGES, DETAILED = ("translator.detail",), ("edges", "mask", "blur")


class Brush(Protocol):
    """What paints: calls like `fast.Fast`."""

    size: tuple[int, int]
    layers: list[Layer]
    device: torch.device
    dtype: torch.dtype
    sight: str
    palettes: Tensor
    is_coloured: bool
    sha256: str

    def colour(self, code: Tensor) -> None: ...
    def __call__(self, seen: Tensor, bend: Bend = plain) -> Tensor: ...


class Translator:
    """A drawing is translated before the camera, the camera before the generator behind, which has walk and knobs.

    look() gives the camera's newest picture (H, W, 3), uint8, or None; paper() the newest drawing, dark on white, or
    None. Shedding takes the bends.
    """

    def __init__(self, brush: Brush, inner: Any, bends: Sequence[settings.Bend] = (), seed: int = 0) -> None:
        """bends: those of the brush's own layers. Raises SettingsError for one that does not fit."""
        self.brush, self.inner = brush, inner
        self.size, self.device, self.dtype = brush.size, brush.device, brush.dtype
        self.bends = Bends(bends, brush.layers, seed, self.device)
        self.layers = [*brush.layers, *inner.layers]
        self.weights_sha256 = hashlib.sha256(f"{inner.weights_sha256} {brush.sha256}".encode()).hexdigest()
        there = {OF_COLOUR: brush.is_coloured, OF_PALETTE: len(brush.palettes) > 1, OF_EDGES: brush.sight in DETAILED}
        left_out = {name for names, has in there.items() if not has for name in names}
        kept = [knob for knob in KNOBS if knob.name not in left_out]
        self._own = {knob.name: knob for knob in (*kept, *bend_knobs(bends))}
        self.knobs: dict[str, Knob] = inner.knobs | self._own
        self.look: Callable[[], np.ndarray | None] = lambda: None
        self.paper: Callable[[], np.ndarray | None] = lambda: None
        self.wants_camera, self.number = True, 0
        self.reset()

    @property
    def faults(self) -> Counter[str]:
        """What was survived: in the bends, in the generator behind."""
        faults: Counter[str] = self.bends.faults + self.inner.faults
        return faults

    @property
    def remembers(self) -> bool:
        """Whether a picture depends on those before it: what is seen lingers."""
        return True

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to the generator behind, and take over the knobs that it gave it."""
        act(self.inner)
        self.knobs = self.inner.knobs | self._own

    def where(self, controls: Controls) -> Tensor:
        """The point of the generator behind."""
        where: Tensor = self.inner.where(controls)
        return where

    def set_defaults(self, defaults: Mapping[str, float]) -> None:
        """Let a model state where its knobs look best. Raises SettingsError for a knob that does not exist."""
        for name, value in defaults.items():
            if name not in self._own:
                raise SettingsError(f"model.toml: [knobs]: no knob {name!r}; there are: {', '.join(self._own)}")
            self._own[name] = dataclasses.replace(self._own[name], default=float(value))
        self.knobs = self.inner.knobs | self._own

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on bends are skipped."""
        self.bends.shed(level)
        self.inner.shed(level)

    def reset(self) -> None:
        """Forget earlier frames."""
        self._shown: Tensor | None = None
        self._before: np.ndarray | None = None
        self.bends.reset()
        self.inner.reset()

    @torch.inference_mode()
    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """What the network makes of what is drawn, seen or painted now, at its own size."""
        began_s = time.perf_counter()
        knob = {name: controls.values.get(name, k.default) for name, k in self.knobs.items()}
        self.bends.set(knob)
        shown, seen = self._shown_now(controls, knob)
        self.brush.colour(self._code(controls, knob))
        pixels = self.brush(shown, self.bends.apply if self.bends.attached else plain)[0].float()
        if (through := knob["translator.through"]) > 0:
            pixels = torch.lerp(pixels, seen().to(self.device), through)
        self.number += 1
        return Picture(pixels.clamp(-1, 1).contiguous(), controls, self.number, time.perf_counter() - began_s)

    def _code(self, controls: Controls, knob: Mapping[str, float]) -> Tensor:
        place = knob.get("translator.palette", 0.0) + controls.turns * round(knob.get("translator.wander", 0.0))
        code = blend(self.brush.palettes, place)
        if not self.brush.is_coloured:
            return code
        return turn(code, *(knob[f"translator.{name}"] for name in ("hue", "vivid", "light", "heart")))

    def _shown_now(self, controls: Controls, knob: Mapping[str, float]) -> tuple[Tensor, Callable[[], Tensor]]:
        """What the network is shown, (1, C, H, W) on the CPU, and how to get the picture that it was found in."""
        width, height = self.size
        drawn = self.paper()
        self.wants_camera = knob[CAMERA.name] > 0
        rgb = None if drawn is not None or not self.wants_camera else self.look()
        given = rgb if drawn is None else drawn
        if given is not None:
            picture = _fitted(given, self.size)
        else:
            picture = _bytes(fit(self.inner.render(controls, self.size).pixels.float().cpu(), self.size))
        if drawn is not None and self.brush.sight == "edges":
            found = ink(picture, width, height)[None]
        else:
            found = see(self.brush.sight, picture, knob.get("translator.detail", 0.5), self._before)
        self._before = picture if self.brush.sight == "flow" else None
        shown = torch.from_numpy(found)[None] * knob["translator.strength"]
        live = rgb is not None and knob["translator.follow"] > 0
        if live and self._shown is not None and self._shown.shape == shown.shape:
            shown = torch.maximum(shown, self._shown * knob["translator.follow"])
        self._shown = shown if live else None
        return shown, lambda: torch.from_numpy(picture).permute(2, 0, 1).float() / 127.5 - 1


def _fitted(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W, 3) uint8 cut to the shape of size (width, height) and shrunk to it by area, as in training."""
    height, width = rgb.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide, high = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    left, top = (width - wide) // 2, (height - high) // 2
    return resized(rgb[top : top + high, left : left + wide], size)


def _bytes(pixels: Tensor) -> np.ndarray:
    """(3, H, W), -1..1 -> (H, W, 3) uint8."""
    whole = pixels.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return np.ascontiguousarray(whole.permute(1, 2, 0).numpy())
