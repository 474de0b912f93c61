"""The camera's pictures, or another generator's, in; what an ONNX graph makes of them out: a translator at play."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.crossfade import fit
from installation.generators.gan import three_planes
from installation.generators.onnx.graph import Input
from installation.generators.onnx.output import seen
from installation.pictures import PictureError, read_8_bit
from installation.settings import SettingsError
from installation.signals import Controls, Knob, Picture
from installation.weights import WeightsError

if TYPE_CHECKING:
    from installation.generators.onnx import NetworkConfig, Settings

STEP = 32  # px: networks that halve and double want sizes that divide
FEEDBACK = Knob("generator.feedback", 0.0, 0.98, 0.0, "how much of its last answer the graph is handed again")
SIGHT = "how much of what the graph is handed is the camera's picture, while there is one; the rest is painted"
CAMERA = Knob("generator.camera", 0.0, 1.0, 1.0, SIGHT)


class Over:
    """A graph over the camera and a generator; bends sit in that generator, which has the knobs.

    look() gives the camera's newest picture (H, W, 3), uint8, or None; asked while generator.camera is not at 0.
    -1..1 becomes what the graph wants. A graph is taken to want what it answers with: 0..1, -1..1 or 0..255.
    """

    remembers = True  # its last answer

    def __init__(
        self,
        session: Any,
        asked: Sequence[Input],
        config: NetworkConfig,
        settings: Settings,
        inner: Any,
        weights_sha256: str,
    ) -> None:
        self.session, self.inner, self.weights_sha256, self.settings = session, inner, weights_sha256, settings
        self.asked = next(one for one in asked if one.role == "picture")
        self.device, self.number, self.faults = torch.device("cpu"), 0, Counter[str]()
        self.last_planes = self.asked.shape[3] in (1, 3, 4) and self.asked.shape[1] not in (1, 3, 4)
        rows, columns = self.asked.shape[1:3] if self.last_planes else self.asked.shape[2:]
        wide, high = inner.size
        self.fed = tuple(n or -(-there // STEP) * STEP for n, there in ((rows, high), (columns, wide)))
        self.picture = _read(settings.picture) if settings.picture else None
        self.range = "0..1"
        field = torch.from_numpy(np.random.RandomState(0).rand(1, 3, *self.fed)).float() * 2 - 1
        self.form = seen([self._run(field)], config.range)
        self.range = self.form.range
        self.size = self.form.size[1], self.form.size[0]
        self.layers = inner.layers
        own = (FEEDBACK, dataclasses.replace(CAMERA, default=settings.rests_at))
        self._own = {knob.name: knob for knob in own}
        self.knobs: dict[str, Knob] = inner.knobs | self._own
        self.look: Callable[[], np.ndarray | None] = lambda: None
        self.wants_camera = settings.rests_at > 0
        self._last: Tensor | None = None

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
            if name not in self.knobs:
                raise SettingsError(f"model.toml: [knobs]: no knob {name!r}; there are: {', '.join(self.knobs)}")
            self.knobs[name] = dataclasses.replace(self.knobs[name], default=float(value))
            self._own = {own: self.knobs[own] for own in self._own}
        self.wants_camera = self.knobs[CAMERA.name].default > 0

    def shed(self, level: int) -> None:
        self.inner.shed(level)

    def reset(self) -> None:
        """Forget the last answer."""
        self._last = None
        self.inner.reset()

    @torch.inference_mode()
    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        """What the graph makes of the picture of `controls`, at the graph's own size."""
        began_s = time.perf_counter()
        again, sight = (controls.values.get(knob.name, self.knobs[knob.name].default) for knob in (FEEDBACK, CAMERA))
        x = self._source(controls, sight)
        if again > 0 and self._last is not None:
            x = torch.lerp(x, F.interpolate(self._last, self.fed, mode="bilinear", align_corners=False), again)
        self._last = three_planes(self.form.picture(self._run(x)).clamp(-1, 1))
        self.number += 1
        return Picture(self._last[0], controls, self.number, time.perf_counter() - began_s)

    def _source(self, controls: Controls, sight: float) -> Tensor:
        """What the graph is handed, (1, 3, H, W): so much of the camera's picture; what is not seen is not painted."""
        self.wants_camera = sight > 0
        rgb = self.look() if sight > 0 else None
        if rgb is None:
            return self._painted(controls)
        seen = fit(torch.from_numpy(rgb).permute(2, 0, 1).float() / 127.5 - 1, (self.fed[1], self.fed[0]))[None]
        return seen if sight >= 1 else torch.lerp(self._painted(controls), seen, sight)

    def _painted(self, controls: Controls) -> Tensor:
        source = self.picture if self.picture is not None else self.inner.render(controls).pixels.cpu()[None]
        return F.interpolate(source, self.fed, mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)

    def _run(self, x: Tensor) -> list[np.ndarray]:
        """x (1, 3, H, W) of -1..1 -> the graph's answers."""
        planes = self.asked.shape[3 if self.last_planes else 1]
        x = x.mean(1, keepdim=True) if planes == 1 else torch.cat([x, torch.ones_like(x[:, :1])], 1)[:, :planes]
        if self.asked.dtype == np.uint8 or self.range == "0..255":
            x = (x + 1) * 127.5
        elif self.range == "0..1":
            x = (x + 1) / 2
        x = x.permute(0, 2, 3, 1) if self.last_planes else x
        x = x.round() if self.asked.dtype == np.uint8 else x
        answers: list[np.ndarray] = self.session.run(
            None, {self.asked.name: x.contiguous().numpy().astype(self.asked.dtype)}
        )
        return answers


def _read(file: str) -> Tensor:
    """A picture file as (1, 3, H, W) of -1..1. Raises WeightsError."""
    try:
        rgb = read_8_bit(Path(file)).astype(np.float32)
    except PictureError as error:
        raise WeightsError(f"picture {file}: cannot be read: {error}") from error
    return torch.from_numpy(rgb / 127.5 - 1).permute(2, 0, 1)[None]
