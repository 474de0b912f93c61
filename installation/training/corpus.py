"""A folder of images of any size in, batches of square pictures out: decoded once, kept as a memory map of bytes."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from installation import files
from installation.pictures import READER, pictures_below, read_8_bit


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
    (default: a quarter of size) are skipped by name, and so are files of kinds that are not read; what a training run
    wrote (sheets, samples of its model) is none of them. Decoded once into `cache`, again whenever the folder changes.

    Raises FileNotFoundError if the folder is missing, ValueError if fewer than two images can be used.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of images at {folder}, found none; give the folder's path")
    below, left_out = pictures_below(folder)
    there = [path for path in below if not _is_of_a_run(path)]
    least_px = least_px or size // 4
    key = _key(folder, there, size, least_px)
    listing, pixels = cache / f"corpus-{key}.json", cache / f"corpus-{key}.npy"
    if not listing.exists():
        _decode(folder, there, size, least_px, listing, pixels)
    found = json.loads(listing.read_text("utf-8"))
    found["skipped"] |= {str(path.relative_to(folder)): reason for path, reason in left_out.items()}
    if len(found["names"]) < 2:
        raise ValueError(
            f"expected at least two usable images in {folder}, found {len(found['names'])}; {found['skipped']}"
        )
    return Corpus(np.load(pixels, mmap_mode="r"), found["names"], found["skipped"])


def read_square(path: Path, size: int, least_px: int) -> np.ndarray:
    """One image as every room reads it, on white, centre-cropped and scaled: (size, size, 3) uint8 sRGB.

    Raises ValueError if its shorter side is below least_px, PictureError if it is broken.
    """
    picture = read_8_bit(path)
    height, width = picture.shape[:2]
    if min(width, height) < least_px:
        raise ValueError(f"too small: {width} x {height} px, needs {least_px}")
    return np.asarray(ImageOps.fit(Image.fromarray(picture), (size, size), Image.Resampling.LANCZOS))


def _is_of_a_run(path: Path) -> bool:
    """Whether a training run made it: a sheet in its working folder, or the samples beside a model's card."""
    if path.name == "samples.png":
        return path.with_name("model.toml").is_file()
    numbered = path.parent.name == "sheets" and path.stem.isdigit()
    work = path.parent.parent if numbered else path.parent
    begun = (work / "checkpoint.safetensors").is_file() or any(work.glob("corpus-*.json"))
    return (numbered or path.name == "sheet.png") and begun


def _written(path: Path) -> tuple[int, int]:
    """Size and date of a file; nothing of a link that leads nowhere, which is skipped when it is read."""
    try:
        told = path.stat()
    except OSError:
        return 0, 0
    return told.st_size, told.st_mtime_ns


def names_of(cache: Path, saved: Path) -> list[str]:
    """The names of the pictures that a run had when it saved that file, from its newest listing of then; none: []."""
    listings = {path.stat().st_mtime_ns: path for path in cache.glob("corpus-*.json")}
    then = [written for written in listings if written <= saved.stat().st_mtime_ns]
    return list(json.loads(listings[max(then)].read_text("utf-8"))["names"]) if then else []


def _key(folder: Path, there: Iterable[Path], size: int, least_px: int) -> str:
    stats = [(str(p.relative_to(folder)), *_written(p)) for p in there]
    return hashlib.sha256(json.dumps([READER, str(folder.resolve()), stats, size, least_px]).encode()).hexdigest()[:12]


def _decode(folder: Path, found: list[Path], size: int, least_px: int, listing: Path, pixels: Path) -> None:
    """Write the pixels, then the listing that vouches for them, each whole."""
    names: list[str] = []
    skipped: dict[str, str] = {}
    with files.whole(pixels) as part:
        store = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(found), size, size, 3))
        for path in tqdm(found, desc="reading images", unit="image", disable=None):
            name = str(path.relative_to(folder))
            try:
                store[len(names)] = read_square(path, size, least_px)
                names.append(name)
            except (OSError, ValueError) as error:
                skipped[name] = str(error).removeprefix(f"{path}: ")
        store.flush()
        _shorten(part, store, len(names))
    files.write_json(listing, {"names": names, "skipped": skipped})


def _shorten(path: Path, store: np.memmap, count: int) -> None:
    """Drop the rows of the files that were skipped."""
    if count < len(store):
        kept = np.array(store[:count])
        with path.open("wb") as file:
            np.save(file, kept)
