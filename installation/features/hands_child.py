"""Frames in shared memory in, landmarks in shared memory out: the process that MediaPipe runs (and may crash) in."""

from __future__ import annotations

import os
import sys
import types

from installation.children import enter
from installation.features.hand_process import ANSWERED, ASKED, AWAKE, Results
from installation.features.hand_tracker import HandTracker, TrackerSettings
from installation.frames import FrameSlots


def main() -> None:
    memory, settings = enter()
    leave_out_what_is_not_needed()
    try:
        tracker = HandTracker(settings.pop("model"), TrackerSettings(**settings))
        tracker.warm_up()
        frames, results = FrameSlots(memory, ASKED), Results(memory)
        memory.counts[AWAKE] = os.getpid()
        answered = int(memory.counts[ANSWERED])
        while os.read(0, 64):  # the parent writes a byte for every frame; the end of the pipe is the end of the parent
            asked = frames.read(answered)
            if asked is None:
                continue
            rgb, time_s, answered = asked
            results.write(tracker.track(rgb, time_s), time_s, rgb.shape[0] / rgb.shape[1])
            memory.counts[ANSWERED] = answered
    except Exception as error:
        memory.say(f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)  # without MediaPipe's slow farewell


def leave_out_what_is_not_needed() -> None:
    """Keep MediaPipe from loading a plotting library (half of its start) and from opening the sound system."""
    plot = types.ModuleType("matplotlib.pyplot")
    sys.modules["matplotlib"], sys.modules["matplotlib.pyplot"] = types.ModuleType("matplotlib"), plot
    sys.modules["matplotlib"].pyplot = plot  # type: ignore[attr-defined]
    sys.modules["sounddevice"] = None  # type: ignore[assignment]  # reads as: not installed


if __name__ == "__main__":
    main()
