"""Points of a latent space in, small files out, and back: .npz as NVIDIA's projector writes them."""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from installation import files
from installation.files import named
from installation.latent.arrays import read_arrays
from installation.settings import SettingsError

KNOWN = ("w", "z", "seed", "model", "sha256")


@dataclass(frozen=True, eq=False)
class Vector:
    """w (rows, D), or z (1, z_dim) where a file holds no more; what it was drawn with, as far as the file says."""

    w: Tensor | None
    z: Tensor | None = None
    model: str = ""
    sha256: str = ""


def folder() -> Path:
    """Where vectors are kept: the user's own."""
    return files.places("vectors")[1]


def name_now(show: str) -> str:
    """A file's name for what is kept at this instant."""
    return f"{show}-{datetime.datetime.now():%Y-%m-%dT%H-%M-%S-%f}"[:-3] + ".npz"


def write(path: Path, w: Tensor, model: str = "", sha256: str = "", **more: Any) -> Path:
    """A point w (rows, D) as `w` (1, rows, D), float32; model and sha256 of its weights; more: z, seed.

    Raises OSError when the disk is full.
    """
    arrays = {"w": w[None].float().cpu().numpy(), "model": np.array(model), "sha256": np.array(sha256)}
    arrays |= {name: np.asarray(value) for name, value in more.items() if value is not None}
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    named.write_bytes(path, packed.getvalue())
    return path


def read(path: Path) -> Vector:
    """A vector's file. Raises SettingsError, in one line, for one that is missing, torn, too large or another's."""
    found = read_arrays(path, KNOWN, "a vector")
    points = {name: _point(path, name, found[name]) for name in ("w", "z") if name in found}
    if not points:
        raise SettingsError(f"{path}: expected an array w or z, found {', '.join(found) or 'nothing'}")
    said = {name: str(found[name])[:200] for name in ("model", "sha256") if name in found}
    return Vector(points.get("w"), points.get("z"), **said)


def _point(path: Path, name: str, array: np.ndarray) -> Tensor:
    """(1, rows, D), (rows, D) or (D,) as (rows, D), float32."""
    if array.dtype.kind != "f" or not 1 <= array.ndim <= 3 or not array.size or (array.ndim == 3 and len(array) != 1):
        raise SettingsError(f"{path}: {name}: expected numbers (1, rows, D), found {array.dtype} {array.shape}")
    point = torch.from_numpy(np.array(array, np.float32)).reshape(-1, array.shape[-1])
    if not bool(point.isfinite().all()):
        raise SettingsError(f"{path}: {name}: expected finite numbers")
    return point


def fitting(vector: Vector, generator: Any, truncation: float = 1.0) -> Tensor:
    """The point (rows, D) of a generator that a vector is. Raises SettingsError where it is of another shape."""
    rows, width = generator.of_seed(0).shape
    if vector.w is None:
        assert vector.z is not None
        if vector.z.shape != (1, generator.z_dim):
            raise SettingsError(f"z of {tuple(vector.z.shape)} where (1, {generator.z_dim}) belongs")
        z: Tensor = generator.of_z(vector.z, truncation)
        return z
    if vector.w.shape[1] != width or len(vector.w) not in (1, rows):
        raise SettingsError(f"w of {tuple(vector.w.shape)} where ({rows}, {width}) belongs")
    point = vector.w.expand(rows, -1)
    average = getattr(generator.latent, "average", torch.zeros(1))
    return point if truncation == 1.0 else torch.lerp(average.expand_as(point), point, truncation)


def find(name: str | Path) -> Path:
    """The file of a vector: a path, or a name among those that were kept. Raises SettingsError naming where."""
    path = Path(name)
    if path.is_file():
        return path
    kept = name if path.suffix == ".npz" else f"{name}.npz"
    found = files.find("vectors", str(kept)) if files.is_one_name(str(kept)) else None
    if found is None:
        raise SettingsError(f"no vector {str(name)!r}: no such file, and none of that name in {folder()}")
    return found


def point_of(text: str, generator: Any, truncation: float = 1.0) -> Tensor:
    """The point (rows, D) of "seed 23", "23" or a file. Raises SettingsError."""
    words = text.removeprefix("seed").strip()
    if words.isdecimal() and len(words) <= 10:
        seed: Tensor = generator.of_seed(int(words), truncation)
        return seed
    return fitting(read(find(text)), generator, truncation)
