"""An OSC address pattern and a tree of addresses in, the addresses it names out, in time linear in what is looked at.

Each part of a pattern becomes a row of places; one integer holds every place reached so far (Baeza-Yates & Gonnet,
"A new approach to text searching", 1992), so that no pattern, however many stars it has, makes us go back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

Tree = dict[str, "Tree | str"]
"""Parts of addresses, level by level; a whole address ends in the part "" holding what it names."""

WILD = frozenset("?*[]{}")
ALTERNATIVES_LIMIT = 32
_TOKEN = re.compile(r"\*+|\?|\[[^\]]+\]|[^*?\[\]{}]")
_STAR = "*"


class PatternError(ValueError):
    """Not an OSC address pattern that we take."""


def is_pattern(address: str) -> bool:
    """Whether an address holds any of ? * [ ] { }."""
    return not WILD.isdisjoint(address)


def plant(tree: Tree, address: str, leaf: str) -> None:
    """Add one address to the tree."""
    for part in address.strip("/").split("/"):
        branch = tree.setdefault(part, {})
        assert isinstance(branch, dict)
        tree = branch
    tree[""] = leaf


def find(tree: Tree, pattern: str) -> list[str]:
    """Leaves of every address that the pattern matches, in the tree's order. Raises PatternError."""
    parts = [[_Part(p) for p in _alternatives(part)] for part in pattern.strip("/").split("/")]
    return list(_walk(tree, parts, 0))


def _walk(tree: Tree, parts: list[list[_Part]], level: int) -> Iterator[str]:
    if level == len(parts):
        leaf = tree.get("")
        if isinstance(leaf, str):
            yield leaf
        return
    for name, branch in tree.items():
        if name and isinstance(branch, dict) and any(part.matches(name) for part in parts[level]):
            yield from _walk(branch, parts, level + 1)


def _alternatives(part: str) -> list[str]:
    """{a,b} written out: "x{a,b}" -> "xa", "xb"; what stands in braces is plain text."""
    pieces = re.split(r"\{([^{}]*)\}", part)
    choices = [piece.split(",") if i % 2 else [piece] for i, piece in enumerate(pieces)]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > ALTERNATIVES_LIMIT:
        raise PatternError(f"{count} alternatives in one part, at most {ALTERNATIVES_LIMIT}")
    return ["".join(chosen) for chosen in product(*choices)]


class _Part:
    """One part of a pattern, ready to be run over names."""

    def __init__(self, text: str) -> None:
        tokens = _TOKEN.findall(text)
        if sum(map(len, tokens)) != len(text):
            raise PatternError(f"a bracket without its partner in {text!r}")
        self._stars = 0  # places that may stay where they are
        self._any = 0  # places that any character leads on from
        self._ways: dict[str, int] = {}  # character -> places that it leads on from
        self._negated: list[tuple[int, frozenset[str]]] = []
        place = 0
        for token in tokens:
            if token[0] == _STAR:
                self._stars |= 1 << place
                continue
            self._learn(token, 1 << place)
            place += 1
        self._goal = 1 << place

    def _learn(self, token: str, bit: int) -> None:
        if token == "?":
            self._any |= bit
            return
        if len(token) == 1:
            letters, negated = frozenset(token), False
        else:
            letters, negated = _letters(token[1:-1])
        if negated:
            self._negated.append((bit, letters))
        else:
            for letter in letters:
                self._ways[letter] = self._ways.get(letter, 0) | bit

    def matches(self, name: str) -> bool:
        places = 1
        for letter in name:
            ways = self._any | self._ways.get(letter, 0)
            for bit, letters in self._negated:
                if letter not in letters:
                    ways |= bit
            places = ((places & ways) << 1) | (places & self._stars)
            if not places:
                return False
        return bool(places & self._goal)


def _letters(inside: str) -> tuple[frozenset[str], bool]:
    """The characters of [a-z], and whether [!a-z] turns them round."""
    negated = inside[0] == "!"
    inside = inside[negated:]
    letters: set[str] = set()
    at = 0
    while at < len(inside):
        if at + 2 < len(inside) and inside[at + 1] == "-":
            low, high = ord(inside[at]), ord(inside[at + 2])
            letters.update(map(chr, range(low, high + 1)))  # ASCII only: the decoder saw to that
            at += 3
        else:
            letters.add(inside[at])
            at += 1
    return frozenset(letters), negated
