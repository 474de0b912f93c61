"""Points of a family that are to be on the wall in, kept by number; the point that a show's knobs name out.

Controls alone say what is painted: a number is never given twice, so that a moment of it comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from installation import files, weights
from installation.latent import vectors
from installation.settings import SettingsError
from installation.signals import Knob

WHICH, TO = "generator.bred", "generator.to.bred"
MOST = 99_999
KNOB = Knob(WHICH, 0.0, MOST, 0.0, "which of those that were bred of this model; generator.to.bred leads there", "int")


def folder_of(model: str) -> Path:
    """Where those are kept that were bred of a model and shown: with the user's own. Raises WeightsError."""
    return files.places("bred")[1] / weights.find(model).name


def found(model: str) -> Path | None:
    """That folder; None where nobody has bred of the model."""
    try:
        return folder if model and (folder := folder_of(model)).is_dir() else None
    except weights.WeightsError:
        return None


def keep(model: str, sha256: str, point: Tensor) -> int:
    """Write a point (rows, D) down; returns its number. Raises SettingsError or OSError when there is no room."""
    folder = folder_of(model)
    numbers = [int(path.stem) for path in folder.glob("*.npz") if path.stem.isdecimal()]
    number = max(numbers, default=0) + 1
    if number > MOST:
        raise SettingsError(f"{MOST} were shown already: move some of {folder} away")
    vectors.write(folder / f"{number:05}.npz", point, model, sha256)
    return number


class Bred:
    """Whoever the knob says, as a place of a latent space that moves."""

    def __init__(self, folder: Path, generator: Any) -> None:
        self.folder, self._generator = folder, generator
        self._known: dict[int, Tensor] = {}
        self._last: Tensor = generator.of_seed(0)

    def at(self, knob: Mapping[str, float]) -> Tensor:
        """The point (rows, D). Of a number that nobody has, or that is another model's, it stays where it was."""
        number = round(knob.get(WHICH, 0.0))
        if number not in self._known:
            try:
                kept = vectors.read(self.folder / f"{number:05}.npz")
                self._known[number] = vectors.fitting(kept, self._generator)
            except SettingsError:
                return self._last
        self._last = self._known[number]
        return self._last
