"""Timecode as decks and sequencers send it: every frame of it is read, nothing else is, and cues come in time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from timecodes import track

from installation.control.midi.parser import Message
from installation.control.timecode.calling import Caller
from installation.control.timecode.counting import RATES, Time, after, time_of
from installation.control.timecode.listener import Timecode
from installation.control.timecode.ltc import Ltc
from installation.control.timecode.mtc import BASES, Mtc
from installation.settings import Cue, SettingsError
from installation.settings import Timecode as Settings
from installation.signals import SoundBlock

CUES = (Cue("1"), Cue("2", at="00:01:00:02"), Cue("3", at="00:01:01:00"), Cue("4", at="00:02:00:10"))


def heard(ltc: Ltc, sound: np.ndarray, block: int = 441) -> list[tuple[Time, bool]]:
    return [one for at in range(0, len(sound), block) for one in ltc.take(sound[at : at + block])]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_every_frame_of_a_track_is_read_over_a_minute_that_drops_numbers_too(fps: float, rate_hz: int) -> None:
    base, drop = RATES[fps]
    start = Time(1, 8, 59, base - 10, base, drop)
    found = heard(Ltc(fps, rate_hz), track(start, 40, fps, rate_hz))
    assert found[:30] == [(after(start, 2 + i), True) for i in range(30)] and len(found) >= 36


@pytest.mark.parametrize("speed", [0.7, 0.95, 1.05, 1.5])
def test_a_tape_may_run_slow_or_fast(speed: float) -> None:
    found = heard(Ltc(25.0, 48000), track(Time(0, 0, 1, 0), 60, 25.0, 48000, speed))
    assert len(found) > 50 and found[-1][0].number - found[0][0].number == len(found) - 1


def test_backwards_the_times_fall() -> None:
    found = heard(Ltc(25.0, 48000), track(Time(0, 0, 1, 0), 40, 25.0, 48000)[::-1])
    assert len(found) >= 35 and not any(forward for _, forward in found)
    assert [time.number for time, _ in found] == sorted((time.number for time, _ in found), reverse=True)


def test_upside_down_quiet_hissing_and_with_a_hum_it_is_the_same_track() -> None:
    chance = np.random.default_rng(4)
    sound = track(Time(0, 0, 1, 0), 40, 25.0, 48000)
    hum = 0.02 * np.sin(np.arange(len(sound)) * 2 * np.pi * 50 / 48000)
    for odd in (-sound, 0.02 * sound, sound + 0.04 * chance.standard_normal(len(sound)), sound + hum + 0.1):
        assert len(heard(Ltc(25.0, 48000), odd.astype(np.float32))) >= 35


def test_music_noise_silence_and_cut_frames_are_no_timecode() -> None:
    chance = np.random.default_rng(5)
    at = np.arange(48000 * 4)
    music = 0.4 * np.sin(at * 2 * np.pi * 1000 / 48000) + 0.4 * np.sin(at * 2 * np.pi * 2000 / 48000)
    square = np.sign(np.sin(at * 2 * np.pi * 1000 / 48000))
    for odd in (music, square, chance.uniform(-1, 1, 48000 * 4), np.zeros(48000), np.full(48000, np.nan)):
        assert heard(Ltc(25.0, 48000), odd.astype(np.float32)) == []
    assert heard(Ltc(25.0, 48000), 0.004 * track(Time(0, 0, 1, 0), 40, 25.0, 48000)) == []  # crosstalk
    frame = track(Time(0, 0, 1, 0), 1, 25.0, 48000)
    assert heard(Ltc(25.0, 48000), np.concatenate([frame, frame, frame])) == []  # the same again is no next


def test_a_deck_that_stops_and_goes_on_elsewhere_is_read_again_at_once() -> None:
    parts = [
        track(Time(0, 0, 1, 0), 20, 25.0, 48000),
        np.zeros(5000, np.float32),
        track(Time(5, 0, 0, 0), 20, 25.0, 48000),
    ]
    found = [time for time, _ in heard(Ltc(25.0, 48000), np.concatenate(parts))]
    assert Time(0, 0, 0, 24) not in found and found[-1].hours == 5 and sum(time.hours == 5 for time in found) >= 16


def quarters(time: Time) -> list[Message]:
    rate = BASES.index((time.base, time.drop))
    values = (time.frames, time.seconds, time.minutes, time.hours | rate << 5)
    digits = [digit for value in values for digit in (value & 15, value >> 4)]
    return [Message(0xF1, piece << 4 | digit) for piece, digit in enumerate(digits)]


@pytest.mark.parametrize("fps", RATES)
def test_quarter_frames_say_the_time_that_it_is_when_the_last_of_them_comes(fps: float) -> None:
    start, mtc = time_of("10:08:59:20", fps), Mtc()
    for i in range(0, 40, 2):
        said = [mtc.take(message) for message in quarters(after(start, i))]
        assert said == [None] * 7 + [(after(start, i + 2), True)]
    back = Mtc()
    assert [back.take(message) for message in quarters(start)[::-1]][-1] == (after(start, -2), True)


def test_torn_and_impossible_times_are_named_and_the_next_is_read() -> None:
    mtc, time = Mtc(), Time(1, 2, 3, 4)
    rows = quarters(time)
    assert [mtc.take(message) for message in (*rows[:3], *rows[5:7])][3:] == ["mtc torn", None]
    assert [mtc.take(message) for message in rows][-1] == (after(time, 2), True)
    assert [mtc.take(message) for message in quarters(Time(1, 2, 3, 29))][-1] == "no such time"
    full = Message(0xF0, body=bytes((0x7F, 0x7F, 1, 1, 0x21, 2, 3, 4)))
    assert mtc.take(full) == (time, False)
    assert mtc.take(Message(0xF0, body=bytes((0x7F, 0x7F, 1, 1, 0x3F, 2, 3, 4)))) == "no such time"


def test_counting_goes_round_the_clock_and_back_for_every_rate() -> None:
    chance = random.Random(6)
    for fps, (base, drop) in RATES.items():
        day = Time(24, 0, 0, 0, base, drop).number
        for number in [0, 1799, 1800, 17981, 17982, day - 1, *(chance.randrange(day) for _ in range(2000))]:
            time = after(Time(0, 0, 0, 0, base, drop), number)
            assert time.exists and time.number == number and time_of(str(time), fps) == time
    assert str(after(time_of("00:00:59;29", 29.97))) == "00:01:00;02"


def run(caller: Caller, *texts: str) -> list[str]:
    return [number for text in texts for number in caller.hear(time_of(text, 25.0))]


def test_cues_come_as_their_time_is_passed_and_each_once() -> None:
    caller = Caller(CUES, 25.0)
    assert run(caller, "00:00:59:20", "00:01:00:01") == []
    assert run(caller, "00:01:00:02") == ["2"] and run(caller, "00:01:00:02", "00:01:00:03") == []
    assert run(caller, "00:01:00:20", "00:01:01:10") == ["3"]


def test_after_a_jump_the_cue_that_belongs_there_is_called_and_no_other() -> None:
    caller = Caller(CUES, 25.0)
    assert run(caller, "00:01:30:00") == ["3"]
    assert run(caller, "00:03:00:00", "00:01:00:10") == ["4", "2"]
    caller.lose()
    assert run(caller, "00:01:00:11") == []


def test_backwards_nothing_is_called_until_it_runs_on() -> None:
    caller = Caller(CUES, 25.0)
    assert run(caller, "00:01:02:00") == ["3"]
    assert run(caller, "00:01:01:10", "00:01:00:20", "00:01:00:10", "00:01:00:05") == []
    assert run(caller, "00:01:00:06", "00:01:00:24", "00:01:01:00") == ["2", "3"]


@pytest.mark.parametrize("at", ["00:01:30", "00:01:30:25", "24:00:00:00", "noon"])
def test_an_at_that_is_no_time_names_its_cue(at: str) -> None:
    with pytest.raises(SettingsError, match=r"cues\[0\] \(number '1'\): at: "):
        Caller([Cue("1", at=at)], 25.0)


class Tape:
    """Stands in for a sound input."""

    def __init__(self, sound: np.ndarray) -> None:
        self.faults: Counter[str] = Counter()
        self._sound = iter(np.array_split(sound, 40))

    def start(self) -> None:
        pass

    def read(self, now_s: float) -> SoundBlock | None:
        return next((SoundBlock(block, 48000, now_s) for block in self._sound), None)

    def close(self) -> None:
        pass


class Cable:
    opened, outputs = 1, 0

    def __init__(self, messages: list[Message]) -> None:
        self.faults: Counter[str] = Counter()
        self.names = {"in": ["deck"]}
        self.pause = False
        self._messages = iter(messages)

    def read(self) -> Iterator[tuple[float, int, bytes]]:
        for message in () if self.pause else self._messages:
            yield 0.0, 0, bytes((message.status, message.one))
            if message.one >> 4 == 7:
                return

    def start(self) -> None:
        pass

    send = flush = close = start


def test_a_tape_and_a_sequencer_call_the_cues_of_a_show() -> None:
    start = Time(0, 1, 0, 10)
    tape = Timecode(Settings("ltc"), CUES, Tape(track(start, 40, 25.0, 48000)))
    messages = [message for i in range(0, 40, 2) for message in quarters(after(start, i))]
    sequencer = Timecode(Settings("mtc"), CUES, ports=Cable(messages))  # type: ignore[arg-type]
    for clock in (tape, sequencer):
        calls = [command for i in range(40) for command in clock.poll(i / 30)]
        assert [(command.verb, command.name) for command in calls] == [("cue", "2"), ("cue", "3")]
        assert clock.running and not clock.poll(9.0) and not clock.running


def test_a_clock_that_stood_and_goes_on_a_little_later_calls_only_the_cue_that_belongs_there() -> None:
    starts = [Time(0, 0, 59, 10), Time(0, 1, 1, 5)]
    clock = Timecode(Settings("mtc"), CUES, ports=Cable([m for start in starts for m in quarters(start)]))
    assert clock.poll(0.0) == []
    clock._clock._ports.pause = True  # type: ignore[union-attr]
    assert clock.poll(5.0) == [] and not clock.running
    clock._clock._ports.pause = False  # type: ignore[union-attr]
    assert [command.name for command in clock.poll(6.0)] == ["3"]


@pytest.mark.parametrize(
    ("asked", "said"), [(Settings("smpte"), "mtc or ltc"), (Settings(fps=23.0), "24, 25, 29.97, 30")]
)
def test_a_clock_that_cannot_be_says_what_was_expected(asked: Settings, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Timecode(asked, CUES)
