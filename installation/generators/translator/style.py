"""Paintings in, a brush that paints whatever is seen in their manner out: a translator that needs no training.

Arbitrary image stylisation (Ghiasi et al. 2017): a style is 100 numbers, so that there is a way from one to the next.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from installation.bending.layers import Layer
from installation.networks.unet import Bend, plain
from installation.pictures import PictureError, read_8_bit
from installation.settings import SettingsError


class StyleBrush:
    """Calls like Fast, on the CPU: (1, 3, H, W), 0..1 -> (1, 3, H, W), -1..1. Closed to bends."""

    sight, is_coloured = "picture", False
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, styles: tuple[str, ...], size: tuple[int, int]) -> None:
        """styles: pictures, each a stop on the round through them; or PICTURE:WEIGHT each, mixed into one.

        Raises SettingsError for what is no picture, WeightsError saying what to install.
        """
        from installation.networks import arbitrary

        self.layers: list[Layer] = []
        self.size = size[0] // 4 * 4, size[1] // 4 * 4
        self._net = arbitrary.load()
        parsed = [_parse(text) for text in styles]
        vectors = torch.cat([torch.from_numpy(self._net.read(_read(path))).flatten()[None] for path, _ in parsed])
        weights = [weight for _, weight in parsed if weight is not None]
        if weights:
            shares = torch.tensor([1.0 if weight is None else weight for _, weight in parsed])
            vectors = (shares / shares.sum()) @ vectors
        self.palettes = vectors.reshape(-1, vectors.shape[-1])
        self.sha256 = hashlib.sha256(arbitrary.fingerprint().encode() + self.palettes.numpy().tobytes()).hexdigest()
        self._style = self.palettes[0]

    def colour(self, code: Tensor) -> None:
        """From now on pictures are painted in this style (100,)."""
        self._style = code

    def __call__(self, seen: Tensor, bend: Bend = plain) -> Tensor:
        content = np.ascontiguousarray(seen[0].permute(1, 2, 0).numpy()).clip(0, 1)
        painted = self._net.paint(content, self._style.reshape(1, 1, 1, -1).numpy())
        return torch.from_numpy(painted).permute(2, 0, 1)[None] * 2 - 1


def _parse(text: str) -> tuple[Path, float | None]:
    """PICTURE or PICTURE:WEIGHT."""
    name, _, weight = text.rpartition(":")
    try:
        if name and float(weight) > 0:
            return Path(name), float(weight)
    except ValueError:
        pass
    return Path(text), None


def _read(path: Path) -> np.ndarray:
    """(H, W, 3), 0..1."""
    try:
        return np.asarray(read_8_bit(path), np.float32) / 255
    except PictureError as error:
        raise SettingsError(f"generator: style: {error}") from error
