"""A GLSL source in; the same without its comments, or with some of its functions' names changed, out, line for line."""

from __future__ import annotations

import re
from collections.abc import Set

OPENING, CLOSING = "([{", ")]}"
LONGEST_CALL = 10_000  # letters, from bracket to bracket


def blank_comments(source: str) -> str:
    """Spaces where comments stand. A comment that is never closed is left to the compiler to complain about."""
    kept, at = [], 0
    for start in (found.start() for found in re.finditer(r"/[/*]", source)):
        if start < at:
            continue
        lines = source[start + 1] == "/"
        end = source.find("\n", start) if lines else source.find("*/", start + 2) + 2
        if end < 2:
            if not lines:
                break
            end = len(source)
        kept += [source[at:start], re.sub(r"[^\n]", " ", source[start:end])]
        at = end
    return "".join(kept) + source[at:]


def rename_calls(source: str, names: Set[str], prefix: str, types: str) -> str:
    """Put the prefix before functions that the source itself defines under one of these names, where they are defined,
    declared, or called with as many arguments as one of those definitions takes."""
    heads = re.finditer(rf"\b(?:{types})\s+(\w+)\s*\(([^(){{}};]*)\)\s*\{{", source)
    own: dict[str, set[int]] = {}
    for head in heads:
        if head[1] in names:
            own.setdefault(head[1], set()).add(count_arguments(head[2]))
    if not own:
        return source
    kept, at = [], 0
    for call in re.finditer(rf"\b({'|'.join(sorted(own))})\s*\(", source):
        if _count_in_call(source, call.end()) in own[call[1]]:
            kept += [source[at : call.start()], prefix]
            at = call.start()
    return "".join(kept) + source[at:]


def count_arguments(text: str) -> int:
    """How many things a list between brackets names; (void) names none."""
    return 0 if text.strip() in ("", "void") else _count_in_call(text + ")", 0)


def _count_in_call(source: str, at: int) -> int:
    """How many arguments follow, up to the bracket that closes the call; commas in inner brackets part none."""
    depth, commas, start = 0, 0, at
    for found in re.compile(r"[()\[\]{},;]").finditer(source, at, at + LONGEST_CALL):
        sign = found[0]
        if sign in OPENING:
            depth += 1
        elif sign in CLOSING:
            depth -= 1
        elif sign == "," and depth == 0:
            commas += 1
        if depth < 0 or sign == ";":
            return commas + bool(source[start : found.start()].strip() or commas)
    return -1
