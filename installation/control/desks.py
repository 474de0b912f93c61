"""Several listeners in (OSC, DMX, ...), one desk out: the wishes of all people of one frame."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from installation.control.desk import Desk
from installation.control.feedback import quiet
from installation.signals import Command, Levels

if TYPE_CHECKING:
    import numpy as np

log = quiet(logging.getLogger("installation.control.desks"))


class Listener(Protocol):
    """Whoever turns what people do into commands. bind() raises where the show is not to begin without it."""

    @property
    def faults(self) -> Counter[str]: ...

    def bind(self) -> None: ...
    def start(self) -> None: ...
    def poll(self, now_s: float) -> list[Command]: ...
    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class Remembering(Protocol):
    """A listener that has to know something again in the next show: a plain value, taken up before start()."""

    def remember(self) -> object: ...
    def recall(self, said: object) -> None: ...


@runtime_checkable
class Following(Protocol):
    """A listener that shows people what is set: told in every frame, so it takes the levels and is gone."""

    def follow(self, levels: Levels, now_s: float) -> None: ...


class Fitted(Protocol):
    """A wall that is fitted from a page. hear() raises SettingsError for what cannot be done."""

    def hear(self, act: str, table: Mapping[str, Any]) -> None: ...
    def look(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Sight:
    """What of a show a listener may look at: the picture as it is presented [shape=(H, W, 3), uint8], what was survived
    by kind, whether each device is there, whether the picture may be made of the camera's; where words are put up as
    a code to scan for people to see; the wall, to fit it; and where a drawing to paint from is laid [shape=(H, W, 1),
    uint8, dark on white]."""

    picture: Callable[[], np.ndarray]
    faults: Callable[[], Mapping[str, int]]
    devices: Callable[[], Mapping[str, bool]]
    watches: Callable[[], bool]
    put_up: Callable[[str], None]
    wall: Fitted
    lay: Callable[[np.ndarray], object] = lambda drawing: None


@runtime_checkable
class Looking(Protocol):
    """A listener that looks at the show itself."""

    def look(self, sight: Sight) -> None: ...


class Desks:
    """The OSC desk and whatever else listens, by name; one that fails is counted, and the others are heard."""

    def __init__(self, osc: Desk, **others: Listener) -> None:
        self.osc = osc
        self.all: dict[str, Listener] = {"osc": osc, **others}
        self.survived: Counter[str] = Counter()
        self._following = [one for one in self.all.values() if isinstance(one, Following)]

    @property
    def port(self) -> int:
        """Where OSC is heard."""
        return self.osc.port

    @property
    def faults(self) -> Counter[str]:
        """What was refused, by kind; kinds of other listeners than OSC begin with their name."""
        found = Counter(self.osc.faults) + self.survived
        for name, one in self.all.items():
            if one is not self.osc:
                found += Counter({f"{name}: {kind}": count for kind, count in dict(one.faults).items()})
        return found

    def bind(self) -> None:
        """From now on what is sent waits for start(). Raises OSError when OSC's port is taken."""
        for one in self.all.values():
            one.bind()

    def start(self) -> None:
        """Listen, everywhere. Raises OSError when OSC's port is taken."""
        for one in self.all.values():
            one.start()

    def poll(self, now_s: float) -> list[Command]:
        """What people want since the last time, each listener's wishes in their order: black has the last word."""
        wishes = [heard for name, one in self.all.items() if (heard := self._ask(name, one, now_s))]
        return [command for heard in sorted(wishes, key=_asks_for_black) for command in heard]

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """Say how the show is."""
        for one in self.all.values():
            one.tell(values, now_s)

    def follow(self, levels: Levels, now_s: float) -> None:
        """Let those who show it know what is set in this frame."""
        for one in self._following:
            one.follow(levels, now_s)

    def look(self, sight: Sight) -> None:
        """Let those who want to, look at the show."""
        for one in self.all.values():
            if isinstance(one, Looking):
                one.look(sight)

    def remember(self) -> dict[str, object]:
        """What listeners have to know again in the next show."""
        return {name: one.remember() for name, one in self.all.items() if isinstance(one, Remembering)}

    def recall(self, table: object) -> None:
        """Take up what `remember` wrote down, before start(); what cannot be is left out."""
        for name, one in self.all.items():
            if isinstance(one, Remembering) and isinstance(table, Mapping) and name in table:
                one.recall(table[name])

    def close(self) -> None:
        """Stop listening."""
        for one in self.all.values():
            one.close()

    def _ask(self, name: str, one: Listener, now_s: float) -> list[Command]:
        try:
            return one.poll(now_s)
        except Exception:
            self.survived[f"{name}: desk error"] += 1
            log.exception("%s: asking failed; the others are heard", name)
            return []


def _asks_for_black(heard: Sequence[Command]) -> bool:
    return any(one.verb == "panic" or (one.verb == "blackout" and one.value > 0) for one in heard)
