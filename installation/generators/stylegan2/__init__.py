"""Controls in, a picture of a StyleGAN2 out: a closed walk through its latent space, with bends in its layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from installation import weights
from installation.generators.classes import names_beside
from installation.generators.fitting import FIT_ERRORS, open_network
from installation.generators.gan import GLANCE_PX, Knobs, three_planes
from installation.generators.mapped import Mapped, check_anchors
from installation.generators.stylegan2 import network
from installation.generators.stylegan2.grain import KNOBS, Grain
from installation.generators.stylegan2.wide import WideSynthesis
from installation.networks.upscaler import Upscaler, read_upscaler
from installation.settings import Bend, SettingsError
from installation.weight_files import first_line

NOISES = ("auto", "frozen", "random", "none")


@dataclass(frozen=True)
class Settings:
    """model: a folder of models/ or a path; anchors: how many stations the walk has.

    stations names them: numbers of the model's anchors (see its samples), "seed 23", or vectors of the show; without,
    seeded ones are taken.

    classes: the stations of the knob generator.class of a conditional model, by number or name.
    extend widens the picture: columns (0..4) added on each side of the network's 4x4 start; 1 makes 3:2, 2 makes 2:1.
    noise is frozen | random | none, or auto for what the model says; dtype auto is float16 on CUDA, bfloat16 on a CPU
    that computes in it, else float32.

    enlarge names a model of kind upscaler (a folder of models/ or a path): the picture leaves so many times as large.
    For a GPU: on a CPU core it takes several times as long as the picture itself (docs/upscaling.md).
    """

    model: str = "bloom"
    anchors: int = 12
    stations: tuple[int | str, ...] = ()
    noise: str = "auto"
    dtype: str = "auto"
    extend: int = 0
    classes: tuple[int | str, ...] = ()
    enlarge: str = ""


Chosen = TypeVar("Chosen", bound=Settings)


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> StyleGAN2:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    config, net, rest = open_model(settings.model)
    names = names_beside(weights.find(settings.model), net.config.classes)
    generator = StyleGAN2(net, as_it_says(settings, config), bends, device, seed, *rest, names)
    generator.set_defaults(config.get("knobs", {}))
    return generator


def as_it_says(settings: Chosen, config: Mapping[str, object]) -> Chosen:
    """The settings with what they leave to the model's card."""
    auto = settings.noise == "auto"
    return dataclasses.replace(settings, noise=str(config.get("noise", "frozen"))) if auto else settings


def open_model(name: str) -> tuple[Mapping[str, Any], network.Generator, tuple[Tensor | None, str, int]]:
    """A model's card, its network, and what else it ships: anchors, the weights' sha256, the rim in px."""
    config, path = weights.open_model(name)
    net, anchors = read_model(config, path)
    sha256 = str(config.get("sha256", "")) or weights.digest(path)
    return config, net, (anchors, sha256, int(config.get("rim_px", 0)))


def read_model(config: Mapping[str, object], path: Path) -> tuple[network.Generator, Tensor | None]:
    """The network, and the anchors (K, w_dim) that the model may ship. Raises WeightsError naming what does not fit."""
    table = config.get("network")
    if not isinstance(table, dict):
        raise weights.WeightsError(f"{path.parent / 'model.toml'}: expected a table [network], found {table!r}")
    try:
        shape = network.NetworkConfig.from_dict(table)
    except FIT_ERRORS as error:
        raise weights.WeightsError(
            f"{path}: does not fit the [network] of its model.toml: {first_line(error)}"
        ) from error
    net, more = open_network(lambda: network.Generator(shape), path, ("anchors",))
    anchors = more.get("anchors")
    check_anchors(anchors, shape.w_dim, shape.classes, path)
    return net, anchors


class StyleGAN2(Mapped):
    """One network at play: a w for every layer in, the picture less its rim out."""

    def __init__(
        self,
        net: network.Generator,
        settings: Settings | None = None,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        anchors: Tensor | None = None,
        weights_sha256: str = "",
        rim_px: int = 0,
        names: Sequence[str] = (),
    ) -> None:
        """names: of the classes. rim_px: pixels left out on each side, where the zeros beyond layers' borders show."""
        self.settings = settings = settings or Settings()
        _check(settings)
        super().__init__(device, settings.dtype, seed, weights_sha256)
        self.noise: network.Noise = "frozen" if settings.noise == "auto" else settings.noise  # type: ignore[assignment]
        self.net = net
        columns, rows = net.config.size
        self.size = (columns + settings.extend * net.config.resolution // 2 - 2 * rim_px, rows - 2 * rim_px)
        self._inner = (..., slice(rim_px, rows - rim_px), slice(rim_px, self.size[0] + rim_px))
        self.upscaler = open_upscaler(settings.enlarge, self.device) if settings.enlarge else None
        if self.upscaler is not None:
            self.size = (self.size[0] * self.upscaler.scale, self.size[1] * self.upscaler.scale)
        source = torch.Generator().manual_seed(seed)
        self.set_out(settings, anchors, names, source)
        self.synthesis = WideSynthesis(net.synthesis, self.device, self.dtype, settings.extend)
        self.layers = network.layer_names(net.config)
        listens = [row for row, _, _ in self.synthesis.affines]
        self.grain = Grain(self.synthesis.layers, listens, net.config.num_ws)
        self.attach(bends, [*KNOBS, *self.class_knobs])

    def listening(self) -> Tensor:
        """What turns w into the styles of every layer, (F, w_dim)."""
        return torch.cat([weight.T for _, weight, _ in self.synthesis.affines]).cpu()

    def trace(self, points: Tensor) -> Tensor:
        """The pictures of points (B, num_ws, w_dim), with gradients; not enlarged."""
        noise: network.Noise = "frozen" if self.noise == "random" else self.noise
        return three_planes(self.net.synthesis(points, noise))[self._inner]

    def glimpse(self, points: Tensor) -> Tensor:
        """The pictures of points (B, num_ws, w_dim) as a shallow layer has them."""
        if self.net.config.resolution <= GLANCE_PX:
            return self.trace(points)
        noise: network.Noise = "frozen" if self.noise == "random" else self.noise
        return three_planes(self.net.synthesis(points, noise, up_to=GLANCE_PX))

    def noises(self) -> list[Tensor]:
        """The frozen noise of every layer that has some."""
        if self.noise == "none":
            return []
        convs = (part for part in self.net.modules() if isinstance(part, network.StyledConv))
        return [conv.noise_const for conv in convs if bool(conv.noise_strength != 0)]

    @torch.inference_mode()
    def exact(self, point: Tensor, noise: str = "frozen") -> Tensor:
        """The whole picture (1, C, H, W), with its rim and without columns that were added."""
        return self.net.synthesis(point[None].float(), noise)

    def point(self, knob: Knobs, turns: float) -> Tensor:
        """Styles of one picture, (1, num_ws, w_dim)."""
        self.follow_class(knob, turns)
        return self.latent.at(knob, turns)[None]

    def paint(self, point: Tensor) -> Tensor:
        """ws -> picture (1, 3, H, W), -1..1; enlarged, where that is asked for."""
        bend = self.bends.apply if self.bends.attached else None
        picture = three_planes(self.synthesis(point, self.noise, bend)[self._inner].clamp(-1, 1))
        return picture if self.upscaler is None else enlarged(self.upscaler, picture)

    def variant(self) -> Hashable:
        """Bends and noise decide which kernels run."""
        return self.bends.attached, self.noise

    def tune(self, knob: Knobs) -> None:
        """The frozen noise, zone by zone."""
        self.grain.set(knob)


def open_upscaler(name: str, device: torch.device) -> Upscaler:
    """As it plays there: in half precision on CUDA. Raises WeightsError."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    return read_upscaler(name).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]


def enlarged(upscaler: Upscaler, picture: Tensor) -> Tensor:
    """A picture (1, 3, H, W) of -1..1 as (1, 3, H * scale, W * scale); nothing in here waits for the device."""
    x = picture.to(upscaler.first.weight.dtype, memory_format=torch.channels_last)
    return upscaler((x + 1) / 2) * 2 - 1


def _check(settings: Settings) -> None:
    if settings.noise not in NOISES:
        raise SettingsError(f"generator: noise is one of {', '.join(NOISES)}, found {settings.noise!r}")
    if not 0 <= settings.extend <= 4:
        raise SettingsError(f"generator: extend is 0..4 columns, found {settings.extend}")
