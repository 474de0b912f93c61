"""Controls in, pictures of a generator that looks at its own pictures out: what it sees in the last is the next.

Mario Klingemann's Face Feedback III (2017) feeds a GAN its own output again and again until everything is a face. Here
an encoder reads from which w the last picture seems to be painted, and the walk is drawn there: what the network
believes in grows, what it cannot see fades. The generator behind does all the painting, with its walk, bends and
directions; of a visitor only the w that was read in the camera's picture comes in, never a pixel.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from installation import plugins
from installation.networks.encoder import Encoder, encoder_of, open_encoder
from installation.settings import Bend, Part, SettingsError, check
from installation.signals import MEMORY, Controls, Knob, Picture

FEEDBACK = Knob(
    "generator.feedback", 0.0, 1.0, 0.85, "how much of a picture is what was seen in the last; the rest walks"
)
HOLD = Knob("generator.hold", 0.0, 1.0, 0.6, "how slowly it believes what it sees: 0 at once, 1 never")
DRIFT = Knob(
    "generator.drift", 0.0, 1.0, 0.35, "how far what it sees is carried off each time, to a side that turns slowly"
)
ESCAPE = Knob(
    "generator.escape", 0.0, 1.0, 0.6, "how hard it is pushed away once it sees the same for seconds; 0: never"
)
SIGHT = Knob("generator.camera", 0.0, 1.0, 0.5, "how far it is drawn to what it sees in the camera, while there is one")
KNOBS = {knob.name: knob for knob in (FEEDBACK, HOLD, DRIFT, ESCAPE, SIGHT)}
ECHO, SHARE = "feedback", "generator.to.feedback"  # the point of the space behind that moves, and its share
PAINTS = Part("stylegan2")
FADE_S = 1.5  # in which the camera's pull comes and goes
LONGEST_STEP_S = 0.5
BELIEVED_S = 0.25  # in which two thirds of what is seen are believed where nothing holds it
RESTORED = 3.0  # an encoder is timid: what it reads is led away again as far as the styles lie, at most so many times
CARRIED = 0.5  # how far drift carries, in parts of how far the styles lie
TURNS_S = (11.0, 53.0)  # the shortest and the longest of the periods in which the side of the drift turns
LATELY_S = 6.0  # what it has seen lately, against which novelty is measured
SAME = 0.3  # novelty below which it is the same again
TIRED_S, FLIGHT_S = 4.0, 2.5  # the same for so long is enough; how long it is pushed
ROOM_PX = 192  # the camera's shorter side is thinned to about so much before it is looked at
PAINTED = 16  # pictures whose points are still known


@dataclass(frozen=True)
class Settings:
    """generator paints: a kind with w, its bends are the show's; encoder: a model that `train encoder` made for it, by
    name or folder (default: <the generator's model>-encoder)."""

    generator: Part = PAINTS
    encoder: str = ""


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Feedback:
    """Open the generator and the encoder that reads it. Raises WeightsError or SettingsError saying what to do."""
    if settings.generator.name == "feedback":
        raise SettingsError(
            "generator: feedback cannot stand behind feedback; name the one that paints, e.g. stylegan2"
        )
    module = plugins.load("generators", settings.generator.name)
    chosen = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    inner = module.create(chosen, bends, size, device, seed)
    if getattr(inner, "spaces", ("",))[0] != "w":
        raise SettingsError(
            f"generator: feedback needs a generator with w (stylegan2 ...), found {settings.generator.name}"
        )
    encoder = open_encoder(settings.encoder or encoder_of(chosen.model), inner.weights_sha256)
    return Feedback(inner, encoder, seed)


class Feedback:
    """A generator whose walk is drawn to what an encoder reads in its last picture.

    look() gives the camera's newest picture (H, W, 3), uint8, or None; asked while generator.camera is not at 0.
    Time alone moves what is remembered: the same instant painted twice is the same picture.
    """

    remembers = True

    def __init__(self, inner: Any, encoder: Encoder, seed: int = 0) -> None:
        self.inner, self.seed = inner, seed
        self.size, self.device, self.layers = inner.size, inner.device, inner.layers
        self.encoder = encoder.to(self.device)
        both = f"{inner.weights_sha256} {encoder.sha256}"
        self.weights_sha256 = hashlib.sha256(both.encode()).hexdigest()
        self.look: Callable[[], np.ndarray | None] = lambda: None
        self.wants_camera = True
        self.average: Tensor = inner.latent.average[None]
        styles = inner.latent.styles
        self.reach = float((styles - self.average).norm(dim=1).mean())  # how far from the average the styles lie
        self.axes = encoder.axes.cpu()[: min(24, len(encoder.axes))]
        source = np.random.RandomState(seed)
        self._phases = source.rand(len(self.axes))
        self._rates_hz = 1 / source.uniform(*TURNS_S, len(self.axes))
        self.memory = self.average
        inner.knobs[SHARE] = inner.latent.add_vector(ECHO, self)
        self.knobs: dict[str, Knob] = {}
        self.each(lambda _: None)
        self._painted: deque[tuple[Controls, Tensor, Tensor]] = deque(maxlen=PAINTED)
        self.reset()

    @property
    def faults(self) -> Counter[str]:
        """What was survived while painting."""
        faults: Counter[str] = self.inner.faults
        return faults

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to the generator behind, and take over the knobs that it gave it."""
        act(self.inner)
        self.knobs = {name: knob for name, knob in self.inner.knobs.items() if name != SHARE} | KNOBS

    def shed(self, level: int) -> None:
        self.inner.shed(level)

    def reset(self) -> None:
        """Forget what was seen."""
        self._known, self._read, self._lately = False, self.average, self.average
        self._time_s, self._same_s, self._flight_s, self._escapes, self._here = 0.0, 0.0, 0.0, 0, 0.0
        self._away = self.average
        self.memory = self.average
        self._painted.clear()
        self.inner.reset()

    @property
    def novelty(self) -> float:
        """How far what it sees is from what it saw lately, in parts of how far the styles lie; 0 is a fixed point."""
        return float((self.memory - self._lately).norm()) / self.reach

    def at(self, knob: Mapping[str, float]) -> Tensor:
        """What is remembered (1, D): the point of the space behind that the walk is drawn to."""
        return self.memory

    def where(self, controls: Controls) -> Tensor:
        """The point (rows, D) that these controls are, or were lately, painted from."""
        for then, point, _ in reversed(self._painted.copy()):
            if then is controls or then == controls:
                return point
        where: Tensor = self.inner.where(self._behind(controls))
        return where

    def memory_of(self, controls: Controls) -> np.ndarray | None:
        """What was remembered (D,) when these very controls were painted; None where that is not known any more."""
        known = (memory for then, _, memory in reversed(self._painted.copy()) if then is controls)
        memory = next(known, None)
        return None if memory is None else memory[0].numpy()

    @torch.inference_mode()
    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """The generator's picture, drawn to what was seen in the one before."""
        began_s = time.perf_counter()
        step_s = min(max(0.0, controls.time_s - self._time_s), LONGEST_STEP_S)
        self._time_s = controls.time_s
        if (kept := _kept(controls, self.average.shape[1])) is not None:
            self.memory, self._known = kept, True
        elif step_s > 0:
            self._follow(controls, step_s)
        behind = self._behind(controls)
        point: Tensor = self.inner.where(behind)
        picture: Picture = self.inner.render(behind, size)
        self._painted.append((controls, point, self.memory))
        if _of(controls, FEEDBACK) > 0:
            self._read = self.encoder.invert(picture.pixels[None].float()).cpu()
        return Picture(picture.pixels, controls, picture.number, time.perf_counter() - began_s)

    def _behind(self, controls: Controls) -> Controls:
        """What the generator behind is asked for."""
        share = _of(controls, FEEDBACK) if self._known else 0.0
        return dataclasses.replace(controls, values={**controls.values, SHARE: share})

    def _follow(self, controls: Controls, step_s: float) -> None:
        """Believe a little more of what was seen here and in the room; leave a place that is always the same."""
        if not self._painted or _of(controls, FEEDBACK) <= 0:
            self._known = False
            return
        if not self._known:
            self.memory, self._known = self._painted[-1][1].mean(0, keepdim=True), True
            self._lately = self.memory
        target = self._drawn_to_camera(self._restored(self._read), controls, step_s)
        target = target + _of(controls, DRIFT) * CARRIED * self.reach * self._side(controls.time_s)
        target = self._fled(target, _of(controls, ESCAPE), step_s)
        rate = 1 - math.exp(-step_s / BELIEVED_S * (1 - _of(controls, HOLD)) ** 2)
        self.memory = torch.lerp(self.memory, self._restored(target), rate)
        self._lately = torch.lerp(self._lately, self.memory, 1 - math.exp(-step_s / LATELY_S))

    def _restored(self, point: Tensor) -> Tensor:
        """A point (1, D) led away from the average as far as the styles lie, at most RESTORED times as far as it is."""
        away = point - self.average
        return self.average + away * min(RESTORED, self.reach / max(float(away.norm()), 1e-6))

    def _drawn_to_camera(self, target: Tensor, controls: Controls, step_s: float) -> Tensor:
        """Between what was seen of itself and what is seen of the room; of that only the w goes any further."""
        asked = _of(controls, SIGHT)
        self.wants_camera = asked > 0
        rgb = self.look() if asked > 0 else None
        self._here = min(max(self._here + (step_s if rgb is not None else -step_s) / FADE_S, 0.0), 1.0)
        if rgb is None:
            return target
        every = max(1, min(rgb.shape[:2]) // ROOM_PX)
        room = torch.from_numpy(np.ascontiguousarray(rgb[::every, ::every])).permute(2, 0, 1)[None]
        room = room.to(self.device).float() / 127.5 - 1
        return torch.lerp(target, self._restored(self.encoder.invert(room).cpu()), asked * self._here)

    def _side(self, time_s: float) -> Tensor:
        """Where drift carries to at an instant, (1, D), of length 1."""
        waves = torch.from_numpy(np.sin(2 * np.pi * (self._rates_hz * time_s + self._phases))).float()
        side = waves @ self.axes
        return (side / side.norm().clamp_min(1e-6))[None]

    def _fled(self, target: Tensor, escape: float, step_s: float) -> Tensor:
        """Where it has seen the same for long it is drawn for a while to one of the styles farthest from there."""
        self._same_s = self._same_s + step_s if self.novelty < SAME else 0.0
        if escape > 0 and self._flight_s <= 0 and self._same_s > TIRED_S:
            self._escapes += 1
            self._flight_s, self._same_s = FLIGHT_S, 0.0
            styles = self.inner.latent.styles
            far = (styles - self.memory).norm(dim=1).argsort(descending=True)[: max(1, len(styles) // 3)]
            chance = np.random.RandomState((self.seed + 7919 * self._escapes) % 2**32)
            self._away = styles[far[chance.randint(len(far))]][None]
        if self._flight_s <= 0:
            return target
        self._flight_s -= step_s
        return torch.lerp(target, self._away, escape)


def _of(controls: Controls, knob: Knob) -> float:
    return min(max(controls.values.get(knob.name, knob.default), knob.low), knob.high)


def _kept(controls: Controls, width: int) -> Tensor | None:
    """What a moment says was remembered (1, width); None where it says nothing."""
    if f"{MEMORY}0" not in controls.values:
        return None
    return torch.tensor([[controls.values.get(f"{MEMORY}{i}", 0.0) for i in range(width)]])
