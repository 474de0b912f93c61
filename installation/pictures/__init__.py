"""A picture file of any kind in, sRGB pixels out, or one clear reason why not; pixels in, a whole file out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from installation import files
from installation.pictures import deep, said, shallow
from installation.pictures.colours import to_srgb
from installation.pictures.listing import SUFFIXES, pictures_below
from installation.pictures.raw import PictureError
from installation.pictures.shallow import comment_of

__all__ = ["READER", "SUFFIXES", "PictureError", "pictures_below", "read_8_bit", "read_picture", "size_of"]
__all__ += ["comment_of", "split_weight", "write_picture"]
READER = 2  # counts the changes in what a file's pixels become: it belongs in the key of whatever keeps them


def read_picture(path: Path) -> np.ndarray:
    """A picture file as (H, W, 3 or 4), uint16, sRGB-encoded, upright by its EXIF tag.

    16-bit PNG and TIFF keep their 16 bits. CMYK, grey, palette and whatever space the file says it is in (profile,
    PNG chunks, colour boxes, Exif) become sRGB. Raises PictureError naming the file when it is missing, torn, no
    picture, of a kind that is not read here, too large or wholly transparent.
    """
    start = _start(path)
    if start.startswith(deep.TIFF):
        raw = deep.read_tiff(path)
    elif start == said.PNG:
        bits, icc, space = said.of_png(path)
        raw = (deep.read_png if bits == 16 else shallow.read_png)(path, icc, space)
    else:
        raw = shallow.read_shallow(path)
    pixels = to_srgb(raw)
    if pixels.shape[2] == 4 and not pixels[..., 3].any():
        raise PictureError(f"{path}: nothing to see: every pixel is transparent")
    return pixels


def read_8_bit(path: Path, ground: int | None = 255) -> np.ndarray:
    """The same in 8 bits, laid on a ground of this grey: (H, W, 3) uint8 sRGB; with ground=None (H, W, 4), alpha kept.

    Raises PictureError as read_picture does.
    """
    whole = read_picture(path)
    whole = ((whole.astype(np.uint32) + 128) // 257).astype(np.uint8)
    alpha = whole[..., 3:] if whole.shape[2] == 4 else np.full_like(whole[..., :1], 255)
    if ground is None:
        return np.concatenate([whole[..., :3], alpha], axis=2)
    if alpha.min() == 255:
        return np.ascontiguousarray(whole[..., :3])
    share = alpha.astype(np.float32) / 255
    return np.round(whole[..., :3] * share + ground * (1 - share)).astype(np.uint8)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in px of a picture file as read_picture gives it, without reading its pixels.

    Raises PictureError naming the file when it is missing or no picture.
    """
    return deep.size_of_tiff(path) if _start(path).startswith(deep.TIFF) else shallow.size_of_shallow(path)


def split_weight(text: str) -> tuple[str, float]:
    """'scream.jpg:0.6' -> ('scream.jpg', 0.6); without a weight 1. A path may have colons of its own.

    Raises PictureError for a weight that is below 0 or no finite number.
    """
    path, colon, weight = text.rpartition(":")
    try:
        found = float(weight)
    except ValueError:
        return text, 1.0
    if not (colon and path):
        return text, 1.0
    if not (found >= 0 and math.isfinite(found)):
        raise PictureError(f"{text}: expected PICTURE:WEIGHT with a weight of 0 or more, found {weight}")
    return path, found


def write_picture(path: Path, pixels: np.ndarray, lasting: bool = True, **options: Any) -> None:
    """Write (H, W, 3 or 4) uint8 under its name at once and whole: PNG, JPEG (quality 92) or WebP, by the suffix."""
    from PIL import Image

    if path.suffix.lower() in (".jpg", ".jpeg"):
        options = {"quality": 92, "subsampling": 0} | options
    with files.whole(path, lasting) as part:
        Image.fromarray(pixels).save(part, **options)


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise PictureError(f"{path}: no such picture")
    with path.open("rb") as file:
        return file.read(8)
