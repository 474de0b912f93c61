"""A folder of images of any size in, batches of square pictures out: decoded once, kept as a memory map of bytes."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}


@dataclass
class Corpus:
    """images (N, S, S, 3) uint8 sRGB; names of the files they came from; skipped maps a file to the reason."""

    images: np.ndarray
    names: list[str]
    skipped: dict[str, str]
    _scaled: dict[int, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def at(self, size: int) -> Tensor:
        """Every picture at that size: (N, 3, size, size) uint8, channels_last; scaled once, by area."""
        if size not in self._scaled:
            whole = torch.from_numpy(np.array(self.images)).permute(0, 3, 1, 2)
            parts = [whole] if size == whole.shape[-1] else [self._shrink(part, size) for part in whole.split(64)]
            self._scaled[size] = torch.cat(parts).contiguous(memory_format=torch.channels_last)
        return self._scaled[size]

    def batch(self, indices: Tensor, size: int, mirror: Tensor | None = None) -> Tensor:
        """indices (B,), mirror (B,) bool -> (B, 3, size, size) float32 in -1..1, channels_last."""
        pictures = self.at(size)[indices].float().div_(127.5).sub_(1)
        if mirror is not None:
            pictures = torch.where(mirror[:, None, None, None], pictures.flip(3), pictures)
        return pictures.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def _shrink(pictures: Tensor, size: int) -> Tensor:
        return F.interpolate(pictures.float(), size=(size, size), mode="area").round().to(torch.uint8)


def open_corpus(folder: Path, size: int, cache: Path, least_px: int = 0) -> Corpus:
    """Every readable image under folder as a size x size centre crop; broken ones and those smaller than least_px
    (default: a quarter of size) are skipped by name. Decoded once into `cache`, again whenever the folder changes.

    Raises FileNotFoundError if the folder is missing, ValueError if fewer than two images can be used.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of images at {folder}, found none; give the folder's path")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    least_px = least_px or size // 4
    key = _key(folder, files, size, least_px)
    listing, pixels = cache / f"corpus-{key}.json", cache / f"corpus-{key}.npy"
    if not listing.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _decode(folder, files, size, least_px, listing, pixels)
    found = json.loads(listing.read_text("utf-8"))
    if len(found["names"]) < 2:
        raise ValueError(
            f"expected at least two usable images in {folder}, found {len(found['names'])}; {found['skipped']}"
        )
    return Corpus(np.load(pixels, mmap_mode="r"), found["names"], found["skipped"])


def read_square(path: Path, size: int, least_px: int) -> np.ndarray:
    """One image, upright by its EXIF tag, centre-cropped and scaled: (size, size, 3) uint8.

    Raises ValueError if its shorter side is below least_px, OSError or SyntaxError (from Pillow) if it is broken.
    """
    with Image.open(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if min(upright.size) < least_px:
            raise ValueError(f"too small: {upright.width} x {upright.height} px, needs {least_px}")
        if "A" in upright.getbands() or "transparency" in upright.info:
            rgba = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return np.asarray(ImageOps.fit(upright.convert("RGB"), (size, size), Image.Resampling.LANCZOS))


def _key(folder: Path, files: Iterable[Path], size: int, least_px: int) -> str:
    stats = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(json.dumps([str(folder.resolve()), stats, size, least_px]).encode()).hexdigest()[:12]


def _decode(folder: Path, files: list[Path], size: int, least_px: int, listing: Path, pixels: Path) -> None:
    """Write the pixels, then the listing; each under another name first, so that a kill leaves nothing half-made."""
    names: list[str] = []
    skipped: dict[str, str] = {}
    unfinished = pixels.with_suffix(f".{os.getpid()}.partial")
    store = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=(len(files), size, size, 3))
    for path in tqdm(files, desc="reading images", unit="image", disable=None):
        name = str(path.relative_to(folder))
        try:
            store[len(names)] = read_square(path, size, least_px)
            names.append(name)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            skipped[name] = str(error)
    store.flush()
    _shorten(unfinished, store, len(names))
    os.replace(unfinished, pixels)
    text = listing.with_suffix(f".{os.getpid()}.partial")
    text.write_text(json.dumps({"names": names, "skipped": skipped}, indent=1), "utf-8")
    os.replace(text, listing)


def _shorten(path: Path, store: np.memmap, count: int) -> None:
    """Drop the rows of the files that were skipped."""
    if count < len(store):
        kept = np.array(store[:count])
        with path.open("wb") as file:
            np.save(file, kept)
