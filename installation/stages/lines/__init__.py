"""A still in; the same with a drawing over it out: contours found by a network, drawn in translucent ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import cv2
import numpy as np

from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.lines import strokes
from installation.stages.work import Made, Stage, Work

NETWORKS = ("hed", "dexined", "teed")
LARGEST_LINE_PX = 3000  # the network holds some 2 kB a pixel


@dataclass(frozen=True)
class Settings:
    """Lengths are parts of the longer side of the picture."""

    network: str = "hed"  # hed | dexined | teed; the last two need `weights`
    weights: str = ""  # a checkpoint of dexined or teed
    line_px: int = 1024  # longer side at which edges are sought: small = few bold lines, large = many fine ones
    low: float = 0.18  # edge strength from which a line goes on
    high: float = 0.42  # edge strength that a line must reach somewhere
    shortest: float = 0.018  # loose lines shorter than this are left out
    snap: float = 0.004  # how far sideways a line may move to where the picture's colours change most
    smoothness: float = 0.0022  # how far along itself a line is evened out
    width: float = 0.0012  # of the strongest line
    pressure: float = 0.3  # how much the width varies by hand, 0..1
    strength: float = 0.8  # opacity of the strongest line, 0..1; 0 draws nothing
    colour: tuple[float, float, float] = (0.075, 0.055, 0.09)  # ink, sRGB-encoded 0..1


class Lines(Stage):
    """Contours as ink."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """The network's weights."""
        return f"{self.settings.network}:{_network(self.settings.network).fingerprint(self.settings.weights)}"

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """One still in, (H, W, 3) or, when it has alpha, (H, W, 4) out."""
        picture, settings = stills[0].pixels, self.settings
        if not settings.strength or min(picture.shape[:2]) < 2:
            return Made(picture, notes={"lines": 0})
        rgb, alpha = mattes.shrink(picture, settings.line_px)
        flat = pixels.flatten(pixels.join(rgb, alpha))
        edges = find_edges(flat, settings)
        work.progress(0.6, "edges")
        drawn = find_strokes(edges, flat, settings)
        if not drawn:
            return Made(picture, notes={"lines": 0})
        return Made(_ink(picture, drawn, edges.shape, settings, work), notes={"lines": len(drawn)})


def create(settings: Settings) -> Lines:
    """Raises ValueError naming the setting that does not fit."""
    if settings.network not in NETWORKS:
        raise ValueError(f"lines: network {settings.network!r}: expected one of {', '.join(NETWORKS)}")
    if not 32 <= settings.line_px <= LARGEST_LINE_PX:
        raise ValueError(f"lines: line_px {settings.line_px}: expected 32 to {LARGEST_LINE_PX}")
    if not 0 <= settings.low <= settings.high:
        raise ValueError(f"lines: expected 0 <= low <= high, found {settings.low} and {settings.high}")
    return Lines(settings)


def find_edges(rgb: np.ndarray, settings: Settings) -> np.ndarray:
    """Edge strength (h, w), float32 0..1, of a picture (h, w, 3), float32 0..1. Raises WeightsError without weights."""
    import torch

    network = _network(settings.network)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = network.load(device, settings.weights) if settings.network != "hed" else network.load(device)
    height, width = rgb.shape[:2]
    multiple = network.SIZE_MULTIPLE_PX
    # A margin of the picture's own edge: networks draw a frame where the picture stops.
    below, right = (multiple - height % multiple) + multiple, (multiple - width % multiple) + multiple
    padded = cv2.copyMakeBorder(rgb, multiple, below, multiple, right, cv2.BORDER_REPLICATE)
    picture = torch.from_numpy(np.ascontiguousarray(padded)).permute(2, 0, 1)[None]  # (1, 3, H, W)
    with torch.inference_mode():
        found = torch.sigmoid(net(picture.to(device, memory_format=torch.channels_last))[-1])  # (1, 1, H, W)
    edges = found[0, 0, multiple : multiple + height, multiple : multiple + width]
    return edges.float().cpu().numpy()


def find_strokes(edges: np.ndarray, rgb: np.ndarray, settings: Settings) -> list[strokes.Stroke]:
    """The lines of a drawing, in pixels of the edge map, weakest first; strength 0..1 is how much ink they carry."""
    longest = max(edges.shape)
    ridge, shift = strokes.thin(edges, settings.low, settings.high)
    drawn = strokes.follow(ridge, shift, edges, settings.shortest * longest, settings.smoothness * longest)
    if not settings.snap:
        return drawn
    return strokes.snap(drawn, mattes.to_lab(rgb), settings.snap * longest, settings.smoothness * longest)


def _network(name: str) -> ModuleType:
    from importlib import import_module

    return import_module(f"installation.networks.{name}")


def _ink(
    picture: np.ndarray, drawn: list[strokes.Stroke], small: tuple[int, ...], settings: Settings, work: Work
) -> np.ndarray:
    """Draw the strokes over the still at full size, strip by strip; alpha grows where they lie on the clear ground."""
    height, width, channels = picture.shape
    made = work.canvas(height, width, channels)
    scale = (width / small[1], height / small[0])
    full = settings.width * max(height, width)
    chance = work.chance("pressure")
    widths = [full * _press(stroke, settings, max(small), chance) for stroke in drawn]
    colour = np.asarray(settings.colour, np.float32)
    for top, bottom in mattes.rows(height, width):
        rgb, alpha = pixels.split(picture[top:bottom])
        ink = settings.strength * strokes.draw(drawn, widths, scale, (width, bottom - top), top)
        whole = ink + alpha * (1 - ink)
        part = np.where(whole > 1e-4, ink / np.maximum(whole, 1e-4), 0)[..., None]
        rgb = rgb * (1 - part) + colour * part
        made[top:bottom] = pixels.to_uint16(rgb if channels == 3 else pixels.join(rgb, whole))
        work.progress(0.6 + 0.4 * bottom / height, "ink")
    return made


def _press(stroke: strokes.Stroke, settings: Settings, longest: int, chance: np.random.Generator) -> np.ndarray:
    """How wide a stroke is at each point, 0..1: by its strength, thinner at its ends, and as a hand presses."""
    beats = chance.normal(size=max(2, len(stroke.points) // 12 + 2))
    hand = np.interp(np.linspace(0, len(beats) - 1, len(stroke.points)), np.arange(len(beats)), beats)
    by_hand = np.clip(1 + settings.pressure * hand, 0.4, 1.6)
    return (0.35 + 0.65 * stroke.strength) * strokes.taper(stroke, 0.02 * longest) * by_hand
