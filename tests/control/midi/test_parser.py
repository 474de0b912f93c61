"""Bytes as any device, or none, may send them: whole messages, or a word for what is none; never an error."""

from __future__ import annotations

import random

import mido
import pytest

from installation.control.midi.controllers import TOPS, Controllers, source_of, wire
from installation.control.midi.parser import SYSEX_LIMIT, Message, Parser

WORDS = {"stray byte", "cut short", "undefined", "unfinished sysex", "long sysex"}


def fed(*raw: int) -> list[Message | str]:
    return Parser().feed(bytes(raw))


def test_running_status_real_time_and_active_sense_come_between_any_two_bytes() -> None:
    assert fed(0xB0, 7, 0xFE, 1, 7, 0xF8, 2) == [Message(0xFE), Message(0xB0, 7, 1), Message(0xF8), Message(0xB0, 7, 2)]
    one = Parser()
    assert [said for byte in b"\x90\x3c\x40\x3c\x00" for said in one.feed(bytes((byte,)))] == [
        Message(0x90, 60, 64),
        Message(0x90, 60, 0),
    ]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ((7, 1, 2), ["stray byte"]),
        ((0xB0, 7, 0xB0, 7, 1), ["cut short", Message(0xB0, 7, 1)]),
        ((0xF4, 0xF9), ["undefined", "undefined"]),
        ((0xF0, 1, 0xB0, 7, 1), ["unfinished sysex", Message(0xB0, 7, 1)]),
        ((0xF0, 1, 0xF8, 2, 0xF7, 7), [Message(0xF8), Message(0xF0, body=b"\1\2"), "stray byte"]),
        ((0xF1, 0x21, 0x21), [Message(0xF1, 0x21), "stray byte"]),
    ],
)
def test_what_is_cut_or_makes_no_sense_is_named_and_what_follows_is_heard(raw: tuple, said: list) -> None:
    assert fed(*raw) == said


def test_a_system_exclusive_message_of_any_length_takes_no_more_room_than_is_read_of_one() -> None:
    parser = Parser()
    assert parser.feed(b"\xf0" + bytes(1_000_000)) == []
    assert parser._sysex is not None and len(parser._sysex) <= SYSEX_LIMIT + 1
    assert parser.feed(b"\xf7\xb0\x07\x01") == ["long sysex", Message(0xB0, 7, 1)]


def test_random_bytes_give_messages_and_words_and_nothing_else() -> None:
    chance = random.Random(11)
    parser, controllers = Parser(), Controllers(lambda source: source.number % 3 == 0)
    for _ in range(200_000):
        raw = chance.randbytes(chance.randrange(1, 8))
        found = parser.feed(raw)
        assert len(found) <= 2 * len(raw)
        for said in found:
            if isinstance(said, str):
                assert said in WORDS
            else:
                assert said.status >= 0x80 and said.one < 128 > said.two and len(said.body) <= SYSEX_LIMIT
                turn = controllers.take(said) if said.status < 0xF0 else None
                assert turn is None or 0 <= turn.value <= TOPS[turn.source.kind]


def test_what_another_program_writes_is_read_as_it_was_meant() -> None:
    chance = random.Random(3)
    for kind in ("note_on", "note_off", "control_change", "program_change", "pitchwheel", "aftertouch"):
        for _ in range(50):
            spec = mido.Message(kind, channel=chance.randrange(16))
            (said,) = Parser().feed(bytes(spec.bytes()))
            assert isinstance(said, Message) and [said.status, said.one, said.two][: len(spec.bytes())] == spec.bytes()


def test_what_is_told_to_a_device_is_what_would_be_heard_of_it() -> None:
    chance = random.Random(5)
    for text in ("cc 3/7", "cc14 3/7", "nrpn 16/12345", "note 1/60", "bend 9"):
        source = source_of(text)
        assert str(source) == text
        for _ in range(50):
            value, controllers = chance.randrange(TOPS[source.kind] + 1), Controllers(lambda one: one.kind == "cc14")
            raw = b"".join(wire(source, value))
            if text.startswith("cc "):
                controllers = Controllers(lambda one: False)
            heard = [controllers.take(said) for said in Parser().feed(raw) if isinstance(said, Message)]
            assert heard[-1] is not None and heard[-1] == (source, value)


@pytest.mark.parametrize(
    "text", ["cc 0/7", "cc 17/7", "cc 1", "cc 1/128", "cc14 1/32", "bend 1/2", "knob 1/2", "cc", "program 1/0"]
)
def test_a_source_that_cannot_be_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|has no number"):
        source_of(text)
