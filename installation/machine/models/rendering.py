"""A model and seeds or vectors in; a PNG of each out, as NVIDIA's tools would paint it."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from installation.files import named
from installation.generators.gan import Gan
from installation.latent.arrays import read_arrays
from installation.machine.models.pictures import open_generator, painted, to_bytes
from installation.weight_files import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

NOISES = {"const": "frozen", "none": "none", "random": "random"}
MOST_SEEDS = 100_000
SOLE = "arr_0"  # as NumPy calls an array that was given no name


def render(options: Namespace) -> int:
    """`installation models render`. Raises WeightsError for seeds, vectors or a class that do not fit the model."""
    exact = options.dtype == "float32"
    noise = NOISES[options.noise]
    generator = open_generator(options.name, noise=noise, **({"dtype": "float32"} if exact else {}))
    if not isinstance(generator, Gan):
        raise WeightsError(f"{options.name}: this model turns pictures into pictures: it has no seeds")
    _check_class(generator, options.klass)
    points = list(_points(generator, options))
    for name, point in tqdm(points, "painting", disable=None):
        with named.whole(options.out / f"{name}.png") as part:
            Image.fromarray(to_bytes(_paint(generator, point, noise, exact))).save(part)
    print(f"{len(points)} pictures in {options.out}")
    return 0


def _paint(generator: Gan, point: Tensor, noise: str, exact: bool) -> Tensor:
    if exact:
        return generator.exact(point, noise)
    return painted(generator, point)


def _check_class(generator: Gan, klass: int | None) -> None:
    if klass is None and generator.class_count:
        print(f"class 0 of {generator.class_count}; choose another with --class")
    if klass is not None and not 0 <= klass <= generator.class_count - 1:
        there = f"0 to {generator.class_count - 1}" if generator.class_count else "none: this model has no classes"
        raise WeightsError(f"--class {klass}: expected {there}")


def _points(generator: Gan, options: Namespace) -> Iterator[tuple[str, Tensor]]:
    """(file's name, point) of each picture that was asked for."""
    if options.seeds is not None:
        for seed in seeds_of(options.seeds):
            yield f"seed{seed:04d}", generator.of_seed(seed, options.psi, options.klass)
    elif options.z is not None:
        found = read_points(options.z, "z")
        if found.shape[-1] != generator.z_dim:
            raise WeightsError(f"{options.z}: expected z (N, {generator.z_dim}), found {tuple(found.shape)}")
        for i, z in enumerate(found.reshape(-1, generator.z_dim)):
            yield f"z{i:04d}", generator.of_z(z[None], options.psi, options.klass)
    else:
        rows, width = generator.of_seed(0).shape
        found = read_points(options.w, "w")
        if found.shape[-1] != width or (found.ndim == 3 and found.shape[1] != rows):
            raise WeightsError(f"{options.w}: expected w (N, {rows}, {width}), found {tuple(found.shape)}")
        points = found[:, None] if found.ndim == 2 and len(found) != rows else found.reshape(-1, rows, width)
        for i, point in enumerate(points):
            yield f"w{i:04d}", point.expand(rows, -1)


def seeds_of(text: str) -> list[int]:
    """ "0-3,7" -> [0, 1, 2, 3, 7]. Raises WeightsError for what is no list of seeds."""
    found: list[int] = []
    for part in text.split(","):
        said = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        first, last = (int(said[1]), int(said[2] or said[1])) if said else (0, -1)
        if last < first or last >= 2**32 or last - first + len(found) >= MOST_SEEDS:
            raise WeightsError(f"--seeds {text}: expected seeds such as 0-23 or 7,12,30-33, from 0 to 4294967295")
        found += range(first, last + 1)
    return found


def read_points(path: Path, name: str) -> Tensor:
    """An array of vectors (N, D) or (N, rows, D) out of a .npy, or by its name, or the only one, out of a .npz.

    Raises SettingsError or WeightsError.
    """
    import torch

    found = read_arrays(path, [name, SOLE], f"vectors {name}")
    array = found.get(name, found.get(SOLE, np.empty(0)))
    if array.dtype.kind != "f" or not array.size or array.ndim not in (2, 3):
        held = f"{array.dtype} {array.shape}" if array.size else "none"
        raise WeightsError(f"{path}: expected vectors {name}, found {held}")
    return torch.from_numpy(np.array(array, np.float32))
