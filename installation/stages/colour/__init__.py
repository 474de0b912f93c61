"""A still in, the same still painted in the manner of weighted style pictures out.

Three ways, by effort: proof paints by a small net in seconds; draft optimises few iterations, most of them on a small
picture; print optimises at every scale up to the working size.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from installation import pictures, weights
from installation.networks import arbitrary, vgg
from installation.settings import SettingsError
from installation.signals import Still
from installation.stages import pixels
from installation.stages.colour import transfer
from installation.stages.colour.carry import carry_up, keep_chroma, spread
from installation.stages.colour.style import LAYERS, Moments, Reference, Style, parse_references
from installation.stages.colour.watch import Watch, lay
from installation.stages.work import Made, Stage, Work

METHODS, GROUNDS = ("optimise", "fast"), ("paper", "paint")
LEAST_PX = 32  # the net halves a picture four times
STEEPEST = 4  # the longer side may be this many times the shorter, else the picture is padded while it is painted
CPU_TILE_PX = 512  # with its halo 672 px, which take about 1.2 GB
GPU_PX_PER_GB = 300_000  # of a graphics card's memory, as counted from the layers: half of it stays free
EFFORTS: dict[str, dict[str, Any]] = {
    "proof": {"method": "fast"},
    "draft": {"first_iterations": 150, "iterations": 50, "last_iterations": 6, "largest_px": 640},
    "print": {},
}
NEEDS = {"gpu": 1}


@dataclass(frozen=True)
class Settings:
    """What is painted with, how long and how strongly."""

    styles: tuple[str, ...] = ()  # PICTURE or PICTURE:WEIGHT each; none: the picture stays as it is
    method: str = "optimise"  # "fast": one pass of a small net
    network: str = "vgg16"  # what looks at pictures; "vgg19" once it is downloaded (models/vgg19/model.toml)
    ground: str = "paper"  # "paper": what is transparent stays so; "paint": the style goes over all of it
    smallest_px: int = 128  # longer side of the first scale
    largest_px: int = 2560  # longer side of the last one; a larger picture takes its colour and strokes from there
    growth: float = 2.0  # from scale to scale
    first_iterations: int = 1000  # at the first scale, where shapes are found
    iterations: int = 500  # at the scales between
    last_iterations: int = 200  # at the largest, where texture is refined
    content_weight: float = 0.3  # what is where
    variation_weight: float = 0.5  # against single loud pixels
    style_weights: tuple[float, ...] = (256.0, 64.0, 16.0, 4.0, 1.0)  # of conv1_1 (colour) to conv5_1 (large forms)
    style_scale: float = 1.0  # size of the style pictures beside the painted one: larger makes larger strokes
    step: float = 0.02  # of the range 0..1 that a pixel moves in an iteration
    averaging: float = 0.99  # of the iterates; takes their noise away
    keep_colour: float = 0.0  # 0..1 of the picture's own colours under the strokes
    fast_px: int = 1024  # longer side that the small net paints
    tile_px: int = 0  # largest window seen at once; 0: by the memory of the machine


def create(settings: Settings) -> Stage:
    """The colouring. Raises SettingsError, or PictureError naming a style picture that is missing or broken."""
    _check(settings)
    return Colour(settings)


class Colour(Stage):
    """Paints stills; style pictures are opened once, what the nets see in them is kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.references = parse_references(settings.styles)
        self.styles = [(r.weight, _open(r, settings.largest_px)) for r in self.references]
        parts = [f"{weights.digest(r.path)}:{r.weight:.6f}" for r in self.references]
        if parts:
            parts.append(arbitrary.fingerprint() if settings.method == "fast" else vgg.fingerprint(settings.network))
        self.fingerprint = hashlib.sha256("|".join(parts).encode()).hexdigest()
        self._moments: dict[int, Moments] = {}

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Paint one still. Without a style, or with nothing on the paper, it stays as it is, and its notes say why."""
        still = stills[0]
        rgb, alpha = pixels.split(still.pixels)
        on_paper = self.settings.ground == "paper" and bool(alpha.min() < 1)
        if not self.styles:
            return Made(np.asarray(still.pixels), notes={"painted": False, "why": "no style picture"})
        if on_paper and not alpha.any():
            return Made(np.asarray(still.pixels), notes={"painted": False, "why": "nothing on the paper"})
        paint = self._paint_at_once if self.settings.method == "fast" else self._optimise
        # The net must not see the paper: it would soften every edge towards its white.
        content = spread(rgb, alpha[..., None]) if on_paper else pixels.flatten(still.pixels)
        painted, notes = paint(content, alpha[..., None] if on_paper else np.ones_like(rgb[..., :1]), work)
        painted = carry_up(painted, content)
        if self.settings.keep_colour:
            painted = keep_chroma(painted, content, self.settings.keep_colour)
        notes |= {"painted": True, "styles": [[r.path.name, round(r.weight, 4)] for r in self.references]}
        if on_paper:
            painted = np.where(alpha[..., None] > 0, painted, 1)
            return Made(pixels.join(painted, alpha), notes=notes)
        return Made(painted, notes=notes)

    def _paint_at_once(self, content: np.ndarray, cover: np.ndarray, work: Work) -> tuple[np.ndarray, dict[str, Any]]:
        """Effort proof: one pass of the small net; styles are mixed by mixing their vectors."""
        net = arbitrary.load()
        work.progress(0.2, "reading styles")
        vectors = [weight * net.read(picture) for weight, picture in self.styles]
        small = pixels.resize(content, pixels.fit(_size(content), self.settings.fast_px))
        work.progress(0.4, f"painting {_name(small.shape)}")
        painted = net.paint(small, np.sum(vectors, axis=0))
        work.preview(lay(painted, _shrink(cover, _size(small))))
        return painted, {"method": "fast", "px": max(small.shape[:2])}

    def _optimise(self, content: np.ndarray, cover: np.ndarray, work: Work) -> tuple[np.ndarray, dict[str, Any]]:
        """Efforts draft and print: from the smallest scale to the largest, each begun with what the last one left."""
        settings, device = self.settings, best_device()
        net = vgg.load(settings.network, transfer.TAPS, "replicate", str(device))
        size = pixels.fit(_size(content), settings.largest_px)
        small = _pad(pixels.resize(content, size))
        cover = _pad(_shrink(cover, size))
        plan = plan_of(max(small.shape[:2]), settings)
        watch = Watch(work, plan)
        canvas: transfer.Canvas | None = None
        for px, iterations in plan:
            scale = pixels.fit(_size(small), px)
            here = pixels.resize(small, scale)
            begun = here if canvas is None else carry_up(transfer.to_array(canvas.picture), here)
            canvas = transfer.Canvas(transfer.to_tensor(begun, device), canvas)
            picture, place = transfer.to_tensor(here, device), _shrink(cover, scale)
            style = Style(self._seen(net, px, device), _shares(settings.style_weights))
            where = transfer.to_tensor(place, device)
            sheet = transfer.Sheet(net, style, picture, where, _strength(settings), _tile_px(settings, device))
            transfer.work_at(sheet, canvas, iterations, watch.at(px, iterations, place))
        assert canvas is not None
        painted = np.ascontiguousarray(transfer.to_array(canvas.picture)[: size[1], : size[0]])
        return painted, {"method": "optimise", "network": settings.network, "scales": [list(step) for step in plan]}

    def _seen(self, net: vgg.VGG, px: int, device: torch.device) -> Moments:
        """What the net sees in the styles at one scale, found once for all stills."""
        style_px = max(LEAST_PX, round(px * self.settings.style_scale))
        if style_px not in self._moments:
            self._moments[style_px] = transfer.see_style(net, self.styles, style_px, device)
        return self._moments[style_px]


def plan_of(longest_px: int, settings: Settings) -> list[tuple[int, int]]:
    """(longer side, iterations) of each scale."""
    scales = transfer.scales_of(longest_px, settings.smallest_px, settings.growth)
    counts = [settings.first_iterations] + [settings.iterations] * (len(scales) - 2) + [settings.last_iterations]
    return list(zip(scales, counts, strict=False))


def time_iteration(px: int, settings: Settings, iterations: int = 4) -> float:
    """Seconds for one iteration at px x px: what the bench asks."""
    device = best_device()
    net = vgg.load(settings.network, transfer.TAPS, "replicate", str(device))
    picture = np.random.default_rng(0).random((px, px, 3), np.float32)
    sheet, canvas = trial(net, picture, picture[::2, ::2], settings, device)
    times_s = []
    for count in (1, iterations):  # the first warms up
        began_s = time.perf_counter()
        transfer.work_at(sheet, canvas, count, lambda iteration, picture: None)
        canvas.picture.sum().item()
        times_s.append((time.perf_counter() - began_s) / count)
    return times_s[-1]


def trial(
    net: vgg.VGG, content: np.ndarray, reference: np.ndarray, settings: Settings, device: torch.device
) -> tuple[transfer.Sheet, transfer.Canvas]:
    """Content and reference [(H, W, 3) float32, 0..1] laid out at the content's size, without a stage around them."""
    seen = transfer.see_style(net, [(1.0, reference)], max(content.shape[:2]), device)
    picture = transfer.to_tensor(content, device)
    style, where = Style(seen, _shares(settings.style_weights)), torch.ones_like(picture[:, :1])
    sheet = transfer.Sheet(net, style, picture, where, _strength(settings), _tile_px(settings, device))
    return sheet, transfer.Canvas(picture)


def best_device() -> torch.device:
    """The graphics card when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _check(settings: Settings) -> None:
    for name, value, allowed in (
        ("method", settings.method, METHODS),
        ("network", settings.network, tuple(vgg.BLOCKS)),
        ("ground", settings.ground, GROUNDS),
    ):
        if value not in allowed:
            raise SettingsError(f"colour.{name}: expected one of {', '.join(allowed)}, found {value!r}")
    if len(settings.style_weights) != len(LAYERS) or min(settings.style_weights) < 0 or not any(settings.style_weights):
        raise SettingsError(
            f"colour.style_weights: expected {len(LAYERS)} numbers of 0 or more, found {settings.style_weights}"
        )
    least = {"smallest_px": LEAST_PX, "largest_px": LEAST_PX, "fast_px": LEAST_PX, "growth": 1.1, "style_scale": 0.05}
    least |= {"first_iterations": 1, "iterations": 0, "last_iterations": 0, "step": 1e-4}
    for name, bound in least.items():
        if not getattr(settings, name) >= bound:
            raise SettingsError(f"colour.{name}: expected at least {bound}, found {getattr(settings, name)}")


def _open(reference: Reference, largest_px: int) -> np.ndarray:
    """A style picture on white, as large as it can be needed. Raises PictureError naming it."""
    picture = pictures.read_picture(reference.path)
    return pixels.resize(pixels.flatten(picture), pixels.fit(_size(picture), largest_px))


def _strength(settings: Settings) -> transfer.Strength:
    return transfer.Strength(settings.content_weight, settings.variation_weight, settings.step, settings.averaging)


def _shares(style_weights: Sequence[float]) -> dict[str, float]:
    return {layer: weight / sum(style_weights) for layer, weight in zip(LAYERS, style_weights, strict=True)}


def _tile_px(settings: Settings, device: torch.device) -> int:
    """By the memory that the machine has, not by what is free: the same picture comes out on a busy day."""
    if settings.tile_px or device.type == "cpu":
        return settings.tile_px or CPU_TILE_PX
    bytes_there = torch.cuda.get_device_properties(device).total_memory
    return int((bytes_there / 1e9 * GPU_PX_PER_GB) ** 0.5)


def _pad(picture: np.ndarray) -> np.ndarray:
    return transfer.at_least(picture, max(LEAST_PX, max(picture.shape[:2]) // STEEPEST))


def _shrink(cover: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much of each pixel is covered (H, W) or (H, W, 1), at another size -> (h, w, 1)."""
    return np.clip(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), 0, 1).reshape(size[1], size[0], 1)


def _size(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _name(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
