"""Several listeners as one desk: all are heard, black has the last word, and who fails keeps nobody else from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from installation.control.cues import Board
from installation.control.desk import Desk
from installation.control.desks import Desks
from installation.settings import Osc
from installation.signals import Command, Knob, Levels

BLACK, LIGHT, PANIC = Command("blackout", value=1.0), Command("blackout", value=0.0), Command("panic")


class Said:
    """A listener whose wishes are put into it."""

    def __init__(self, *wishes: Command) -> None:
        self.wishes, self.faults, self.told = list(wishes), Counter[str](), []

    def bind(self) -> None:
        self.told.append("bound")

    def start(self) -> None:
        self.told.append("started")

    def poll(self, now_s: float) -> list[Command]:
        wishes, self.wishes = self.wishes, []
        return wishes

    def tell(self, values: Any, now_s: float = 0.0) -> None:
        self.told.append(values)

    def close(self) -> None:
        self.told.append("closed")


class Remembers(Said):
    def remember(self) -> object:
        return "a1"

    def recall(self, said: object) -> None:
        self.told.append(("recalled", said))


def grouped(**others: Said) -> Desks:
    return Desks(Desk(Osc(port=0), {}, ()), **others)


def test_everybody_is_bound_started_told_and_closed() -> None:
    one, other = Said(), Said()
    desks = grouped(dmx=one, midi=other)
    desks.bind()
    desks.start()
    desks.tell({"frame": 3})
    desks.close()
    assert one.told == other.told == ["bound", "started", {"frame": 3}, "closed"]
    assert desks.port == desks.osc.port > 0


@pytest.mark.parametrize("dark", [BLACK, PANIC])
@pytest.mark.parametrize("first", [True, False])
def test_who_asks_for_black_has_the_last_word_of_a_frame(dark: Command, first: bool) -> None:
    black, light = Said(dark), Said(LIGHT, Command("cue", "1"))
    desks = grouped(a=black, b=light) if first else grouped(a=light, b=black)
    board = Board({}, ())
    for command in desks.poll(0.0):
        board.apply(command, 0.0)
    assert board.levels(9.0).blackout


def test_what_one_person_asks_for_keeps_its_order() -> None:
    wishes = [PANIC, Command("cue", "1"), BLACK, LIGHT]
    assert grouped(a=Said(Command("go")), b=Said(*wishes)).poll(0.0) == [Command("go"), *wishes]


def test_a_listener_that_fails_is_counted_and_the_others_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, black = Said(), Said(BLACK)
    monkeypatch.setattr(broken, "poll", lambda now_s: 1 / 0)
    desks = grouped(midi=broken, dmx=black)
    assert desks.poll(0.0) == [BLACK] and desks.faults == {"midi: desk error": 1}


def test_faults_say_whose_they_are() -> None:
    one = Said()
    one.faults["cut short"] = 3
    desks = grouped(dmx=one)
    desks.osc.faults["malformed"] = 2
    assert desks.faults == {"malformed": 2, "dmx: cut short": 3}


def test_what_has_to_be_known_again_is_asked_of_those_who_know_it() -> None:
    dmx, midi = Remembers(), Said()
    desks = grouped(dmx=dmx, midi=midi)
    assert desks.remember() == {"dmx": "a1"}
    desks.recall({"dmx": "b2", "midi": 3, "more": 4})
    for odd in (None, [], "x", 3, {}):
        desks.recall(odd)
    assert dmx.told == [("recalled", "b2")] and midi.told == []


class Shows(Said):
    def follow(self, levels: Levels, now_s: float) -> None:
        self.told.append((levels.held, now_s))


def test_those_who_show_what_is_set_are_told_in_every_frame() -> None:
    panel, console = Shows(), Said()
    desks, board = grouped(panel=panel, dmx=console), Board({"speed": Knob("speed")}, ())
    board.apply(Command("knob", "speed", 0.5, by="panel"), 0.0)
    desks.follow(board.levels(1.0), 1.0)
    assert panel.told == [({"speed": "panel"}, 1.0)] and console.told == []
