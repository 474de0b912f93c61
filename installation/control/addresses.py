"""OSC addresses in, the places that they name out: everything under /installation/, and what a show's aliases add."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from installation.control import patterns
from installation.control.places import (
    FORMS,
    ROOT,
    SWITCHES,
    TRIGGERS,
    URGENT,
    Place,
    Refused,
    groups_of,
    path_of,
    place_of,
    plain,
)
from installation.files import shown
from installation.settings import Cue, SettingsError
from installation.signals import Knob

PATTERNS_KEPT = 64


class AliasError(SettingsError, LookupError):
    """An alias of the show file leads nowhere, or is none."""


def without_knobs(aliases: Mapping[str, Any], cues: Sequence[Cue]) -> dict[str, Any]:
    """The aliases that lead to what every show has (blackout, master, cues): for one whose knobs are gone."""
    space, found = Space({}, cues), {}
    for there, to in aliases.items():
        with contextlib.suppress(AliasError):
            space.lead(there, to)
            found[there] = to
    return found


class Space:
    """Every address of one show. `aliases` lead from what a desk already sends to addresses of ours."""

    def __init__(
        self, knobs: Mapping[str, Knob], cues: Sequence[Cue], aliases: Mapping[str, Any] | None = None
    ) -> None:
        self.places: dict[str, Place] = {}
        for word, (verb, _) in SWITCHES.items():
            self._add(word, Place("switch", verb))
        for word, (verb, _) in TRIGGERS.items():
            self._add(word, Place("trigger", verb))
        self._add("ping", Place("ping", "ping"))
        self._add("status/subscribe", Place("subscribe", "subscribe"))
        self._add("cue", Place("recall", "cue"))
        for cue in cues:
            self._add(f"cue/{plain(cue.number)}", Place("cue", "cue", cue.number))
        self._add("release", Place("release", "release"))
        self._add_forms("master", lambda top: Place("level", "master", top=top))
        for knob in knobs.values():
            self._add_knob(knob)
        for name, members, least in groups_of(knobs):
            self._add_group(name, members, least)
        self._tree: patterns.Tree = {}
        self._urgent_tree: patterns.Tree = {}
        for address, place in self.places.items():
            patterns.plant(self._tree, address, address)
            if not place.waits:
                patterns.plant(self._urgent_tree, address, address)
        self._found: dict[tuple[str, bool], list[str]] = {}
        self._kinds = {knob.name: knob.kind for knob in knobs.values()}
        self.alias_lines: dict[str, Any] = dict(aliases or {})  # as a show file says them
        self.aliases = {there: self.lead(there, to) for there, to in self.alias_lines.items()}

    def find(self, address: str, urgent: bool = False) -> Sequence[Place]:
        """The places that an address or pattern names. Raises Refused when there are none.

        urgent: of those that a pattern names only the ones that never wait, which is soon found out.
        """
        place = self.aliases.get(address) or self.places.get(address)
        if place is not None:
            return (place,)
        if not patterns.is_pattern(address):
            if address.startswith(f"{ROOT}/cue/"):
                return (Place("cue", "cue", address[len(ROOT) + 5 :]),)  # the board says that it is unknown
            raise Refused("unknown address", "no such address")
        return [self.places[found] for found in self._match(address, urgent)]

    def nearest(self, address: str) -> str:
        """The address most like this one, for a message to people; slow."""
        return (difflib.get_close_matches(address[:80], self.places, 1, 0.5) or [f"{ROOT}/..."])[0]

    @property
    def urgent(self) -> list[str]:
        """The addresses of blackout and panic, also those that the show gives them."""
        return [address for address, place in (self.places | self.aliases).items() if place.verbs & URGENT]

    def teach(self, source: str, knob: str, values: Sequence[object]) -> None:
        """Lead an address that somebody sends to a knob from now on, over the range that its values show by now.

        Whole numbers are taken for 0..100, as lighting desks send them, until one is larger; others for 0..1. Other
        threads look addresses up meanwhile.
        """
        kind, before = self._kinds.get(knob, ""), str(self.alias_lines.get(source, ""))
        number = values[0] if values and isinstance(values[0], int | float) else 0.0
        whole = isinstance(number, int) and not isinstance(number, bool)
        form = "dmx" if number > 100 or before.endswith("/dmx") else "percent"
        form = form if whole or number > 1.0001 or before.endswith(("/percent", "/dmx")) else "norm"
        to = f"{ROOT}/{path_of(knob)}" + ("" if kind in ("bool", "event") else f"/{form}")
        if to != before:
            self.aliases = {**self.aliases, source: self.lead(source, to)}
            self.alias_lines[source] = to

    def forget(self, source: str) -> None:
        """Lead an address nowhere again."""
        self.aliases = {there: to for there, to in self.aliases.items() if there != source}
        self.alias_lines.pop(source, None)

    def _match(self, pattern: str, urgent: bool) -> list[str]:
        found = self._found.get((pattern, urgent))
        if found is None:
            try:
                found = patterns.find(self._urgent_tree if urgent else self._tree, pattern)
            except patterns.PatternError as error:
                raise Refused("bad pattern", str(error)) from None
            if len(self._found) >= PATTERNS_KEPT:
                self._found.pop(next(iter(self._found)))
            self._found[pattern, urgent] = found
        if not found:
            raise Refused("unknown address", "no address matches")
        return found

    def _add(self, path: str, place: Place) -> None:
        self.places.setdefault(f"{ROOT}/{path}", place)

    def _add_forms(self, path: str, place: Callable[[float], Place]) -> None:
        self._add(path, place(0.0))
        for form, top in FORMS.items():
            self._add(f"{path}/{form}", place(top))

    def _add_knob(self, knob: Knob) -> None:
        made = place_of(knob)
        self._add_forms(path_of(knob.name), lambda top: Place(made.kind, made.verb, made.name, knob, top))
        self._add("release/" + path_of(knob.name), Place("release", "release", knob.name))

    def _add_group(self, name: str, members: Sequence[Knob], least: int) -> None:
        """A point or a colour: one number for each of its knobs."""

        def several(top: float) -> Place:
            parts = tuple((i, Place("level", "knob", knob.name, knob, top)) for i, knob in enumerate(members))
            return Place("several", "knob", name, parts=parts, least=least, most=len(members))

        self._add_forms(path_of(name), several)

    def lead(self, there: str, to: Any) -> Place:
        """Where an alias leads: to an address, one argument to an address, or each argument to one of its own.

        Raises AliasError.
        """
        where = f"osc.aliases: {shown(there)}"
        if not there.startswith("/"):
            raise AliasError(f"{where}: expected an address that begins with /")
        if isinstance(to, str):
            return self._own(where, to)
        if isinstance(to, Mapping):
            which = to.get("argument", 0)
            if set(to) - {"argument", "to"} or not isinstance(to.get("to"), str):
                raise AliasError(f'{where}: expected {{ argument = 1, to = "..." }}, found {shown(dict(to))}')
            if not isinstance(which, int) or isinstance(which, bool) or not 0 <= which < 64:
                raise AliasError(f"{where}: argument counts from 0, up to 63, found {shown(which)}")
            chosen = [(which, to["to"])]
        elif isinstance(to, list | tuple) and to and all(isinstance(one, str) for one in to):
            chosen = [(i, one) for i, one in enumerate(to) if one]  # "" passes an argument over
        else:
            raise AliasError(f"{where}: expected an address, a list of them, or a table, found {shown(to)}")
        parts = tuple((i, self._own(where, one)) for i, one in chosen)
        if not parts or any(place.parts for _, place in parts):
            raise AliasError(f"{where}: expected addresses of single knobs, one for each argument")
        return Place("several", "alias", there, parts=parts, least=parts[-1][0] + 1)

    def _own(self, where: str, target: str) -> Place:
        """The place of an address, or of a knob by its name."""
        address = target if target.startswith("/") else f"{ROOT}/{path_of(target)}"
        if address not in self.places:
            raise AliasError(f"{where}: no address {shown(target)}; did you mean {self.nearest(address)!r}?")
        return self.places[address]
