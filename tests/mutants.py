"""The GLSL of a shader in; every sensible change to one place of its formulas out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

TOKEN = re.compile(r"\d+\.\d*(?:e-?\d+)?|\.\d+|\d+e-?\d+|\d+|\w+|[-+*/]=|[<>=!]=|&&|\|\||\+\+|--|\S")
QUIET = re.compile(
    r"//[^\n]*|/\*.*?\*/|^[ \t]*#[^\n]*|^[ \t]*(?:flat[ \t]+)?(?:in|out|uniform)\b[^\n;]*;", re.DOTALL | re.MULTILINE
)
TYPES = r"(?:const\s+)?(?:float|int|bool|[bi]?vec[234]|mat[234])"
OTHER = {
    "+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=",
    "<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "min": "max", "max": "min", "sin": "cos", "cos": "sin", "floor": "ceil", "ceil": "floor",
    "true": "false", "false": "true",
}  # fmt: skip
BARE = {"abs", "floor", "ceil", "fract", "sqrt", "exp", "sign", "clamp", "pow", "smoothstep"}  # their argument alone
TURNED = {"mix", "step", "mod", "atan"}  # their first two arguments exchanged
NEXT = dict(zip("xyzwrgba", "yxxxgbrr", strict=True))
OPERATORS = {"+", "-", "*", "/", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "?", ":", ",", ";", ")", "]", "}"}


class Token(NamedTuple):
    text: str
    start: int
    end: int


class Mutant(NamedTuple):
    """Where a shader was changed, what the line was and is, and the whole text."""

    line: int
    before: str
    after: str
    text: str


def mutants(text: str, begin: int, uniforms: Mapping[str, str]) -> Iterator[Mutant]:
    """Every change of the GLSL that begins at this place; uniforms: the constant that may stand for each."""
    lines = text.split("\n")
    for start, end, new in sorted(set(_changes(text, begin, uniforms))):
        line = text.count("\n", 0, start)
        changed = text[:start] + new + text[end:]
        after = " ".join(changed.split("\n")[line].split())
        yield Mutant(line + 1, " ".join(lines[line].split()), after, changed)


def tokens(text: str, begin: int) -> list[Token]:
    """The words of the code: no comments, no lines for the preprocessor, no declarations of what comes from outside."""
    quiet = QUIET.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text[begin:])
    return [Token(m[0], begin + m.start(), begin + m.end()) for m in TOKEN.finditer(quiet)]


def _changes(text: str, begin: int, uniforms: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    words = tokens(text, begin)
    for i, word in enumerate(words[:-1]):
        before, after = words[i - 1].text if i else "", words[i + 1].text
        yield from _exchanged(words, i, before, after)
        if re.match(r"\.?\d", word.text):
            yield word.start, word.end, _other_number(word.text)
        elif word.text in uniforms and before != ".":
            yield word.start, word.end, uniforms[word.text]
        elif before == "." and re.fullmatch(r"[xyzwrgba]", word.text):
            yield word.start, word.end, NEXT[word.text]
        elif before == "." and word.text in ("xy", "yx"):
            yield word.start, word.end, word.text[::-1]
        elif after == "(" and word.text in BARE | TURNED and before != "vec2":
            yield from _simpler(text, words, i)
    yield from _removed(words)


def _exchanged(words: list[Token], i: int, before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """An operator or a function for its opposite; a sign or a whole term left out."""
    word = words[i]
    binary = bool(re.fullmatch(r"[\w.]+|\)|\]", before)) and before != "return"
    if word.text in ("-", "!") and not binary:
        yield word.start, word.end, ""
    elif word.text in OTHER and (binary or not word.text.isalpha() or after == "(" or word.text in ("true", "false")):
        yield word.start, word.end, OTHER[word.text]
        if word.text in ("+", "-", "*", "/"):
            yield word.start, words[_operand(words, i)].end, ""
            if word.text == "/":
                return


def _operand(words: list[Token], i: int) -> int:
    """The last token of the operator's right side."""
    stops = OPERATORS - ({"*", "/"} if words[i].text in "+-" else set())
    depth, k = 0, i + 1
    while k + 1 < len(words):
        depth += (words[k].text in "([") - (words[k].text in ")]")
        if depth == 0 and words[k + 1].text in stops and words[k].text not in ("*", "/"):
            return k
        k += 1
    return k


def _other_number(number: str) -> str:
    """Another by a clear amount: half as large again, or one more where it counts something."""
    if number.isdigit():
        return str(int(number) + 1)
    value = float(number)
    return f"{value * 1.5 if value else 1.0:.9f}"


def _simpler(text: str, words: list[Token], i: int) -> Iterator[tuple[int, int, str]]:
    """A function's argument in place of its result, or its first two arguments exchanged."""
    depth, parts, first = 0, [], i + 2
    for k in range(i + 1, len(words)):
        depth += (words[k].text in "([") - (words[k].text in ")]")
        if (depth == 1 and words[k].text == ",") or depth == 0:
            parts.append(text[words[first].start : words[k - 1].end])
            first = k + 1
        if depth == 0:
            break
    name, end = words[i].text, words[k].end
    if name in BARE:
        yield words[i].start, end, f"({parts[-1 if name == 'smoothstep' else 0]})"
    elif len(parts) > 1:
        yield words[i].start, end, f"{name}({', '.join([parts[1], parts[0], *parts[2:]])})"


def _removed(words: list[Token]) -> Iterator[tuple[int, int, str]]:
    """Statements left out: those that assign, and those that leave early."""
    depth, first = 0, 0
    for k, word in enumerate(words):
        depth += (word.text in "([") - (word.text in ")]")
        if depth == 0 and word.text in ";{}":
            said = " ".join(w.text for w in words[first:k])
            ends = k + 1 < len(words) and words[k + 1].text == "}" and said.startswith("return")
            assigns = re.search(r"(?<![<>=!])=(?!=)|[-+*/]=|\breturn\b", said) and not re.match(TYPES + r"\b", said)
            if word.text == ";" and assigns and not ends:
                yield words[first].start, word.end, ";"
            first = k + 1
