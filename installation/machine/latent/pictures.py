"""A model's name in, its generator out; pictures in, sheets that a person wants to look at out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from installation.files import named
from installation.generators.gan import Gan
from installation.machine.models import pictures as models
from installation.settings import SettingsError
from installation.stills.sheets import contact_sheet

CELL_PX = 160


def open_generator(model: str, **wishes: Any) -> Gan:
    """The generator that plays a model, in float32. Raises SettingsError for one without a latent space."""
    generator = models.open_generator(model, **{"dtype": "float32", **wishes})
    if not isinstance(generator, Gan):
        raise SettingsError(f"{model}: this model has no latent space")
    return generator


def save_sheet(
    path: Path, cells: Iterable[tuple[str, np.ndarray]], columns: int, title: str, px: int = CELL_PX
) -> None:
    """Pictures with words below them, in rows. Raises OSError."""
    sheet = contact_sheet(list(cells), columns, px, title)
    with named.whole(path) as part:
        Image.fromarray(sheet).save(part)
