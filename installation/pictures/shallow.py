"""A picture of 8 bits a channel in, what it holds out, read by Pillow: its own decoders only, no other program."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from installation.pictures import said
from installation.pictures.raw import PictureError, Raw, check_size, torn
from installation.pictures.spaces import Space

FORMATS = ["PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "AVIF", "JPEG2000"]  # TIFF is read in deep.py
BOXED = ("AVIF", "HEIF", "JPEG2000")
HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis")
EXIF_ORIENTATION = 0x0112
INSTALL = "pip install 'installation[heic]'"


def read_shallow(path: Path) -> Raw:
    """What Pillow opens, upright, with what it says of its colours. Raises PictureError."""
    from PIL import ImageOps

    with _loaded(path) as image:
        icc, space = bytes(image.info.get("icc_profile") or b""), None
        if image.format in BOXED:
            boxed, space = said.of_boxes(path)
            icc = icc or boxed
        elif image.format in ("JPEG", "MPO"):
            space = said.of_exif(image.getexif())
        return _raw(path, ImageOps.exif_transpose(image), icc, space)


def read_png(path: Path, icc: bytes, space: Space | None) -> Raw:
    """A PNG of up to 8 bits, upright; icc and space as its chunks said. Raises PictureError."""
    from PIL import ImageOps

    with _loaded(path) as image:
        return _raw(path, ImageOps.exif_transpose(image), icc, space)


def size_of_shallow(path: Path) -> tuple[int, int]:
    """Width and height in px, upright, without reading pixels. Raises PictureError."""
    with _opened(path) as image:
        turned = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
        return (image.height, image.width) if turned else image.size


def comment_of(path: Path) -> str:
    """What a JPEG says of itself, "" where it says nothing. Raises PictureError."""
    with _opened(path) as image:
        comment = image.info.get("comment", b"")
    return comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A picture file opened by Pillow; whatever goes wrong meanwhile becomes a PictureError that names the file."""
    from PIL import Image

    formats = [*FORMATS, *_heif(path)]
    Image.MAX_IMAGE_PIXELS = None  # check_size sets one limit for every kind of file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is raised; the rest is talk about tags
            with Image.open(path, formats=formats) as image:
                yield image
    except PictureError:
        raise
    except Exception as error:  # decoders raise whatever they like over a damaged file
        raise torn(path, error) from error


@contextlib.contextmanager
def _loaded(path: Path) -> Iterator[Any]:
    with _opened(path) as image:
        check_size(path, image.width, image.height)
        image.load()
        yield image


def _heif(path: Path) -> list[str]:
    """HEIF among the formats, for a file that is one. Raises PictureError where its decoder is not installed."""
    with path.open("rb") as file:
        start = file.read(64)
    if start[4:8] != b"ftyp" or b"avif" in start or not any(brand in start for brand in HEIC):
        return []
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise PictureError(f"{path}: a HEIC picture needs one package more: {INSTALL}") from error
    register_heif_opener()
    return ["HEIF"]


def _raw(path: Path, image: Any, icc: bytes, space: Space | None) -> Raw:
    """Of any Pillow image; palettes, keys of transparency and premultiplied alpha are resolved."""
    if image.mode == "1":
        image = image.convert("L")
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if image.mode in ("L", "La") else "RGBA")
    elif image.mode in ("P", "RGBX", "YCbCr"):
        image = image.convert("RGB")
    if image.mode.startswith("I;16"):
        return Raw(np.asarray(image, np.uint16)[..., None], None, icc, space)
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        raise PictureError(f"{path}: expected grey, RGB or CMYK of 8 bits, found {image.mode}; save it as RGB")
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    if image.mode in ("LA", "RGBA"):
        return Raw(pixels[..., :-1], pixels[..., -1], icc, space)
    return Raw(pixels, None, icc, space)
