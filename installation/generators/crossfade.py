"""Controls in, pictures of one model or another out, faded into each other: the others are opened while the show plays.

A model is opened by a thread of its own, within a budget of memory: the one that was not shown for longest makes room.
Until it is there, and while its knob is at 0, nothing of it is painted; nobody ever waits for it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins, signals, weights
from installation.children import give_way
from installation.settings import Bend, Part, SettingsError, check

LATE_FADE_S = 1.5  # in which a model appears that was asked for before it was there
BYTES_A_NUMBER = 10  # that an open model holds for each of its weights: as trained, as played, and on the way
OPENER_NICENESS = 15
FAULT = "model"
PAINTS = Part("stylegan2")
PLACES = ("coarse", "middle", "fine")  # where bends may sit in any network
log = logging.getLogger("installation.generators")


@dataclass(frozen=True)
class Settings:
    """generator paints; models: what may take its place, by the name of its knob; memory_mb: for all of those."""

    generator: Part = PAINTS
    models: dict[str, Part] = field(default_factory=dict)
    memory_mb: float = 2000.0


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Crossfade:
    """Open the generator that paints, and begin to open the others. Raises WeightsError or SettingsError."""
    if not settings.memory_mb >= 0:
        raise SettingsError(f"models_mb: must be 0 or more, found {settings.memory_mb:g}")
    if settings.generator.name == "crossfade":
        raise SettingsError("generator: crossfade cannot stand behind crossfade")

    def open_part(part: Part) -> Any:
        module = plugins.load("generators", part.name)
        chosen = check(module.Settings, part.settings, "generator")
        try:
            return module.create(chosen, bends, size, device, seed)
        except SettingsError as error:
            anywhere = [bend for bend in bends if isinstance(bend.layer, float) or bend.layer in PLACES]
            if part is settings.generator or len(anywhere) == len(bends):
                raise
            log.info("%s: %s: bends at named layers are left out", part.settings.get("model", part.name), error)
            return module.create(chosen, anywhere, size, device, seed)

    return Crossfade(open_part(settings.generator), settings.models, settings.memory_mb, open_part)


class Crossfade:
    """The show's own generator, and others whose shares knobs say."""

    def __init__(
        self, now: Any, models: Mapping[str, Part], memory_mb: float, open_part: Callable[[Part], Any]
    ) -> None:
        self.now, self.models, self.memory_mb = now, dict(models), memory_mb
        self.device, self.size, self.layers = now.device, now.size, now.layers
        self._needs = {name: needed_mb(part) for name, part in models.items()}
        digests = " ".join(_digest(part) for part in models.values())
        self.weights_sha256 = hashlib.sha256(f"{now.weights_sha256} {digests}".encode()).hexdigest()
        about = "how much of the model {} is seen: 1 is all"
        own = [signals.Knob(f"generator.model.{name}", 0.0, 1.0, 0.0, about.format(name)) for name in models]
        self._own = {knob.name: knob for knob in own}
        self.knobs: dict[str, signals.Knob] = now.knobs | self._own
        self.counted: Counter[str] = Counter()
        self._open_part, self._acts = open_part, list[Callable[[Any], None]]()
        self._open: OrderedDict[str, Any] = OrderedDict()  # the one that was shown last stands last
        self._appears: dict[str, float] = {}  # when one that was late came
        self._refused: set[str] = set()
        self._visible: set[str] = set()  # with the newest picture
        self._wanted: list[str] = list(models)
        self._level, self._change = 0, threading.Condition()
        self._opener: threading.Thread | None = None

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to every generator, to those that are yet to be opened too, and begin to open them."""
        self._acts.append(act)
        act(self.now)
        self.knobs = self.now.knobs | self._own
        if self._opener is None:
            self._opener = threading.Thread(target=self._work, name="models", daemon=True)
            self._opener.start()

    def where(self, controls: signals.Controls) -> Tensor:
        """The point of the generator that is seen most."""
        shares = self._shares(controls)
        name = max(shares, key=lambda one: shares[one], default="")
        seen = self._open.get(name) if shares.get(name, 0.0) > 0.5 else None
        where: Tensor = (seen or self.now).where(controls)
        return where

    @property
    def faults(self) -> Counter[str]:
        """What was survived, in every generator that is open."""
        with self._change:
            opened = list(self._open.values())
        return sum((Counter(one.faults) for one in (self.now, *opened)), Counter(self.counted))

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on as each generator sheds."""
        self._level = level
        self._all(lambda one: one.shed(level))

    def reset(self) -> None:
        """Forget earlier frames."""
        self._all(lambda one: one.reset())

    def settle(self, controls: signals.Controls, timeout_s: float = 120.0) -> bool:
        """Wait until all that these controls show is open, or cannot be; False when time is up. Not for a show."""
        until_s = time.monotonic() + timeout_s
        with self._change:
            for name in self._shares(controls):
                self._appears.setdefault(name, -math.inf)
                self._want(name)
            return self._change.wait_for(lambda: not self._wanted, max(0.0, until_s - time.monotonic()))

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """The picture of `controls`; where one model is seen alone, that one alone is painted."""
        start_s = time.perf_counter()
        seen = self._seen(controls)
        total = sum(share for _, share in seen)
        if not seen:
            picture: signals.Picture = self.now.render(controls, size)
            return picture
        parts = [(one.render(controls, size).pixels, share / max(1.0, total)) for one, share in seen]
        if total < 1.0:
            parts.append((self.now.render(controls, size).pixels, 1.0 - total))
        if len(parts) == 1 and parts[0][0].shape[1:] == tuple(reversed(self.size)):
            pixels = parts[0][0]
        else:
            fitted = [fit(pixels, size or self.size) * share for pixels, share in parts]
            pixels = torch.stack(fitted).sum(0)
        return signals.Picture(pixels, controls, 0, time.perf_counter() - start_s)

    def _shares(self, controls: signals.Controls) -> dict[str, float]:
        """What the knobs say of each model that is to be seen."""
        shares = {name: controls.values.get(f"generator.model.{name}", 0.0) for name in self.models}
        return {name: min(share, 1.0) for name, share in shares.items() if share > 0}

    def _seen(self, controls: signals.Controls) -> list[tuple[Any, float]]:
        """Generators that are open and to be seen, with their shares; those that are not yet open are asked for."""
        seen = []
        with self._change:
            self._visible = set(self._shares(controls))
            for name, share in self._shares(controls).items():
                if name not in self._open:
                    self._want(name)
                    self._appears[name] = math.inf
                    continue
                self._open.move_to_end(name)
                if self._appears.get(name) == math.inf:
                    self._appears[name] = controls.time_s
                late_s = controls.time_s - self._appears.get(name, -math.inf)
                if (share := share * min(1.0, max(0.0, late_s / LATE_FADE_S))) > 0:
                    seen.append((self._open[name], share))
        return seen

    def _want(self, name: str) -> None:
        if name not in self._open and name not in self._wanted and name not in self._refused:
            self._wanted.append(name)
            self._change.notify_all()

    def _all(self, act: Callable[[Any], None]) -> None:
        with self._change:
            opened = list(self._open.values())
        for one in (self.now, *opened):
            act(one)

    def _work(self) -> None:
        """Open what is wanted, one after another, for as long as the process lives."""
        give_way(OPENER_NICENESS)
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted)
                name = self._wanted[0]
                room = self._make_room(name)
            opened = self._opened(name) if room else None
            with self._change:
                if opened is not None:
                    self._open[name] = opened
                    self._open.move_to_end(name, last=False)  # it has not been shown yet
                    opened.shed(self._level)
                self._wanted.remove(name)
                self._change.notify_all()

    def _make_room(self, name: str) -> bool:
        """Let go of what was not shown for longest until this one fits, never of what is seen just now.

        One that is only opened ahead drives out nobody; it comes when it is asked for.
        """
        need = self._needs[name]
        while need <= self.memory_mb < need + sum(self._needs[one] for one in self._open):
            oldest = next(iter(self._open))
            if name not in self._appears or oldest in self._visible:
                return False
            del self._open[oldest]
        if need > self.memory_mb:
            log.error("model %s needs about %.0f MB, models_mb allows %.0f: left out", name, need, self.memory_mb)
            self.counted[FAULT] += 1
            self._refused.add(name)
            return False
        return True

    def _opened(self, name: str) -> Any:
        """The generator of a model with all that was done to the others; None, said and counted, if it cannot be."""
        try:
            opened = self._open_part(self.models[name])
            for act in self._acts:
                act(opened)
            if opened.device.type == "cpu":  # its first picture takes longer; a GPU's is captured where it is painted
                opened.render(signals.Controls(0.0, {}))
            return opened
        except Exception as error:  # whatever it is, the show goes on with the model that it has
            log.error("model %s cannot be opened: %s: left out", name, error)
            self.counted[FAULT] += 1
            self._refused.add(name)
            return None


def fit(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (3, H, W) that fills size (width, height): its middle, in that shape."""
    height, width = pixels.shape[1:]
    if (width, height) == size:
        return pixels
    scale = max(size[0] / width, size[1] / height)
    wide, high = max(size[0], round(width * scale)), max(size[1], round(height * scale))
    grown = F.interpolate(pixels[None], (high, wide), mode="bilinear", align_corners=False, antialias=scale < 1)[0]
    top, left = (high - size[1]) // 2, (wide - size[0]) // 2
    return grown[:, top : top + size[1], left : left + size[0]]


def needed_mb(part: Part) -> float:
    """About how much memory a generator's model takes while it is open. Raises WeightsError where there is none."""
    from safetensors import safe_open

    if not (model := part.settings.get("model")):
        return 0.0
    _, path = weights.open_model(str(model))
    with safe_open(path, "pt") as file:
        numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return numbers * BYTES_A_NUMBER / 1e6


def _digest(part: Part) -> str:
    model = part.settings.get("model")
    return str(weights.read_config(str(model)).get("sha256", "")) if model else part.name
