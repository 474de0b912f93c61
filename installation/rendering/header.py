"""An ISF file's text in; its JSON header, read as people write it, and the GLSL below it, line for line, out.

Whatever stands in a header, its values come out as what they are taken for, or ValueError says what was expected.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

STRING = r'("(?:\\[\s\S]|[^"\\])*(?:"|\Z))'  # one that is never closed runs to the end, and is looked at once
COMMENT = re.compile(STRING + r"|//[^\n]*")
SPARE_COMMA = re.compile(STRING + r"|,(?=\s*[,\]}])")
SHORT_NUMBER = re.compile(STRING + r"|(?<![\w.])[-+]?(?:\d+\.|\.\d+)(?![\w.])")
LARGEST = 3.4e38  # what a float of GLSL holds
LARGEST_INT = 2**31 - 1


class Split(NamedTuple):
    """The header's text, the line it starts on, the rest with as many lines as the file has, and where that begins."""

    json: str
    line: int
    body: str
    end: int


def split(text: str) -> Split | None:
    """Header and GLSL of a file, or None where there is no comment that holds a JSON object.

    The comment may open with /** and close with **/, and notes may stand between the last brace and the end.
    """
    opened = text.find("/*")
    while opened >= 0 and (closed := text.find("*/", opened + 2)) >= 0:
        start = re.compile(r"[\s*]*").match(text, opened + 2, closed).end()  # type: ignore[union-attr]
        if text.startswith("{", start):
            if (brace := text.find("}", start)) > closed:  # what looked like the end stands in a string
                closed = max(text.find("*/", brace), closed)
            end = max(text.rfind("}", start, closed), start) + 1
            body = text[:opened] + "\n" * text.count("\n", opened, closed) + " " + text[closed + 2 :]
            return Split(text[start:end], text.count("\n", 0, start) + 1, body, closed + 2)
        opened = text.find("/*", closed + 2)
    return None


def parse(text: str) -> Any:
    """JSON with control characters in strings, // comments, spare commas and numbers like .5 and 1. let through.

    Raises json.JSONDecodeError, whose line is that of the text; ValueError or RecursionError for what JSON allows and
    nobody means: a number of thousands of digits, lists in lists without end.
    """
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError:
        for loose in (COMMENT, SPARE_COMMA):
            text = loose.sub(lambda m: m[1] or "", text)
        text = SHORT_NUMBER.sub(lambda m: m[1] or str(float(m[0])), text)
        return json.loads(text, strict=False)


def entries(key: str, value: Any, most: int) -> list[dict[str, Any]]:
    """A list of objects, or the older dict of NAME -> object, as a list."""
    if isinstance(value, dict):
        value = [{"NAME": name} | (entry if isinstance(entry, dict) else {}) for name, entry in value.items()]
    if not isinstance(value or [], list):
        raise ValueError(f"{key}: expected a list of objects, found {show(value)}")
    found = [entry for entry in value or [] if isinstance(entry, dict)]
    if len(found) > most:
        raise ValueError(f"{key}: expected at most {most}, found {len(found)}")
    return found


def truth(value: Any) -> bool:
    """Whether a switch is on, be it said as a number or in words."""
    return value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else bool(value)


def number(value: Any, largest: float = LARGEST) -> float:
    """A number that GLSL can hold. Raises ValueError for anything else, also for what JSON writes NaN or 1e999."""
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not abs(found) <= largest:
        raise ValueError(f"expected a number, found {show(value)}")
    return found


def whole(value: Any) -> int:
    """A whole number that GLSL can hold; what stands behind the point is left out."""
    return int(number(value, LARGEST_INT))


def pair(value: Any) -> tuple[float, float] | None:
    """Two numbers; one stands for both."""
    if value is None:
        return None
    if not isinstance(value, list):
        return number(value), number(value)
    if len(value) < 2:
        raise ValueError(f"expected two numbers, found {show(value)}")
    return number(value[0]), number(value[1])


def words(value: Any) -> str:
    """A text, or nothing where something else stands."""
    return value.strip() if isinstance(value, str) else ""


def show(value: Any) -> str:
    """A value in a message: no longer than a line."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**20 else "a number of many digits"
    return repr(text[:60]) if isinstance(value, str) else text[:60]
