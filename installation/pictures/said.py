"""What a file says of its colours without a profile (PNG chunks, boxes, Exif) in, a colour space out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from installation.pictures.raw import PictureError
from installation.pictures.spaces import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    BT709,
    D65_XY,
    DISPLAY_P3,
    SRGB,
    Chromaticities,
    Curve,
    Space,
    power,
    srgb_curve,
)

PNG = b"\x89PNG\r\n\x1a\n"
COMMON_GAMMA = 45455  # what writers of sRGB put into gAMA: it stands for sRGB's own curve
LONGEST = 1 << 24  # bytes of a profile
CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"jp2h": 0}  # boxes with boxes in them, and what they skip first
EXIF_INTEROP, ADOBE_RGB_FILE = 0xA005, "R03"
BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
NTSC = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
PRIMARIES: dict[int, tuple[Chromaticities, tuple[float, float]]] = {  # [ITU-T H.273, table 2]
    1: (BT709, D65_XY),
    2: (BT709, D65_XY),  # unspecified
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65_XY),
    6: (NTSC, D65_XY),
    7: (NTSC, D65_XY),
    9: (BT2020, D65_XY),
    11: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), (0.314, 0.351)),
    12: (DISPLAY_P3, D65_XY),
    22: (((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), D65_XY),
}


def _video_curve(encoded: np.ndarray) -> np.ndarray:
    """BT.709's curve, undone."""
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45))


TRANSFERS: dict[int, Curve] = {  # [ITU-T H.273, table 3]
    **dict.fromkeys((1, 6, 14, 15), _video_curve),
    2: srgb_curve,  # unspecified
    4: power(2.2),
    5: power(2.8),
    8: power(1.0),
    13: srgb_curve,
}


def of_png(path: Path) -> tuple[int, bytes, Space | None]:
    """Bits a channel of a PNG, its profile (none where cICP goes before it), and the space that other chunks say.

    Raises PictureError for colours that are not read here. [PNG, third edition, 4.3]
    """
    with path.open("rb") as file:
        chunks = dict(_chunks(file))
    bits = chunks.get(b"IHDR", b"").ljust(13, b"\0")[8]
    if len(chunks.get(b"cICP", b"")) == 4:
        primaries, transfer, _, whole_range = chunks[b"cICP"]
        if not whole_range:
            raise PictureError(f"{path}: its numbers use a video's narrow range (cICP), which is not read here")
        return bits, b"", by_code(path, primaries, transfer)
    icc = _unpack(chunks.get(b"iCCP", b""))
    if b"sRGB" in chunks:
        return bits, icc, SRGB
    return bits, icc, _by_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def of_boxes(path: Path) -> tuple[bytes, Space | None]:
    """The profile (or none) and the space that the colour box of an AVIF, HEIC or JPEG 2000 file says.

    Raises PictureError for colours that are not read here.
    """
    with path.open("rb") as file:
        boxes = list(_boxes(file, 0, path.stat().st_size))
    icc, space = b"", None
    for body in boxes:
        if body[:4] == b"nclx" and len(body) >= 8 and space is None:
            space = by_code(path, *struct.unpack_from(">HH", body, 4))
        elif body[:4] in (b"prof", b"rICC"):
            icc = icc or body[4:]
        elif body[:1] in (b"\2", b"\3"):  # JPEG 2000: a restricted or any profile
            icc = icc or body[3:]
    return icc, space


def of_exif(exif: Any) -> Space | None:
    """Adobe RGB where a camera says by its interoperability index that it is, without giving a profile. [DCF 2.0]"""
    if str(exif.get_ifd(EXIF_INTEROP).get(1, "")).strip("\0 ") == ADOBE_RGB_FILE:
        return Space.of(ADOBE_RGB, D65_XY, power(ADOBE_GAMMA))
    return None


def by_code(path: Path, primaries: int, transfer: int) -> Space:
    """The space of two code points of H.273. Raises PictureError for those that no print can show (HDR) or none has."""
    if primaries not in PRIMARIES or transfer not in TRANSFERS:
        kind = {16: "HDR (PQ)", 18: "HDR (HLG)"}.get(transfer, f"code points {primaries}/{transfer}")
        raise PictureError(f"{path}: expected colours of a display, found {kind}; save it as sRGB")
    return Space.of(*PRIMARIES[primaries], TRANSFERS[transfer])


def _by_gamma(gamma: bytes, chromaticities: bytes) -> Space | None:
    """gAMA and cHRM, each of which may be missing; sRGB's where it is."""
    value = struct.unpack(">I", gamma)[0] if len(gamma) == 4 else 0
    places = np.array(struct.unpack(">8I", chromaticities)) / 100_000 if len(chromaticities) == 32 else None
    if not value and places is None:
        return None
    curve = srgb_curve if not value or abs(value - COMMON_GAMMA) < 50 else power(100_000 / value)
    if places is None:
        return Space.of(BT709, D65_XY, curve)
    white, *primaries = ((float(x), float(y)) for x, y in places.reshape(4, 2))
    try:
        return Space.of(tuple(primaries), white, curve)
    except ValueError:  # chromaticities that no colours have say nothing
        return Space.of(BT709, D65_XY, curve)


def _unpack(chunk: bytes) -> bytes:
    """The profile in an iCCP chunk: name, zero, method, deflated bytes; none where that is damaged."""
    try:
        return zlib.decompressobj().decompress(chunk[chunk.find(b"\0") + 2 :], LONGEST)
    except zlib.error:
        return b""


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The small chunks of a PNG before its pixels, and its profile."""
    file.seek(len(PNG))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return
        if length <= 32 or (kind == b"iCCP" and length < LONGEST):
            yield kind, file.read(length)
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bodies of all colour boxes between two places in a file of boxes. [ISO/IEC 14496-12, 15444-1]"""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        begins = start + 8
        if size == 1 and len(head) == 16:
            (size,), begins = struct.unpack_from(">Q", head, 8), start + 16
        stops = start + size if size else end
        if stops <= begins or stops > end:
            return
        if kind in CONTAINERS:
            yield from _boxes(file, begins + CONTAINERS[kind], stops)
        elif kind == b"colr" and stops - begins < LONGEST:
            file.seek(begins)
            yield file.read(stops - begins)
        start = stops
