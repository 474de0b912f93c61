"""A folder of pictures and films in, batches of square pictures out: decoded once, kept as a memory map of bytes."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from installation import files
from installation.pictures import READER, pictures_below, read_8_bit
from installation.training.crops import Box, cut, find_box
from installation.training.films import SUFFIXES as FILMS
from installation.training.films import clock, read_film

FILM_READER = 1  # counts the changes in which frames are taken of a film, and which part of a picture


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


@dataclass(frozen=True)
class Taking:
    """How examples are taken: size of the squares; least_px of a picture's shorter side (0: a quarter of size); crop is
    "centre" or "interest"; at most so many frames of a film."""

    size: int
    least_px: int = 0
    crop: str = "centre"
    frames: int = 100

    @property
    def least(self) -> int:
        return self.least_px or self.size // 4


@dataclass(frozen=True, eq=False)
class Example:
    """Something to learn from: pixels (H, W, 3) uint8 sRGB on white, and the square of them that is taken."""

    name: str
    pixels: np.ndarray
    box: Box


def open_corpus(
    folder: Path, size: int, cache: Path, least_px: int = 0, crop: str = "centre", frames: int = 100
) -> Corpus:
    """Every readable picture under folder, and frames of its films, as squares (see Taking). What is broken or too
    small is skipped by name, and so are files of kinds that are not read; what a training run wrote (sheets, samples,
    its film) is none of them. Decoded once into `cache`, again whenever the folder changes.

    Raises FileNotFoundError if the folder is missing, ValueError if fewer than two examples can be used.
    """
    taking = Taking(size, least_px, crop, frames)
    there, left_out = find_files(folder)
    key = _key(folder, there, taking)
    listing, pixels = cache / f"corpus-{key}.json", cache / f"corpus-{key}.npy"
    if not (listing.exists() and pixels.exists()):
        _decode(folder, there, taking, listing, pixels)
    found = json.loads(listing.read_text("utf-8"))
    found["skipped"] |= left_out
    if len(found["names"]) < 2:
        raise ValueError(
            f"expected at least two usable images in {folder}, found {len(found['names'])}; {found['skipped']}"
        )
    return Corpus(np.load(pixels, mmap_mode="r"), found["names"], found["skipped"])


def find_files(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """The pictures and films in a folder and below, by name, and why each other file is left out, by its name there.

    Raises FileNotFoundError if the folder is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of images at {folder}, found none; give the folder's path")
    pictures, others = pictures_below(folder)
    films = [path for path in others if _is_film(path) and path.is_file()]
    there = sorted(path for path in (*pictures, *films) if not _is_of_a_run(path))
    return there, {str(path.relative_to(folder)): others[path] for path in others if path not in set(films)}


def take(folder: Path, there: Iterable[Path], taking: Taking) -> Iterator[Example | tuple[str, str]]:
    """Every example in these files, in their order; (name, reason) of what is refused. One is held at a time."""
    for path in there:
        name = str(path.relative_to(folder))
        try:
            if _is_film(path):
                frames, torn = read_film(path, taking.size, taking.least, taking.frames)
                for frame in frames:
                    box = find_box(frame.pixels, taking.crop)
                    yield Example(f"{name} {clock(frame.time_s)}", frame.pixels, box)
                if torn:
                    yield name, torn
            else:
                pixels = _read(path, taking.least)
                yield Example(name, pixels, find_box(pixels, taking.crop))
        except (OSError, ValueError) as error:
            yield name, str(error).removeprefix(f"{path}: ")


def _read(path: Path, least_px: int) -> np.ndarray:
    picture = read_8_bit(path)
    height, width = picture.shape[:2]
    if min(width, height) < least_px:
        raise ValueError(f"too small: {width} x {height} px, needs {least_px}")
    return picture


def _is_film(path: Path) -> bool:
    return path.suffix.lower() in FILMS


def _is_of_a_run(path: Path) -> bool:
    """Whether a training run made it: a sheet or film in its folder, squares, or the samples beside a model's card."""
    if (path.parent / "squares.json").is_file() or (path.stem == "page" and (path.parent / "runs").is_dir()):
        return True
    if path.name == "samples.png":
        return path.with_name("model.toml").is_file()
    numbered = path.parent.name == "sheets" and path.stem.isdigit()
    work = path.parent.parent if numbered else path.parent
    begun = (work / "checkpoint.safetensors").is_file() or any(work.glob("corpus-*.json"))
    return (numbered or path.name in ("sheet.png", "evolution.mp4")) and begun


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


def _key(folder: Path, there: Iterable[Path], taking: Taking) -> str:
    stats = [(str(p.relative_to(folder)), *_written(p)) for p in there]
    told: list[object] = [READER, str(folder.resolve()), stats, taking.size, taking.least]
    if taking.crop != "centre" or any(map(_is_film, there)):
        told += [FILM_READER, taking.crop, taking.frames]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def _decode(folder: Path, there: list[Path], taking: Taking, listing: Path, pixels: Path) -> None:
    """Write the pixels, then the listing that vouches for them, each whole."""
    names: list[str] = []
    skipped: dict[str, str] = {}
    most = sum(taking.frames if _is_film(path) else 1 for path in there)
    with files.whole(pixels) as part:
        shape = (most, taking.size, taking.size, 3)
        store = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        bar = tqdm(there, desc="reading images", unit="image", disable=None)
        for one in take(folder, bar, taking):
            if isinstance(one, Example):
                store[len(names)] = cut(one.pixels, one.box, taking.size)
                names.append(one.name)
            else:
                skipped[one[0]] = one[1]
        store.flush()
        _shorten(part, store, len(names))
    files.write_json(listing, {"names": names, "skipped": skipped})


def _shorten(path: Path, store: np.memmap, count: int) -> None:
    """Drop the rows that nothing filled; numpy leaves room in the header for any number of them."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *store.shape[1:])}
    with path.open("r+b") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(store.offset + count * store[0].size if len(store) else file.tell())
