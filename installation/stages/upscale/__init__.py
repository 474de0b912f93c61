"""A still in, the same picture at the print's size out: enlarged by a network in tiles, never wholly in memory.

The still fills the print: it is scaled until both sides reach, and what sticks out is cut off evenly at both ends. A
network enlarges 2 or 4 times; what the size needs beyond that is resampled up to `stretch`, and above it the network
runs once more. A print smaller than the still is only resampled.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from installation import weights
from installation.networks import esrgan, upscaler
from installation.signals import Still
from installation.stages.pixels import to_float
from installation.stages.upscale import tiles
from installation.stages.upscale.enlarging import Enlarging
from installation.stages.upscale.resampling import Rows, area_weights, bands, fill, read, release, scale_band, write
from installation.stages.upscale.sharpening import Look, sharpened
from installation.stages.upscale.tiles import Window
from installation.stages.upscale.underpaint import read_window
from installation.stages.work import Made, Stage, Work

KINDS = {"moment": {"sharpen": 0.7}}
EFFORTS = {"proof": {"network": "none"}, "draft": {"network": "srvgg"}, "print": {"network": "x4plus"}}
NEEDS = {"gpu": 1}
MODELS = {"x4plus": "realesrgan-x4plus", "x4plus-anime": "realesrgan-x4plus-anime", "srvgg": "realesr-animevideov3"}
OF_ALPHA = "srvgg"  # draws smooth, crisp outlines; x4plus turns an alpha's steps into teeth, a cubic leaves them soft
PLAIN = "none"
PLAIN_SCALE = 4
COMPARED_ROWS = 16
GRAIN_PX = 1024


@dataclass(frozen=True)
class Settings:
    """How large, by which network, and how much of the picture's own colour is kept."""

    size: tuple[int, int] = (0, 0)  # of the print, width and height in pixels; (0, 0) is one pass of the network
    network: str = "x4plus"  # x4plus | x4plus-anime | srvgg | none | path of any ESRGAN .pth or .safetensors
    model: str = ""  # name or folder of a model of kind upscaler: it enlarges instead of the network, at every effort
    tile_px: int = 0  # longest side of a tile without its rim; 0 is what memory_mb allows
    pad_px: int = -1  # the rim around a tile that is computed and cut off; -1 is what the network needs
    memory_mb: int = 1200  # what one tile may take; on a GPU half of its memory
    keep_colour: float = 1.0  # 0..1: how much of the network's shift of whole areas' colour is taken back
    stretch: float = 1.5  # how much of the scale may be plain resampling before the network runs once more
    sharpen: float = 0.0  # 0..1: how far what a generator or a lens left soft is lifted to what pictures have
    grain: float = 0.0  # standard deviation of a grain laid over the print, in 1/255 of the range
    grain_px: float = 1.2  # how coarse the grain is: radius in pixels of the print


class Upscale(Stage):
    """One still -> one picture of the print's size."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fingerprint = _fingerprint(settings)

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Enlarge the still into `work.canvas`; the notes tell passes, tiles and how true to the still it stayed.

        Raises MemoryError when not even the smallest tile fits, WeightsError or ValueError when weights are not there.
        """
        settings, whole = self.settings, stills[0].pixels
        network = _open(settings)
        scale = PLAIN_SCALE if network is None else int(network.scale)  # type: ignore[arg-type]
        width, height = settings.size if settings.size != (0, 0) else (whole.shape[1] * scale, whole.shape[0] * scale)
        picture = crop_to_shape(whole, (width, height))
        sharpens = settings.sharpen > 0 and width > picture.shape[1]
        look = sharpened(picture, settings.sharpen) if sharpens else read_window
        canvas = work.canvas(height, width, picture.shape[2])
        if network is None or width <= picture.shape[1]:
            notes: dict[str, Any] = {"passes": 0}
            rows = _read_rows(picture, look)
            fill(canvas, rows, picture.shape[:2], lambda done: work.progress(0.9 * done, "resampling"))
        else:
            notes = _enlarging(settings, network, work, look).run(picture, canvas)
        if settings.grain > 0:
            lay_grain(canvas, settings, work.chance("grain"))
        work.progress(0.95, "comparing with the input")
        notes |= {
            "network": (settings.model or settings.network) if notes["passes"] else PLAIN,
            "scale": round(width / picture.shape[1], 4),
            "cut_off_px": [whole.shape[1] - picture.shape[1], whole.shape[0] - picture.shape[0]],
            "true_to_input": compare(canvas, picture),
        }
        work.progress(1.0, "enlarged")
        return Made(canvas, notes=notes)


def create(settings: Settings) -> Upscale:
    """Raises ValueError or weights.WeightsError when the network is none of the known ones and no file."""
    for name, low in (("tile_px", 0), ("pad_px", -1), ("memory_mb", 64), ("stretch", 1.0), ("grain", 0.0)):
        if getattr(settings, name) < low:
            raise ValueError(f"upscale.{name}: expected {low} or more, found {getattr(settings, name)}")
    if not 0 <= settings.sharpen <= 1:
        raise ValueError(f"upscale.sharpen: expected 0 to 1, found {settings.sharpen}")
    if settings.size != (0, 0) and min(settings.size) < 1:
        raise ValueError(f"upscale.size: expected a width and a height in pixels, found {settings.size}")
    return Upscale(settings)


def crop_to_shape(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of a picture, as much of it as has the shape of size (width, height); a view."""
    height, width = pixels.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide, tall = min(width, max(1, round(size[0] / scale))), min(height, max(1, round(size[1] / scale)))
    left, top = (width - wide) // 2, (height - tall) // 2
    return pixels[top : top + tall, left : left + wide]


@lru_cache(maxsize=3)
def open_network(name: str) -> nn.Module:
    """A network by its name in MODELS or by the path of its weights, on the GPU (in float16) where there is one.

    Raises weights.WeightsError or ValueError when the weights are not there or not such a network's.
    """
    if name in MODELS:
        binary = str(weights.read_own(MODELS[name])["file"])
        param = weights.fetch(MODELS[name], file=binary.replace(".bin", ".param"))
        network = esrgan.read_ncnn(param, weights.fetch(MODELS[name], file=binary))
    else:
        network = esrgan.read_network(Path(name))
    return _placed(network)


@lru_cache(maxsize=3)
def open_upscaler(name: str) -> nn.Module:
    """A model of kind upscaler by its name or folder, where and as `open_network` has its own. Raises WeightsError."""
    return _placed(upscaler.read_upscaler(name))


def _placed(network: nn.Module) -> nn.Module:
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.half().cuda() if torch.cuda.is_available() else network


def _open(settings: Settings) -> nn.Module | None:
    if settings.model:
        return open_upscaler(settings.model)
    return None if settings.network == PLAIN else open_network(settings.network)


def compare(large: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """How far the enlarged picture, made small again by area, is from what it was made of: mean and max, in 1/255.

    Colours weigh by alpha; both pictures uint16, (H, W, C) and (h, w, C). The check of the seed's makers, too.
    """
    worst, total = 0.0, 0.0
    height, width = picture.shape[:2]
    for top in range(0, height, COMPARED_ROWS):
        bottom = min(top + COMPARED_ROWS, height)
        small, before = _make_small(large, (height, width), top, bottom), read(picture, top, bottom)
        difference = np.abs(small[..., :3] - before[..., :3])
        if picture.shape[2] == 4:
            difference *= np.minimum(small[..., 3:], before[..., 3:])
        worst, total = max(worst, float(difference.max())), total + float(difference.sum(dtype=np.float64))
    return {"mean": round(255 * total / (height * width * 3), 3), "max": round(255 * worst, 1)}


def _make_small(large: np.ndarray, size: tuple[int, int], top: int, bottom: int) -> np.ndarray:
    """Rows top .. bottom of a picture made small by area to size (height, width), float32 0..1."""
    down, across = large.shape[0] / size[0], large.shape[1] / size[1]
    if down.is_integer() and across.is_integer():  # then bands end where pixels end, and OpenCV takes uint16 as it is
        band = large[top * int(down) : bottom * int(down)]
        small = cv2.resize(band, (size[1], bottom - top), interpolation=cv2.INTER_AREA)
        release(large)
        return read(small, 0, bottom - top)
    return scale_band(lambda first, last: read(large, first, last), large.shape[:2], size, top, bottom, area_weights)


def lay_grain(canvas: np.ndarray, settings: Settings, chance: np.random.Generator) -> None:
    """Lay a grey grain over a picture, in place: one endless texture, so that bands have no seams."""
    frequency = np.hypot(np.fft.fftfreq(GRAIN_PX)[:, None], np.fft.rfftfreq(GRAIN_PX)[None])
    soft = np.exp(-2 * (np.pi * settings.grain_px * frequency) ** 2)
    grain = np.fft.irfft2(np.fft.rfft2(chance.standard_normal((GRAIN_PX, GRAIN_PX))) * soft, (GRAIN_PX, GRAIN_PX))
    grain = (grain * (settings.grain / 255 / grain.std())).astype(np.float32)
    columns = np.arange(canvas.shape[1]) % GRAIN_PX
    for top, bottom in bands(*canvas.shape):
        band = read(canvas, top, bottom)
        band[..., :3] += grain[np.arange(top, bottom) % GRAIN_PX][:, columns, None]
        write(canvas, top, band)


def measure(size: tuple[int, int], network: str = "srvgg", model: str = "") -> dict[str, float]:
    """Seconds for each megapixel that is made, in tiles as the stage does and as one piece as others do.

    size (height, width) of the input: small, the one piece is wholly in memory.
    """
    settings = Settings(network=network, model=model)
    picture = np.random.default_rng(0).integers(0, 65536, (*size, 3), np.uint16)
    chosen = _open(settings)
    assert chosen is not None
    megapixels = size[0] * size[1] * int(chosen.scale) ** 2 / 1e6  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.perf_counter()
        create(settings).run((Still(picture, "measure", ""),), Work(0, Path(folder)))
        tiled_s = time.perf_counter() - started_s
    started_s = time.perf_counter()
    tiles.enlarge(chosen, to_float(picture))
    return {"tiled_s": tiled_s / megapixels, "one_piece_s": (time.perf_counter() - started_s) / megapixels}


def _enlarging(settings: Settings, network: nn.Module, work: Work, look: Look) -> Enlarging:
    names = ("tile_px", "pad_px", "memory_mb", "keep_colour", "stretch")
    chosen = {name: getattr(settings, name) for name in names}
    alpha = partial(open_network, OF_ALPHA)  # opened only for a picture that has one
    return Enlarging(network, alpha, work.folder, look=look, progress=work.progress, **chosen)


def _read_rows(pixels: np.ndarray, look: Look) -> Rows:
    """A reader of a picture's rows, with its colours carried out under what is transparent."""

    def rows(top: int, bottom: int) -> np.ndarray:
        rgb, alpha = look(pixels, Window(top, bottom, 0, pixels.shape[1]))
        return np.dstack([rgb, alpha]) if pixels.shape[2] == 4 else rgb

    return rows


def _fingerprint(settings: Settings) -> str:
    """The checksums of all weights that a run may read. Raises as `_open` does when a file is not there."""
    network = settings.network
    if settings.model:
        return _digest([weights.digest(upscaler.open_files(settings.model)[1]), *_sums_of(OF_ALPHA)])
    if network == PLAIN:
        return ""
    if network not in MODELS and not Path(network).is_file():
        raise ValueError(f"upscale.network: expected {', '.join((PLAIN, *MODELS))} or a file's path, found {network!r}")
    sums = [] if network in MODELS else [weights.digest(Path(network))]
    for name in {network, OF_ALPHA} & set(MODELS):
        sums += _sums_of(name)
    return _digest(sums)


def _sums_of(network: str) -> list[str]:
    return [str(source["sha256"]) for source in weights.read_own(MODELS[network])["source"]]


def _digest(sums: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(sorted(sums)).encode()).hexdigest()
