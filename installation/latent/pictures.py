"""Points and files in, pictures of a generator's size out, as tensors or as bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from installation.generators.gan import Gan
from installation.pictures import PictureError, read_8_bit
from installation.settings import SettingsError


@torch.inference_mode()
def painted(generator: Gan, point: Tensor) -> np.ndarray:
    """The picture of a point (rows, D) as the show paints it, (H, W, 3) uint8."""
    return to_bytes(generator.painted(point))


def to_bytes(picture: Tensor) -> np.ndarray:
    """(1, 3, H, W) of -1..1 -> (H, W, 3) uint8."""
    return (picture[0].float() * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def read_picture(path: Path, size: tuple[int, int]) -> Tensor:
    """The middle of any picture in the shape of size (width, height): (1, 3, H, W), -1..1. Raises SettingsError."""
    try:
        whole = Image.fromarray(read_8_bit(path))
    except (PictureError, OSError) as error:
        raise SettingsError(f"{path}: expected a picture: {error}") from error
    fitted = ImageOps.fit(whole, size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)[None].float() / 127.5 - 1
