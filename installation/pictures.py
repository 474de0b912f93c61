"""A picture file of any kind in, sRGB pixels out, or one clear reason why not; pixels in, a whole file out."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
LARGEST_PX = 400_000_000  # 20,000 x 20,000: more than any print of ours, less than a machine's memory


class PictureError(ValueError):
    """A picture that cannot be used; the text names the file, what was expected and what was found."""


def read_picture(path: Path) -> np.ndarray:
    """A picture file as (H, W, 3 or 4), uint16, sRGB-encoded, upright by its EXIF tag.

    16-bit PNG and TIFF keep their 16 bits. CMYK, grey, palette and pictures with a profile of their own are converted
    to sRGB. Raises PictureError naming the file when it is missing, torn, no picture, too large or without any colour.
    """
    from PIL import Image, ImageOps

    if not path.is_file():
        raise PictureError(f"{path}: no such picture")
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if image.width * image.height > LARGEST_PX:
                raise PictureError(
                    f"{path}: {image.width}x{image.height} is more than {LARGEST_PX // 10**6} megapixels"
                )
            if image.format in ("PNG", "TIFF") and (deep := _read_deep(path)) is not None:
                return deep
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_to_srgb(upright), np.uint16) * np.uint16(257)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path}: too large: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureError(f"{path}: expected a whole picture, found something else or a torn one: {error}") from error


def write_picture(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write (H, W, 3 or 4) uint8 under its name at once and whole: PNG, JPEG (quality 92) or WebP, by the suffix."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    if path.suffix.lower() in (".jpg", ".jpeg"):
        options = {"quality": 92, "subsampling": 0} | options
    Image.fromarray(pixels).save(part, **options)
    os.replace(part, path)


def _to_srgb(image: Any) -> Any:
    """Any Pillow image as RGB or RGBA in sRGB."""
    from PIL import Image, ImageCms

    alpha = (
        image.convert("RGBA").getchannel("A")
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
        else None
    )
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        try:
            found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(colours, found, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            image = image.convert("RGB")  # a broken profile says nothing of the colours: they are taken as sRGB
    rgb = image.convert("RGB")
    if alpha is None:
        return rgb
    whole = Image.merge("RGBA", (*rgb.split(), alpha))
    return whole


def _read_deep(path: Path) -> np.ndarray | None:
    """A 16-bit PNG or TIFF, which Pillow would open as 8 bit without a word; None when it is not one."""
    import cv2

    encoded = np.fromfile(path, np.uint8)
    found = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        return None
    if found.ndim == 2:
        return np.dstack([found] * 3)
    return np.ascontiguousarray(found[..., [2, 1, 0, 3]] if found.shape[2] == 4 else found[..., ::-1])
