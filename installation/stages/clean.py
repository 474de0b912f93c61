"""A coloured still in; the same with what is near white, or near the colour of its ground, switched off by a soft edge.

Painting in a style tints the white paper around the objects; where the still says by its alpha where that ground is,
its colour is measured there and taken off inside the objects too. A still without alpha only loses true near-white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.work import Made, Stage, Work

CLEAR = 0.02  # alpha below which a pixel shows the ground and nothing else
FAINT = 0.4  # distance from the ground, rgb, below which marks are translucent ink rather than pale paint
WHITE = np.array([100.0, 0.0, 0.0], np.float32)  # CIELAB
SMALL_PX = 1536  # longer side at which specks are looked for


@dataclass(frozen=True)
class Settings:
    """Colours are CIELAB units, lengths and areas parts of the picture."""

    lightness: float = 6.0  # how much darker than white is switched off; 0 switches nothing off
    chroma: float = 8.0  # how much more colourful
    softness: float = 0.9  # how far beyond these limits, in parts of them, until all is kept
    ground: bool = True  # take off the ground's own colour too, where the still tells it
    ground_lightness: float = 60.0  # a ground darker than this is painting, not paper
    least_area: float = 0.00004  # of the picture: smaller holes are closed (highlights), smaller leftovers go
    smoothness: float = 0.0012  # of the longer side: the edge follows the picture within this radius


class Clean(Stage):
    """Near white becomes transparent."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """One still in, (H, W, 4) out; untouched when nothing in it is near white."""
        picture = stills[0].pixels
        rgb, alpha = mattes.shrink(picture, SMALL_PX)
        grounds = [WHITE]
        if self.settings.ground and (tinted := read_ground(picture, self.settings)) is not None:
            grounds.append(tinted)
        keep, _ = find_kept(rgb, grounds, self.settings)
        off, drop = find_specks(keep, alpha, self.settings.least_area)
        share = float((off & (alpha >= CLEAR)).mean())
        notes = {"switched_off": round(share, 4), "grounds": [[round(float(x), 1) for x in g] for g in grounds]}
        if not share or not ((alpha >= CLEAR) & ~off).any():  # nothing near white, or nothing else
            return Made(picture, notes=notes | {"switched_off": 0.0})
        return Made(_switch_off(picture, grounds, off, drop, self.settings, work), notes=notes)


def create(settings: Settings) -> Clean:
    """Raises ValueError when a limit is negative."""
    if min(settings.lightness, settings.chroma, settings.softness, settings.least_area, settings.smoothness) < 0:
        raise ValueError(f"clean: expected limits of 0 or more, found {settings}")
    return Clean(settings)


def read_ground(picture: np.ndarray, settings: Settings) -> np.ndarray | None:
    """The tinted ground's colour (3,) in CIELAB, from where a still (H, W, 3 or 4) is clear; None when it has none.

    Clear pixels that are pure black were emptied by a resize; a ground that is dark or varied is painting. Single
    pixels are read, since averages count clear ones for nothing.
    """
    step = max(1, max(picture.shape) // 1024)
    rgb, alpha = pixels.split(picture[::step, ::step])
    seen = (alpha < CLEAR) & rgb.any(axis=2)
    if seen.mean() < 0.01:
        return None
    lab = mattes.to_lab(rgb)[seen]
    middle = np.median(lab, axis=0)
    plain = (np.linalg.norm(lab - middle, axis=1) < 12).mean() > 0.5
    tinted = np.linalg.norm(middle - WHITE) > 2
    return middle if plain and tinted and middle[0] > settings.ground_lightness else None


def find_kept(rgb: np.ndarray, grounds: Sequence[np.ndarray], settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel is kept (H, W), 0..1, and the ground (H, W, 3), rgb 0..1, that it is nearest to."""
    lab = mattes.to_lab(rgb)
    distances = []
    for ground in grounds:
        darker = np.maximum(ground[0] - lab[..., 0], 0) / max(settings.lightness, 1e-3)
        hue = np.hypot(lab[..., 1] - ground[1], lab[..., 2] - ground[2]) / max(settings.chroma, 1e-3)
        lighter = np.maximum(lab[..., 0] - ground[0], 0) / max(settings.lightness, 1e-3)
        distances.append(np.sqrt(darker**2 + hue**2 + lighter**2))
    nearest = np.argmin(distances, axis=0)
    colours = cv2.cvtColor(np.asarray(grounds, np.float32)[None], cv2.COLOR_LAB2RGB)[0]
    keep = mattes.smoothstep(1, 1 + settings.softness, np.min(distances, axis=0))
    return keep, np.clip(colours, 0, 1)[nearest]


def find_specks(keep: np.ndarray, alpha: np.ndarray, least_area: float) -> tuple[np.ndarray, np.ndarray]:
    """Where switching off is right (h, w), bool: not in holes too small; and what is left over too small to stay."""
    shown = (keep >= 0.5) & (alpha >= CLEAR)
    least = max(2, least_area * keep.size)
    off = _without_small(~shown, least)
    return off & (alpha >= CLEAR), shown & ~_without_small(shown, least)


def _without_small(mask: np.ndarray, least_px: float) -> np.ndarray:
    _, label, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = figures[:, cv2.CC_STAT_AREA] >= least_px
    large[0] = False
    return np.asarray(large[label])


def _switch_off(
    picture: np.ndarray,
    grounds: Sequence[np.ndarray],
    off: np.ndarray,
    drop: np.ndarray,
    settings: Settings,
    work: Work,
) -> np.ndarray:
    """The still at full size without its near-white, strip by strip."""
    height, width = picture.shape[:2]
    made = work.canvas(height, width, 4)
    radius = max(2, round(settings.smoothness * max(height, width)))
    scale = max(picture.shape[:2]) / max(off.shape)
    reach = max(2, round(2 * radius / scale))  # soft edges of what is switched off lie around it
    near_off = cv2.blur(cv2.dilate(off.astype(np.float32), np.ones((2 * reach + 1,) * 2)), (3, 3))
    for read, write, inside in mattes.strips(height, width, margin_px=3 * radius + 8):
        rgb, alpha = pixels.split(picture[read])
        keep, ground = find_kept(rgb, grounds, settings)
        by = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        slope, offset = np.moveaxis(mattes.guide(keep, by, radius, 1e-3), 2, 0)
        keep = np.minimum(mattes.smoothstep(0.1, 0.9, slope * by + offset), _unmix(rgb, ground, radius))
        keep = 1 - (1 - keep) * np.clip(mattes.enlarge(near_off, height, width, read), 0, 1)
        now = alpha * keep * (1 - mattes.enlarge(drop.astype(np.float32), height, width, read))
        free = mattes.free_of_ground(rgb, keep, ground)
        made[write] = pixels.to_uint16(pixels.join(np.where((keep < 0.998)[..., None], free, rgb), now))[inside]
        work.progress(write.stop / height, "near white off")
    return made


def _unmix(rgb: np.ndarray, ground: np.ndarray, radius_px: int) -> np.ndarray:
    """How much of each pixel (H, W) is object, taking what differs most from the ground thereabouts for pure object.

    On the ground's colour the still looks exactly as before; on any other its edges bring no fringe of it along.
    """
    away = np.linalg.norm(rgb - ground, axis=2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1,) * 2)
    return np.clip((away / np.maximum(cv2.dilate(away, disc), FAINT) - 0.06) / 0.94, 0, 1)
