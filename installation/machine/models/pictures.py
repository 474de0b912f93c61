"""A model in; pictures of its points out: one by one as NVIDIA's tools write them, or 24 seeds on a sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from installation import files, plugins, weights
from installation.generators.gan import Gan
from installation.signals import Controls
from installation.weight_files import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

SEEDS = 24
COLUMNS = 6
CELL_PX = 256
PSI = 0.7  # of the sheet: varied, and seldom broken


def open_generator(model: str | Path, **wishes: Any) -> Any:
    """The generator that plays a model. wishes: its settings. Raises WeightsError for a model that paints nothing."""
    kind = str(weights.read_config(model).get("kind", ""))
    if kind not in plugins.available("generators"):
        raise WeightsError(f"{model}: {kind or 'no kind'}: this model paints no pictures")
    module = plugins.load("generators", kind)
    known = module.Settings.__dataclass_fields__
    settings = module.Settings(model=str(model), **{name: value for name, value in wishes.items() if name in known})
    return module.create(settings)


def to_bytes(picture: Tensor) -> np.ndarray:
    """(1, C, H, W) of -1..1 -> (H, W, C) or (H, W) uint8, rounded as NVIDIA's tools do: down, from 128 for 0."""
    import torch

    pixels = (picture[0].float() * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def save_samples(generator: Any, path: Path, name: str) -> None:
    """A sheet of the first seeds, as the show would paint them; of a lap, where there are no seeds. Raises OSError."""
    from installation.stills.sheets import contact_sheet

    seeded = isinstance(generator, Gan)
    cells = list(_seeds(generator) if seeded else _lap(generator))
    title = f"{name}   seeds 0 to {SEEDS - 1}, psi {PSI}" if seeded else f"{name}   one lap"
    sheet = contact_sheet(cells, COLUMNS, CELL_PX, title)
    with files.whole(path) as part:
        Image.fromarray(sheet).save(part)


def painted(generator: Gan, point: Tensor) -> Tensor:
    """The picture (1, 3, H, W) of a point, as the show paints it."""
    import torch

    with torch.inference_mode():
        return generator.painted(point)


def _seeds(generator: Gan) -> Iterator[tuple[str, np.ndarray]]:
    for seed in tqdm(range(SEEDS), "drawing its seeds", leave=False, disable=None):
        klass = seed % generator.class_count if generator.class_count else None
        point = generator.of_seed(seed, PSI, klass)
        picture = painted(generator, point)
        yield f"{seed}{_told(generator, klass)}", _to_look_at(picture)


def _told(generator: Gan, klass: int | None) -> str:
    """Which class a picture is of, as a line below its seed."""
    if generator.classes is None or klass is None:
        return ""
    name = generator.classes.name_of(klass)
    return f"\nclass {klass}" + ("" if name.endswith(f" {klass}") else f", {name}")


def _lap(generator: Any) -> Iterator[tuple[str, np.ndarray]]:
    for number in tqdm(range(SEEDS), "drawing a lap", leave=False, disable=None):
        picture = generator.render(Controls(0.0, {}, number / SEEDS)).pixels
        yield f"{number / SEEDS:.2f}", _to_look_at(picture[None])


def _to_look_at(picture: Tensor) -> np.ndarray:
    """Tiny pictures are there to be looked at too."""
    larger = max(1, CELL_PX // max(picture.shape[2:]))
    return to_bytes(picture).repeat(larger, 0).repeat(larger, 1)
