"""OSC packets that came over WebSockets in, commands for the next frame out: as the desk's own, and held as tightly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from installation.control.addresses import Space
from installation.control.answers import Sender
from installation.control.arguments import Reading
from installation.control.oscquery.visitors import Visitor
from installation.control.patterns import is_pattern
from installation.control.places import KEPT, Place, Refused
from installation.control.refusals import Refusals, Told
from installation.control.waiting import Late, Waiting
from installation.control.wishes import Wishes
from installation.packets import Message, read
from installation.senders import Buckets
from installation.signals import Command

MOMENTS_HZ, MOMENTS_AT_ONCE = 0.5, 5.0  # of one sender
MESSAGE_TOKENS, PATTERN_TOKENS = 1 / 32, 20.0


class Hearing:
    """Commands until the show asks. From a visitor who is too fast values wait, the newest of each; presses never."""

    def __init__(self, space: Space, refuse: Refusals, packets_per_s: float) -> None:
        self._space, self._refuse, self._most = space, refuse, packets_per_s
        self._buckets = Buckets(packets_per_s, where="oscquery.packets_per_s")
        self._moments = Buckets(MOMENTS_HZ, MOMENTS_AT_ONCE)
        self._reading = Reading(refuse, "oscquery")
        self._wishes, self._waiting, self._lock = Wishes(refuse), Waiting(), threading.Lock()

    @property
    def waits(self) -> bool:
        """Whether something came too fast."""
        return bool(self._waiting)

    def take(self) -> list[Command]:
        """All wishes of this frame."""
        with self._lock:
            return self._wishes.take()

    def obey(self, packet: bytes, one: Visitor, note: Callable[[Visitor, Place, float], None]) -> bool:
        """Do what a packet says, as far as its visitor may speak now: whether it was in time. note tells of each place
        that it sets."""
        messages, odd = read(packet)
        now_s = time.monotonic()
        for error in odd:
            self._refuse("malformed", one.host, error)
        patterns = sum(is_pattern(address) for address, _ in messages)
        tokens = min(1.0 + len(messages) * MESSAGE_TOKENS + patterns * PATTERN_TOKENS, self._most)
        in_time = one.host not in self._waiting and self._buckets.take(one.host, now_s, tokens)
        if not in_time:
            self._refuse("rate limited", one.host)
        for message in messages:
            try:
                for place in self._space.find(message[0], urgent=is_pattern(message[0]) and not in_time):
                    note(one, place, now_s)
                    self._want(place, message, one.host, in_time, now_s)
            except Refused as refused:
                self._refuse(refused.kind, one.host, Told(message[0], refused, self._space.nearest))
        return in_time

    def catch_up(self, now_s: float) -> None:
        """What waited, as far as its visitors may speak again."""
        for late in self._waiting.take(lambda host, _: self._buckets.take(host, now_s, MESSAGE_TOKENS)):
            if isinstance(late.wish, Command):
                self._keep(late.wish, False, late.came_s)

    def _want(self, place: Place, message: Message, host: str, in_time: bool, now_s: float) -> None:
        if place.kind in ("ping", "subscribe"):
            raise Refused("bad argument", "asked over OSC alone; here LISTEN tells of changes")
        for pressed, command in self._reading.commands(place, message[1], host):
            if not in_time and place.waits:
                self._waiting.put(Wishes.key(command), Late(command, Sender(host, 0), now_s))
            elif command.verb in KEPT and not self._moments.take(host, now_s):
                self._refuse(f"{command.verb} dropped", host)
            else:
                self._keep(command, pressed, now_s)

    def _keep(self, command: Command, pressed: bool, came_s: float) -> None:
        with self._lock:
            self._wishes.add(command, pressed, came_s)
