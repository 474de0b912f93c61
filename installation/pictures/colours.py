"""What a file holds in, the picture in sRGB out: by the numbers of its space, or through LittleCMS by its tables."""

from __future__ import annotations

import io

import numpy as np

from installation.pictures.icc import read_profile
from installation.pictures.raw import Raw
from installation.pictures.spaces import SRGB, widen


def to_srgb(raw: Raw) -> np.ndarray:
    """(H, W, 3), or 4 with alpha, uint16 sRGB. A profile that is broken, or for other colours, says nothing.

    CMYK without a profile is read as what screens show of it: R = (1 - C)(1 - K) and so on, in 8 bits as in 16.
    """
    rgb = _convert(raw)
    if rgb.shape[2] == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    return rgb if raw.alpha is None else np.dstack([rgb, widen(raw.alpha)])


def _convert(raw: Raw) -> np.ndarray:
    """(H, W, 1 or 3) uint16 sRGB."""
    bands = raw.colours.shape[2]
    profile = read_profile(raw.icc) if raw.icc else None
    if profile is not None and profile.channels in ({1, 3} if bands == 1 else {bands}):
        if profile.space:
            return profile.space.to_srgb(raw.colours)
        found = _by_tables(np.repeat(raw.colours, profile.channels // bands, axis=2), raw.icc)
        if found is not None:
            return found
    return _from_inks(raw.colours) if bands == 4 else (raw.space or SRGB).to_srgb(raw.colours)


def _from_inks(colours: np.ndarray) -> np.ndarray:
    """Inks without a profile, (H, W, 4) -> (H, W, 3) uint16."""
    paper = 65535 - widen(colours)
    rgb, black = paper[..., :3], paper[..., 3:].astype(np.uint32)
    return np.stack([((rgb[..., band] * black[..., 0] + 32767) // 65535) for band in range(3)], -1).astype(np.uint16)


def _by_tables(colours: np.ndarray, icc: bytes) -> np.ndarray | None:
    """Through LittleCMS, relative to white: (H, W, 3) uint16; None when it cannot use the profile."""
    return _shallow(colours, icc) if colours.dtype == np.uint8 else _deep(colours, icc)


def _shallow(colours: np.ndarray, icc: bytes) -> np.ndarray | None:
    from PIL import Image, ImageCms

    mode = {1: "L", 3: "RGB", 4: "CMYK"}[colours.shape[2]]
    image = Image.frombytes(mode, (colours.shape[1], colours.shape[0]), np.ascontiguousarray(colours).tobytes())
    try:
        profile, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        found = ImageCms.profileToProfile(image, profile, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
    return widen(np.asarray(found))


def _deep(colours: np.ndarray, icc: bytes) -> np.ndarray | None:
    import pyvips

    height, width, bands = colours.shape
    kind = {1: "grey16", 3: "rgb16", 4: "cmyk"}[bands]
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(colours).data, width, height, bands, "ushort")
    image = image.copy(interpretation=kind)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    try:
        connected = image.icc_import(embedded=True, intent="relative")
        found: np.ndarray = connected.icc_export(output_profile="srgb", intent="relative", depth=16).numpy()
    except pyvips.Error:
        return None
    return found[..., :3]
