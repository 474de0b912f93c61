"""Pixels of any size in, one colour-converted print file out, in pieces: a picture is never wholly in memory."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from installation import files
from installation.stages.pixels import to_linear, to_uint16
from installation.stages.print_file.labs import SUFFIXES, Lab, Layout
from installation.stages.print_file.lengths import MM_PER_INCH
from installation.stages.print_file.profiles import D50, Profile, open_profile

# Nothing is remembered between operations: the same file name may hold other pixels by the next run.
pyvips.cache_set_max(0)
SAME_SHAPE = 0.005  # a difference in aspect that no one sees: a pixel lost to rounding is not worth a border
BIG_TIFF_BYTES = 3_900_000_000  # offsets in a plain TIFF end at 4 GiB; a BigTIFF is read by fewer programs
TILE_PX = 256
# The most that a packing makes of a byte: LZW writes up to 12 bits for one of noise, deflate frames what stays.
WORST_GROWTH = {"none": 1.0, "lzw": 1.5, "deflate": 1.01}
TAG_BYTES = 1 << 20  # profile and tags
Progress = Callable[[float], None]


def open_pixels(pixels: np.ndarray) -> pyvips.Image:
    """Pixels (H, W, 3 or 4) as a picture in 16-bit sRGB; what is mapped from a file is read from there, in pieces."""
    height, width, bands = pixels.shape
    if isinstance(pixels, np.memmap) and pixels.filename and _is_whole_file(pixels):
        place = {"offset": pixels.offset, "format": "ushort"}
        image = pyvips.Image.rawload(os.fsencode(pixels.filename), width, height, bands, **place)
        return image.copy(interpretation="rgb16")
    array = np.ascontiguousarray(to_uint16(pixels))
    return pyvips.Image.new_from_memory(array.data, width, height, bands, "ushort").copy(interpretation="rgb16")


def flatten(image: pyvips.Image, ground: tuple[float, ...]) -> pyvips.Image:
    """Lay a picture on a plain ground (sRGB 0..1), in linear light, as paper does; 16-bit sRGB without alpha."""
    if not image.hasalpha():
        return image
    below = [float(v) for v in to_linear(np.asarray(ground, np.float32))]
    return image.colourspace("scrgb").flatten(background=below).colourspace("rgb16")


def fit(image: pyvips.Image, size_px: tuple[int, int], how: str, ground: tuple[float, ...]) -> pyvips.Image:
    """A picture at size_px (width, height), not distorted: padded with ground or cropped; cubic up, Lanczos 3 down."""
    if (image.width, image.height) == size_px:
        return image
    across, down = size_px[0] / image.width, size_px[1] / image.height
    within_a_pixel = min(abs(image.width * down - size_px[0]), abs(image.height * across - size_px[1])) < 1
    alike = within_a_pixel or abs(across / down - 1) < SAME_SHAPE
    scale = max(across, down) if how == "crop" else min(across, down)
    if how == "crop" and not alike:  # what will be cut off need not be scaled; two pixels more for rounding
        kept = [min(full, int(px / scale) + 2) for full, px in zip((image.width, image.height), size_px, strict=True)]
        image = image.gravity("centre", *kept)
    image = _scale(image, across if alike else scale, down if alike else scale)
    if alike or how == "crop":  # rounding may have made a pixel more or less
        return image.gravity("centre", *size_px, extend="copy")
    background = [round(v * 65535) for v in ground] + [0] * image.hasalpha()
    return image.gravity("centre", *size_px, extend="background", background=background)


def bleed(image: pyvips.Image, margin_px: int) -> pyvips.Image:
    """The picture grown by margin_px on every side, mirrored at its edges: a cut beside the line shows no paper."""
    if not margin_px:
        return image
    width, height = image.width + 2 * margin_px, image.height + 2 * margin_px
    return image.embed(margin_px, margin_px, width, height, extend="mirror")


def convert(image: pyvips.Image, target: Profile, bits: int, intent: str, black_point: bool = True) -> pyvips.Image:
    """16-bit sRGB -> 8 or 16 bit in another profile, converted by LittleCMS and carrying that profile; alpha stays."""
    srgb = open_profile("srgb")
    if target.icc == srgb.icc:
        return _carry(image if bits == 16 else _to_8_bit(image), target)
    options = {"intent": intent, "black_point_compensation": black_point}
    connected = _carry(image, srgb).icc_import(embedded=True, **options)
    return _carry(connected, target).icc_export(depth=bits, **options)


def soft_proof(image: pyvips.Image, paper: Profile, intent: str, black_point: bool) -> tuple[pyvips.Image, float]:
    """How a picture will look on a paper, its white included, in 8-bit sRGB; and the share of it that the paper cannot
    show (a colour difference CIEDE2000 above 3)."""
    printed = convert(image, paper, 16, intent, black_point)
    seen = printed.icc_import(embedded=True, pcs="xyz", intent="relative")
    # Media-relative to absolute, by its definition: the absolute intent of libvips adapts the white a second time.
    on_paper = seen.linear([own / full for own, full in zip(paper.white, D50, strict=True)], 0)
    srgb = _carry(on_paper.copy(interpretation="xyz"), open_profile("srgb")).icc_export(pcs="xyz", depth=8)
    kept = printed.icc_import(embedded=True, intent="relative")
    wanted = _carry(image, open_profile("srgb")).icc_import(embedded=True, intent="relative")
    lost = (wanted.dE00(kept) > 3).avg() / 255
    return srgb, lost


def save(image: pyvips.Image, path: Path, lab: Lab, dpi: float, progress: Progress | None = None) -> None:
    """Write a lab's file under its name at once and whole. Raises OSError saying what kept it from being written."""
    image = image.copy(xres=dpi / MM_PER_INCH, yres=dpi / MM_PER_INCH)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    if progress:
        _watch(image, progress)
    try:
        with files.whole(path) as part:
            _write(image, part, lab)
    except (pyvips.Error, OSError) as error:
        reason = str(getattr(error, "detail", "") or error).strip().splitlines()[0]
        free_mb, needed_mb = shutil.disk_usage(path.parent).free / 1e6, _raw_bytes(image) / 1e6
        raise OSError(
            f"{path}: cannot be written: {reason} (it needs up to {needed_mb:,.0f} MB, {free_mb:,.0f} MB are free)"
        ) from error


def describe(path: Path, image: pyvips.Image, lab: Lab, layout: Layout) -> dict[str, Any]:
    """What one file is, as plain values for the print's sidecar."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    told = {
        "name": path.name,
        "size_px": [image.width, image.height],
        "trim_px": list(layout.trim_px),
        "bleed_px": layout.bleed_px,
        "dpi": layout.dpi,
        "profile": open_profile(lab.profile).description,
        "bits": lab.bits,
        "alpha": bool(image.hasalpha()),
        "bytes": size,
        "sha256": sha256,
    }
    if lab.largest_mb and size > lab.largest_mb * 1e6:
        told["warning"] = f"the lab takes at most {lab.largest_mb:g} MB, this file has {size / 1e6:.0f} MB"
    return told


def most_tiff_bytes(image: pyvips.Image, lab: Lab) -> float:
    """The size that a TIFF of this picture cannot exceed, whatever its pixels: tiles filled up, places noted."""
    width, height = image.width, image.height
    if lab.tiled:
        width, height = (TILE_PX * -(-side // TILE_PX) for side in (width, height))
    rows = width * image.bands * (2 if image.format == "ushort" else 1)
    return (rows * WORST_GROWTH[lab.compression] + 16) * height + TAG_BYTES


def _is_whole_file(pixels: np.memmap) -> bool:
    """Whether a memory map holds all of its file, in order, so that the file can be read instead."""
    if pixels.dtype != np.dtype("<u2") or not pixels.flags.c_contiguous:
        return False
    return Path(str(pixels.filename)).stat().st_size == pixels.offset + pixels.nbytes


def _scale(image: pyvips.Image, across: float, down: float) -> pyvips.Image:
    """Resampled in float: in 16-bit integers the kernels' sums are a thousandth short, and white paper turns grey."""
    whole = image.premultiply() if image.hasalpha() else image.cast("float")
    scaled = whole.resize(across, vscale=down, kernel="lanczos3")
    straight = scaled.unpremultiply() if image.hasalpha() else scaled
    return straight.rint().cast("ushort").copy(interpretation="rgb16")


def _to_8_bit(image: pyvips.Image) -> pyvips.Image:
    return (image / 257).rint().cast("uchar").copy(interpretation="srgb")


def _carry(image: pyvips.Image, profile: Profile) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile.icc)
    return image


def _write(image: pyvips.Image, part: Path, lab: Lab) -> None:
    name = os.fsencode(part)  # as the disk has it: what libvips is handed as text it takes for UTF-8
    if part.suffix == SUFFIXES["jpeg"]:
        image.jpegsave(name, Q=lab.quality, subsample_mode="off")
    elif part.suffix == SUFFIXES["png"]:
        image.pngsave(name, compression=6, bitdepth=lab.bits)
    else:
        shape = {"tile": True, "tile_width": TILE_PX, "tile_height": TILE_PX} if lab.tiled else {}
        packing = {"compression": lab.compression, "predictor": "horizontal" if lab.compression != "none" else "none"}
        big = most_tiff_bytes(image, lab) > BIG_TIFF_BYTES
        image.tiffsave(name, bigtiff=big, resunit="inch", **shape, **packing)


def _raw_bytes(image: pyvips.Image) -> int:
    return image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)


def _watch(image: pyvips.Image, progress: Progress) -> None:
    image.set_progress(True)
    image.signal_connect("eval", lambda _, state: progress(state.percent / 100))
