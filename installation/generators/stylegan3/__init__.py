"""Controls in, a picture of a StyleGAN3 out: a closed walk through its latent space, on a plane that a hand moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from installation import weights
from installation.generators.classes import names_beside
from installation.generators.fitting import open_network
from installation.generators.gan import Knobs, three_planes
from installation.generators.mapped import Mapped, check_anchors
from installation.generators.stylegan3 import network
from installation.generators.stylegan3.fast import FastSynthesis
from installation.settings import Bend
from installation.signals import Knob

KNOBS = (
    Knob("generator.shift_x", -1.0, 1.0, 0.0, "moves the picture to the right: 1 is its whole width"),
    Knob("generator.shift_y", -1.0, 1.0, 0.0, "moves the picture down: 1 is its whole height"),
    Knob("generator.turn", -0.5, 0.5, 0.0, "turns the picture about its middle, in whole turns"),
)
MOVED = 6  # numbers that say where a picture is taken from


@dataclass(frozen=True)
class Settings:
    """model: a folder of models/ or a path; anchors: how many stations the walk has.

    stations names them (numbers of the model's anchors, see its samples); without, seeded ones are taken.
    classes: the stations of the knob generator.class of a conditional model, by number or name.
    dtype auto is float16 on CUDA, bfloat16 on a CPU that computes in it, else float32.
    """

    model: str = "bloom"
    anchors: int = 12
    stations: tuple[int | str, ...] = ()
    dtype: str = "auto"
    classes: tuple[int | str, ...] = ()


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> StyleGAN3:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    config, path = weights.open_model(settings.model)
    if (kind := config.get("kind", "stylegan3")) != "stylegan3":
        raise weights.WeightsError(f"{path.parent}: expected a model of kind stylegan3, found {kind}: name another")
    net, anchors = read_model(config, path)
    sha256 = str(config.get("sha256", "")) or weights.digest(path)
    names = names_beside(weights.find(settings.model), net.config.classes)
    generator = StyleGAN3(net, settings, bends, device, seed, anchors, sha256, names)
    generator.set_defaults(config.get("knobs", {}))
    return generator


def read_model(config: Mapping[str, object], path: Path) -> tuple[network.Generator, Tensor | None]:
    """The network, and the anchors (K, w_dim) that the model may ship. Raises WeightsError naming what does not fit."""
    table = config.get("network")
    if not isinstance(table, dict):
        raise weights.WeightsError(f"{path.parent / 'model.toml'}: expected a table [network], found {table!r}")
    try:
        shape = network.NetworkConfig.from_dict(table)
    except (TypeError, ValueError, OverflowError) as error:
        raise weights.WeightsError(f"{path}: does not fit the [network] of its model.toml: {error}") from error
    net, more = open_network(lambda: network.Generator(shape), path, ("anchors",))
    anchors = more.get("anchors")
    check_anchors(anchors, shape.w_dim, shape.classes, path)
    return net, anchors


class StyleGAN3(Mapped):
    """One network at play: a w for every layer and a place in, the picture out."""

    cannot = frozenset({"generator.noise"})

    def __init__(
        self,
        net: network.Generator,
        settings: Settings | None = None,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        anchors: Tensor | None = None,
        weights_sha256: str = "",
        names: Sequence[str] = (),
    ) -> None:
        """names: of the classes."""
        self.settings = settings = settings or Settings()
        super().__init__(device, settings.dtype, seed, weights_sha256)
        self.net = net
        self.size = (net.config.resolution, net.config.resolution)
        self.set_out(settings, anchors, names, torch.Generator().manual_seed(seed))
        self.synthesis = FastSynthesis(net.synthesis, self.device, self.dtype)
        self._followed: FastSynthesis | None = None
        self.layers = network.layer_names(net.config)
        self.attach(bends, [*KNOBS, *self.class_knobs])

    def listening(self) -> Tensor:
        """What turns w into the styles of every layer, (F, w_dim)."""
        named = self.net.synthesis.named_parameters()
        return torch.cat([weight.detach() for name, weight in named if name.endswith("affine.weight")])

    def painted(self, point: Tensor) -> Tensor:
        """As the show paints styles (num_ws, w_dim) when the picture is not moved."""
        last = torch.zeros(1, point.shape[1])
        last[0, :MOVED] = moved(0.0, 0.0, 0.0)
        return self.paint(torch.cat([point, last])[None].to(self.device))

    def trace(self, points: Tensor) -> Tensor:
        """The pictures of points (B, num_ws, w_dim), with gradients, unmoved."""
        if self._followed is None:
            self._followed = FastSynthesis(self.net.synthesis, followed=True)
        return three_planes(self._followed.follow(points))

    @torch.inference_mode()
    def exact(self, point: Tensor, noise: str = "frozen") -> Tensor:
        """The picture (1, C, H, W) of styles (num_ws, w_dim); there is no noise to choose."""
        return FastSynthesis(self.net.synthesis)(point[None].float())

    def point(self, knob: Knobs, turns: float) -> Tensor:
        """Styles of one picture and, as their last row, its place: (1, num_ws + 1, w_dim)."""
        self.follow_class(knob, turns)
        styles = self.latent.at(knob, turns)
        last = torch.zeros(1, styles.shape[1])
        last[0, :MOVED] = moved(*(knob[name.name] for name in KNOBS))
        return torch.cat([styles, last])[None]

    def paint(self, point: Tensor) -> Tensor:
        """Styles and a place -> picture (1, 3, H, W), -1..1."""
        bend = self.bends.apply if self.bends.attached else None
        picture = self.synthesis(point[:, :-1], point[0, -1, :MOVED].view(2, 3), bend)
        return three_planes(picture.clamp(-1, 1))


def moved(shift_x: float, shift_y: float, turn: float) -> Tensor:
    """Where each point of a picture is taken from when it is turned, then shifted: the upper two rows (6,) of a matrix.

    As NVIDIA's tools do it, which hand the network the inverse of what is done to the picture.
    """
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    back_x, back_y = sin * shift_y - cos * shift_x, -sin * shift_x - cos * shift_y
    return torch.tensor([cos, -sin, back_x, sin, cos, back_y])
