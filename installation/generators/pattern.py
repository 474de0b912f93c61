"""Controls in, a flower of silk out: a CPPN (Stanley 2007) warps rings of petals; no weights, any size."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import signals
from installation.bending.carrying import enlarged
from installation.bending.layers import Bends, bend_knobs
from installation.generators import walk
from installation.generators.latent import STEERED
from installation.generators.places import TIME_S, TURNS, Places
from installation.settings import Bend

PALETTES = (  # sRGB from shadow to light; neighbours on the walk blend in a perceptual space
    ("08050c", "2e0d2a", "8e1b4b", "e8688a", "ffe1d0"),  # night rose
    ("120507", "56101c", "b93a2c", "f4a259", "fff0cd"),  # ember
    ("0d0710", "431a4f", "9a4c95", "e7a6c4", "fbf0ee"),  # mauve
    ("05060f", "17204f", "5148a8", "b59bea", "f8effc"),  # iris
    ("030a10", "083a4f", "237f96", "93d2c8", "f5f3de"),  # deep water
    ("060c0a", "173d33", "4d8a63", "c5d69a", "fdf4d2"),  # moss
    ("0d0806", "4a2415", "a9652f", "ecc07c", "fff6e0"),  # honey
    ("0c060c", "4c123a", "c2447c", "f7a8b6", "fff3ea"),  # peony
)
PETALS = (3, 5, 5, 8, 8, 8, 13, 13, 13)  # in each ring, the innermost first
GOLDEN = 2.39996  # rad, the angle between one leaf and the next
HIDDEN = 16
LATENT = 12


@dataclass(frozen=True)
class Settings:
    """size (width, height) in px when the show asks for none; detail: rows at which the network is evaluated."""

    size: tuple[int, int] = (384, 216)
    detail: int = 64
    anchors: int = 8


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Pattern:
    """A generator that needs no weights. Raises SettingsError for a bend at a layer that does not exist."""
    return Pattern(settings, bends, size or settings.size, device, seed)


class Pattern:
    """Seeded network, closed walk through seeded latent points, petals drawn in the warped plane."""

    isotropic = True

    def __init__(
        self, settings: Settings, bends: Sequence[Bend], size: tuple[int, int], device: str, seed: int
    ) -> None:
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(chosen)
        self.settings, self.size = settings, size
        source = torch.Generator().manual_seed(seed)
        self.walk = walk.Walk(torch.randn(settings.anchors, LATENT, generator=source))
        self.latent = Places(1)
        self.network = _seeded_network(source)
        self.weights_sha256 = _digest([*self.network, self.walk.anchors])
        self.network = [w.to(self.device) for w in self.network]
        self.palettes = torch.stack([_oklab(_from_hex(p)) for p in PALETTES])
        self.layers = [(f"hidden{i}", HIDDEN, settings.detail) for i in range(3)] + [("field", 6, settings.detail)]
        self.bends = Bends(bends, self.layers, seed=seed, device=self.device)
        self.faults = self.bends.faults
        self.knobs: dict[str, signals.Knob] = {k.name: k for k in (*walk.KNOBS, *bend_knobs(bends))}
        self.number = 0

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on bends are skipped."""
        self.bends.shed(level)

    @property
    def remembers(self) -> bool:
        """Whether a picture depends on those before it."""
        return self.bends.remembers

    def reset(self) -> None:
        """Forget earlier frames."""
        self.bends.reset()

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """Picture of `controls`; size is (width, height) in px, any from 16 up."""
        start_s = time.perf_counter()
        width, height = size or self.size
        knob = self.knobs_of(controls)
        self.bends.set(knob)
        field = self.field(self.point(knob).to(self.device), width / height, max(self.settings.detail, height // 4))
        field = enlarged(field, (height, width), slice(None))[0]
        pixels = self.drawn(field, knob, controls.turns, width / height)
        self.number += 1
        return signals.Picture(pixels, controls, self.number, time.perf_counter() - start_s)

    def knobs_of(self, controls: signals.Controls) -> dict[str, float]:
        """Every knob of this generator, and the instant."""
        knob = {name: controls.values.get(name, k.default) for name, k in self.knobs.items()}
        return knob | {TIME_S: controls.time_s, TURNS: controls.turns}

    def where(self, controls: signals.Controls) -> Tensor:
        """The point (1, LATENT), on the CPU, that `controls` are painted from."""
        return self.point(self.knobs_of(controls))[None]

    def point(self, knob: Mapping[str, float]) -> Tensor:
        """The latent point of shape (LATENT,): the walk, pulled in by truncation, drawn and pushed by the knobs."""
        dwell, turns = knob["generator.dwell"], knob[TURNS]
        here, there = self.walk.at(turns, dwell), self.walk.at(turns + 0.5, dwell)
        latent = here * knob["generator.truncation"]
        latent[LATENT // 2 :] = torch.lerp(latent, there, knob["generator.mix"])[LATENT // 2 :]
        latent = self.latent.drawn(latent[None], knob)[0]
        for i, name in enumerate(STEERED):
            latent[i] += 1.5 * knob[name]
        return self.latent.pushed(latent[None], knob)[0]

    def of_seed(self, seed: int, truncation: float = 1.0) -> Tensor:
        """The point (1, LATENT) of a seed."""
        return self.samples(1, seed) * truncation

    def samples(self, count: int, seed: int = 0) -> Tensor:
        """As many points by chance (count, LATENT)."""
        return torch.from_numpy(np.random.RandomState(seed).randn(count, LATENT)).float()

    def listening(self) -> Tensor:
        """The weights (F, LATENT) that hear a point first."""
        return self.network[1].flatten(0, 1).cpu()

    def field(self, latent: Tensor, aspect: float, rows: int) -> Tensor:
        """The CPPN: coordinates and latent -> six smooth fields (1, 6, rows, columns), about -1..1."""
        x, y = plane_of(aspect, rows, max(8, round(rows * aspect)), self.device)
        r = torch.sqrt(x * x + y * y + 0.02)
        h = torch.stack([x, y, r, (x * x - y * y) / r, 2 * x * y / r, torch.ones_like(x)])[None]  # (1, 6, H, W)
        w_in, w_latent, w_hidden, w_out = self.network
        for i in range(3):
            shift = (w_latent[i] @ latent)[None, :, None, None]
            mixed = F.conv2d(h, w_in if i == 0 else w_hidden[i - 1]) + shift
            wave = torch.cat([mixed[:, ::2].sin(), mixed[:, 1::2].tanh()], 1)
            h = self.bends.apply(f"hidden{i}", wave if i == 0 else h * 0.5 + wave)
        return self.bends.apply("field", F.conv2d(h, w_out))

    def drawn(self, field: Tensor, knob: dict[str, float], turns: float, aspect: float) -> Tensor:
        """Rings of petals, the outermost first, each shading the one below: fields (6, H, W) -> (3, H, W), -1..1."""
        x, y = plane_of(aspect, field.shape[1], field.shape[2], self.device)
        kick, turn = knob["generator.kick"], 2 * math.pi * turns
        x = torch.add(x * (1.0 - 0.12 * kick) - 0.25 * knob["generator.x"], field[0], alpha=0.16)
        y = torch.add(y * (1.0 - 0.12 * kick), field[1], alpha=0.16)
        r = torch.sqrt(x * x + y * y + 1e-4)
        angle = torch.atan2(y, x)
        twisted = torch.add(angle, r, alpha=0.5 + 0.4 * knob["generator.z"])
        lean, swell, gloss, drift = 0.9 * field[2], 0.72 + 0.10 * field[3], 3.0 * field[4], 0.10 * field[3]
        tone, light = self._ground(field, r)
        for ring in range(len(PETALS) - 1, -1, -1):
            half = 0.5 * PETALS[ring]
            reach = (0.07 + 0.13 * ring) * (0.975 + 0.175 * knob["generator.y"]) * (1.0 + 0.06 * math.sin(turn + ring))
            start = half * (ring * GOLDEN + 0.25 * math.sin(turn + 0.7 * ring))
            lobe = torch.add(lean, twisted, alpha=half).add_(start).cos_().abs_()  # 1 mid petal, 0 between two
            inside = torch.sub(swell, r, alpha=1 / reach).add_(lobe.sqrt(), alpha=0.34)  # above 0 on this ring's petals
            cover = F.hardsigmoid(inside * (2.0 * reach * field.shape[1]))  # an edge of one and a half pixels
            shade = torch.add(inside.new_ones(()), inside, alpha=4.0).clamp_(0, 1)  # darkens what lies under the edge
            light.addcmul_(light * shade, shade, value=-0.55)
            depth = inside.clamp_(0, 1)
            sheen = torch.add(gloss, lobe, alpha=5.0).add_(depth, alpha=7.0).add_(ring).sin_().add_(1.0).mul_(lobe)
            high = 0.30 + 0.055 * (len(PETALS) - ring)
            own_tone = torch.add(drift, depth, alpha=0.18 - 0.6 * high).add_(sheen, alpha=0.11).add_(high)
            own_light = depth.sqrt_().mul_(-0.75).add_(sheen, alpha=0.11).add_(1.0)
            light.lerp_(own_light, cover)
            tone.lerp_(own_tone, cover)
        silk = torch.add(6.0 * field[5], angle, alpha=40.0).cos_()
        light.addcmul_(light, silk, value=0.04 * knob["generator.noise"])
        return self.coloured(tone, light, turns + 0.5 * knob["generator.mix"], kick)

    def _ground(self, field: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        """What lies behind the flower: dim folds of the same silk."""
        fold = 0.5 + 0.5 * torch.sin(4.0 * field[3] + 2.5 * field[4] + 2.0 * r)
        return 0.10 + 0.22 * fold, (0.30 + 0.35 * fold) * torch.exp(-0.5 * r)

    def coloured(self, tone: Tensor, light: Tensor, turns: float, kick: float) -> Tensor:
        """Tone through the palette of this place on the walk, times light: (3, H, W), sRGB, -1..1."""
        index, weights = walk.weights_at(turns, len(self.palettes))
        stops = (self.palettes[index] * torch.tensor(weights)[:, None, None]).sum(0)
        ramp = _linear_from_oklab(F.interpolate(stops.T[None], 512, mode="linear", align_corners=True)[0])
        ramp = (2 * ramp.pow(1 / 2.2)).to(self.device)
        chosen = ramp[:, tone.clamp_(0, 1).mul_(511).to(torch.int32)]  # (3, H, W)
        light = light.mul_(1.15 + 0.35 * kick).clamp_(min=0.02).sqrt_()  # about the gamma of sRGB
        return chosen.mul_(light).sub_(1.0).clamp_(-1, 1)


def plane_of(aspect: float, rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x and y of every pixel's middle, y -1..1 downwards, x -aspect..aspect: two (rows, columns)."""
    y = (torch.arange(rows, device=device) + 0.5) / rows * 2 - 1
    x = ((torch.arange(columns, device=device) + 0.5) / columns * 2 - 1) * aspect
    return x.expand(rows, columns), y[:, None].expand(rows, columns)


def _seeded_network(source: torch.Generator) -> list[Tensor]:
    """Weights of the CPPN: in (16, 6), latent (3, 16, 12), hidden (2, 16, 16), out (6, 16), as 1x1 convolutions."""

    def normal(*shape: int, gain: float) -> Tensor:
        return torch.randn(*shape, generator=source) * gain

    return [
        normal(HIDDEN, 6, 1, 1, gain=0.9),
        normal(3, HIDDEN, LATENT, gain=0.36),
        normal(2, HIDDEN, HIDDEN, 1, 1, gain=1.1 / math.sqrt(HIDDEN)),
        normal(6, HIDDEN, 1, 1, gain=0.9 / math.sqrt(HIDDEN)),
    ]


def _digest(tensors: Sequence[Tensor]) -> str:
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.contiguous().numpy().tobytes())
    return sha.hexdigest()


def _from_hex(colours: Sequence[str]) -> Tensor:
    """sRGB hex texts -> linear light, (n, 3)."""
    srgb = torch.tensor([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colours])
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


_TO_LMS = torch.tensor([[0.41222, 0.53633, 0.05144], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
_TO_LAB = torch.tensor([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])


def _oklab(linear: Tensor) -> Tensor:
    """Linear light (n, 3) -> OKLab (n, 3) (Ottosson 2020)."""
    return (linear @ _TO_LMS.T).pow(1 / 3) @ _TO_LAB.T


def _linear_from_oklab(lab: Tensor) -> Tensor:
    """OKLab (3, n) -> linear light (3, n), clipped to what sRGB can show."""
    return (_TO_LMS.inverse() @ (_TO_LAB.inverse() @ lab).pow(3)).clamp(0, 1)
