"""The board does what an operator expects of it, the same way every time."""

from __future__ import annotations

import itertools
import random
from dataclasses import asdict

import pytest
from rehearsal import CUES, KNOBS

from installation.control.cues import Board
from installation.control.fades import Ramp, ramps
from installation.settings import Cue, SettingsError
from installation.signals import Command, Knob

TEAR, TRUNCATION, SIDES, ECHO = "effect.tear.amount", "generator.truncation", "effect.mirror.sides", "effect.echo.on"


@pytest.fixture
def board() -> Board:
    return Board(KNOBS, CUES)


def base(board: Board, knob: str, now_s: float) -> float:
    return board.levels(now_s).base[knob]


def test_the_first_cue_is_in_force_at_the_start(board: Board) -> None:
    levels = board.levels(0.0)
    assert (levels.cue, levels.master, levels.blackout, levels.freeze) == ("1", 1.0, False, False)
    assert levels.base == {TRUNCATION: 0.7, TEAR: 0.2, ECHO: 0.0, SIDES: 6.0, "bend.melt.amount": 0.0}


def test_a_show_without_cues_stands_at_its_defaults() -> None:
    board = Board(KNOBS, ())
    board.apply(Command("go"), 1.0)
    levels = board.levels(2.0)
    assert levels.cue == "" and levels.base == {name: knob.default for name, knob in KNOBS.items()}
    assert board.faults == {"no further cue": 1}


def test_go_fades_smoothly_over_the_cues_own_time(board: Board) -> None:
    board.apply(Command("go"), 10.0)
    seen = [base(board, TRUNCATION, 10.0 + i / 10) for i in range(41)]
    assert seen[0] == 0.7 and seen[20] == pytest.approx(0.85) and seen[40] == 1.0
    assert all(a <= b <= a + 0.012 for a, b in itertools.pairwise(seen))
    assert board.levels(10.0).cue == "1.5"


def test_go_and_back_lead_through_the_cues_in_order_and_stop_at_the_ends(board: Board) -> None:
    visited = []
    for second, verb in enumerate(("back", "go", "go", "go", "back", "back")):
        board.apply(Command(verb), float(second))
        visited.append(board.levels(float(second)).cue)
    assert visited == ["1", "1.5", "2", "2", "1.5", "1"]
    assert board.faults == {"no further cue": 2}


def test_a_cue_looks_the_same_however_one_gets_there(board: Board) -> None:
    by_go, by_number, by_way_round = Board(KNOBS, CUES), Board(KNOBS, CUES), Board(KNOBS, CUES)
    for command, to in (
        ("go", by_go),
        ("go", by_go),
        ("go", by_way_round),
        ("go", by_way_round),
        ("back", by_way_round),
    ):
        to.apply(Command(command), 0.0)
    by_number.apply(Command("cue", "2"), 0.0)
    assert by_go.levels(100.0).base == by_number.levels(100.0).base
    board.apply(Command("cue", "1.5"), 0.0)
    assert by_way_round.levels(100.0).base == board.levels(100.0).base
    assert base(board, TEAR, 100.0) == 0.2, "what a cue does not name keeps the value of the cue before it"


def test_a_recall_may_carry_its_fade_time(board: Board) -> None:
    board.apply(Command("cue", "2", fade_s=10.0), 0.0)
    assert base(board, TEAR, 5.0) == pytest.approx(0.5)
    board.apply(Command("cue", "1", fade_s=0.0), 5.0)
    assert base(board, TEAR, 5.0) == 0.2


def test_a_fade_that_is_interrupted_goes_on_from_where_it_is(board: Board) -> None:
    board.apply(Command("cue", "2", fade_s=4.0), 0.0)
    before = base(board, TEAR, 2.0)
    board.apply(Command("back", fade_s=4.0), 2.0)
    assert base(board, TEAR, 2.0) == before == pytest.approx(0.5)
    assert base(board, TEAR, 4.0) == pytest.approx(0.35)
    assert base(board, TEAR, 6.0) == pytest.approx(0.2)


def test_a_knob_whose_goal_stays_goes_on_fading_undisturbed(board: Board) -> None:
    board.apply(Command("cue", "1.5", fade_s=4.0), 0.0)
    board.apply(Command("go", fade_s=40.0), 2.0)  # cue 2 leaves truncation alone
    assert base(board, TRUNCATION, 4.0) == 1.0


def test_a_cut_to_the_running_cue_ends_its_fade_at_once(board: Board) -> None:
    board.apply(Command("cue", "2", fade_s=60.0), 0.0)
    board.apply(Command("cue", "2", fade_s=0.0), 1.0)
    assert base(board, TEAR, 1.0) == 0.8
    board.apply(Command("cue", "1.5", fade_s=60.0), 2.0)
    board.apply(
        Command("cue", "2", fade_s=0.0), 3.0
    )  # cue 2 leaves truncation alone, but it is to look like itself now
    assert board.levels(3.0).base == board.levels(999.0).base


def test_a_cue_fired_twice_goes_on_undisturbed(board: Board) -> None:
    once = Board(KNOBS, CUES)
    once.apply(Command("cue", "2", fade_s=4.0), 0.0)
    for pressed_s in (0.0, 2.0):
        board.apply(Command("cue", "2", fade_s=4.0), pressed_s)
    assert [board.levels(s).base for s in (2.0, 3.0, 4.0)] == [once.levels(s).base for s in (2.0, 3.0, 4.0)]


def test_switches_and_whole_numbers_snap_as_the_fade_begins(board: Board) -> None:
    board.apply(Command("cue", "2", fade_s=10.0), 0.0)
    assert (base(board, SIDES, 0.0), base(board, ECHO, 0.0)) == (3.0, 1.0)
    for halfway, snapped in ((0.3, 1.0), (0.0, 0.0)):
        board.apply(Command("knob", ECHO, halfway), 1.0)
        assert base(board, ECHO, 1.0) == snapped
    board.apply(Command("knob", SIDES, 4.6, fade_s=2.0), 1.0)
    assert base(board, SIDES, 1.0) == 5.0


def test_a_knob_in_a_persons_hand_stays_there_through_cues_until_released(board: Board) -> None:
    board.apply(Command("knob", TEAR, 0.6), 0.0)
    board.apply(Command("cue", "2", fade_s=2.0), 1.0)
    assert base(board, TEAR, 9.0) == 0.6
    board.apply(Command("release", TEAR, fade_s=2.0), 10.0)
    assert base(board, TEAR, 10.0) == 0.6
    assert base(board, TEAR, 11.0) == pytest.approx(0.7)
    assert base(board, TEAR, 12.0) == 0.8


def test_the_newest_hand_on_a_knob_wins_and_may_fade(board: Board) -> None:
    board.apply(Command("knob", TEAR, 0.6), 0.0)
    board.apply(Command("knob", TEAR, 1.0, fade_s=2.0), 1.0)
    assert [base(board, TEAR, s) for s in (1.0, 2.0, 3.0)] == [0.6, pytest.approx(0.8), 1.0]
    board.apply(Command("knob", TEAR, 99.0), 4.0)
    assert base(board, TEAR, 4.0) == 1.0


def test_who_holds_a_knob_is_known_until_it_is_released(board: Board) -> None:
    board.apply(Command("knob", TEAR, 0.5, by="osc 10.0.0.5"), 0.0)
    board.apply(Command("knob", ECHO, 1.0), 0.0)
    assert board.levels(1.0).held == {TEAR: "osc 10.0.0.5", ECHO: ""}
    board.apply(Command("knob", TEAR, 0.6, by="panel"), 2.0)
    assert board.levels(2.0).held[TEAR] == "panel"
    board.apply(Command("release"), 3.0)
    assert board.levels(3.0).held == {}


def test_how_far_the_running_fade_has_come_is_told(board: Board) -> None:
    assert board.levels(0.0).come == 1.0
    board.apply(Command("go"), 10.0)
    assert [board.levels(10.0 + i).come for i in (0, 2, 4, 9)] == [0.0, 0.5, 1.0, 1.0]


def test_release_follows_a_cue_that_is_fading(board: Board) -> None:
    board.apply(Command("knob", TEAR, 1.0), 0.0)
    board.apply(Command("cue", "2", fade_s=10.0), 0.0)
    board.apply(Command("release", TEAR, fade_s=2.0), 0.0)
    steps = [base(board, TEAR, i / 10) for i in range(120)]
    assert max(abs(a - b) for a, b in itertools.pairwise(steps)) < 0.08
    assert steps[-1] == 0.8


def test_release_without_a_name_gives_everything_back_at_once(board: Board) -> None:
    board.apply(Command("knob", TEAR, 1.0), 0.0)
    board.apply(Command("knob", SIDES, 9.0), 0.0)
    board.apply(Command("release"), 1.0)
    assert board.levels(1.0).base == Board(KNOBS, CUES).levels(1.0).base
    assert board.describe(1.0)["held"] == 0


def test_master_fades_and_blackout_does_not(board: Board) -> None:
    board.apply(Command("master", value=0.0, fade_s=2.0), 0.0)
    assert [board.levels(s).master for s in (0.0, 1.0, 2.0)] == [1.0, 0.5, 0.0]
    board.apply(Command("master", value=-1.0), 3.0)
    assert board.levels(3.0).master == 0.0
    board.apply(Command("master", value=7.0), 4.0)
    assert board.levels(4.0).master == 1.0
    board.apply(Command("blackout", value=1.0), 0.5)
    assert board.levels(0.5).blackout
    board.apply(Command("go"), 0.6)
    assert board.levels(0.6).blackout, "a cue does not end a blackout that somebody switched on"
    board.apply(Command("blackout", value=0.0), 0.7)
    assert not board.levels(0.7).blackout


def test_panic_fades_to_black_in_two_seconds_and_stays_black(board: Board) -> None:
    board.apply(Command("panic"), 10.0)
    assert [board.levels(s).master for s in (10.0, 11.0, 12.0)] == [1.0, 0.5, 0.0]
    assert [board.levels(s).blackout for s in (11.9, 12.0, 9999.0)] == [False, True, True]


@pytest.mark.parametrize("way_out", [Command("blackout", value=0.0), Command("go"), Command("cue", "2")])
def test_panic_ends_with_blackout_off_or_a_cue(board: Board, way_out: Command) -> None:
    board.apply(Command("panic", fade_s=0.5), 0.0)
    assert board.levels(1.0).blackout
    board.apply(way_out, 1.0)
    assert not board.levels(1.0).blackout and board.levels(1.0).master == 1.0


def test_pressing_panic_again_never_makes_it_slower(board: Board) -> None:
    board.apply(Command("panic", fade_s=4.0), 0.0)
    board.apply(Command("panic", fade_s=4.0), 2.0)
    assert board.levels(4.0).blackout
    board.apply(Command("panic", fade_s=0.0), 2.0)
    assert board.levels(2.0).blackout


def test_freeze_and_test_card_switch_on_and_off(board: Board) -> None:
    for verb in ("freeze", "test_card"):
        board.apply(Command(verb, value=1.0), 0.0)
    assert board.levels(0.0).freeze and board.levels(0.0).test_card
    board.apply(Command("freeze", value=0.0), 1.0)
    assert not board.levels(1.0).freeze and board.levels(1.0).test_card


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (Command("cue", "99"), "unknown cue"),
        (Command("cue", "nan"), "unknown cue"),
        (Command("cue", "0_2"), "unknown cue"),
        (Command("knob", "effect.nothing", 1.0), "unknown knob"),
        (Command("release", "effect.nothing"), "unknown knob"),
        (Command("master", value=float("nan")), "bad value"),
        (Command("go", fade_s=-1.0), "bad value"),
        (Command("go", fade_s=float("inf")), "bad value"),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_is_counted(board: Board, command: Command, kind: str) -> None:
    before = board.levels(5.0)
    board.apply(command, 5.0)
    assert board.levels(5.0) == before and board.faults == {kind: 1}


def test_the_same_commands_at_the_same_instants_give_the_same_levels() -> None:
    dice = random.Random(7)
    verbs = [
        "knob",
        "release",
        "go",
        "back",
        "cue",
        "master",
        "blackout",
        "freeze",
        "panic",
        "test_card",
        "moment",
        "ping",
    ]
    played = [
        (
            i / 30,
            Command(
                dice.choice(verbs),
                dice.choice([*KNOBS, "1", "1.5", "2", "9", ""]),
                dice.choice([0.0, 1.0, dice.random()]),
                dice.choice([None, 0.0, dice.random() * 5]),
            ),
        )
        for i in range(2000)
    ]
    nights = []
    for asked_twice in (False, True):
        board, night = Board(KNOBS, CUES), []
        for now_s, command in played:
            board.apply(command, now_s)
            if asked_twice:
                board.levels(now_s + 100.0)
            night.append(asdict(board.levels(now_s)))
        nights.append(night)
    assert nights[0] == nights[1]
    for levels in nights[0]:
        assert 0.0 <= levels["master"] <= 1.0
        assert all(KNOBS[name].low <= value <= KNOBS[name].high for name, value in levels["base"].items())


@pytest.mark.parametrize(
    ("cue", "says"),
    [
        (
            Cue("9", values={"effect.tear.amonut": 1.0}),
            "no knob 'effect.tear.amonut'; did you mean 'effect.tear.amount'",
        ),
        (Cue("9", values={TEAR: 3.0}), "goes from 0 to 1, found 3.0"),
        (Cue("1"), "expected a number of its own"),
        (Cue("9", fade_s=-1.0), "fade_s must be 0 or more"),
    ],
)
def test_a_cue_that_cannot_be_stops_the_start_and_says_why(cue: Cue, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Board(KNOBS, (*CUES, cue))


def test_the_status_says_where_the_show_stands(board: Board) -> None:
    board.apply(Command("go"), 0.0)
    board.apply(Command("knob", TEAR, 1.0), 0.0)
    said = board.describe(1.0)
    assert (said["cue"], said["cue_name"], said["next"], said["fading"], said["held"]) == (
        "1.5",
        "first visitors",
        "2",
        True,
        1,
    )
    assert board.describe(9.0)["fading"] is False


def test_the_status_says_fading_as_long_as_any_knob_is_on_its_way(board: Board) -> None:
    board.apply(Command("cue", "1.5", fade_s=60.0), 0.0)
    board.apply(Command("go"), 1.0)  # three seconds, and truncation is still on its way
    assert board.describe(30.0)["fading"] is True
    assert board.describe(60.0)["fading"] is False


def test_a_frame_of_levels_costs_little_however_many_knobs_fade() -> None:
    import time

    knobs = {f"effect.e{i}.amount": Knob(f"effect.e{i}.amount") for i in range(150)}
    board = Board(knobs, (Cue("1"), Cue("2", values=dict.fromkeys(knobs, 1.0))))
    board.apply(Command("go"), 0.0)
    began = time.process_time()
    for i in range(100):
        board.levels(i / 100)
    assert (time.process_time() - began) / 100 < 0.1  # measured: a fraction of a millisecond


def test_what_was_fading_to_black_is_black_when_the_show_is_back(board: Board) -> None:
    for command in (Command("master", "", 0.0, 4.0), Command("panic")):
        one, again = Board(KNOBS, CUES), Board(KNOBS, CUES)
        one.apply(command, 10.0)
        assert one.is_fading(11.0) and one.levels(11.0).master > 0.0
        again.recall(one.remember(11.0), 0.0)
        levels = again.levels(0.0)
        assert levels.blackout or levels.master == 0.0
    board.recall({"master": [0.2, 0.8, 2.0]}, 0.0)
    assert board.levels(0.0).master == 0.2 and board.levels(2.0).master == 0.8, "on its way up it goes on"


def test_holds_outlive_a_safe_show_that_has_not_their_knobs(board: Board) -> None:
    board.apply(Command("knob", TEAR, 0.9), 1.0)
    safe, whole = Board({}, ()), Board(KNOBS, CUES)
    safe.recall(board.remember(2.0), 0.0)
    whole.recall(safe.remember(100.0), 0.0)
    assert base(whole, TEAR, 0.0) == 0.9
    safe.apply(Command("release"), 101.0)
    assert safe.remember(102.0)["held"] == {}


@pytest.mark.parametrize(
    "number",
    [10**400, float("inf"), float("nan"), -1e300, "1", None, [1]],
    ids=["long", "inf", "nan", "low", "text", "none", "list"],
)
def test_a_note_with_numbers_that_are_none_is_no_reason_to_fail(board: Board, number: object) -> None:
    board.recall({"master": [number] * 3, "panic": [number] * 3, "held": {TEAR: [number] * 3}, "cue": number}, 0.0)
    assert board.levels(1.0).master == 1.0 and base(board, TEAR, 1.0) == 0.2
    for start, goal, at_first, at_last in ((-3.0, -3.0, 0.0, 0.0), (3.0, 3.0, 1.0, 1.0), (-3.0, 0.5, 0.0, 0.5)):
        board.recall({"master": [start, goal, 2.0]}, 0.0)
        assert (board.levels(0.0).master, board.levels(2.0).master) == (at_first, at_last)


def test_what_is_held_becomes_the_running_cues_own_without_a_step_of_the_light(board: Board) -> None:
    board.apply(Command("knob", TEAR, 0.9, 2.0), 10.0)
    board.apply(Command("knob", SIDES, 9.0), 10.0)
    before = board.levels(11.0).base
    board.apply(Command("adopt"), 11.0)
    assert board.levels(11.0).base == before and board.levels(11.0).held == {}
    assert base(board, TEAR, 12.0) == 0.9 and board.cues[0].values[TEAR] == 0.9
    board.apply(Command("go", fade_s=0.0), 13.0)
    board.apply(Command("back", fade_s=0.0), 14.0)
    assert (base(board, TEAR, 15.0), base(board, SIDES, 15.0)) == (0.9, 9.0)


def test_nothing_is_adopted_where_there_is_no_cue() -> None:
    board = Board(KNOBS, ())
    board.apply(Command("knob", TEAR, 0.9), 0.0)
    board.apply(Command("adopt"), 1.0)
    assert board.levels(2.0).held == {TEAR: ""} and board.faults == {"unknown cue": 1}


def test_while_nothing_moves_every_frame_is_handed_the_same_levels(board: Board) -> None:
    still = board.levels(0.0)
    assert board.levels(9.0) is still
    board.apply(Command("go"), 10.0)  # over four seconds
    assert board.levels(12.0) is not board.levels(12.0)
    come = board.levels(14.0)
    assert come is not still and board.levels(99.0) is come and board.levels(12.0) is not come
    for command in (
        *(Command("knob", TEAR, 0.5), Command("release", TEAR), Command("master", value=0.5), Command("blackout")),
        *(Command("freeze", value=1.0), Command("test_card", value=1.0), Command("panic", fade_s=0.0)),
    ):
        before = board.levels(100.0)
        board.apply(command, 100.0)
        assert board.levels(100.0) is not before and board.levels(101.0) is board.levels(102.0), command.verb


def test_a_knob_that_comes_later_stands_where_the_running_cue_has_it() -> None:
    late = "generator.late"
    cues = (Cue("1"), Cue("2", values={late: 0.25}), Cue("3", values={late: 9.0, TEAR: 1.0}))
    with pytest.raises(SettingsError, match=r"no knob 'generator\.late'"):
        Board(KNOBS, cues)
    board = Board(KNOBS, cues, awaited={late})
    board.apply(Command("cue", "2"), 0.0)
    assert late not in board.levels(1.0).base
    board.meet({late: Knob(late, 0.0, 1.0, 0.75), TEAR: Knob(TEAR, 5.0, 6.0, 5.0)})
    assert board.levels(1.0).base[late] == 0.25 and base(board, TEAR, 1.0) == 0.0
    board.apply(Command("cue", "3", fade_s=0.0), 2.0)
    assert base(board, late, 2.0) == 0.25, "further than its knob goes: passed over"
    board.apply(Command("cue", "1", fade_s=2.0), 2.0)
    assert [base(board, late, s) for s in (2.0, 3.0, 4.0)] == [0.25, 0.5, 0.75]


def test_a_fade_that_lies_ahead_is_at_its_start_and_one_that_is_over_has_nothing_left() -> None:
    fade = Ramp(0.2, 0.8, 10.0, 4.0)
    assert [fade.at(now_s) for now_s in (3.0, 10.0, 14.0, 99.0)] == [0.2, 0.2, 0.8, 0.8]
    assert fade.left(12.0) == [0.5, 0.8, 2.0] and fade.left(99.0) == [0.8, 0.8, 0.0]
    (back,) = ramps({"a": [0.0, 1.0, -5.0]}, 10.0).values()
    assert back.at(10.0) == back.at(2.0) == 1.0 and back.fade_s == 0.0
