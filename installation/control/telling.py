"""The levels of each frame in; packets to every desk out, of what others set: motor faders and buttons follow.

Each change is a message of its own (grandMA3 reads no bundles), at the address and in the range that the desk itself
uses, else at ours; at most twenty times a second for each address, and never back to where the change came from. Who
subscribes, and a stream that begins to speak, is told everything that is set; a mere sender over UDP, changes alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from installation.control.addresses import Space
from installation.control.answers import Answers, Sender
from installation.control.places import Place
from installation.control.streams import Stream
from installation.control.told import SHOWN, Key, Told, can_be_said, changed, keys_of, settings_of
from installation.control.told import Settings as Set
from installation.packets import Message, encode
from installation.signals import Levels

ROUND_S = 0.05
MOST_EACH, MOST = 64, 512  # messages in a round: to one desk, to all
HOSTS_KEPT = 64


class Telling:
    """Hear what desks say, follow what is set, tell the others. All but `follow` happens in the desk's own thread."""

    def __init__(self, space: Space, answers: Answers, on: bool) -> None:
        self._space, self._answers, self._on = space, answers, on
        self._ours = {a: p for a, p in space.places.items() if p.kind in SHOWN and not p.top}
        self._words: dict[str, dict[str, tuple[Place, bool]]] = {}  # host -> addresses of its own, whole numbers?
        self._setters: dict[Key, Hashable] = {}  # the stream or host that set it last
        self._told: dict[Hashable, Told] = {}
        self._levels: Levels | None = None
        self._before: Set = {}
        self._next_s = 0.0

    def follow(self, levels: Levels) -> None:
        """What is set in this frame."""
        self._levels = levels

    def wait_s(self, now_s: float) -> float | None:
        """How long until there may be something to tell, below 0 where it is late; None while nobody listens."""
        return self._next_s - now_s if self._told else None

    def note(self, place: Place, sender: Sender, now_s: float) -> None:
        """Somebody sets what lies at this place."""
        keys, setter = keys_of(place) if self._on else [], sender.stream or sender.host
        self._setters |= dict.fromkeys(keys, setter)
        for whom, told in self._told.items() if keys else ():
            if _is_party(whom, told.host, setter):
                told.move(keys, now_s)

    def hear(self, message: Message, sender: Sender) -> None:
        """Note by which address somebody speaks of a knob: a pattern is none."""
        place = self._space.aliases.get(message[0]) or self._space.places.get(message[0])
        if place is None or not (self._on and keys_of(place) and can_be_said(place)):
            return
        whole = any(type(value) is int for value in message[1])
        words = self._words.setdefault(sender.host, {})
        if words.get(message[0]) == (place, whole):
            return
        words[message[0]] = place, whole
        if len(self._words) > HOSTS_KEPT:
            del self._words[next(iter(self._words))]
        for told in self._told.values():
            if told.host == sender.host:
                told.use(message[0], place, whole)

    def meet(self, whom: Hashable) -> None:
        """Tell somebody everything anew."""
        self._told.pop(whom, None)

    def step(self, now_s: float) -> None:
        """Tell everybody what is new to him, if it is time to."""
        if not self._on or self._levels is None or now_s < self._next_s:
            return
        self._next_s = now_s + ROUND_S
        everyone = self._answers.audience(now_s)
        self._told = {whom: told for whom, told in self._told.items() if whom in everyone}
        if not everyone:
            return
        now = settings_of(self._levels)
        fresh, self._before = changed(self._before, now), now
        for whom, host in everyone.items():
            told = self._told.get(whom) or self._greet(whom, host, now, now_s)
            told.freshen(fresh)
            told.settle(now_s)
            if told.waits and not (isinstance(whom, Stream) and whom.is_full()):
                most = min(MOST_EACH, MOST // len(everyone))
                news = told.news(now, partial(self._is_own, whom, host, now), most)
                self._answers.reach(whom, [encode(address, *arguments) for address, arguments in news])

    def _greet(self, whom: Hashable, host: str, now: Set, now_s: float) -> Told:
        told = self._told[whom] = Told(host)
        for address, place in self._ours.items():
            told.show(address, place)
        for address, (place, whole) in self._words.get(host, {}).items():
            told.use(address, place, whole)
        if isinstance(whom, str):
            told.learn(now)
            told.move([key for key, setter in self._setters.items() if setter == host], now_s)
        return told

    def _is_own(self, whom: Hashable, host: str, now: Set, key: Key) -> bool:
        """Whether it was this one who set it."""
        return now[key][1] == f"osc {host}" and _is_party(whom, host, self._setters.get(key))


def _is_party(whom: Hashable, host: str, setter: Hashable) -> bool:
    """Of those who share a host: the stream that spoke, or all who are reached over UDP."""
    return setter is whom if isinstance(setter, Stream) else setter == host and not isinstance(whom, Stream)
