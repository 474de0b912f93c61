"""Controls in, pictures of one model or another out, faded into each other: the others are opened while the show plays.

Until another model is there (opener.py), and while its knob is at 0, nothing of it is painted.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins, signals, weights
from installation.generators.opener import Opener
from installation.settings import Bend, Part, SettingsError, check

LATE_FADE_S = 1.5  # in which a model appears that was asked for before it was there
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

        def create(bends: Sequence[Bend]) -> Any:
            return module.create(chosen, bends, size, device, seed)

        own = part is settings.generator
        return create(bends) if own else where_they_fit(create, bends, str(part.settings.get("model", part.name)))

    return Crossfade(open_part(settings.generator), settings.models, settings.memory_mb, open_part)


class Crossfade:
    """The show's own generator, and others whose shares knobs say."""

    def __init__(
        self, now: Any, models: Mapping[str, Part], memory_mb: float, open_part: Callable[[Part], Any]
    ) -> None:
        self.now, self.models = now, dict(models)
        self.opener = Opener(models, memory_mb, open_part)
        self.device, self.size, self.layers = now.device, now.size, now.layers
        digests = " ".join(_digest(part) for part in models.values())
        self.weights_sha256 = hashlib.sha256(f"{now.weights_sha256} {digests}".encode()).hexdigest()
        about = "how much of the model {} is seen: 1 is all"
        own = [signals.Knob(f"generator.model.{name}", 0.0, 1.0, 0.0, about.format(name)) for name in models]
        self._own = {knob.name: knob for knob in own}
        self.knobs: dict[str, signals.Knob] = now.knobs | self._own
        self._appears: dict[str, float] = {}  # when one that was late came; inf while it is awaited

    @property
    def wants_camera(self) -> bool:
        """Whether any of those that are open is painted from the camera."""
        return any(getattr(one, "wants_camera", False) for one in (self.now, *self.opener.all()))

    def each(self, act: Callable[[Any], None]) -> None:
        """Do something to every generator, to those that are yet to be opened too; before the first picture."""
        act(self.now)
        self.knobs = self.now.knobs | self._own
        self.opener.acts.append(act)

    def where(self, controls: signals.Controls) -> Tensor:
        """The point of the generator that is seen most."""
        shares = self._shares(controls)
        name = max(shares, key=lambda one: shares[one], default="")
        seen = self.opener.found(name) if shares.get(name, 0.0) > 0.5 else None
        where: Tensor = (seen or self.now).where(controls)
        return where

    @property
    def faults(self) -> Counter[str]:
        """What was survived, in every generator that is open."""
        parts = (self.now, *self.opener.all())
        return sum((Counter(one.faults) for one in parts), Counter(self.opener.faults))

    @property
    def remembers(self) -> bool:
        """Whether a picture of any of those that are open depends on those before it."""
        return any(getattr(one, "remembers", True) for one in (self.now, *self.opener.all()))

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on as each generator sheds."""
        self.opener.level = level
        for one in (self.now, *self.opener.all()):
            one.shed(level)

    def reset(self) -> None:
        """Forget earlier frames."""
        for one in (self.now, *self.opener.all()):
            one.reset()

    def settle(self, controls: signals.Controls, timeout_s: float = 120.0) -> bool:
        """Wait until all that these controls show is open, or cannot be; False when time is up. Not for a show."""
        return self.opener.settle(self._shares(controls), timeout_s)

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """The picture of `controls`; where one model is seen alone, that one alone is painted."""
        start_s = time.perf_counter()
        seen = self._seen(controls)
        total = sum(share for _, share in seen)
        if not seen:
            picture: signals.Picture = self.now.render(controls, size)
            return picture
        if total < 1.0:
            seen.append((self.now, 1.0 - total))
        parts = [fit(one.render(controls, size).pixels, size or self.size) for one, _ in seen]
        if len(parts) > 1:
            parts = [part * (share / max(1.0, total)) for part, (_, share) in zip(parts, seen, strict=True)]
        pixels = parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
        return signals.Picture(pixels, controls, 0, time.perf_counter() - start_s)

    def _shares(self, controls: signals.Controls) -> dict[str, float]:
        """What the knobs say of each model that is to be seen."""
        shares = {name: controls.values.get(f"generator.model.{name}", 0.0) for name in self.models}
        return {name: min(share, 1.0) for name, share in shares.items() if share > 0}

    def _seen(self, controls: signals.Controls) -> list[tuple[Any, float]]:
        """Generators that are open and to be seen, with their shares; those that are not yet open are asked for."""
        seen = []
        shares = self._shares(controls)
        for (name, share), one in zip(shares.items(), self.opener.show(shares), strict=True):
            if one is None:
                self._appears[name] = math.inf
                continue
            if self._appears.get(name) == math.inf:
                self._appears[name] = controls.time_s
            late_s = controls.time_s - self._appears.get(name, -math.inf)
            if (share := share * min(1.0, max(0.0, late_s / LATE_FADE_S))) > 0:
                seen.append((one, share))
        return seen


def where_they_fit(create: Callable[[Sequence[Bend]], Any], bends: Sequence[Bend], model: str) -> Any:
    """What is created with these bends; for a model without the layers that they name, with those that sit anywhere."""
    try:
        return create(bends)
    except SettingsError as error:
        anywhere = [bend for bend in bends if isinstance(bend.layer, float) or bend.layer in PLACES]
        if len(anywhere) == len(bends):
            raise
        log.info("%s: %s: bends at named layers are left out", model, error)
        return create(anywhere)


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


def _digest(part: Part) -> str:
    model = part.settings.get("model")
    return str(weights.read_config(str(model)).get("sha256", "")) if model else part.name
