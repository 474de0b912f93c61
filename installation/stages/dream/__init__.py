"""A still in, what nets see in it raised until everybody sees it out; or out of noise, what they would like to see.

Octave by octave, from a few pixels to the print's size: what was dreamt of the small picture is enlarged, the still's
own detail is laid over it, and the dream goes on there. Pictures lie on disk, one tile of them in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from installation.networks import eyes
from installation.networks.eyes import BODY, Sight, read_aim
from installation.signals import Still
from installation.stages import mattes, pixels
from installation.stages.dream.climbing import Stride, climb
from installation.stages.dream.imagining import imagine
from installation.stages.upscale import crop_to_shape
from installation.stages.upscale.resampling import area_weights, bands, fill, read, scale_band, write
from installation.stages.work import Made, Stage, Work

NEEDS = {"gpu": 0.5}
EFFORTS = {"proof": {"steps": 4, "imagine_steps": 48}, "draft": {"steps": 8}, "print": {"steps": 14}}
BEGINNINGS = ("still", "noise")
SMALLEST_PX = 32
BROAD_PX = 24  # of a picture in which only its broad tones are left


@dataclass(frozen=True)
class Settings:
    """aims: NET/LAYER, NET/LAYER/CHANNEL or NET/class/NUMBER, with ":weight" if they are not to count alike.

    Nets: lite0 (EfficientNet-Lite0, ImageNet), lite1, lite2, vgg16, vgg19; and open_nsfw, which was trained to tell
    naked bodies: a picture that it is asked for may well show what it was trained on.
    """

    aims: tuple[str, ...] = ("lite0/block9",)
    begin: str = "still"  # still | noise: then the still only says how large
    size: tuple[int, int] = (0, 0)  # of the print, width and height in pixels; (0, 0) is the still's
    smallest_px: int = 200  # longer side of the first octave
    growth: float = 1.45  # from one octave to the next
    steps: int = 8  # at each octave
    rate: float = 0.012  # mean change of a step, of black to white
    colour: float = 0.4  # 0: only light and dark are dreamt, the still's colours stay; 1: colours too
    hold: float = 0.6  # 0..1: how far the still's broad lights and tints are brought back before each octave
    tile_px: int = 448  # side of a tile; memory grows with its square
    rim_px: int = 48  # around a tile, seen but not moved
    jitter_px: int = 24
    imagine_px: int = 288  # longer side at which a picture is begun from noise
    imagine_steps: int = 256


class Dream(Stage):
    """One still -> one dream."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.aims = [read_aim(text) for text in settings.aims]
        self.fingerprint = eyes.fingerprint([aim.net for aim in self.aims])

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Dream of one still. Raises weights.WeightsError or ValueError when an aim's net or layer is not there."""
        settings, (still,) = self.settings, stills
        height, width = still.pixels.shape[:2] if settings.size == (0, 0) else settings.size[::-1]
        sight = eyes.open_sight(self.aims, "cuda" if torch.cuda.is_available() else "cpu")
        first_px = settings.smallest_px if settings.begin == "still" else settings.imagine_px
        sizes = octaves((width, height), first_px, settings.growth)
        with tempfile.TemporaryDirectory(dir=work.folder) as folder:
            base = self._begin(still, sizes[0], sizes[-1], sight, work)
            made = self._dream(base, sizes, sight, Path(folder), work)
        notes = {"aims": list(settings.aims), "octaves": [list(size) for size in sizes]}
        return Made(made, notes=notes)

    def _begin(
        self, still: Still, first: tuple[int, int], last: tuple[int, int], sight: Sight, work: Work
    ) -> np.ndarray:
        """What is dreamt of: the still, or a picture that was imagined from noise; uint16 (h, w, 3)."""
        if self.settings.begin == "still":
            whole = crop_to_shape(still.pixels, last)
            return pixels.to_uint16(pixels.flatten(whole)) if whole.shape[2] == 4 else whole
        steps = self.settings.imagine_steps

        def tell(step: int, rgb: np.ndarray) -> None:
            work.progress(0.3 * step / steps, "from noise")
            work.preview(rgb)

        return pixels.to_uint16(imagine(sight, first, steps, work.chance("noise"), tell))

    def _dream(
        self, base: np.ndarray, sizes: list[tuple[int, int]], sight: Sight, folder: Path, work: Work
    ) -> np.ndarray:
        """Through all octaves; the last one is the print's canvas."""
        settings = self.settings
        total = sum(w * h for w, h in sizes) * settings.steps
        began, done = (0.3, 0) if settings.begin == "noise" else (0.0, 0)
        dreamt: np.ndarray | None = None
        before = (0, 0)
        for number, (width, height) in enumerate(sizes):
            last = number == len(sizes) - 1
            canvas = work.canvas(height, width, 3) if last else _scratch(folder / f"{number}.npy", height, width)
            lay(canvas, base, dreamt, before, settings.hold)

            def tell(step: int, here: tuple[int, int] = (width, height)) -> None:
                nonlocal done
                done += here[0] * here[1]
                work.progress(began + (1 - began) * done / total, f"{here[0]}x{here[1]} px")

            stride = Stride(
                settings.steps,
                settings.rate,
                settings.tile_px,
                settings.rim_px,
                settings.jitter_px,
                settings.colour,
            )
            climb(canvas, sight, stride, work.chance("octave", number), tell)
            skip = max(1, max(width, height) // 1024)
            work.preview(canvas[::skip, ::skip])
            dreamt, before = canvas, (width, height)
        assert dreamt is not None
        return dreamt


def create(settings: Settings) -> Dream:
    """Raises ValueError naming the setting that does not fit."""
    if not settings.aims:
        raise ValueError(f"dream: aims: expected at least one, e.g. vgg16/4_3, lite0/class/310 or {BODY}/block12")
    if settings.begin not in BEGINNINGS:
        raise ValueError(f"dream: begin: expected one of {', '.join(BEGINNINGS)}, found {settings.begin!r}")
    lows = {
        "smallest_px": SMALLEST_PX,
        "imagine_px": SMALLEST_PX,
        "tile_px": 64,
        "rim_px": 0,
        "jitter_px": 0,
        "steps": 0,
    }
    for name, low in lows.items():
        if getattr(settings, name) < low:
            raise ValueError(f"dream: {name}: expected {low} or more, found {getattr(settings, name)}")
    if not settings.growth >= 1.1:
        raise ValueError(f"dream: growth: expected 1.1 or more, found {settings.growth}")
    return Dream(settings)


def octaves(size: tuple[int, int], first_px: float, growth: float) -> list[tuple[int, int]]:
    """Sizes (width, height) from about first_px, each `growth` times the one before, to that of the print."""
    sizes, longest = [size], float(max(size))
    while longest / growth >= first_px:
        longest /= growth
        sizes.append((max(1, round(size[0] * longest / max(size))), max(1, round(size[1] * longest / max(size)))))
    return sizes[::-1]


def lay(canvas: np.ndarray, base: np.ndarray, dreamt: np.ndarray | None, before: tuple[int, int], hold: float) -> None:
    """Fill an octave's canvas: the still; or the dream of the octave before, and what of the still was lost in it.

    before (width, height) is that octave's size; hold: how far its broad tones are brought back.
    """
    size, size_in = canvas.shape[:2], base.shape[:2]

    def still(top: int, bottom: int) -> np.ndarray:
        return read(base, top, bottom)

    if dreamt is None:
        fill(canvas, still, size_in)
        return
    tones = hold * (_broad(base) - _broad(dreamt))
    blur = max(0.5 * size[0] / before[1], 0.3) if size_in[0] >= before[1] else 0.0
    for top, bottom in bands(*canvas.shape):
        grown = scale_band(lambda a, b: read(dreamt, a, b), dreamt.shape[:2], size, top, bottom)
        if blur:
            margin = int(4 * blur) + 1
            first, last = max(0, top - margin), min(size[0], bottom + margin)
            here = scale_band(still, size_in, size, first, last)
            detail = here - cv2.GaussianBlur(here, (0, 0), blur)
            grown += detail[top - first : bottom - first]
        grown += mattes.enlarge(tones, size[0], size[1], slice(top, bottom))
        write(canvas, top, grown)


def _broad(picture: np.ndarray) -> np.ndarray:
    """The broad lights and tints of a picture, (h, w, 3) float32, about BROAD_PX the longer side."""
    width, height = pixels.fit((picture.shape[1], picture.shape[0]), BROAD_PX)
    size_in = picture.shape[:2]
    small = [
        scale_band(lambda a, b: read(picture, a, b), size_in, (height, width), top, top + 1, area_weights)
        for top in range(height)
    ]
    return cv2.GaussianBlur(np.concatenate(small), (0, 0), 1.0)


def _scratch(path: Path, height: int, width: int) -> np.ndarray:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(height, width, 3))
