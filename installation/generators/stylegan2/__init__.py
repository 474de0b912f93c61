"""Controls in, a picture of a StyleGAN2 out: a closed walk through its latent space, with bends in its layers."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from installation import signals, weights
from installation.bending.layers import Bends, bend_knobs
from installation.generators import walk
from installation.generators.stylegan2 import network
from installation.generators.stylegan2.graph import Captured
from installation.generators.stylegan2.latent import Latent
from installation.generators.stylegan2.wide import WideSynthesis
from installation.settings import Bend, SettingsError
from installation.weight_files import first_line

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
NOISES = ("auto", "frozen", "random", "none")
BUFFERS = 4  # pictures on a CUDA device that may be on their way to the screen at once


@dataclass(frozen=True)
class Settings:
    """model: a folder of models/ or a path; anchors: how many stations the walk has.

    stations names them (numbers of the model's anchors, see its samples); without, seeded ones are taken.

    extend widens the picture: columns (0..4) added on each side of the network's 4x4 start; 1 makes 3:2, 2 makes 2:1.
    noise is frozen | random | none, or auto for what the model says; dtype auto is float16 on CUDA, bfloat16 on a CPU
    that computes in it, else float32.
    """

    model: str = "bloom"
    anchors: int = 12
    stations: tuple[int, ...] = ()
    noise: str = "auto"
    dtype: str = "auto"
    extend: int = 0


MOST_LAYERS = 64  # of a mapping network


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> StyleGAN2:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    config, path = weights.open_model(settings.model)
    net, anchors = read_model(config, path)
    if settings.noise == "auto":
        settings = dataclasses.replace(settings, noise=str(config.get("noise", "frozen")))
    sha256 = str(config.get("sha256", "")) or weights.digest(path)
    generator = StyleGAN2(net, settings, bends, device, seed, anchors, sha256, int(config.get("rim_px", 0)))
    generator.set_defaults(config.get("knobs", {}))
    return generator


def read_model(config: Mapping[str, object], path: Path) -> tuple[network.Generator, Tensor | None]:
    """The network, and the anchors (K, w_dim) that the model may ship. Raises WeightsError naming what does not fit."""
    from safetensors.torch import load_file

    table = config.get("network")
    if not isinstance(table, dict):
        raise weights.WeightsError(f"{path.parent / 'model.toml'}: expected a table [network], found {table!r}")
    try:
        shape, tensors = network.NetworkConfig.from_dict(table), load_file(path)
        if not 0 <= shape.mapping_layers <= MOST_LAYERS:
            raise ValueError(f"mapping_layers: expected 0..{MOST_LAYERS}, found {shape.mapping_layers}")
        with torch.device("meta"):  # without memory: a table may claim more than its file has
            claimed = sum(one.numel() for one in network.Generator(shape).parameters())
        if claimed > (held := sum(one.numel() for one in tensors.values())):
            raise ValueError(f"it claims {claimed} numbers, the file has {held}")
        net = network.Generator(shape)
        anchors = tensors.pop("anchors", None)
        net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (RuntimeError, TypeError, ValueError, AttributeError, OverflowError, LookupError) as error:
        raise weights.WeightsError(
            f"{path}: does not fit the [network] of its model.toml: {first_line(error)}"
        ) from error
    return net.eval().requires_grad_(False), anchors


class StyleGAN2:
    """One network at play. On CUDA a captured graph is replayed; amounts, styles and noise change in its memory."""

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
    ) -> None:
        """rim_px: pixels that are left out on each side, where the zeros beyond the layers' borders still show."""
        self.settings = settings = settings or Settings()
        _check(settings)
        self.noise: network.Noise = "frozen" if settings.noise == "auto" else settings.noise  # type: ignore[assignment]
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(chosen)
        self.dtype = DTYPES[settings.dtype] if settings.dtype != "auto" else best_dtype(self.device)
        rows = net.config.resolution
        self.size = (rows + settings.extend * rows // 2 - 2 * rim_px, rows - 2 * rim_px)
        self._inner = (..., slice(rim_px, rows - rim_px), slice(rim_px, self.size[0] + rim_px))
        self.weights_sha256 = weights_sha256
        self.latent = Latent(net, anchors, settings.anchors, seed, settings.stations)
        self.synthesis = WideSynthesis(net.synthesis, self.device, self.dtype, settings.extend)
        self.layers = network.layer_names(net.config)
        self.bends = Bends(bends, self.layers, seed, self.device)
        self.faults = self.bends.faults
        self.knobs: dict[str, signals.Knob] = {k.name: k for k in (*walk.KNOBS, *bend_knobs(bends))}
        self.number = 0
        self._ws = torch.zeros(1, net.config.num_ws, net.config.w_dim, device=self.device)
        self._noise = [(layer, layer.noise.clone()) for layer in self.synthesis.layers if layer.noise is not None]
        self._noise_now = 1.0
        self._graphs: dict[tuple[bool, str], Captured] = {}
        self._ring: list[Tensor] = []
        self._pinned: list[Tensor] = []
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            self._ring = [torch.empty(3, *reversed(self.size), device=self.device) for _ in range(BUFFERS)]
            self._pinned = [torch.empty(self._ws.shape).pin_memory() for _ in range(BUFFERS)]

    def set_defaults(self, defaults: Mapping[str, float]) -> None:
        """Let a model state where its knobs look best. Raises SettingsError for a knob that does not exist."""
        for name in defaults:
            if name not in self.knobs:
                raise SettingsError(f"model.toml: [knobs]: no knob {name!r}; there are: {', '.join(self.knobs)}")
        self.knobs = {
            n: dataclasses.replace(k, default=float(defaults.get(n, k.default))) for n, k in self.knobs.items()
        }

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on bends are skipped."""
        self.bends.shed(level)

    def reset(self) -> None:
        """Forget earlier frames; on CUDA the graph, which holds their memory, is captured anew."""
        self._graphs.clear()
        self.bends.reset()

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """Picture of `controls` at the network's own size less its rim, whatever `size` says."""
        start_s = time.perf_counter()
        knob = {name: controls.values.get(name, k.default) for name, k in self.knobs.items()}
        self.bends.set(knob)
        self._set_noise(knob["generator.noise"])
        ws = self.latent.at(knob, controls.turns)
        pixels = self._replay(ws) if self.device.type == "cuda" else self._paint(ws)[0]
        self.number += 1
        return signals.Picture(pixels, controls, self.number, time.perf_counter() - start_s)

    def _paint(self, ws: Tensor) -> Tensor:
        bend = self.bends.apply if self.bends.attached else None
        return self.synthesis(ws, self.noise, bend)[self._inner].clamp(-1, 1)

    def _replay(self, ws: Tensor) -> Tensor:
        """Copy the styles to the device and replay; the picture goes to the next buffer of a ring."""
        self._pinned.append(self._pinned.pop(0))
        self._pinned[0].copy_(ws)
        self._ws.copy_(self._pinned[0], non_blocking=True)
        key = (self.bends.attached, self.noise)
        if key not in self._graphs:
            self._graphs[key] = Captured(lambda: self._paint(self._ws))
        self._ring.append(self._ring.pop(0))
        return self._ring[0].copy_(self._graphs[key].replay()[0])

    def _set_noise(self, strength: float) -> None:
        """Scale the frozen noise in place, where a captured graph finds it."""
        if strength == self._noise_now:
            return
        for layer, full in self._noise:
            assert layer.noise is not None
            layer.noise.copy_(full * strength)
        self._noise_now = strength


def best_dtype(device: torch.device) -> torch.dtype:
    """The number format in which this device paints fastest without visible loss."""
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16; one that only imitates it is ten times slower than in float32.

    So is one whose libraries were told to do without (ONEDNN_MAX_CPU_ISA, ATEN_CPU_CAPABILITY).
    """
    told = " ".join(os.environ.get(name, "") for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")).upper()
    if told.strip() and not any(word in told for word in ("BF16", "AMX", "DEFAULT")):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", errors="ignore")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def _check(settings: Settings) -> None:
    if settings.noise not in NOISES:
        raise SettingsError(f"generator: noise is one of {', '.join(NOISES)}, found {settings.noise!r}")
    if settings.dtype not in (*DTYPES, "auto"):
        raise SettingsError(f"generator: dtype is auto or one of {', '.join(DTYPES)}, found {settings.dtype!r}")
    if not 0 <= settings.extend <= 4:
        raise SettingsError(f"generator: extend is 0..4 columns, found {settings.extend}")
    if settings.anchors < 4:
        raise SettingsError(f"generator: anchors must be at least 4, found {settings.anchors}")
