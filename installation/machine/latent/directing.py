"""A model in; directions in which its pictures change, kept beside it, and a sheet of each from -3 to 3 out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from installation.generators.gan import Gan
from installation.latent import directions, naming, vectors
from installation.latent.pictures import painted
from installation.machine.latent.pictures import open_generator, save_sheet
from installation.settings import SettingsError

if TYPE_CHECKING:
    from torch import Tensor

STEPS = (-3, -2, -1, 0, 1, 2, 3)  # deviations
CELL_PX = 128


def run(options: Namespace) -> int:
    """`installation latent directions`."""
    if not 1 <= options.count <= 1024:
        raise SettingsError(f"--count: expected 1 to 1024, found {options.count}")
    generator = open_generator(options.model)
    name, found = _find(generator, options)
    kept = directions.keep(options.model, generator.weights_sha256, {name: found})
    at = vectors.point_of(options.at, generator) if options.at else _average(generator)
    labels = [f"{name} {i + 1}" for i in range(len(found))] if len(found) > 1 else [name]
    sheet = options.sheet or Path(f"directions-{Path(options.model).name}.png")
    title = f"{Path(options.model).name}   {name}, -3 to 3 deviations"
    save_sheet(sheet, _cells(generator, at, found, labels), len(STEPS), title, CELL_PX)
    print(f"{len(found)} directions in {kept}\nwrote {sheet}")
    print(f'in a show: [[directions]] name = "open", from = "{labels[0]}", zone = "coarse"')
    return 0


def _find(generator: Gan, options: Namespace) -> tuple[str, Tensor]:
    """The name under which they are kept, and the directions (K, 1 or rows, D)."""
    if options.file is not None:
        name = naming.checked(options.name or "ganspace", "--as")
        return name, directions.imported(options.file, generator)[: options.count, None]
    if options.method == "pair" or options.this or options.that:
        if not (options.this and options.that and options.name) or options.name in directions.METHODS:
            raise SettingsError('a pair needs --from, --to and a name: --from "seed 3" --to "seed 9" --as open')
        this, that = (vectors.point_of(text, generator) for text in (options.this, options.that))
        return naming.checked(options.name, "--as"), directions.pair(generator, this, that)[None]
    find = directions.ganspace if options.method == "ganspace" else directions.sefa
    return options.method, find(generator, options.count)[:, None]


def _average(generator: Gan) -> Tensor:
    return generator.latent.average.expand(generator.latent.rows, -1)


def _cells(generator: Gan, at: Tensor, ways: Tensor, labels: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    for way, label in zip(tqdm(ways, "drawing the directions", disable=None), labels, strict=True):
        for step in STEPS:
            yield f"{label}\n{step:+d}" if step else label, painted(generator, at + step * way)
