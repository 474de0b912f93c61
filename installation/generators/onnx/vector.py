"""A place on the walk in, the picture that an ONNX graph makes of its vector (and class) out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from installation.bending.layers import SHARES, bend_knobs
from installation.generators import zspace
from installation.generators.classes import Classes
from installation.generators.gan import Knobs, three_planes
from installation.generators.onnx.graph import TRUNCATION, Input
from installation.generators.onnx.output import seen
from installation.settings import Bend, SettingsError
from installation.signals import Knob
from installation.weights import WeightsError

if TYPE_CHECKING:
    from installation.generators.onnx import NetworkConfig, Settings

OUTPUT = "output"  # the one layer there is
TRIALS, DIRECTIONS = 3, 64
log = logging.getLogger("installation.generators")


class Vector(zspace.FromZ):
    """One graph at play. Its directions are seeded ones, at right angles to each other: a closed graph shows no better.

    Numbers that it asks for beside are knobs, generator.<name>; one called truncation or psi gets the truncation.
    """

    cannot = frozenset({"generator.noise"})

    def __init__(
        self,
        session: Any,
        asked: Sequence[Input],
        config: NetworkConfig,
        settings: Settings,
        bends: Sequence[Bend],
        seed: int,
        weights_sha256: str,
        count: int = 0,
        names: Sequence[str] = (),
    ) -> None:
        """count: classes that the graph knows, and their names."""
        super().__init__("cpu", "float32", seed, weights_sha256)
        self.settings = settings
        self.session, self.asked = session, {one.role: one for one in asked if one.role in ("vector", "class")}
        if "class" in self.asked:
            if not count:
                raise WeightsError("[network]: classes: how many classes it knows is not to be seen; say it there")
            self.classes = Classes(count, settings.classes, names)
        numbers = [one for one in asked if one.role == "number"]
        self.numbers = {one: _knob_of(one) for one in numbers}
        self.told_now = dict.fromkeys(numbers, 1.0)
        z_dim = self.asked["vector"].count
        seeded = torch.from_numpy(np.random.RandomState(0).randn(z_dim, min(z_dim, DIRECTIONS))).float()
        strengths = torch.arange(seeded.shape[1], 0.0, -1.0)  # what a first layer would say of them, had it one to show
        self.set_out(strengths[:, None] * torch.linalg.qr(seeded).Q.T, count)
        places = {
            name: 1.0 / (i + 1) for i, name in enumerate(("generator.class", "generator.tour", "generator.dwell"))
        }
        rest = places | {"generator.truncation": 1.0, "generator.tour": 0.0}
        trials = [self.run(self._told(self.of_seed(n), rest, 0.0)) for n in range(TRIALS)]
        self.form = seen(trials, config.range)
        self.size = self.form.size[1], self.form.size[0]
        self.layers = [(OUTPUT, 3, self.form.size[0])]
        kept, left = at_output(bends)
        more = [Knob(name, 0.0, 2.0, 1.0, f"the graph's own number {one.name}") for one, name in self.numbers.items()]
        owned = [knob for knob in more if knob.name != "generator.truncation"]
        self.attach(kept, [*(self.classes.knobs if self.classes else ()), *owned, *bend_knobs(left)])

    def tune(self, knob: Knobs) -> None:
        """Numbers that the graph asks for beside."""
        self.told_now = {one: knob[name] for one, name in self.numbers.items()}

    def run(self, point: Tensor) -> list[np.ndarray]:
        """The graph's answers to a point (1, z_dim + classes)."""
        vector, label = self.asked["vector"], self.asked.get("class")
        feed = {vector.name: point[0, : self.z_dim].numpy().astype(vector.dtype).reshape(vector.shape)}
        if label is not None:
            shares = point[0, self.z_dim :]
            told = shares.numpy() if label.count > 1 else shares.argmax().reshape(1).numpy()
            feed[label.name] = told.astype(label.dtype).reshape(label.shape)
        for one, value in self.told_now.items():
            feed[one.name] = np.full(one.shape, value, one.dtype)
        answers: list[np.ndarray] = self.session.run(None, feed)
        return answers

    def paint(self, point: Tensor) -> Tensor:
        """What `point` made -> picture (1, 3, H, W), -1..1."""
        x = three_planes(self.form.picture(self.run(point)).clamp(-1, 1))
        return self.bend(OUTPUT, x).clamp(-1, 1)

    def trace(self, points: Tensor) -> Tensor:
        """Raises SettingsError."""
        raise SettingsError("generator: a closed graph cannot be followed backwards: no picture is projected into it")

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.form.picture(self.run(point))


def _knob_of(one: Input) -> str:
    return "generator.truncation" if TRUNCATION.search(one.name) else f"generator.{one.name}"


def at_output(bends: Sequence[Bend]) -> tuple[list[Bend], list[Bend]]:
    """Bends that sit somewhere in any network, which here is the picture, and those that name a layer of another."""
    kept = [b for b in bends if b.layer == OUTPUT or not isinstance(b.layer, str) or b.layer in (*SHARES, "random")]
    left = [bend for bend in bends if bend not in kept]
    if left:
        named = ", ".join(f"{bend.name} at {bend.layer}" for bend in left)
        log.info("an ONNX graph is closed, only its picture is bent: left out %s", named)
    return kept, left
