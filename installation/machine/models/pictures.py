"""A model in; pictures of its points out: one by one as NVIDIA's tools write them, or 24 seeds on a sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from installation import files, plugins, weights
from installation.generators.gan import Gan
from installation.weight_files import WeightsError

SEEDS = 24
COLUMNS = 6
CELL_PX = 256
PSI = 0.7  # of the sheet: varied, and seldom broken


def open_generator(model: str | Path, **wishes: Any) -> Gan:
    """The generator that plays a model. wishes: its settings. Raises WeightsError for a model that paints nothing."""
    kind = str(weights.read_config(model).get("kind", ""))
    if kind not in plugins.available("generators"):
        raise WeightsError(f"{model}: {kind or 'no kind'}: this model paints no pictures")
    module = plugins.load("generators", kind)
    known = module.Settings.__dataclass_fields__
    settings = module.Settings(model=str(model), **{name: value for name, value in wishes.items() if name in known})
    generator = module.create(settings)
    if not isinstance(generator, Gan):
        raise WeightsError(f"{model}: {kind}: this model has no seeds")
    return generator


def to_bytes(picture: Tensor) -> np.ndarray:
    """(1, C, H, W) of -1..1 -> (H, W, C) or (H, W) uint8, rounded as NVIDIA's tools do: down, from 128 for 0."""
    pixels = (picture[0].float() * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def save_samples(generator: Gan, path: Path, name: str) -> None:
    """A sheet of the first seeds, as the show would paint them. Raises OSError."""
    from installation.stills.sheets import contact_sheet

    cells = list(_cells(generator))
    sheet = contact_sheet(cells, COLUMNS, CELL_PX, f"{name}   seeds 0 to {SEEDS - 1}, psi {PSI}")
    with files.whole(path) as part:
        Image.fromarray(sheet).save(part)


@torch.inference_mode()
def _cells(generator: Gan) -> Iterator[tuple[str, np.ndarray]]:
    for seed in tqdm(range(SEEDS), "drawing its seeds", leave=False, disable=None):
        klass = seed % generator.class_count if generator.class_count else None
        point = generator.of_seed(seed, PSI, klass)
        picture = generator.painted(point)
        larger = max(1, CELL_PX // max(picture.shape[2:]))  # tiny pictures are there to be looked at too
        pixels = to_bytes(picture).repeat(larger, 0).repeat(larger, 1)
        yield f"{seed}" if klass is None else f"{seed}\nclass {klass}", pixels
