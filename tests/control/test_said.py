"""What the panel's page says, read strictly: a command of this show, or a refusal that names why."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.control.places import Refused
from installation.control.said import LONGEST, TEACHING, VERBS, is_pressed, parse, read
from installation.signals import Command, Knob

KNOBS = {"x": Knob("x", -1.0, 1.0), "cut": Knob("cut", kind="event")}
CUES = {"1", "1.5"}


def say(**wish: object) -> bytes:
    return json.dumps(wish).encode()


def test_a_wish_becomes_the_command_of_somebody_at_the_panel() -> None:
    command, at_s = read(parse(say(verb="knob", name="x", value=0.5, fade_s=2, at=7.5)), KNOBS, CUES)
    assert command == Command("knob", "x", 0.5, 2.0) and command.by == "panel" and at_s == 7.5
    assert read(parse(say(verb="cue", name="1.5")), KNOBS, CUES)[0] == Command("cue", "1.5", 1.0)


def test_a_value_beyond_its_knob_is_brought_to_the_nearest_end() -> None:
    assert read(parse(say(verb="knob", name="x", value=9)), KNOBS, CUES)[0].value == 1.0


def test_keys_are_pressed_and_values_are_set() -> None:
    pressed = [Command("go"), Command("cue", "1"), Command("moment"), Command("knob", "cut")]
    assert [is_pressed(command, KNOBS) for command in pressed] == [True] * 4
    assert not any(is_pressed(c, KNOBS) for c in (Command("knob", "x"), Command("blackout"), Command("panic")))


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (b"", "malformed"),
        (b"[" * 400, "malformed"),
        (b'{"verb": "go"' + b" " * LONGEST + b"}", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"7", "malformed"),
        (say(verb="quit"), "malformed"),
        (say(verb=["go"]), "malformed"),
        (say(verb="_do_go"), "malformed"),
        (say(verb="go", more=1), "malformed"),
        (say(verb="go", name="x"), "malformed"),
        (say(verb="knob", name=3), "malformed"),
        (say(verb="knob", name="y", value=1), "unknown address"),
        (say(verb="knob", value=1), "unknown address"),
        (say(verb="cue", name="2"), "unknown address"),
        (say(verb="learn", name="y"), "unknown address"),
        (say(verb="knob", name="x", value="1"), "bad argument"),
        (say(verb="knob", name="x", value=True), "bad argument"),
        (say(verb="knob", name="x", value=math.nan), "bad argument"),
        (say(verb="master", value=math.inf), "bad argument"),
        (b'{"verb": "master", "value": 1' + b"0" * 400 + b"}", "bad argument"),
        (say(verb="go", at=math.nan), "bad argument"),
        (say(verb="go", fade_s=-1), "out of range"),
        (say(verb="go", fade_s=1e9), "out of range"),
    ],
)
def test_what_is_no_wish_is_refused_with_its_kind(wish: bytes, kind: str) -> None:
    with pytest.raises(Refused) as refused:
        read(parse(wish), KNOBS, CUES)
    assert refused.value.kind == kind


ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
TABLES = st.dictionaries(
    st.sampled_from(["verb", "name", "value", "fade_s", "at", "x"]), ANY | st.sampled_from([*VERBS])
)


@given(st.binary(max_size=600) | TABLES.map(lambda table: json.dumps(table).encode()))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_wish_or_refused(wish: bytes) -> None:
    try:
        command, at_s = read(parse(wish), KNOBS, CUES)
    except Refused:
        return
    assert command.verb in VERBS | TEACHING and math.isfinite(command.value) and math.isfinite(at_s)


def test_what_is_said_of_the_wall_is_no_command_and_a_command_says_nothing_of_the_wall() -> None:
    assert parse(say(wall="move", output=0, x=0.5, at=7.5)) == {"wall": "move", "output": 0, "x": 0.5, "at": 7.5}
    for mixed in (say(wall="move", verb="go"), say(verb="go", output=0), say(wall="move", name="x" * LONGEST)):
        with pytest.raises(Refused) as refused:
            parse(mixed)
        assert refused.value.kind == "malformed"
