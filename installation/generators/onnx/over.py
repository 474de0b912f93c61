"""Another generator's pictures in, what an ONNX graph makes of them out: a translator of pictures at play."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

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


class Over:
    """A graph over a generator; bends sit in that generator, which has the knobs. -1..1 becomes what the graph wants.

    A graph is taken to want what it answers with: 0..1, -1..1 or 0..255.
    """

    def __init__(
        self,
        session: Any,
        asked: Sequence[Input],
        config: NetworkConfig,
        settings: Settings,
        inner: Any,
        weights_sha256: str,
    ) -> None:
        self.session, self.inner, self.weights_sha256 = session, inner, weights_sha256
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
        self.knobs: dict[str, Knob] = {**inner.knobs, FEEDBACK.name: FEEDBACK}
        self._last: Tensor | None = None

    def set_defaults(self, defaults: Mapping[str, float]) -> None:
        """Let a model state where its knobs look best. Raises SettingsError for a knob that does not exist."""
        for name, value in defaults.items():
            if name not in self.knobs:
                raise SettingsError(f"model.toml: [knobs]: no knob {name!r}; there are: {', '.join(self.knobs)}")
            self.knobs[name] = dataclasses.replace(self.knobs[name], default=float(value))

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
        source = self.picture if self.picture is not None else self.inner.render(controls).pixels.cpu()[None]
        x = F.interpolate(source, self.fed, mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)
        share = controls.values.get(FEEDBACK.name, self.knobs[FEEDBACK.name].default)
        if share > 0 and self._last is not None:
            x = torch.lerp(x, F.interpolate(self._last, self.fed, mode="bilinear", align_corners=False), share)
        self._last = three_planes(self.form.picture(self._run(x)).clamp(-1, 1))
        self.number += 1
        return Picture(self._last[0], controls, self.number, time.perf_counter() - began_s)

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
