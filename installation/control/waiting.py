"""Values that came too fast in; the newest of each out again, one sender after another, as soon as there is time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from installation.control.answers import Sender
from installation.control.patterns import is_pattern
from installation.packets import Message
from installation.signals import Command

SENDERS_KEPT = 64
PATTERNS_KEPT = 32  # of one sender; commands are bounded by the knobs that there are
MESSAGES_PER_TOKEN = 32  # beyond the first of a packet
PATTERN_TOKENS = 20.0


class Late(NamedTuple):
    """What waits: a command, or a message whose address is a pattern; from whom, and when it arrived."""

    wish: Command | Message
    sender: Sender
    came_s: float


class Waiting:
    """Each sender's newest values, in the order in which their addresses began to wait: no address waits for ever."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, dict[Hashable, Late]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._of)

    def __contains__(self, host: object) -> bool:
        return host in self._of

    def put(self, key: Hashable, late: Late) -> None:
        """Let it wait in the place of what waits under the same key."""
        mine = self._of.setdefault(late.sender.host, {})
        if isinstance(late.wish, Command) and late.wish.verb == "release" and not late.wish.name:
            for held in [k for k, other in mine.items() if isinstance(other.wish, Command)]:
                if mine[held].wish.verb in ("knob", "release"):  # type: ignore[union-attr]
                    del mine[held]
        mine[key] = late
        if isinstance(key, str):
            patterns = [k for k in mine if isinstance(k, str)]
            if len(patterns) > PATTERNS_KEPT:
                del mine[patterns[0]]
        if len(self._of) > SENDERS_KEPT:
            self._of.popitem(last=False)

    def take(self, may: Callable[[str, Late], bool]) -> Iterator[Late]:
        """What may go on now, one of each sender in turn; a sender who may not goes on waiting."""
        hosts = list(self._of)
        while hosts:
            for host in tuple(hosts):
                mine = self._of[host]
                key = next(iter(mine))
                if not may(host, mine[key]):
                    hosts.remove(host)
                    continue
                self._of.move_to_end(host)
                late = mine.pop(key)
                if not mine:
                    del self._of[host]
                    hosts.remove(host)
                yield late


def tokens_of(messages: Sequence[Message], most: float) -> float:
    """What a packet costs: a whole frame of knobs little more than one knob, a pattern as much as it takes."""
    patterns = sum(is_pattern(address) for address, _ in messages)
    return min(1.0 + (len(messages) - 1) / MESSAGES_PER_TOKEN + patterns * (PATTERN_TOKENS - 1.0), most)
