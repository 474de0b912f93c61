"""Controls in, a dream that falls into itself out: what a net sees in the picture is raised while it is zoomed.

DeepDream (Mordvintsev, Olah and Tyka 2015) of the picture before, carried nearer, and of what another generator (the
camera's, if there is none named) paints behind it. A few steps a picture: some ten pictures a second on a CPU.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins
from installation.generators.crossfade import fit
from installation.networks import eyes
from installation.networks.dreaming import LONGEST_STEP, blurred, uphill
from installation.settings import Bend, Part, SettingsError, check
from installation.signals import Controls, Knob, Picture

PAINTS = Part("camera")
RATE = 0.36  # mean change of a second at full strength, of black to white
FIRST_S = 0.08  # as much of a second is dreamt of a picture before which there was none
LONGEST_S, GAP_S = 0.25, 3.0  # a picture that is later is dreamt as one of so long; after a gap a dream begins anew
HOLD = 0.9  # of a second: how far broad lights, tints and contrast come back to the source's, or all would burn out
LIVELY = 1.25  # how much more contrast a dream may have
SOFTEN, SOFT_PX = 0.85, 1.0  # of a second: how far the finest stripes fade, which nets like best of all
BROAD_PX = 12
JITTER_PX, COLOUR = 8, 0.3
NOT_FINITE = "dream not finite"


@dataclass(frozen=True)
class Settings:
    """generator paints what is dreamt of; a show's bends are its. layers: those that the knob dream.layer goes through,
    each NET/LAYER of lite0, lite1, lite2, vgg16 or vgg19. longest_px: the longer side of a picture; steps: of each.
    """

    generator: Part = PAINTS
    layers: tuple[str, ...] = ("lite0/block4", "lite0/block6", "lite0/block9", "lite0/block11")
    longest_px: int = 288
    steps: int = 2


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Dream:
    """Open the nets and what paints. Raises WeightsError, SettingsError saying what to do."""
    if settings.generator.name == "dream":
        raise SettingsError("generator: dream cannot stand behind dream; name the generator that paints, e.g. camera")
    if settings.longest_px < 32 or settings.steps < 1 or not settings.layers:
        found = f"{settings.longest_px}, {settings.steps}, {len(settings.layers)}"
        raise SettingsError(f"generator: expected longest_px of 32 or more, a step, a layer or more, found {found}")
    module = plugins.load("generators", settings.generator.name)
    inner = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    return Dream(module.create(inner, bends, size, device, seed), settings, seed)


class Dream:
    """What was painted last, a little nearer, with more in it of what a net sees; over a generator that has the walk.

    A picture depends on the one of the instant before, and on nothing that was asked at its own: the same clock
    dreams the same. Shedding takes the show's bends, then (from 2 on) all steps but one.
    """

    remembers = True

    def __init__(self, inner: Any, settings: Settings, seed: int = 0) -> None:
        self.inner, self.device, self.layers = inner, inner.device, inner.layers
        self.settings, self.seed, self.number, self._level = settings, seed, 0, 0
        scale = min(1.0, settings.longest_px / max(inner.size))
        self.size = (max(1, round(inner.size[0] * scale)), max(1, round(inner.size[1] * scale)))
        self.aims = [_read_layer(text) for text in settings.layers]
        widths = [_width_of(aim, self.device) for aim in self.aims]
        self._sights: dict[tuple[int, int], eyes.Sight] = {}
        self._widths = widths
        told = f"{inner.weights_sha256} {eyes.fingerprint([aim.net for aim in self.aims])}"
        self.weights_sha256 = hashlib.sha256(told.encode()).hexdigest()
        self._own = {knob.name: knob for knob in _knobs(settings.layers, max(widths))}
        self.knobs: dict[str, Knob] = inner.knobs | self._own
        self.own_faults: Counter[str] = Counter()
        self._forget()

    @property
    def faults(self) -> Counter[str]:
        """What was survived while painting and dreaming."""
        return Counter(self.inner.faults) + self.own_faults

    @property
    def wants_camera(self) -> bool:
        """Whether what paints is painted from the camera."""
        return getattr(self.inner, "wants_camera", False)

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to the generator behind, and take over the knobs that it gave it."""
        act(self.inner)
        self.knobs = self.inner.knobs | self._own

    def where(self, controls: Controls) -> Tensor:
        """The point of the generator behind."""
        where: Tensor = self.inner.where(controls)
        return where

    def shed(self, level: int) -> None:
        self._level = level
        self.inner.shed(level)

    def reset(self) -> None:
        """Wake up: the next picture is dreamt of the source alone."""
        self._forget()
        self.inner.reset()

    def _forget(self) -> None:
        self._newest: Tensor | None = None
        self._before: Tensor | None = None
        self._time_s, self._step_s = -math.inf, FIRST_S

    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """The dream of `controls` at its own size, whatever `size` says."""
        began_s = time.perf_counter()
        source = self.inner.render(controls, size).pixels
        self._go_on(controls.time_s)
        knob = {name: controls.values.get(name, k.default) for name, k in self._own.items()}
        with torch.inference_mode(False), torch.enable_grad():
            painted = fit(source.clone().float(), self.size).add(1).mul(0.5).clamp(0, 1)[None]  # (1, 3, h, w)
            dreamt = self._dreamt(painted, knob)
        if not bool(torch.isfinite(dreamt).all()):
            self.own_faults[NOT_FINITE] += 1
            dreamt = painted
        self._newest = dreamt
        self.number += 1
        pixels = dreamt[0].mul(2).sub(1).clamp(-1, 1)
        return Picture(pixels, controls, self.number, time.perf_counter() - began_s)

    def _go_on(self, time_s: float) -> None:
        """What is asked again of one instant begins again where that instant began."""
        step_s = time_s - self._time_s
        if step_s == 0:
            return
        self._before = self._newest if 0 < step_s < GAP_S else None
        self._step_s = min(step_s, LONGEST_S) if self._before is not None else FIRST_S
        self._time_s = time_s

    def _dreamt(self, source: Tensor, knob: dict[str, float]) -> Tensor:
        """The picture before, nearer, drawn back towards the source; then raised. (1, 3, h, w), 0..1."""
        x = source
        if self._before is not None:
            x = _carried(self._before, 2 ** (knob["dream.zoom"] * self._step_s), knob["dream.turn"] * self._step_s)
            x = torch.lerp(x, blurred(x, SOFT_PX), 1 - (1 - SOFTEN) ** self._step_s)
            x = _held(x, source, 1 - (1 - HOLD) ** self._step_s)
            x = torch.lerp(x, source, 1 - (1 - min(knob["dream.source"], 1.0)) ** self._step_s)
        if knob["dream.strength"] <= 0:
            return x.clamp(0, 1)
        chance = np.random.default_rng((self.seed, round(abs(self._time_s) * 1000)))
        steps = self.settings.steps if self._level < 2 else 1
        rate = knob["dream.strength"] * RATE * self._step_s / steps
        most = min(JITTER_PX, min(source.shape[2:]) - 1)
        for _ in range(steps):
            shift = int(chance.integers(0, most + 1)), int(chance.integers(0, most + 1))
            x = (x + rate * self._raised(x, shift, most, knob)).clamp(0, 1)
        return x

    def _raised(self, x: Tensor, shift: tuple[int, int], most: int, knob: dict[str, float]) -> Tensor:
        """The step of mean 1 by which more is in x of what the layer sees, or the two that the knob lies between."""
        place = min(max(knob["dream.layer"], 0.0), len(self.aims) - 1.0)
        first, share = int(place), place % 1.0
        total = torch.zeros_like(x)
        for number, part in ((first, 1 - share), (first + 1, share)):
            if part > 0:
                step = uphill(x, self._sight(number, round(knob["dream.channel"])), shift, most, COLOUR)
                step = step / step.abs().mean().clamp(min=1e-12)
                total += part * step.clamp(-LONGEST_STEP, LONGEST_STEP)
        return total

    def _sight(self, number: int, channel: int) -> eyes.Sight:
        """Of a layer as a whole (0), or of its n-th channel; numbers beyond its last go round."""
        aim = self.aims[number]
        which = (channel - 1) % self._widths[number] if channel > 0 else -1
        if (number, which) not in self._sights:
            alone = eyes.Aim(aim.net, aim.layer, which)
            self._sights[number, which] = eyes.open_sight([alone], str(self.device))
        return self._sights[number, which]


def _read_layer(text: str) -> eyes.Aim:
    try:
        aim = eyes.read_aim(text)
    except ValueError as error:
        raise SettingsError(f"generator: layers: {error}") from error
    if aim.layer == eyes.CLASS or aim.channel >= 0:
        raise SettingsError(f"generator: layers: expected NET/LAYER, found {text!r}; dream.channel chooses a channel")
    return aim


def _width_of(aim: eyes.Aim, device: torch.device) -> int:
    """The channels of a layer. Raises SettingsError for one that is not there."""
    try:
        with torch.no_grad():
            seen = eyes.look_through(aim.net, (aim.layer,), str(device))(torch.zeros(1, 3, 64, 64, device=device))
    except (ValueError, LookupError) as error:
        raise SettingsError(f"generator: layers: {error}") from error
    return seen[aim.layer].shape[1]


def _knobs(layers: Sequence[str], widest: int) -> list[Knob]:
    told = ", ".join(f"{number} {name}" for number, name in enumerate(layers))
    layer = f"what sees: {told}; between two numbers both"
    return [
        Knob("dream.strength", 0.0, 1.0, 0.5, "how fast what the net sees grows; 0 it is awake"),
        Knob("dream.layer", 0.0, float(len(layers) - 1), float(len(layers) // 2), layer),
        Knob(
            "dream.channel", 0.0, float(widest), 0.0, "0 all that the layer sees; else one channel of it alone", "int"
        ),
        Knob("dream.zoom", -1.0, 1.0, 0.12, "how fast one falls into the picture: 1 doubles it every second"),
        Knob("dream.turn", -0.25, 0.25, 0.004, "how fast it turns, in whole turns a second"),
        Knob("dream.source", 0.0, 1.0, 0.18, "how much of the source comes back in a second; 1 dreams of it alone"),
    ]


def _carried(x: Tensor, nearer: float, turns: float) -> Tensor:
    """A picture (1, 3, h, w) seen from nearer and turned about its middle; what lies beyond it is mirrored."""
    height, width = x.shape[2:]
    cos, sin = (f(2 * math.pi * turns) / nearer for f in (math.cos, math.sin))
    moved = torch.tensor([[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]], device=x.device)
    grid = F.affine_grid(moved[None], [1, 3, height, width], align_corners=False)
    return F.grid_sample(x, grid, "bicubic", "reflection", align_corners=False).clamp(0, 1)


def _held(x: Tensor, source: Tensor, share: float) -> Tensor:
    """A dream (1, 3, h, w) brought back to its source in broad lights and tints, and in contrast."""
    broad = _broad(x)
    fine, own = x - broad, source - _broad(source)
    most = LIVELY * own.std().clamp(min=0.1)
    calmer = torch.lerp(torch.ones(()), (most / fine.std().clamp(min=1e-6)).clamp(max=1.0), share)
    return torch.lerp(broad, _broad(source), share) + fine * calmer


def _broad(x: Tensor) -> Tensor:
    """The broad lights and tints of (1, 3, h, w), at its size."""
    height, width = x.shape[2:]
    scale = BROAD_PX / max(height, width)
    small = F.adaptive_avg_pool2d(x, (max(2, round(height * scale)), max(2, round(width * scale))))
    return F.interpolate(small, (height, width), mode="bicubic", align_corners=False)
