"""A picture file of any kind in, sRGB pixels out, or one clear reason why not; pixels in, a whole file out."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from installation import files

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
EXIF_ORIENTATION = 0x0112
LARGEST_PX = 400_000_000  # 20,000 x 20,000: more than any print of ours, less than a machine's memory


class PictureError(ValueError):
    """A picture that cannot be used; the text names the file, what was expected and what was found."""


def read_picture(path: Path) -> np.ndarray:
    """A picture file as (H, W, 3 or 4), uint16, sRGB-encoded, upright by its EXIF tag.

    16-bit PNG and TIFF keep their 16 bits. CMYK, grey, palette and pictures with a profile of their own are converted
    to sRGB. Raises PictureError naming the file when it is missing, torn, no picture, too large or wholly transparent.
    """
    if not path.is_file():
        raise PictureError(f"{path}: no such picture")
    deep = _read_deep(path) if _may_be_deep(path) else None
    pixels = _read_8_bit(path) if deep is None else deep
    if pixels.shape[2] == 4 and not pixels[..., 3].any():
        raise PictureError(f"{path}: nothing to see: every pixel is transparent")
    return pixels


def read_8_bit(path: Path, ground: int | None = 255) -> np.ndarray:
    """The same in 8 bits, laid on a ground of this grey: (H, W, 3) uint8 sRGB; with ground=None (H, W, 4), alpha kept.

    Raises PictureError as read_picture does.
    """
    whole = (read_picture(path) // 257).astype(np.uint8)
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
    with _opened(path) as image:
        turned = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
        return (image.height, image.width) if turned else image.size


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


def _read_8_bit(path: Path) -> np.ndarray:
    """What Pillow opens, as read_picture gives it."""
    from PIL import ImageOps

    with _opened(path) as image:
        _check_size(path, image.width, image.height)
        image.load()
        return np.asarray(_to_srgb(ImageOps.exif_transpose(image)), np.uint16) * np.uint16(257)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A picture file opened by Pillow; whatever goes wrong meanwhile becomes a PictureError that names the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is raised; the rest is talk about tags
            with Image.open(path) as image:
                yield image
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path}: too large: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureError(f"{path}: expected a whole picture, found something else or a torn one: {error}") from error


def _to_srgb(image: Any) -> Any:
    """Any Pillow image as RGB or RGBA in sRGB."""
    from PIL import Image, ImageCms

    profile = image.info.get("icc_profile")
    if image.mode in ("PA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha is not None else image
    if profile and colours.mode in ("RGB", "CMYK", "L") and not _is_srgb(profile):
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a broken profile says nothing: taken as sRGB
            found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            colours = ImageCms.profileToProfile(colours, found, ImageCms.createProfile("sRGB"), outputMode="RGB")
    rgb = colours.convert("RGB")
    return rgb if alpha is None else Image.merge("RGBA", (*rgb.split(), alpha))


def _may_be_deep(path: Path) -> bool:
    """Whether a file begins like a PNG or a TIFF, which may have 16 bits; Pillow would drop half without a word."""
    with path.open("rb") as file:
        start = file.read(8)
    return start == b"\x89PNG\r\n\x1a\n" or start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _read_deep(path: Path) -> np.ndarray | None:
    """A PNG or TIFF of 16 bits a channel, as read_picture gives it; None when it has 8. Raises PictureError."""
    import pyvips

    try:
        image = pyvips.Image.new_from_file(str(path), fail_on="truncated", revalidate=True)
        _check_size(path, image.width, image.height)
        if image.format == "uchar" or image.coding != "none":
            return None
        if image.format not in ("ushort", "short"):
            raise PictureError(f"{path}: expected 8 or 16 bits a channel, found {image.format}; save it as 16 bit")
        image = _deep_to_srgb(image.autorot())
        return np.ascontiguousarray(image[:4].numpy() if image.bands > 4 else image.numpy())
    except pyvips.Error as error:
        reason = (str(error.detail).strip().splitlines() or [str(error)])[0]
        raise PictureError(f"{path}: expected a whole picture, found something else or a torn one: {reason}") from error


def _deep_to_srgb(image: Any) -> Any:
    """A pyvips image of 16 bits as RGB or RGBA in 16-bit sRGB."""
    import pyvips

    if image.get_typeof("icc-profile-data") and not _is_srgb(image.get("icc-profile-data")):
        with contextlib.suppress(pyvips.Error):  # a broken profile says nothing: taken as sRGB
            return image.icc_import(embedded=True).icc_export(output_profile="srgb", depth=16)
    return image.colourspace("rgb16").cast("ushort")


def _is_srgb(profile: bytes) -> bool:
    """Whether a profile calls itself sRGB: then its numbers are kept as they are."""
    from PIL import ImageCms

    try:
        return "srgb" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).lower()
    except (ImageCms.PyCMSError, OSError):
        return False


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > LARGEST_PX:
        raise PictureError(f"{path}: {width}x{height} is more than {LARGEST_PX // 10**6} megapixels")
