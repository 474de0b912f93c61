"""A model's name in, its generator out; points in, sheets that a person wants to look at out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from installation import files, plugins, weights
from installation.generators.gan import Gan
from installation.settings import SettingsError
from installation.stills.sheets import contact_sheet

CELL_PX = 160


def open_generator(model: str, **wishes: Any) -> Gan:
    """The generator that plays a model, in float32. Raises SettingsError for one without a latent space."""
    kind = str(weights.read_config(model).get("kind", ""))
    if kind not in plugins.available("generators"):
        raise SettingsError(f"{model}: {kind or 'no kind'}: this model paints no pictures")
    module = plugins.load("generators", kind)
    known = module.Settings.__dataclass_fields__
    asked = {"model": model, "dtype": "float32", **wishes}
    generator = module.create(module.Settings(**{name: value for name, value in asked.items() if name in known}))
    if not isinstance(generator, Gan):
        raise SettingsError(f"{model}: {kind}: this model has no latent space")
    return generator


@torch.inference_mode()
def painted(generator: Gan, point: Tensor) -> np.ndarray:
    """The picture of a point (rows, D) as the show paints it, (H, W, 3) uint8."""
    return to_bytes(generator.paint(point[None].to(generator.device)))


def to_bytes(picture: Tensor) -> np.ndarray:
    """(1, 3, H, W) of -1..1 -> (H, W, 3) uint8."""
    return (picture[0].float() * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def read_picture(path: Path, size: tuple[int, int]) -> Tensor:
    """The middle of any picture in the shape of size (width, height): (1, 3, H, W), -1..1. Raises SettingsError."""
    try:
        with Image.open(path) as opened:
            whole = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SettingsError(f"{path}: expected a picture: {error}") from error
    fitted = ImageOps.fit(whole, size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)[None].float() / 127.5 - 1


def save_sheet(
    path: Path, cells: Iterable[tuple[str, np.ndarray]], columns: int, title: str, px: int = CELL_PX
) -> None:
    """Pictures with words below them, in rows. Raises OSError."""
    sheet = contact_sheet(list(cells), columns, px, title)
    with files.whole(path) as part:
        Image.fromarray(sheet).save(part)
