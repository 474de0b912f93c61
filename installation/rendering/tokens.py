"""A GLSL source in; the same without its comments, or with some of its functions' names changed, out, line for line."""

from __future__ import annotations

import re
from collections.abc import Set

OPENING, CLOSING = "([{", ")]}"
NOTHING = re.compile(r"\s*(?:void\s*)?\)")


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
            own.setdefault(head[1], set()).add(count_arguments(f"({head[2]})")[0])
    if not own:
        return source
    counts, kept, at = count_arguments(source), [], 0
    for call in re.finditer(rf"\b({'|'.join(sorted(own))})\s*\(", source):
        if counts.get(call.end() - 1) in own[call[1]]:
            kept += [source[at : call.start()], prefix]
            at = call.start()
    return "".join(kept) + source[at:]


def count_arguments(source: str) -> dict[int, int]:
    """How many things stand in each pair of round brackets, by where it opens; (void) holds none.

    Commas in inner brackets part none. Brackets that are never closed are left out.
    """
    counts: dict[int, int] = {}
    opened: list[list[int]] = []  # where each bracket opens, and the commas in it so far
    for found in re.finditer(r"[()\[\]{},]", source):
        sign = found[0]
        if sign in OPENING:
            opened.append([found.start(), 0])
        elif sign == "," and opened:
            opened[-1][1] += 1
        elif sign in CLOSING and opened:
            start, commas = opened.pop()
            if sign == ")":
                counts[start] = 0 if NOTHING.match(source, start + 1) else commas + 1
    return counts
