"""Stills and the folder of their prints in; the name of each print out: one that takes nobody's place.

A print is called as its still. Where that name belongs to the print of another source (a/rose.png and b/rose.png), it
becomes rose-2; so it does where names differ only in case or in how their accents are written, which some disks take
for one. Where something stands that is not the chain's own, it is refused, unless both shall be kept.
"""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from installation.stills.ledger import BEFORE_AFTER, SHEETS, Ledger, NotOurs, State, read_sidecar

RESERVED = (*SHEETS, "choices.json", "preview")
PICTURE = ".png"
ENDS = {"master.tif": ".tif", "drawing.svg": ".svg"}  # of what is called after the print alone
LONGEST_STEM = 120  # bytes of UTF-8: the longest ending and the marks of a half-written file fit behind it
Sources = frozenset[str]  # paths and hashes of what a print was made of


class Names:
    """Who may use which name in one folder, for one run of a job."""

    def __init__(self, ledger: Ledger, originals: Iterable[Path], keep_both: bool = False) -> None:
        self.ledger, self.keep_both = ledger, keep_both
        self.originals = {os.path.realpath(path) for path in originals}
        self._claims: dict[str, tuple[str, Sources]] = {folded(name): ("", frozenset()) for name in RESERVED}
        self._given: dict[tuple[str, Sources], str] = {}

    def settle(self, wanted: str, sources: Sources, ends: Sequence[str]) -> str:
        """The name of the print of a still; ends are those of its files. Raises NotOurs saying what is in the way."""
        owner = (wanted, sources)
        first = self._given.get(owner)
        numbered = (f"{wanted}-{number}" for number in itertools.count(2))
        for name in itertools.chain([first] if first else [wanted], numbered):
            targets = [f"{name}{end}" for end in ends]
            if self._is_anothers(name, targets, owner):
                continue
            if in_the_way := [target for target in targets if self._is_in_the_way(target)]:
                if self.keep_both:
                    continue
                raise NotOurs(self.ledger.out, in_the_way)
            self._claims |= {folded(target): owner for target in targets}
            self._given[owner] = name
            return name
        raise AssertionError("numbers do not end")

    def _is_anothers(self, name: str, targets: Sequence[str], owner: tuple[str, Sources]) -> bool:
        """Whether another still of this run, or the print of other sources, has a name of these."""
        if any(self._claims.get(folded(target), owner) != owner for target in targets):
            return True
        there = {folded(found): found for found in _names_in(self.ledger.out)}
        if any(there.get(folded(target), target) != target for target in targets):
            return True
        told = sources_of(self.ledger.out / f"{name}.json")
        return bool(told) and not told & owner[1]

    def _is_in_the_way(self, target: str) -> bool:
        if self.ledger.state(target) is State.OTHER:
            return True
        return os.path.realpath(self.ledger.out / target) in self.originals


def ends_of(made: Sequence[str]) -> list[str]:
    """How the names of a print's files end, from what the stages called them; without print files it is a picture."""
    ends = [ENDS.get(name, f".{name}") for name in made]
    picture = [] if any(not name.endswith(".svg") for name in made) else [PICTURE]
    return [*ends, *picture, BEFORE_AFTER, ".json"]


def sources_of(sidecar: Path) -> Sources:
    """Paths and hashes of what the print of a sidecar was made of; none when it is no sidecar."""
    told = read_sidecar(sidecar).get("inputs", ())
    return frozenset(str(one[key]) for one in told for key in ("path", "sha256") if one.get(key))


def folded(name: str) -> str:
    """Equal for names that some disk takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def stem_of(path: Path) -> str:
    """A file's name without its ending, as a name for stills: printable everywhere, short enough for what is added."""
    stem = os.fsencode(path.stem)
    try:
        name = stem.decode("utf-8")
    except UnicodeDecodeError:
        name = stem.decode("latin-1")
    name = "".join(letter if letter.isprintable() else "_" for letter in name)
    short = name.encode()[:LONGEST_STEM].decode("utf-8", "ignore").rstrip()
    return short or "picture"


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
