"""A TIFF of any depth, or a PNG of 16 bits, in; what it holds out, read by libvips, which keeps all bits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation.pictures.raw import PictureError, Raw, check_size, torn
from installation.pictures.spaces import Space

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 5: 4, 6: 3}  # bands of grey (0 inverted), RGB, palette, inks, YCbCr
OTHERS = {8: "Lab", 9: "Lab", 10: "Lab", 32803: "a camera's raw sensor", 34892: "a camera's raw sensor"}
ORIENTATION, INK_SET, ICC, OTHER_INKS = 274, 332, 34675, 2
ASSOCIATED, UNASSOCIATED = 1, 2
SEPARATE = 2  # each colour in a plane of its own
INSTALL = "pip install 'pyvips[binary]'"


@dataclass(frozen=True)
class Layout:
    """Which bands of a TIFF are colours and which is alpha (None: no band is); its size upright; its profile."""

    colours: int
    alpha: int | None
    size: tuple[int, int]
    icc: bytes


def read_tiff(path: Path) -> Raw:
    """What a TIFF holds, upright. Extra bands are alpha only where the file says so (ExtraSamples).

    Raises PictureError naming the file and what it is, where that is not read here (Lab, raw, float, odd inks).
    """
    layout = _lay_out(path)
    with _decoding(path) as vips:
        image = vips.Image.tiffload(os.fsencode(path), fail_on="truncated", revalidate=True)
        return Raw(*_bands(path, image, layout.colours, layout.alpha), layout.icc)


def read_png(path: Path, icc: bytes, space: Space | None) -> Raw:
    """What a PNG of 16 bits holds, upright; icc and space as its chunks said. Raises PictureError."""
    with _decoding(path) as vips:
        image = vips.Image.pngload(os.fsencode(path), fail_on="truncated", revalidate=True)
        colours = 1 if image.bands < 3 else 3
        return Raw(*_bands(path, image, colours, colours if image.bands > colours else None), icc, space)


def size_of_tiff(path: Path) -> tuple[int, int]:
    """Width and height in px, upright. Raises PictureError."""
    return _lay_out(path).size


def _lay_out(path: Path) -> Layout:
    """Read from the tags [TIFF 6.0, section 18]. Raises PictureError for kinds of TIFF that are not read here."""
    try:
        import tifffile

        with tifffile.TiffFile(path) as file:
            page: Any = file.pages[0]
            ends = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)), default=0)
            if ends > path.stat().st_size:  # libtiff would make up what is missing
                raise torn(path, "truncated")
            return _agree(path, page)
    except PictureError:
        raise
    except Exception as error:  # whatever its tags make a parser do
        raise torn(path, error) from error


def _agree(path: Path, page: Any) -> Layout:
    """The layout of a page whose kind is read here. Raises PictureError naming what it is otherwise."""
    kind, extras = int(page.photometric), tuple(map(int, page.extrasamples))
    turn, inks = (int(page.tags.valueof(tag, 1)) for tag in (ORIENTATION, INK_SET))
    if kind not in COLOURS or (kind == 5 and (inks == OTHER_INKS or page.samplesperpixel < 4)):
        found = OTHERS.get(kind, "inks other than CMYK" if kind == 5 else f"photometric {kind}")
        raise PictureError(f"{path}: expected grey, RGB or CMYK, found {found}, which is not read here; save it as RGB")
    if page.is_tiled and int(page.planarconfig) == SEPARATE:
        raise PictureError(f"{path}: expected colours together, found tiles in separate planes; save it in strips")
    alpha = next((place for place, extra in enumerate(extras) if extra in (ASSOCIATED, UNASSOCIATED)), None)
    if kind == 5 and page.bitspersample == 16 and alpha is not None and extras[alpha] == ASSOCIATED:
        raise PictureError(f"{path}: 16-bit CMYK with alpha multiplied in is not read here; save it as RGB")
    width, height = page.imagewidth, page.imagelength
    size = (height, width) if turn >= 5 else (width, height)
    icc = bytes(page.tags.valueof(ICC, b""))  # libvips drops one for RGB from a grey picture
    return Layout(COLOURS[kind], None if alpha is None else COLOURS[kind] + alpha, size, icc)


def _bands(path: Path, image: Any, colours: int, alpha: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours and alpha of a libvips image, which has taken a multiplied alpha out already."""
    check_size(path, image.width, image.height)
    if image.format not in ("uchar", "ushort"):
        raise PictureError(f"{path}: expected 8 or 16 bits a channel, found {image.format}; save it as 16 bit")
    image = image.autorot()
    kept = min(colours, image.bands)  # a palette of greys has one
    bands = np.ascontiguousarray(image.extract_band(0, n=kept).numpy()).reshape(image.height, image.width, kept)
    shade = None if alpha is None or alpha >= image.bands else image.extract_band(alpha).numpy()
    return bands, None if shade is None else shade.reshape(bands.shape[:2])


@contextlib.contextmanager
def _decoding(path: Path) -> Iterator[Any]:
    """libvips, whose complaints become a PictureError that names the file."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise PictureError(f"{path}: a TIFF, or a PNG of 16 bits, needs libvips: {INSTALL}") from error
    try:
        yield pyvips
    except pyvips.Error as error:
        raise torn(path, (str(error.detail).strip().splitlines() or [str(error)])[0]) from error
