"""Places and the levels of a frame in; what somebody who shows them does not know yet out, as he would have sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from installation.control.places import Place
from installation.packets import Argument
from installation.signals import Levels

Key = tuple[str, str]  # verb, knob's name
Settings = Mapping[Key, tuple[float | str | bool, str]]  # what is set, and who set it
LAST = ("master", "blackout", "freeze", "test_card", "cue")
SHOWN = frozenset({"level", "switch", "recall"})  # kinds of places that have a value
SETTLED_S = 0.3  # no frame takes longer to have what was sent
WAYS = 4  # addresses of one knob that one desk may use side by side


def settings_of(levels: Levels) -> dict[Key, tuple[float | str | bool, str]]:
    """Everything that people set. Without the master while a panic dims it: that is not where the master stands."""
    held = levels.held
    found: dict[Key, tuple[float | str | bool, str]] = {
        ("knob", name): (value, held.get(name, "")) for name, value in levels.base.items()
    }
    for verb in LAST:
        if not (verb == "master" and levels.panic):
            found[verb, ""] = getattr(levels, verb), levels.by.get(verb, "")
    return found


def keys_of(place: Place) -> list[Key]:
    """What a place sets and shows: several for a point or a colour, none for a press or a question."""
    return [(one.verb, one.name) for one in _singles(place) if one.kind in SHOWN]


def can_be_said(place: Place) -> bool:
    """Whether all that is sent to this place is known here: not of an alias that leaves arguments out."""
    return [i for i, _ in place.parts] == list(range(len(place.parts)))


def said(place: Place, settings: Settings, whole: bool = False) -> tuple[Argument, ...] | None:
    """What a desk would send to a place to have what is set now; None where there is nothing to be said.

    whole: percents and DMX levels as whole numbers, for a desk that counts so.
    """
    found = []
    for one in _singles(place):
        setting = settings.get((one.verb, one.name)) if one.kind in SHOWN else None
        if setting is None:
            return None
        found.append(_number(one, setting[0], whole))
    return tuple(found)


def _singles(place: Place) -> tuple[Place, ...]:
    return tuple(one for _, one in place.parts) or (place,)


def _number(place: Place, value: float | str | bool, whole: bool) -> Argument:
    if isinstance(value, str):
        return value
    knob = place.knob
    if place.kind == "switch" or (knob.kind in ("bool", "int") and not place.top):
        return round(value)
    if not place.top:
        return float(value)
    value = (value - knob.low) / ((knob.high - knob.low) or 1.0) * place.top
    return round(value) if whole and place.top > 1.0 else value


class Told:
    """One who shows what is set: at which addresses, and what he knows. What he set himself he is not told."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.places: dict[str, Place] = {}
        self._at: dict[Key, list[str]] = {}
        self._used: set[str] = set()
        self._whole: set[str] = set()
        self._knows: dict[str, tuple[Argument, ...] | None] = {}
        self._due: dict[str, None] = {}  # in the order in which they became so
        self._moved_s: dict[Key, float] = {}

    @property
    def waits(self) -> bool:
        """Whether there is more to be said."""
        return bool(self._due)

    def show(self, address: str, place: Place, due: bool = True) -> None:
        """Tell him at this address from now on; first what is set now, if due."""
        self.places[address] = place
        for key in keys_of(place):
            self._at.setdefault(key, []).append(address)
        if due:
            self._due[address] = None

    def use(self, address: str, place: Place, whole: bool) -> None:
        """He speaks of these knobs by an address of his own: that is where he hears of them too."""
        (self._whole.add if whole else self._whole.discard)(address)
        if address in self._used:
            return
        self._used.add(address)
        self.places[address] = place
        for key in keys_of(place):
            ways = [way for way in self._at.get(key, ()) if way in self._used][1 - WAYS :]
            self._at[key] = [*ways, address]

    def leave(self, address: str) -> None:
        """Tell him at this address no more."""
        place = self.places.pop(address, None)
        for key in keys_of(place) if place else ():
            self._at[key].remove(address)
        self._due.pop(address, None)
        self._knows.pop(address, None)

    def freshen(self, keys: Iterable[Key]) -> None:
        """These were set."""
        for key in keys:
            for address in self._at.get(key, ()):
                self._due[address] = None

    def move(self, keys: Iterable[Key], now_s: float) -> None:
        """His own hand moved these: what he knew of them is no longer what he shows."""
        for key in keys:
            if key in self._at:
                self._moved_s[key] = now_s

    def settle(self, now_s: float) -> None:
        """What he moved a while ago stands by now where he put it, or he is told where it stands."""
        for key in [key for key, moved_s in self._moved_s.items() if now_s - moved_s >= SETTLED_S]:
            del self._moved_s[key]
            self.freshen([key])
            for address in self._at.get(key, ()):
                self._knows.pop(address, None)

    def learn(self, settings: Settings) -> None:
        """He need not be told what is set now."""
        self._knows = {address: self._say(address, settings) for address in self.places}
        self._due.clear()

    def news(
        self, settings: Settings, is_own: Callable[[Key], bool], most: int
    ) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """What he does not know yet, at most so many; the rest waits."""
        for address in list(islice(self._due, most)):
            del self._due[address]
            arguments = self._say(address, settings)
            own = all(map(is_own, keys_of(self.places[address])))
            if arguments is None:
                continue
            if not own and self._knows.get(address) != arguments:
                yield address, arguments
            self._knows[address] = arguments

    def _say(self, address: str, settings: Settings) -> tuple[Argument, ...] | None:
        return said(self.places[address], settings, address in self._whole)


def changed(before: Settings, now: Settings) -> list[Key]:
    """What was set anew, or by somebody else."""
    return [key for key, setting in now.items() if before.get(key) != setting]
