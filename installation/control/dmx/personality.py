"""Levels of 26 channels in, commands out where a level changed; and the table of these channels, for a sheet.

A console says the same again and again, so only a change is a wish: a steady stream takes nothing back from another
desk, and the newest change wins wherever it was made. What a channel's default says (dimmer full, shutter open, the
rest 0) is what nobody has touched yet: a knob is held from its first change on, until it is released.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from installation.control.dmx.merging import Look
from installation.control.dmx.sent import SLOTS
from installation.control.looks import settle
from installation.settings import Cue, Dmx, SettingsError
from installation.signals import Command, Knob

Wish = tuple[bool, Command]
"""A command, and whether it is a press."""
Act = Callable[[int, int, float | None], Iterable[Wish]]
"""What a channel asks for: its value now, the one before, and the fade time in force."""

KNOBS = 8
HALF, FULL = 32_768, 65_535
CLOSED_BELOW, ON_FROM = 64, 128
HOLD_S = 3.0
CONTROL = {
    1: ("fade to black and stay black (panic)", Command("panic")),
    2: ("light again after panic", Command("blackout", value=0.0)),
    3: ("give every held knob back to the cue", Command("release", value=1.0)),
    4: ("test card on", Command("test_card", value=1.0)),
    5: ("test card off", Command("test_card", value=0.0)),
    6: ("keep this instant, to print it later (moment)", Command("moment", value=1.0)),
    7: ("keep this point of the latent space (vector)", Command("vector", value=1.0)),
}
"""Of the control channel: ten values each, from ten times this number on."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the values from low to high mean."""

    low: int
    high: int
    what: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One function: its first channel of 26, whether a second makes it finer, what it means and what it asks for."""

    name: str
    first: int
    wide: bool
    default: int
    about: str
    steps: tuple[Step, ...]
    act: Act
    pressed: bool = False  # by a change within one stream only: another console's level is no press
    turns: str = ""  # the knob

    @property
    def spare(self) -> bool:
        """Whether it may turn a knob, and turns none yet."""
        return self.name.startswith("Knob") and not self.turns

    def of(self, slots: bytes) -> int:
        """Its value, 0..65535 or 0..255, in the bytes of the whole fixture."""
        value = slots[self.first - 1]
        return value << 8 | slots[self.first] if self.wide else value


class Personality:
    """The show as a fixture. Raises SettingsError for a knob that the show has not, or an address too far up."""

    def __init__(self, dmx: Dmx, knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> None:
        self.address = dmx.address
        self.channels = tuple(_numbered(_rows(dmx, knobs, cues)))
        self.size = self.channels[-1].first
        if not 1 <= dmx.address <= SLOTS + 1 - self.size:
            raise SettingsError(f"dmx.address: must be 1 to {SLOTS + 1 - self.size}, found {dmx.address}")
        self._acted = defaults = b"".join(c.default.to_bytes(1 + c.wide, "big") for c in self.channels)
        assert len(defaults) == self.size
        self._knobs = knobs
        self.moved: list[tuple[Channel, int]] = []  # by the newest look
        self._stream: tuple[bytes, float] | None = None
        self._since_s, self._done = 0.0, True  # of the control channel

    def read(self, look: Look, now_s: float) -> list[Wish]:
        """What a look asks for that the one before it did not; what it is too short for stays as it was."""
        before, at = self._acted, self.address - 1
        slots = look.levels[at : at + self.size]
        slots += before[len(slots) :]
        other = self._stream != (look.source, look.begun_s)
        self._acted, self._stream = slots, (look.source, look.begun_s)
        wishes: list[Wish] = []
        self.moved = []
        if slots != before:
            fade_s = fade_of(slots[self.channels[4].first - 1])
            for channel in self.channels:
                new, old = channel.of(slots), channel.of(before)
                if new != old:
                    self.moved.append((channel, new))
                if new != old and not (other and channel.pressed):
                    wishes += channel.act(new, old, fade_s)
        return wishes + list(self._hold(slots[-1] // 10, before[-1] // 10, other, now_s))

    def _hold(self, chosen: int, before: int, other: bool, now_s: float) -> Iterator[Wish]:
        """The control channel: once, when a value has been held for HOLD_S; not again when the console comes back."""
        if chosen != before:
            self._since_s, self._done = now_s, False
        elif other:
            self._done = True
        if not self._done and now_s - self._since_s >= HOLD_S and chosen in CONTROL:
            self._done = True
            yield False, CONTROL[chosen][1]

    @property
    def knobs(self) -> list[str]:
        """What its eight knob channels turn, "" for nothing: as a show file says it."""
        return [channel.turns for channel in self.channels if channel.name.startswith("Knob")]

    def teach(self, source: str, knob: str, values: Sequence[object] = ()) -> None:
        """Let a channel, by its name, turn this knob from now on; "" for none. Other threads read it meanwhile."""
        self.channels = tuple(
            replace(_knob(one.name, knob, "knobs", self._knobs), first=one.first)
            if one.name == source and one.turns != knob
            else one
            for one in self.channels
        )

    def forget(self, source: str) -> None:
        """Let a channel turn nothing."""
        self.teach(source, "")

    def remember(self) -> str:
        """What the console said last, as text that `recall` takes up again."""
        return self._acted.hex()

    def recall(self, text: object) -> None:
        """Take up what was said to an earlier show: only what differs from it is a change. What is none is left out."""
        try:
            slots = bytes.fromhex(str(text))
        except ValueError:
            return
        self._acted = slots if len(slots) == self.size else self._acted


def fade_of(value: int) -> float | None:
    """The fade time of a value in seconds, None for the cue's own."""
    return (value - 1) / 10.0 if value else None


def _numbered(rows: Iterable[Channel]) -> Iterator[Channel]:
    """Each row where the one before it ends."""
    first = 1
    for row in rows:
        yield Channel(row.name, first, row.wide, row.default, row.about, row.steps, row.act, row.pressed, row.turns)
        first += 1 + row.wide


def _rows(dmx: Dmx, knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> Iterator[Channel]:
    if len(dmx.knobs) > KNOBS:
        raise SettingsError(f"dmx.knobs: at most {KNOBS}, found {len(dmx.knobs)}")
    dark = (Step(0, CLOSED_BELOW - 1, "closed: black at once"), Step(CLOSED_BELOW, 255, "open"))
    fades = (Step(0, 0, "the cue's own"), Step(1, 255, "0 to 25.4 s, in tenths"))
    yield Channel("Dimmer", 0, True, FULL, "brightness of the whole picture", (), _dim)
    yield Channel("Shutter", 0, False, 255, "open or closed; it does not strobe", dark, _shut)
    yield Channel("Cue", 0, False, 0, "recalls a cue when it changes; let it snap", tuple(_cue_steps(cues)), _cue(cues))
    yield Channel("Go", 0, False, 0, "next cue, each time it rises", _switch("", "go"), _go, pressed=True)
    yield Channel("Fade time", 0, False, 0, "of Cue and Go", fades, lambda new, old, fade_s: ())
    yield Channel("Freeze", 0, False, 0, "holds the picture", _switch("moves", "held"), _freeze)
    speed = dmx.speed if dmx.speed in knobs or dmx.speed != Dmx.speed else ""  # not every generator has one
    yield _knob("Speed", speed, "speed", knobs)
    for i in range(KNOBS):
        name = dmx.knobs[i] if i < len(dmx.knobs) else ""
        yield _knob(f"Knob {i + 1}", name, f"knobs[{i}]", knobs)
    acts = tuple(Step(10 * n, 10 * n + 9, what) for n, (what, _) in CONTROL.items())
    rest = (Step(0, 9, "nothing"), *acts, Step(acts[-1].high + 1, 255, "nothing"))
    yield Channel("Control", 0, False, 0, f"acts once a value is held for {HOLD_S:g} s", rest, lambda n, o, f: ())


def _cue_steps(cues: Sequence[Cue]) -> Iterator[Step]:
    yield Step(0, 0, "nothing")
    for value, cue in enumerate(cues[:255], 1):
        yield Step(value, value, f"cue {cue.number}{cue.name and ': '}{cue.name}")


def _switch(off: str, on: str) -> tuple[Step, Step]:
    return Step(0, ON_FROM - 1, off or "nothing"), Step(ON_FROM, 255, on)


def _dim(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
    yield False, Command("master", value=new / FULL)


def _shut(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
    if (new < CLOSED_BELOW) != (old < CLOSED_BELOW):
        yield False, Command("blackout", value=float(new < CLOSED_BELOW))


def _cue(cues: Sequence[Cue]) -> Act:
    def act(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
        if 1 <= new <= len(cues):
            yield True, Command("cue", cues[new - 1].number, 1.0, fade_s)

    return act


def _go(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
    if old < ON_FROM <= new:
        yield True, Command("go", value=1.0, fade_s=fade_s)


def _freeze(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
    if (new < ON_FROM) != (old < ON_FROM):
        yield False, Command("freeze", value=float(new >= ON_FROM))


def _knob(name: str, knob_name: str, where: str, knobs: Mapping[str, Knob]) -> Channel:
    """A channel that turns a knob over its whole range, or presses it; nothing where the show assigns none."""
    if not knob_name:
        return Channel(name, 0, True, 0, "not assigned", (), lambda new, old, fade_s: ())
    knob = knobs.get(knob_name)
    if knob is None:
        near = difflib.get_close_matches(knob_name[:80], knobs, 1, 0.0)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"dmx.{where}: no knob {knob_name[:80]!r}{hint}")

    def act(new: int, old: int, fade_s: float | None) -> Iterator[Wish]:
        if knob.kind == "event":
            if old < HALF <= new:
                yield True, Command("knob", knob.name, 1.0)
        elif level_of(knob, new) != level_of(knob, old):
            yield False, Command("knob", knob.name, level_of(knob, new))

    steps = {"bool": (Step(0, HALF - 1, "off"), Step(HALF, FULL, "on"))}
    steps["event"] = (Step(0, HALF - 1, "nothing"), Step(HALF, FULL, "a press, each time it rises"))
    ends = (Step(0, FULL, f"{knob.low:g} to {knob.high:g}{' in whole numbers' * (knob.kind == 'int')}"),)
    about = f"{knob.name}{knob.about and ': '}{knob.about}"
    return Channel(name, 0, True, 0, about, steps.get(knob.kind, ends), act, knob.kind == "event", knob.name)


def level_of(knob: Knob, value: int) -> float:
    """A value of 16 bits in the knob's own unit, over its whole range."""
    if knob.kind == "bool":
        return knob.high if value >= HALF else knob.low
    return settle(knob, knob.low + (knob.high - knob.low) * value / FULL)
