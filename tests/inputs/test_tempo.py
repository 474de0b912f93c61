"""Link and MIDI clocks as they are: the beat is where they say, carried on to now, and rests when they do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from installation.inputs import tempo
from installation.inputs.tempo_child import CLOCK, CLOCKS, CONTINUE, PLACE, START, STOP, Clock, Place
from installation.live.senses import Senses
from installation.settings import Part, SettingsError
from installation.signals import Beat


def ticks(clock: Clock, count: int, at_s: float = 0.0, bpm: float = 120.0) -> tuple[float, float] | None:
    found = None
    for i in range(count):
        found = clock.take(bytes((CLOCK,)), at_s + i * 60 / bpm / CLOCKS)
    return found


def test_the_first_clock_after_a_start_is_the_beat_and_the_tempo_is_theirs() -> None:
    clock = Clock()
    clock.take(bytes((START,)), 0.0)
    found = ticks(clock, CLOCKS * 3 + 1)
    assert found == (3.0, pytest.approx(120.0))
    clock.take(bytes((STOP,)), 2.0)
    assert ticks(clock, 60, 2.0) is None
    clock.take(bytes((PLACE, 8, 0)), 4.0)  # eight sixteenths in
    clock.take(bytes((CONTINUE,)), 4.0)
    assert ticks(clock, 13, 4.0, 90.0) == (2.5, pytest.approx(90.0))


def test_a_tempo_that_no_music_has_and_other_bytes_say_nothing() -> None:
    clock = Clock()
    assert ticks(clock, 100, bpm=2000.0) is None and ticks(Clock(), 100, bpm=3.0) is None
    for raw in (b"", b"\x90\x3c\x40", bytes((PLACE, 1)), bytes((PLACE, 0x80, 1)), b"\xfe"):
        assert clock.take(raw, 1.0) is None


def test_the_beat_is_carried_on_to_the_frame_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tempo.create(tempo.Settings())
    monkeypatch.setattr(type(made), "alive", True)
    monkeypatch.setattr("installation.inputs.tempo.time.monotonic", lambda: 100.5)
    Place(made._memory).write(7.0, 120.0, 100.0)
    assert made.read(3.0) == Beat(8.0, 120.0, 4, 3.0)
    made._memory.counts[tempo.SEQUENCE] |= 1  # in the middle of being written
    assert made.read(3.0) is None
    made.close()


class Clockwork:
    """Stands in for an input that a clock speaks through."""

    alive, faults, pids = True, {}, ()  # type: ignore[var-annotated]

    def read(self, now_s: float) -> Beat:
        return Beat(5.25, 90.0, 4, now_s)


@pytest.mark.parametrize("leads", [True, False])
def test_a_clock_leads_the_beat_that_is_heard_for_as_long_as_it_runs(leads: bool) -> None:
    parts = [Part("tempo", {"leads": leads}), Part("sound")]
    senses = Senses([Part("microphone"), Part("tempo")], parts)
    own, senses.inputs["tempo"] = senses.inputs["tempo"], Clockwork()
    heard = senses.read(0.0)
    assert (heard["tempo.beat"], heard["tempo.bar"], heard["tempo.speed"]) == (0.25, 0.3125, 0.25)
    assert (heard["sound.beat"], heard["sound.tempo"]) == ((0.25, 0.25) if leads else (0.0, 0.0))
    assert senses.tempo_bpm == 90.0
    senses.inputs["tempo"].alive = False
    assert senses.read(0.1)["sound.beat"] == 0.0
    senses.inputs["tempo"] = own
    senses.close()


def test_a_link_session_of_another_program_is_followed(wait_for: Callable) -> None:
    aalink = pytest.importorskip("aalink", reason="aalink (the extra link) is not installed")
    import asyncio

    made = tempo.create(tempo.Settings())
    made.start()

    async def play() -> Beat:
        other = aalink.Link(97.0, asyncio.get_running_loop())
        other.enabled = True
        while True:
            beat = made.read(0.0)
            if beat is not None and beat.tempo_bpm == pytest.approx(other.tempo):
                apart = (beat.beat - other.beat + 0.5) % 1.0 - 0.5
                if abs(apart) < 0.05:
                    return beat
            await asyncio.sleep(0.01)

    try:
        asyncio.run(asyncio.wait_for(play(), 60.0))
    finally:
        made.close()
    assert not made.faults


@pytest.mark.parametrize("asked", [tempo.Settings(source="metronome"), tempo.Settings(beats_per_bar=0)])
def test_a_clock_that_cannot_be_says_what_was_expected(asked: tempo.Settings) -> None:
    with pytest.raises(SettingsError, match="expected"):
        tempo.create(asked)
