"""A controller on the show: faders, keys, lamps and motors, byte by byte as devices send them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cables import ALL, Cable, Stage
from rehearsal import CUES

from installation.control.learning import Learner
from installation.control.midi.listener import MOST_PER_FRAME, Midi
from installation.control.midi.mapping import without_knobs
from installation.settings import Midi as Settings
from installation.settings import SettingsError
from installation.signals import Command

TEAR, MELT, SIDES, ECHO = "effect.tear.amount", "bend.melt.amount", "effect.mirror.sides", "effect.echo.on"


def test_a_fader_turns_its_knob_over_the_whole_range_and_the_newest_value_of_a_frame_counts() -> None:
    stage = Stage(cc_1_7=MELT)
    for value in (3, 64, 127):
        stage.cable.put(0xB0, 7, value)
    (command,) = stage.frame()
    assert command == Command("knob", MELT, 1.0) and command.by == "midi desk"
    stage.cable.put(0xB0, 7, 0)
    stage.frame()
    assert stage.level(MELT) == -1.0


@pytest.mark.parametrize(
    ("line", "raw", "level"),
    [
        ("cc14_1_7", (0xB0, 7, 100, 0xB0, 39, 5), -1 + 2 * (100 * 128 + 5) / 16383),
        ("nrpn_1_1234", (0xB0, 99, 9, 0xB0, 98, 82, 0xB0, 6, 100, 0xB0, 38, 5), -1 + 2 * (100 * 128 + 5) / 16383),
        ("bend_1", (0xE0, 5, 100), -1 + 2 * (100 * 128 + 5) / 16383),
        ("pressure_1", (0xD0, 127), 1.0),
    ],
)
def test_fourteen_bits_are_put_together(line: str, raw: tuple, level: float) -> None:
    stage = Stage(**{line: MELT})
    stage.cable.put(*raw)
    stage.frame()
    assert stage.level(MELT) == pytest.approx(level)


def test_keys_press_toggle_and_hold() -> None:
    stage = Stage(
        note_1_36="go", note_1_37="blackout", note_1_38={"to": "freeze", "way": "hold"}, note_1_39="effect.cut.press"
    )
    stage.cable.put(0x90, 36, 100, 36, 0, 36, 100)
    assert [command.verb for command in stage.frame()] == ["go", "go"] and stage.board.number == "2"
    stage.cable.put(0x90, 37, 1)
    stage.frame()
    assert stage.board.levels(0).blackout
    stage.cable.put(0x90, 37, 0, 37, 9)
    stage.frame()
    assert not stage.board.levels(0).blackout
    stage.cable.put(0x90, 38, 9)
    stage.frame()
    assert stage.board.levels(0).freeze
    stage.cable.put(0x80, 38, 64)
    stage.frame()
    assert not stage.board.levels(0).freeze
    stage.cable.put(0x90, 39, 64, 39, 0, 39, 64)
    assert len(stage.frame()) == 2


def test_a_key_pressed_twice_in_one_frame_is_off_again() -> None:
    stage = Stage(note_1_37="blackout")
    stage.cable.put(0x90, 37, 1, 37, 0, 37, 1)
    stage.frame()
    assert not stage.board.levels(0).blackout


def test_a_button_that_says_the_same_again_does_not_take_light_back_from_who_gave_it() -> None:
    stage = Stage(cc_1_20="blackout")
    stage.cable.put(0xB0, 20, 127)
    stage.frame()
    assert stage.board.levels(0).blackout
    stage.frame(Command("blackout", value=0.0, by="panel"))
    stage.cable.put(0xB0, 20, 127)
    assert stage.frame() == [] and not stage.board.levels(0).blackout


def test_program_changes_call_cues_by_their_number_or_as_mapped() -> None:
    stage = Stage(program_1="cue", program_1_9="cue 1.5")
    stage.cable.put(0xC0, 1)
    stage.frame()
    assert stage.board.number == "2"
    stage.cable.put(0xC0, 8)
    stage.frame()
    assert stage.board.number == "1.5"


def test_a_fader_that_waits_to_be_picked_up_acts_once_it_was_where_its_knob_is() -> None:
    stage = Stage(pickup=True, cc_1_7=TEAR)  # the first cue has it at 0.2
    stage.cable.put(0xB0, 7, 100)
    assert stage.frame() == [] and stage.notes.since(0)[-1].refused == "not picked up"
    stage.cable.put(0xB0, 7, 10)  # past it
    assert stage.frame() and stage.level(TEAR) == pytest.approx(10 / 127)
    stage.cable.put(0xB0, 7, 90)  # in hand: as far as one likes
    stage.frame()
    assert stage.level(TEAR) == pytest.approx(90 / 127)
    stage.frame(Command("knob", TEAR, 0.1, by="panel"))
    stage.cable.put(0xB0, 7, 91)
    assert stage.frame() == [] and stage.level(TEAR) == 0.1


def test_whole_numbers_stay_in_hand_too() -> None:
    stage = Stage(pickup=True, cc_1_7=SIDES)
    stage.cable.put(0xB0, 7, 51)  # 6 of 2..12
    stage.cable.put(0xB0, 7, 60)
    stage.frame()
    stage.cable.put(0xB0, 7, 100)
    stage.frame()
    assert stage.level(SIDES) == 10.0 and stage.told == []


def test_encoders_turn_from_where_the_knob_is() -> None:
    stage = Stage(cc_1_7={"to": TEAR, "way": "relative"})
    stage.cable.put(0xB0, 7, 2, 7, 2)
    stage.frame()
    assert stage.level(TEAR) == pytest.approx(0.2 + 4 / 127)
    stage.frame(Command("knob", TEAR, 0.5, by="panel"))
    stage.cable.put(0xB0, 7, 127)
    stage.frame()
    assert stage.level(TEAR) == pytest.approx(0.5 - 1 / 127)


def test_motors_and_lamps_are_told_what_others_set_and_never_what_they_said_themselves() -> None:
    stage = Stage(cc_1_7=MELT, cc14_1_1="master", note_1_37="blackout", note_1_38="cue 2")
    first = [(0xB0, 7, 64), (0xB0, 1, 127), (0xB0, 33, 127), (0x90, 37, 0), (0x90, 38, 0)]
    assert stage.told == first
    stage.cable.put(0xB0, 7, 100)
    stage.frame()
    assert stage.told == []
    stage.frame(Command("knob", MELT, 0.0, by="panel"), Command("blackout", value=1.0), Command("cue", "2"))
    assert stage.told == [(0xB0, 7, 64), (0x90, 37, 127), (0x90, 38, 127)]
    stage.frame(Command("master", value=0.0), Command("blackout", value=0.0))
    assert stage.told == [(0xB0, 1, 0), (0xB0, 33, 0), (0x90, 37, 0)]
    stage.frame()
    assert stage.told == []


def test_a_motor_stands_at_its_end_while_the_knob_is_beyond() -> None:
    stage = Stage(cc_1_7={"to": MELT, "low": -0.5})
    stage.frame(Command("knob", MELT, -1.0, by="panel"))
    assert stage.told == [(0xB0, 7, 0)]


def test_a_motor_that_echoes_what_it_was_told_changes_nothing() -> None:
    stage = Stage(cc_1_7=MELT)
    stage.frame(Command("knob", MELT, 0.3, by="panel"))
    (told,) = stage.told
    stage.cable.put(*told)
    assert stage.frame() == [] and stage.level(MELT) == 0.3


def test_two_faders_of_one_knob_follow_each_other() -> None:
    stage = Stage(cc_1_7=TEAR, cc_1_8=TEAR)
    stage.cable.put(0xB0, 7, 127)
    stage.frame()
    assert stage.told == [(0xB0, 8, 127)]


def test_who_is_plugged_in_is_told_everything() -> None:
    stage = Stage(cc_1_7=MELT, note_1_37="blackout")
    stage.cable.opened += 1
    stage.frame()
    assert stage.told == [(0xB0, 7, 64), (0x90, 37, 0)]


def test_a_line_is_never_told_more_in_a_frame_than_it_can_carry_and_everyone_has_their_turn() -> None:
    lines = {f"cc_{channel}_{n}": TEAR for channel in (1, 2) for n in range(40)}
    stage = Stage(**lines)
    told: set[tuple[int, ...]] = set()
    for i in range(8):  # it never rests
        assert len(stage.told) <= MOST_PER_FRAME
        stage.frame(Command("knob", TEAR, i % 2, by="panel"))
        told |= {message[:2] for message in stage.told}
    assert len(told) == 80


def test_what_leads_nowhere_yet_is_noted_and_can_be_learnt_and_forgotten() -> None:
    stage = Stage()
    stage.cable.put(0xB2, 9, 127)
    assert stage.frame() == []
    (message,) = stage.notes.since(0)
    assert message.told()[2:] == ["desk", "cc 3/9", "1", "not mapped"] and message.spare
    learner = Learner(stage.notes, {"MIDI": stage.midi.table})
    learner.begin(TEAR)
    stage.cable.put(0x80, 9, 0)  # a key that is let go is no fader
    stage.cable.put(0xB2, 9, 126)
    stage.frame()
    learner.look()
    taught = stage.midi.table.lines
    stage.cable.put(0xB2, 9, 127)
    stage.frame()
    learner.look()
    assert stage.midi.table.lines is taught, "a fader that moves is not learnt anew with every step"
    assert stage.level(TEAR) == 1.0 and stage.midi.table.told == {"cc 3/9": TEAR}
    learner.forget()
    stage.cable.put(0xB2, 9, 0)
    assert stage.frame() == [] and stage.midi.table.told == {}


def test_what_was_half_said_when_it_was_pulled_out_is_not_finished_by_the_next() -> None:
    stage = Stage(cc_1_7=MELT)
    stage.cable.put(0xB0, 7)
    stage.frame()
    stage.cable.opened += 1
    stage.cable.put(127)
    assert stage.frame() == []


def test_a_controller_that_is_mapped_is_one_whatever_else_its_number_is_for() -> None:
    stage = Stage(cc_1_98=MELT, cc_1_6=TEAR)
    stage.cable.put(0xB0, 99, 1, 98, 127, 6, 127)
    stage.frame()
    assert stage.level(MELT) == 1.0 == stage.level(TEAR)


def test_two_ports_do_not_finish_each_others_messages_and_noise_is_counted() -> None:
    stage = Stage(cc_1_7=MELT)
    stage.cable.put(0xB0, 7, port=0)
    stage.cable.put(1, 2, 3, port=1)
    stage.cable.put(127, port=0)
    assert stage.frame() == [Command("knob", MELT, 1.0)]
    assert stage.midi.faults == {"stray byte": 1}


def test_blackout_gets_through_twenty_thousand_messages_of_a_frame() -> None:
    stage = Stage(cc_1_7=MELT, note_1_37="blackout")
    for i in range(10_000):
        stage.cable.put(0xB0, 7, i % 128)
    stage.cable.put(0x90, 37, 1)
    for i in range(10_000):
        stage.cable.put(0xB0, i % 120, i % 128)
    stage.frame()
    assert stage.board.levels(stage.now_s).blackout


@pytest.mark.parametrize(
    ("source", "to", "said"),
    [
        ("cc 1/7", "bend.melt.amout", "did you mean 'bend.melt.amount'"),
        ("cc 1/700", MELT, "expected 0 to 127"),
        ("note 1/7", "cue 9", "there are: 1, 1.5, 2"),
        ("cc 1/7", {"to": MELT, "way": "press"}, "expected jump or pickup"),
        ("cc 1/7", {"to": MELT, "low": -3.0}, "expected -1 to 1"),
        ("cc 1/7", {"to": MELT, "hihg": 1.0}, "did you mean 'high'"),
        ("cc 1/7", {"to": MELT, "on": 128}, "expected 0 to 127"),
    ],
)
def test_a_line_that_cannot_be_says_what_to_mend(source: str, to: object, said: str) -> None:
    with pytest.raises(SettingsError, match=rf"midi\.map: .*{said}"):
        Midi(Settings(map={source: to}), ALL, CUES, ports=Cable())  # type: ignore[dict-item]


def test_a_controller_that_two_lines_name_is_said() -> None:
    with pytest.raises(SettingsError, match="is there twice"):
        Midi(Settings(map={"cc 1/7": MELT, " cc 1/7": TEAR}), ALL, CUES, ports=Cable())


def test_a_safe_show_keeps_what_leads_to_what_every_show_has() -> None:
    told = {"cc 1/7": MELT, "note 1/1": "blackout", "note 1/2": "cue 2", "cc 1/8": "master"}
    assert list(without_knobs(told, CUES)) == ["note 1/1", "note 1/2", "cc 1/8"]


def test_who_has_no_motors_or_wants_none_moved_is_told_nothing() -> None:
    for stage in (Stage(outputs=0, cc_1_7=TEAR), Stage(cc_1_7=TEAR)):
        if stage.cable.outputs:
            stage.midi.asked = replace(stage.midi.asked, feedback=False)
        stage.frame(Command("knob", TEAR, 0.9, by="panel"))
        assert stage.told == [] and stage.level(TEAR) == 0.9


def test_a_line_of_a_part_of_a_knob_turns_and_shows_no_more_than_that_part() -> None:
    stage = Stage(cc_1_7={"to": TEAR, "low": 0.1, "high": 0.5})
    for level, shown in ((0.9, 127), (0.0, 0), (0.3, 63)):
        stage.frame(Command("knob", TEAR, level, by="panel"))
        assert stage.told == [(0xB0, 7, shown)]
    stage = Stage(cc_1_8={"to": TEAR, "low": 0.1, "high": 0.5, "way": "relative"})
    for turned, level in (
        (65, 0.1),
        (63, pytest.approx(0.1 + 0.4 * 63 / 127)),
        (63, pytest.approx(0.1 + 0.4 * 126 / 127)),
    ):
        stage.cable.put(0xB0, 8, turned)
        stage.frame()
        assert stage.level(TEAR) == level
    stage.cable.put(0xB0, 8, 63)
    stage.frame()
    assert stage.level(TEAR) == 0.5


def test_a_program_change_has_no_lamp() -> None:
    stage = Stage(program_1="cue", pressure_1=TEAR)
    stage.frame(Command("cue", "2", fade_s=0.0))
    assert stage.told == []


def test_a_pressure_that_says_what_is_set_already_is_a_hand_and_no_echo() -> None:
    stage = Stage(pressure_1=TEAR)
    stage.frame(Command("knob", TEAR, 0.505, by="panel"))
    stage.cable.put(0xD0, 64)
    assert [command.value for command in stage.frame()] == [pytest.approx(64 / 127)]
