"""A knob is touched, a fader moves: the first spare source that speaks turns it, and what came can be looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from consoles import Heard as Console
from consoles import fixture, settings

from installation.control.addresses import Space
from installation.control.answers import Sender
from installation.control.desk import Desk
from installation.control.dmx.listener import Dmx
from installation.control.heard import KEPT, Heard, Message
from installation.control.learning import Learner
from installation.packets import encode
from installation.settings import Cue, Osc
from installation.signals import Command, Knob

KNOBS = {
    knob.name: knob
    for knob in (
        Knob("generator.x", -1.0, 1.0, 0.0),
        Knob("effect.tear.amount"),
        Knob("effect.echo.on", kind="bool"),
        Knob("bend.melt.amount"),
        Knob("effect.mirror.sides", 2, 12, 6, kind="int"),
        Knob("effect.cut.press", kind="event"),
    )
}


class Fader:
    """A desk without sockets: what it sends is put in by hand, and what the show hears comes out."""

    def __init__(self, heard: Heard) -> None:
        self.desk = Desk(Osc(port=0, aliases={"/known": "effect.tear.amount"}), KNOBS, (), heard)
        self.desk._answers = SimpleNamespace(hear=lambda *heard: None)  # type: ignore[assignment]
        self.now_s = 0.0

    def send(self, address: str, *values: object) -> list[Command]:
        self.now_s += 1.0
        self.desk._take(encode(address, *values), Sender("127.0.0.1", 9), self.now_s, self.now_s)
        return self.desk.poll(self.now_s)


def learner_of(fader: Fader, **more: object) -> Learner:
    return Learner(fader.desk.heard, {"OSC": fader.desk.space, **more})  # type: ignore[arg-type]


def test_the_first_address_that_nobody_knows_turns_the_knob_from_then_on() -> None:
    fader = Fader(Heard())
    learner = learner_of(fader)
    learner.begin("generator.x")
    fader.send("/known", 0.2)  # leads somewhere already
    fader.send("/words", "hello")  # no fader
    learner.look()
    assert learner.knob == "generator.x"
    assert fader.send("/1/fader3", 0.5) == []
    learner.look()
    assert learner.knob == "" and learner.learnt == {("OSC", "/1/fader3"): "generator.x"}
    assert fader.send("/1/fader3", 1.0) == [Command("knob", "generator.x", 1.0)]
    assert fader.send("/1/fader3", 0.0) == [Command("knob", "generator.x", -1.0)]


def test_what_was_sent_before_a_knob_was_touched_is_not_learnt() -> None:
    fader = Fader(Heard())
    learner = learner_of(fader)
    fader.send("/before", 0.5)
    learner.begin("generator.x")
    learner.look()
    assert learner.knob == "generator.x" and not learner.learnt


@pytest.mark.parametrize(
    ("values", "last", "turned"),
    [([7], 50, 0.5), ([0.5], 0.25, 0.25), ([3, 99], 100, 1.0), ([3, 255], 51, 0.2), ([0.5, 80.0], 50.0, 0.5)],
)
def test_a_fader_shows_its_range_as_it_moves(values: list[float], last: float, turned: float) -> None:
    fader = Fader(Heard())
    learner = learner_of(fader)
    learner.begin("bend.melt.amount")
    for value in values:
        fader.send("/Page1/Fader201", value)
        learner.look()
    [command] = fader.send("/Page1/Fader201", last)
    assert command.name == "bend.melt.amount" and command.value == pytest.approx(turned, abs=1e-6)


def test_what_was_learnt_is_forgotten_and_what_the_show_file_says_stays() -> None:
    fader = Fader(Heard())
    learner = learner_of(fader)
    learner.begin("generator.x")
    fader.send("/1/fader3", 0.5)
    learner.look()
    learner.forget()
    assert fader.send("/1/fader3", 1.0) == [] and fader.send("/known", 1.0)
    assert fader.desk.space.alias_lines == {"/known": "effect.tear.amount"}


def test_a_dmx_channel_that_turns_nothing_learns_and_one_that_turns_something_does_not() -> None:
    heard = Heard()
    dmx = Dmx(settings(knobs=("effect.tear.amount",)), KNOBS, [Cue("1")], heard=heard)
    console = Console(dmx)
    learner = Learner(heard, {"DMX": dmx.personality})
    console.artnet(0.0)
    learner.begin("generator.x")
    console.artnet(1.0, fixture(ch10=9000))  # channel of tear
    learner.look()
    assert learner.knob == "generator.x"
    assert console.artnet(2.0, fixture(ch10=9000, ch12=500)) == []
    learner.look()
    assert learner.learnt == {("DMX", "Knob 2"): "generator.x"}
    assert dmx.personality.knobs[:3] == ["effect.tear.amount", "generator.x", ""]
    assert console.artnet(3.0, fixture(ch10=9000, ch12=65535)) == [Command("knob", "generator.x", 1.0)]


def test_a_switch_is_led_to_the_knob_itself() -> None:
    space = Space(KNOBS, ())
    space.teach("/push", "effect.echo.on", (1,))
    assert space.alias_lines["/push"] == "/installation/effect/echo/on"


# ---- what came


def test_the_last_hundred_of_every_protocol_are_known_with_why_one_was_refused() -> None:
    heard = Heard()
    fader = Fader(heard)
    for number in range(KEPT + 30):
        heard.note("MIDI", "nano", f"controller {number}", (number,))
    fader.send("/nowhere", 0.5)
    fader.send("/known", 0.25)
    fader.desk._take(b"rubbish", Sender("127.0.0.1", 9), 9.0, 9.0)
    last = heard.last()
    assert len(last["MIDI"]) == KEPT and last["MIDI"][0][3] == f"controller {KEPT + 29}"
    what = [(source, value, refused) for _, _, _, source, value, refused in last["OSC"]]
    assert what[1:] == [("/known", "0.25", ""), ("/nowhere", "0.5", "unknown address")] and what[0][2] == "malformed"


def test_what_is_heard_can_be_looked_at_while_another_thread_writes() -> None:
    class Busy(deque[Message]):
        looks = 0

        def __iter__(self) -> Iterator[Message]:
            Busy.looks += 1
            if Busy.looks == 1:
                raise RuntimeError("deque mutated during iteration")
            return super().__iter__()

    heard = Heard()
    heard.note("OSC", "10.0.0.1", "/fader", (0.5,))
    heard._rows["OSC"] = Busy(heard._rows["OSC"])
    Busy.looks = 0
    assert [message.source for message in heard.since(0)] == ["/fader"] and Busy.looks == 2


def test_while_nothing_new_is_heard_nothing_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    fader = Fader(Heard())
    learner, looks = learner_of(fader), []
    since = fader.desk.heard.since
    monkeypatch.setattr(fader.desk.heard, "since", lambda number: looks.append(number) or since(number))
    fader.send("/1/fader3", 0.5)
    learner.look()  # nobody waits for a fader
    learner.begin("generator.x")
    learner.look()
    fader.send("/1/fader3", 0.6)
    learner.look()
    learner.look()
    assert len(looks) == 1 and learner.learnt
