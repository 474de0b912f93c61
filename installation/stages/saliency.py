"""A reference in, the same reference with its map of interest out: where what the networks see in it would change.

The gradients of the winning classes back to the pixels (Simonyan et al. 2014), averaged over noisy copies (SmoothGrad,
Smilkov et al. 2017), of an ImageNet classifier and of one that was trained on bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from installation import weights
from installation.signals import Still
from installation.stages import pixels as px
from installation.stages.cutouts import FAINT, reduce_to_content
from installation.stages.work import Made, Stage, Work

NEEDS = {"gpu": 0.25}
EYES = {"imagenet": "efficientnet-lite0", "body": "open-nsfw"}
PLAIN = 2 / 255  # a picture whose colours differ less than this is plain
GREY = (0.35, 1.0)  # the grounds that cut-outs are laid on: an edge that only one ground makes is no interest
BATCH = 6


@dataclass(frozen=True)
class Settings:
    """How interest is looked for; none of it depends on the effort, so that every effort composes alike."""

    imagenet: float = 1.0  # weight of the ImageNet classifier's map; 0 leaves it out
    body: float = 0.5  # weight of the body-trained classifier's map; 0 leaves it out
    classes: int = 3  # winning classes of each network whose gradients count
    copies: int = 12  # noisy copies that are averaged
    noise: float = 0.12  # standard deviation of their noise, in units of black to white
    seen_px: int = 224  # longer side of the picture as the networks see it
    map_px: int = 320  # longer side of the map
    blur: float = 0.012  # radius of the map's blur, as a part of its longer side
    drop: float = 0.4  # this part of the visible pixels, the least interesting, is dropped


def create(settings: Settings) -> Stage:
    """The stage. Raises ValueError for weights that leave nothing to look with."""
    if min(settings.imagenet, settings.body) < 0 or settings.imagenet + settings.body <= 0:
        raise ValueError(
            f"saliency: expected weights >= 0 of which one is above 0, found imagenet = {settings.imagenet}, "
            f"body = {settings.body}"
        )
    return Saliency(settings)


class Saliency(Stage):
    """One run for each reference."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        names = [EYES[eye] for eye in EYES if getattr(settings, eye)]
        self.fingerprint = "+".join(str(weights.read_own(name)["source"][0]["sha256"]) for name in names)

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        (still,) = stills
        found, notes = find_interest(still.pixels, self.settings, work)
        return Made(still.pixels, {"interest": found}, notes)


def find_interest(pixels: np.ndarray, settings: Settings, work: Work) -> tuple[np.ndarray, dict[str, Any]]:
    """The map of interest [shape=(h, w), float32, 0..1, longer side <= map_px] and notes on what was seen.

    A plain picture, in which no network can see anything, is of interest where it is solid, its middle first; the notes
    say so. Raises ValueError when nothing of the picture is visible.
    """
    small, box = reduce_to_content(pixels, settings.seen_px)
    enlarged = settings.seen_px / max(small.shape[:2])
    size = max(1, round(small.shape[1] * enlarged)), max(1, round(small.shape[0] * enlarged))
    rgb, alpha = px.split(px.resize(small, size))
    maps: list[np.ndarray] = []
    notes: dict[str, Any] = {}
    if not is_plain(rgb, alpha):
        for number, eye in enumerate(EYES):
            if weight := float(getattr(settings, eye)):
                found, notes[eye] = look(eye, rgb, alpha, settings, work)
                maps.append(weight * found / max(float(found.mean()), 1e-12))
                work.progress((number + 1) / len(EYES), eye)
    summed = np.sum(maps, axis=0) if maps else np.zeros_like(alpha)
    kept = drop_dull(blur(summed, settings.blur) * alpha, alpha, settings.drop)
    if kept.max() <= 0:
        kept, notes["fallback"] = solid_middle(alpha), "nothing stands out: interest is where the picture is solid"
    return place(kept, box, pixels.shape[:2], settings.map_px), notes


def is_plain(rgb: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether a picture is one colour all over, edge to edge, so that there is nothing to see."""
    return bool(np.ptp(alpha) < PLAIN and np.ptp(rgb, axis=(0, 1)).max() < PLAIN)


def look(
    eye: str, rgb: np.ndarray, alpha: np.ndarray, settings: Settings, work: Work
) -> tuple[np.ndarray, dict[str, Any]]:
    """What one network sees: the averaged size of its gradients (H, W), and its winning classes with probabilities."""
    net, device = load_eye(eye)
    colour = torch.from_numpy(rgb).permute(2, 0, 1)[None].to(device)  # (1, 3, H, W)
    cover = torch.from_numpy(alpha)[None, None].to(device)  # (1, 1, H, W)
    with torch.no_grad():
        logits = net.score(centre(colour * cover + (1 - cover), settings.seen_px) * 2 - 1)  # (1, classes)
    best = logits[0].softmax(0).topk(min(settings.classes, logits.shape[1]))
    generator = torch.Generator().manual_seed(work.chance("noise", eye).integers(2**62).item())
    total = torch.zeros(colour.shape[2:], device=device)  # (H, W)
    for first in range(0, settings.copies, BATCH):
        count = min(BATCH, settings.copies - first)
        grounds = torch.rand((count, 1, 1, 1), generator=generator) * (GREY[1] - GREY[0]) + GREY[0]
        views = centre(colour * cover + grounds.to(device) * (1 - cover), settings.seen_px)  # (B, 3, S, S)
        noise = torch.randn(views.shape, generator=generator) * settings.noise
        views = (views + noise.to(device)).requires_grad_()
        seen = net.score(views * 2 - 1)  # (B, classes)
        (gradient,) = torch.autograd.grad((seen[:, best.indices] * best.values).sum(), views)  # (B, 3, S, S)
        total += window(gradient, alpha.shape).norm(dim=1).sum(0)
    winners = [
        {"class": int(i), "probability": round(float(p), 4)}
        for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
    return total.cpu().numpy() / max(settings.copies, 1), {"winners": winners}


def centre(views: Tensor, side_px: int) -> Tensor:
    """Lay (B, 3, H, W) in the middle of a square (B, 3, S, S) that goes on in the colours of its rim."""
    height, width = views.shape[-2:]
    above, left = (side_px - height) // 2, (side_px - width) // 2
    pads = (left, side_px - width - left, above, side_px - height - above)
    return torch.nn.functional.pad(views, pads, mode="replicate").contiguous(memory_format=torch.channels_last)


def window(square: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What `centre` laid in the middle of a square: (B, 3, S, S) -> (B, 3, H, W)."""
    above, left = (square.shape[-2] - shape[0]) // 2, (square.shape[-1] - shape[1]) // 2
    return square[..., above : above + shape[0], left : left + shape[1]]


@lru_cache
def load_eye(eye: str) -> tuple[Any, torch.device]:
    """The network of that name with a `score`, on the machine's best device; loaded once per process."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if eye == "imagenet":
        from installation.networks.efficientnet import load_lite0

        net: Any = load_lite0(device, classifies=True).fold()
    else:
        from installation.networks.open_nsfw import load_open_nsfw

        net = load_open_nsfw(device)
    return net.to(memory_format=torch.channels_last), device


def blur(found: np.ndarray, radius: float) -> np.ndarray:
    """Gradients are speckled: spread each over its neighbours. radius is a part of the longer side."""
    return cv2.GaussianBlur(found, (0, 0), max(radius * max(found.shape), 0.3), borderType=cv2.BORDER_REPLICATE)


def drop_dull(found: np.ndarray, alpha: np.ndarray, part: float) -> np.ndarray:
    """Interest 0..1 with the least interesting part of the visible pixels at 0 and the top half percent at 1."""
    visible = found[alpha > FAINT]
    if not len(visible) or not np.isfinite(visible).all():
        return np.zeros_like(found)
    low, high = np.quantile(visible, [min(max(part, 0.0), 0.99), 0.995])
    if high - low <= 1e-6 * max(high, 1e-12):
        return np.zeros_like(found)
    return (np.clip((found - low) / (high - low), 0, 1) * (alpha > FAINT)).astype(np.float32)


def solid_middle(alpha: np.ndarray) -> np.ndarray:
    """Interest of a picture in which nothing stands out: its alpha, less and less from its centre of mass outwards."""
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    weight = max(float(alpha.sum()), 1e-6)
    off_y, off_x = (y - (y * alpha).sum() / weight) / alpha.shape[0], (x - (x * alpha).sum() / weight) / alpha.shape[1]
    found = alpha * np.exp(-(off_y**2 + off_x**2) / (2 * 0.25**2))
    return (found / max(float(found.max()), 1e-6)).astype(np.float32)


def place(found: np.ndarray, box: tuple[int, int, int, int], shape: tuple[int, int], longest_px: int) -> np.ndarray:
    """Put the map of the visible part where it belongs in a map of the whole picture (height, width of shape)."""
    width, height = px.fit((shape[1], shape[0]), longest_px)
    top, bottom, left, right = box
    y0, x0 = min(top * height // shape[0], height - 1), min(left * width // shape[1], width - 1)
    y1, x1 = max(y0 + 1, round(bottom * height / shape[0])), max(x0 + 1, round(right * width / shape[1]))
    whole = np.zeros((height, width), np.float32)
    whole[y0:y1, x0:x1] = cv2.resize(found, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    return whole / max(float(whole.max()), 1e-6)
