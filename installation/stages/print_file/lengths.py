"""A length as people write it ("1m", "40in", "3000px") in, whole pixels out."""

from __future__ import annotations

import math
import re

MM_PER_INCH = 25.4
MM_PER_UNIT = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "in": MM_PER_INCH, "inch": MM_PER_INCH, '"': MM_PER_INCH}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z\"]*)\s*", re.IGNORECASE)


class LengthError(ValueError):
    """A length that cannot be read; the text says what was expected and what was found."""


def parse_length(text: str, dpi: float) -> int:
    """A length as whole pixels at dpi: "1m", "40cm", "300mm", "40in", "3000px"; a bare number is pixels.

    Rounded to the nearest pixel, at least 1. Raises LengthError when it is no length, zero, or too small for a pixel.
    """
    found = _LENGTH.fullmatch(text)
    if not found:
        raise LengthError(f'expected a length such as "1m", "40cm", "300mm", "40in" or "3000px", found {text!r}')
    return _to_pixels(float(found[1]), found[2].lower(), dpi, text)


def to_mm(pixels: float, dpi: float) -> float:
    """Pixels at dpi as millimetres."""
    return pixels / dpi * MM_PER_INCH


def _to_pixels(number: float, unit: str, dpi: float, text: str) -> int:
    if not (math.isfinite(dpi) and dpi > 0):
        raise LengthError(f"expected dots per inch above 0, found {dpi!r}")
    if unit not in MM_PER_UNIT | {"": 0, "px": 0}:
        raise LengthError(f"expected the unit m, cm, mm, in or px, found {unit!r} in {text!r}")
    pixels = round(number * MM_PER_UNIT[unit] / MM_PER_INCH * dpi) if unit in MM_PER_UNIT else round(number)
    if pixels < 1:
        raise LengthError(f"{text!r} is less than one pixel at {dpi:g} dpi")
    return pixels
