"""A timecode track as a sound input hears it calls the cues of a show."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import soundfile
from timecodes import track

from installation.control.timecode.counting import Time
from installation.live.hearing import open_timecode
from installation.settings import Cue, Timecode


def test_a_track_on_one_channel_of_a_file_is_heard_through_a_sound_input(tmp_path: Path, wait_for: Callable) -> None:
    path = tmp_path / "track.wav"
    sound = track(Time(0, 0, 59, 0), 75, 25.0, 48000)
    soundfile.write(path, sound, 48000)
    cues = (Cue("1"), Cue("2", at="00:01:00:00"))
    clock = open_timecode(Timecode("ltc", device=str(path)), cues)
    clock.start()
    times = itertools.count()
    try:
        called = wait_for(lambda: clock.poll(next(times) / 1000))
    finally:
        clock.close()
    assert [(command.verb, command.name, command.by) for command in called] == [("cue", "2", "timecode ltc")]
    assert not clock.faults
