"""The name of a colour space, or the path of an .icc file, in; the bytes of its ICC profile out.

The three spaces that labs ask for are built here, so that no file has to be found and every print embeds the same
bytes: matrix and tone curve, ICC version 2.4 (the one that old printing software reads, too), public domain.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from installation.pictures.spaces import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    BT709,
    D50,
    DISPLAY_P3,
    Chromaticities,
    srgb_curve,
    to_xyz_matrix,
)

COPYRIGHT = "CC0 1.0, public domain"
CURVE_POINTS = 4096


@dataclass(frozen=True)
class Space:
    """A colour space of a display: chromaticities of its primaries, white D65; gamma 0 is sRGB's own tone curve."""

    description: str
    primaries_xy: Chromaticities
    gamma: float = 0.0


SPACES = {
    "srgb": Space("sRGB IEC61966-2.1 compatible", BT709),
    "adobe-rgb": Space("Adobe RGB (1998) compatible", ADOBE_RGB, ADOBE_GAMMA),
    "p3": Space("Display P3 compatible", DISPLAY_P3),
}


class ProfileError(ValueError):
    """A colour profile that cannot be used; the text says what was expected and what was found."""


@dataclass(frozen=True)
class Profile:
    """The bytes of an ICC profile, the text it describes itself with, its device space ("RGB" or "CMYK"), its white.

    white is the medium's, as XYZ [ICC.1:2001-04, 6.4.38]: below D50 for a paper, which is darker and warmer or cooler.
    """

    icc: bytes
    description: str
    space: str
    white: tuple[float, float, float] = D50


@functools.lru_cache(maxsize=16)
def open_profile(name_or_path: str) -> Profile:
    """A profile by name (srgb, adobe-rgb, p3) or path of an .icc file. Raises ProfileError when it cannot be used."""
    if name_or_path in SPACES:
        return Profile(build_profile(SPACES[name_or_path]), SPACES[name_or_path].description, "RGB")
    path = Path(name_or_path)
    if path.suffix.lower() not in (".icc", ".icm"):
        names = ", ".join(SPACES)
        raise ProfileError(f"expected a colour profile {names} or the path of an .icc file, found {name_or_path!r}")
    if not path.is_file():
        raise ProfileError(f"{path}: no such colour profile")
    return _read(path)


def build_profile(space: Space) -> bytes:
    """A matrix and tone curve profile of a colour space, for the class of displays. [ICC.1:2001-04]"""
    description = space.description.encode("ascii")
    curve = _tone_curve(space.gamma)
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(description) + 1) + description + b"\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + COPYRIGHT.encode("ascii") + b"\0",
        b"wtpt": _xyz(_fixed(np.array(D50))),
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), _columns(space), strict=True)},
        **{name: curve for name in (b"rTRC", b"gTRC", b"bTRC")},
    }
    return _lay_out(tags)


def _columns(space: Space) -> list[np.ndarray]:
    """The three colorants in s15Fixed16; together they are exactly D50, so that white stays without a cast."""
    red, green, _ = (_fixed(column) for column in to_xyz_matrix(space.primaries_xy).T)
    return [red, green, _fixed(np.array(D50)) - red - green]


def _tone_curve(gamma: float) -> bytes:
    """A curveType: one u8Fixed8 exponent, or a table of sRGB's curve (IEC 61966-2-1)."""
    if gamma:
        return b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    linear = srgb_curve(np.linspace(0, 1, CURVE_POINTS))
    return b"curv" + struct.pack(">II", 0, CURVE_POINTS) + np.round(linear * 65535).astype(">u2").tobytes()


def _fixed(values: np.ndarray) -> np.ndarray:
    return np.round(values * 65536).astype(np.int64)


def _xyz(fixed: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(int(v) for v in fixed))


def _lay_out(tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table and tags, each on a multiple of four bytes; equal tags are written once and shared."""
    offset, places, body = 128 + 4 + 12 * len(tags), {}, b""
    table = struct.pack(">I", len(tags))
    for name, tag in tags.items():
        if tag not in places:
            places[tag] = offset + len(body)
            body += tag + bytes(-len(tag) % 4)
        table += name + struct.pack(">II", places[tag], len(tag))
    header = struct.pack(">I4xI4s4s4s", offset + len(body), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", *(int(v) for v in _fixed(np.array(D50))))
    return header.ljust(128, b"\0") + table + body


def _read(path: Path) -> Profile:
    import io

    from PIL import ImageCms

    icc = path.read_bytes()
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ProfileError(f"{path}: expected an ICC profile, found another kind of file or a torn one")
    space = icc[16:20].decode("ascii", "replace").strip()
    if space not in ("RGB", "CMYK"):
        raise ProfileError(f"{path}: expected a profile for RGB or CMYK, found one for {space!r}")
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        description = ImageCms.getProfileDescription(found)
    except (ImageCms.PyCMSError, OSError) as error:
        raise ProfileError(f"{path}: expected an ICC profile, found a torn one: {error}") from error
    x, y, z = (found.profile.media_white_point or (D50,))[0]
    return Profile(icc, description.strip(), space, (x, y, z))
