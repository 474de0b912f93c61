"""The show as a fixture: what each channel does, that only a change does anything, and that nothing fires twice."""

from __future__ import annotations

import consoles
import pytest
from consoles import CONTROL, CUE, DEFAULT, DIMMER, FADE, FREEZE, GO, KNOB_1, KNOB_2, SHUTTER, SPEED, fixture
from rehearsal import CUES, KNOBS

from installation.control.cues import Board
from installation.control.dmx.merging import Look
from installation.control.dmx.personality import Personality
from installation.settings import Cue, Dmx, SettingsError
from installation.signals import Command, Knob

ALL = KNOBS | {
    "effect.cut.press": Knob("effect.cut.press", 0.0, 1.0, 0.0, "a cut", "event"),
    "generator.speed": Knob("generator.speed", 0.0, 2.0, 1.0, "pace"),
}


def made(**more: object) -> Personality:
    return Personality(consoles.settings(**more), ALL, CUES)


def wishes(personality: Personality, levels: bytes, now_s: float = 0.0, source: bytes = b"a", at: int = 1) -> list:
    return [command for _, command in personality.read(Look(bytes(at - 1) + levels, source, 0.0), now_s)]


def at(channel: int, value: int) -> bytes:
    return fixture(**{f"ch{channel}": value})


def test_it_has_the_channels_that_the_documents_say() -> None:
    rows = [(c.name, c.first, c.wide, c.default) for c in made().channels]
    assert rows[:8] == [
        ("Dimmer", 1, True, 65_535),
        ("Shutter", 3, False, 255),
        ("Cue", 4, False, 0),
        ("Go", 5, False, 0),
        ("Fade time", 6, False, 0),
        ("Freeze", 7, False, 0),
        ("Speed", 8, True, 0),
        ("Knob 1", 10, True, 0),
    ]
    assert rows[-2:] == [("Knob 8", 24, True, 0), ("Control", 26, False, 0)]


def test_an_untouched_fixture_asks_for_nothing_however_often_it_is_sent() -> None:
    personality = made()
    assert [wishes(personality, DEFAULT, n / 44) for n in range(500)] == [[]] * 500


def test_a_steady_stream_asks_once() -> None:
    personality = made()
    levels = fixture(ch1=20_000, ch3=0, ch4=2, ch7=255, ch8=100, ch10=30_000)
    assert len(wishes(personality, levels)) == 6
    assert [wishes(personality, levels, n / 44) for n in range(500)] == [[]] * 500


@pytest.mark.parametrize(("value", "master"), [(0, 0.0), (65_534, 65_534 / 65_535), (32_768, 32_768 / 65_535)])
def test_the_dimmer_is_the_master_in_sixteen_bits(value: int, master: float) -> None:
    assert wishes(made(), at(DIMMER, value)) == [Command("master", value=master)]


def test_the_fine_half_alone_moves_the_dimmer() -> None:
    personality = made()
    wishes(personality, bytes((128, 0)) + DEFAULT[2:])
    assert wishes(personality, bytes((128, 1)) + DEFAULT[2:]) == [Command("master", value=32_769 / 65_535)]


def test_the_shutter_is_blackout_and_only_its_ends_act() -> None:
    personality = made()
    seen = [wishes(personality, at(SHUTTER, value)) for value in (200, 64, 63, 1, 0, 63, 64, 255)]
    assert seen == [[], [], [Command("blackout", value=1.0)], [], [], [], [Command("blackout", value=0.0)], []]


def test_an_open_shutter_does_not_undo_another_desk_s_blackout() -> None:
    personality, board = made(), Board(ALL, CUES)
    board.apply(Command("blackout", value=1.0), 0.0)
    for n in range(100):
        for command in wishes(personality, DEFAULT, n / 44):
            board.apply(command, n / 44)
    assert board.levels(3.0).blackout


def test_the_newest_change_wins_between_a_console_and_another_desk() -> None:
    personality, board = made(), Board(ALL, CUES)

    def console(levels: bytes, now_s: float) -> float:
        for command in wishes(personality, levels, now_s):
            board.apply(command, now_s)
        return board.levels(now_s).base["effect.tear.amount"]

    assert console(at(KNOB_1, 65_535), 0.0) == 1.0
    board.apply(Command("knob", "effect.tear.amount", 0.3), 0.1)
    assert console(at(KNOB_1, 65_535), 0.2) == 0.3, "the stream goes on and takes nothing back"
    assert console(at(KNOB_1, 65_000), 0.3) == pytest.approx(65_000 / 65_535)


@pytest.mark.parametrize(("value", "number"), [(1, "1"), (2, "1.5"), (3, "2")])
def test_a_cue_is_recalled_by_its_place_with_the_fade_time_of_the_console(value: int, number: str) -> None:
    assert wishes(made(), at(CUE, value)) == [Command("cue", number, 1.0, None)]
    assert wishes(made(), fixture(ch4=value, ch6=1)) == [Command("cue", number, 1.0, 0.0)]
    assert wishes(made(), fixture(ch4=value, ch6=255)) == [Command("cue", number, 1.0, 25.4)]


def test_no_cue_and_a_cue_that_is_not_there_call_nothing() -> None:
    personality = made()
    assert wishes(personality, at(CUE, 4)) == [] and wishes(personality, at(CUE, 0)) == []
    assert wishes(made(), at(FADE, 90)) == []


def test_go_fires_each_time_it_rises() -> None:
    personality = made()
    wishes(personality, DEFAULT)
    seen = [wishes(personality, at(GO, value)) for value in (127, 128, 255, 200, 127, 255)]
    assert seen == [[], [Command("go", value=1.0)], [], [], [], [Command("go", value=1.0)]]


def test_a_button_that_is_down_when_a_console_is_first_heard_or_takes_over_is_no_press() -> None:
    personality = made()
    down = fixture(ch5=255, ch20=65_535)
    assert wishes(personality, down) == []
    assert wishes(personality, DEFAULT, source=b"a") == []
    assert wishes(personality, down, source=b"b") == [], "another console, whose button was down before"
    wishes(personality, DEFAULT, source=b"b")
    assert {c.verb for c in wishes(personality, down, source=b"b")} == {"go", "knob"}


def test_freeze_is_a_switch() -> None:
    personality = made()
    seen = [wishes(personality, at(FREEZE, value)) for value in (100, 128, 255, 0)]
    assert seen == [[], [Command("freeze", value=1.0)], [], [Command("freeze", value=0.0)]]


def test_speed_turns_the_generator_s_or_the_knob_that_the_show_names() -> None:
    assert wishes(made(), at(SPEED, 65_535)) == [Command("knob", "generator.speed", 2.0)]
    named = made(speed="effect.tear.amount")
    assert wishes(named, at(SPEED, 65_535)) == [Command("knob", "effect.tear.amount", 1.0)]
    slow = Personality(Dmx(), KNOBS, CUES)
    assert wishes(slow, at(SPEED, 65_535)) == [], "a generator that has none"


def test_a_knob_goes_over_its_whole_range_exactly() -> None:
    personality = made()
    values = [wishes(personality, at(KNOB_2, value))[0].value for value in (65_535, 0, 32_768)]
    assert values == [1.0, -1.0, pytest.approx(0.0, abs=2e-5)]


def test_each_kind_of_knob_takes_what_it_can_take() -> None:
    personality = made()
    wishes(personality, DEFAULT)
    on = [wishes(personality, fixture(ch16=value)) for value in (300, 32_767, 32_768, 65_535, 0)]
    assert on == [[], [], [Command("knob", "effect.echo.on", 1.0)], [], [Command("knob", "effect.echo.on", 0.0)]]
    sides = [c.value for value in range(0, 65_536, 500) for c in wishes(personality, fixture(ch18=value))]
    assert sides == [float(n) for n in range(3, 13)], "a whole number is asked for once"
    wishes(personality, DEFAULT)
    press = [wishes(personality, fixture(ch20=value)) for value in (32_767, 32_768, 65_535, 0, 65_535)]
    assert [len(one) for one in press] == [0, 1, 0, 0, 1]
    assert wishes(personality, fixture(ch14=65_535, ch20=65_535)) == [], "a knob that is left out"


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (10, Command("panic")),
        (29, Command("blackout", value=0.0)),
        (35, Command("release", value=1.0)),
        (40, Command("test_card", value=1.0)),
        (59, Command("test_card", value=0.0)),
        (60, Command("moment", value=1.0)),
        (79, Command("vector", value=1.0)),
    ],
)
def test_control_acts_once_it_has_been_held_for_three_seconds(value: int, command: Command) -> None:
    personality = made()
    wishes(personality, DEFAULT)
    seen = {n: wishes(personality, at(CONTROL, value), 10.0 + n / 44) for n in range(600)}
    fired = {n: found for n, found in seen.items() if found}
    assert fired == {132: [command]}, "132 packets of 44 a second"
    wishes(personality, DEFAULT, 30.0)
    assert wishes(personality, at(CONTROL, value), 30.1) == []


def test_control_that_is_passed_through_or_let_go_does_nothing() -> None:
    personality = made()
    for n in range(2000):  # a fader on its slow way up and down again
        assert wishes(personality, at(CONTROL, n * 80 // 1000 % 90), n / 44) == []
    assert wishes(made(), at(CONTROL, 90), 0.0) == wishes(made(), at(CONTROL, 5), 9.0) == []


def test_a_console_that_comes_back_with_control_where_it_was_fires_nothing_again() -> None:
    personality = made()
    wishes(personality, at(CONTROL, 10), 0.0)
    assert wishes(personality, at(CONTROL, 10), 3.0) == [Command("panic")]
    for n in range(5):
        assert wishes(personality, at(CONTROL, 10), 100.0 + n, source=b"later") == []


def test_what_one_console_began_to_hold_another_does_not_end() -> None:
    personality = made()
    wishes(personality, at(CONTROL, 10), 0.0)
    assert wishes(personality, at(CONTROL, 10), 2.9, source=b"other") == []
    assert wishes(personality, at(CONTROL, 10), 9.0, source=b"other") == []


def test_levels_that_end_before_our_last_channel_leave_the_rest_as_it_is() -> None:
    personality = made()
    wishes(personality, fixture(ch3=0, ch10=30_000))
    assert wishes(personality, b"\xff\xff") == [] and wishes(personality, b"") == []
    assert wishes(personality, b"\x80") == [Command("master", value=0x80FF / 65_535)]


def test_the_address_is_where_the_show_file_says() -> None:
    personality = made(address=487)
    assert wishes(personality, at(DIMMER, 0), at=487) == [Command("master", value=0.0)]
    for address in (0, 488, -1):
        with pytest.raises(SettingsError, match="address: must be 1 to 487"):
            made(address=address)


def test_what_was_said_to_the_show_before_is_no_change() -> None:
    before, levels = made(), fixture(ch4=2, ch10=30_000)
    wishes(before, levels)
    after = made()
    after.recall(before.remember())
    assert wishes(after, levels) == []
    assert wishes(after, DEFAULT) == [Command("knob", "effect.tear.amount", 0.0)]
    for odd in (None, 3, "", "00", "no hex", before.remember() + "00", {"a": 1}):
        after.recall(odd)
        assert wishes(after, DEFAULT) == []


def test_more_than_255_cues_and_none_are_no_difficulty() -> None:
    many = Personality(Dmx(), ALL, [Cue(str(n)) for n in range(1, 400)])
    assert wishes(many, at(CUE, 255)) == [Command("cue", "255", 1.0)]
    assert wishes(Personality(Dmx(), ALL, ()), at(CUE, 1)) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"knobs": ("effect.tear.amout",)}, "dmx.knobs\\[0\\]: no knob 'effect.tear.amout'; did you mean 'effect.tear"),
        ({"speed": "pace"}, "dmx.speed: no knob 'pace'"),
        ({"knobs": ("",) * 9}, "at most 8, found 9"),
    ],
)
def test_a_mistake_in_the_show_file_is_named(more: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        made(**more)
