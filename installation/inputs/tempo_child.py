"""Ableton Link's session, or a MIDI port's clock, in; the place of the beat out: the process that follows one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import Any

from installation.children import enter, follow_parent
from installation.inputs.tempo import AT, BEAT, BPM, PLAYING, SEQUENCE
from installation.memory import Memory

LOOK_S = 0.02  # how often Link is asked
CLOCKS = 24  # a beat
CLOCK, START, CONTINUE, STOP, PLACE = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
STEADY = 48  # clocks whose mean pace is the tempo
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
LONGEST_S = 60 / SLOWEST_BPM / CLOCKS * 1.5  # from clock to clock: more is a rest
GONE_S = 1.0  # without a clock


class Place:
    """Where the beat is, written whole."""

    def __init__(self, memory: Memory) -> None:
        self._counts, self._times = memory.counts, memory.times

    def live(self) -> None:
        """We are well, whether anything plays or not."""
        self._times[0] = time.monotonic()

    def write(self, beat: float, bpm: float, at_s: float, playing: bool = True) -> None:
        self._counts[SEQUENCE] |= 1
        self._times[BEAT], self._times[BPM], self._times[AT] = beat, bpm, at_s
        self._times[PLAYING] = float(playing)
        self._counts[SEQUENCE] += 1


class Clock:
    """Real-time bytes of one MIDI port, and when each came, in; the beat and the tempo of it out.

    take() answers (beat, beats a minute) for a clock that a tempo is known at, None for anything else.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=STEADY + 1)
        self._count = 0
        self._next_is_first = True  # the clock after a start is the beat itself
        self.playing = True  # a deck that never says start is heard all the same

    def take(self, message: bytes, at_s: float) -> tuple[float, float] | None:
        if message[:1] == bytes((PLACE,)) and len(message) == 3 and max(message[1:]) < 0x80:
            self._count = (message[2] << 7 | message[1]) * 6  # in sixteenths
        if len(message) != 1:
            return None
        if message[0] in (START, CONTINUE):
            self._count = 0 if message[0] == START else self._count
            self.playing, self._next_is_first = True, True
        elif message[0] == STOP:
            self.playing = False
        elif message[0] == CLOCK:
            return self._tick(at_s)
        return None

    def _tick(self, at_s: float) -> tuple[float, float] | None:
        if self._times and not 0 <= at_s - self._times[-1] < LONGEST_S:
            self._times.clear()
        self._times.append(at_s)
        if self.playing:
            self._count += not self._next_is_first
            self._next_is_first = False
        if len(self._times) < CLOCKS // 4 or not self.playing:
            return None
        pace_s = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        bpm = 60 / max(pace_s * CLOCKS, 1e-6)
        return (self._count / CLOCKS, bpm) if SLOWEST_BPM <= bpm <= FASTEST_BPM else None


async def follow_link(place: Place) -> None:
    """Be a peer of the session for ever; it plays while there is another peer."""
    import aalink

    link = aalink.Link(120.0, asyncio.get_running_loop())
    link.enabled = True
    while True:
        place.write(float(link.beat), float(link.tempo), time.monotonic(), link.num_peers > 0)
        place.live()
        await asyncio.sleep(LOOK_S)


def follow_midi(place: Place, part: str) -> None:
    """Listen to every port that is meant for ever; the one whose clock comes leads."""
    import rtmidi

    open_ports: dict[str, Any] = {}
    lock, heard = threading.Lock(), [0.0]

    def listen(end: Any) -> None:
        clock = Clock()
        end.ignore_types(sysex=True, timing=False, active_sense=True)

        def take(event: tuple[list[int], float], _: object = None) -> None:
            now_s = time.monotonic()
            with lock:
                found = clock.take(bytes(event[0]), now_s)
                if found is not None:
                    heard[0] = now_s
                    place.write(*found, now_s)

        end.set_callback(take)

    while True:
        with lock:
            if time.monotonic() - heard[0] > GONE_S:
                place.write(0.0, 0.0, time.monotonic(), playing=False)
        for name, way in _ports(rtmidi).items():
            if part.lower() in name.lower() and name not in open_ports:
                with contextlib.suppress(Exception):
                    end = rtmidi.MidiIn(way, name="installation show")
                    end.open_port(end.get_ports().index(name), "clock")
                    open_ports[name] = end
                    listen(end)
        place.live()
        time.sleep(GONE_S / 2)


def _ports(rtmidi: Any) -> dict[str, int]:
    """Every input that there is now, and the way to it."""
    found: dict[str, int] = {}
    for way in rtmidi.get_compiled_api():
        with contextlib.suppress(Exception):
            looking = rtmidi.MidiIn(way, name="installation show")
            found |= {name: way for name in looking.get_ports() if not name.startswith("installation show")}
            looking.delete()
    return found


def main() -> None:
    memory, asked = enter()
    follow_parent()
    place = Place(memory)
    try:
        if asked["source"] == "link":
            asyncio.run(follow_link(place))
        else:
            follow_midi(place, asked["port"])
    except ImportError as error:
        what = "link" if asked["source"] == "link" else "midi"
        memory.say(f"{error.name} is not installed; pip install 'installation[{what}]'")
        raise
    except Exception as error:
        memory.say(str(error) or repr(error))
        raise


if __name__ == "__main__":
    main()
