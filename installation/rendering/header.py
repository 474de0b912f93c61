"""An ISF file's text in; its JSON header, read as people write it, and the GLSL below it, line for line, out."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

# Comments may open with /** and close with **/, and notes may stand between the last brace and the end.
HEADER = re.compile(r"/\*[\s*]*(\{.*?\})[^{}]*?\*/", re.DOTALL)
STRING = r'("(?:\\.|[^"\\])*")'
COMMENT = re.compile(STRING + r"|//[^\n]*")
SPARE_COMMA = re.compile(STRING + r"|,(?=\s*[,\]}])")
SHORT_NUMBER = re.compile(STRING + r"|(?<![\w.])[-+]?(?:\d+\.|\.\d+)(?![\w.])")


class Split(NamedTuple):
    """The header's text, the line it starts on, and the rest with as many lines as the file has."""

    json: str
    line: int
    body: str


def split(text: str) -> Split | None:
    """Header and GLSL of a file, or None where there is no comment that holds a JSON object."""
    found = HEADER.search(text)
    if not found:
        return None
    blank = "\n" * found[0].count("\n")
    body = text[: found.start()] + blank + " " + text[found.end() :]
    return Split(found[1], text[: found.start(1)].count("\n") + 1, body)


def parse(text: str) -> Any:
    """JSON with control characters in strings, // comments, spare commas and numbers like .5 and 1. let through.

    Raises json.JSONDecodeError, whose line is that of the text.
    """
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError:
        for loose in (COMMENT, SPARE_COMMA):
            text = loose.sub(lambda m: m[1] or "", text)
        text = SHORT_NUMBER.sub(lambda m: m[1] or str(float(m[0])), text)
        return json.loads(text, strict=False)


def entries(value: Any) -> list[dict[str, Any]]:
    """A list of objects, or the older dict of NAME -> object, as a list."""
    if isinstance(value, dict):
        return [{"NAME": name} | (entry if isinstance(entry, dict) else {}) for name, entry in value.items()]
    return [entry for entry in value or [] if isinstance(entry, dict)]


def truth(value: Any) -> bool:
    """Whether a switch is on, be it said as a number or in words."""
    return value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else bool(value)


def pair(value: Any) -> tuple[float, float] | None:
    """Two numbers; one stands for both."""
    if value is None:
        return None
    return (float(value[0]), float(value[1])) if isinstance(value, list) else (float(value), float(value))
