"""What a picture file holds as it stands there, before it is sRGB; and the one error that every reader here raises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from installation.pictures.spaces import Space

LARGEST_PX = 400_000_000  # 20,000 x 20,000: more than any print of ours, less than a machine's memory


class PictureError(ValueError):
    """A picture that cannot be used; the text names the file, what was expected and what was found."""


@dataclass(frozen=True)
class Raw:
    """colours (H, W, 1 grey, 3 RGB or 4 CMYK, 0 no ink), alpha (H, W) not multiplied in or None; uint8 or uint16.

    icc are the bytes of a profile or none; space is what the file says of its colours otherwise, None where it is mute.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    icc: bytes = b""
    space: Space | None = None


def check_size(path: Path, width: int, height: int) -> None:
    """Raises PictureError when a picture is larger than any that is worked on here."""
    if width * height > LARGEST_PX:
        raise PictureError(f"{path}: {width}x{height} is more than {LARGEST_PX // 10**6} megapixels")


def torn(path: Path, reason: object) -> PictureError:
    """The error for a file whose decoder gave up."""
    return PictureError(f"{path}: expected a whole picture, found something else or a torn one: {reason}")
