"""What the tests of the desk share: a small show, a desk on a port of its own, and waiting with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from installation.control.desk import Desk
from installation.settings import Cue, Osc
from installation.signals import Command, Knob

KNOBS = {
    knob.name: knob
    for knob in (
        Knob("generator.truncation", 0.0, 1.5, 0.7, "how far from the mean"),
        Knob("effect.tear.amount", 0.0, 1.0, 0.0, "width of the tear"),
        Knob("effect.echo.on", 0.0, 1.0, 0.0, "echo", "bool"),
        Knob("effect.mirror.sides", 2.0, 12.0, 6.0, "sides", "int"),
        Knob("bend.melt.amount", -1.0, 1.0, 0.0, "melting"),
    )
}
CUES = (
    Cue("1", "doors", 2.0, {"effect.tear.amount": 0.2}),
    Cue("1.5", "first visitors", 4.0, {"generator.truncation": 1.0, "effect.echo.on": 1.0}),
    Cue("2", "night", 3.0, {"effect.tear.amount": 0.8, "effect.mirror.sides": 3.0}),
)


def open_desk(**settings: object) -> Desk:
    """A desk on a free port, already listening."""
    desk = Desk(Osc(**{"port": 0} | settings), KNOBS, CUES)  # type: ignore[arg-type]
    desk.start()
    return desk


def wait_for(condition: Callable[[], object], why: Callable[[], object] = lambda: "", timeout_s: float = 60.0) -> None:
    """Look again every few milliseconds until it holds."""
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited in vain {why()}"
        pause.wait(0.003)


def hear(desk: Desk, count: int = 1, timeout_s: float = 60.0) -> list[Command]:
    """What the desk says, frame by frame, until it has said `count` things."""
    heard: list[Command] = []

    def enough() -> bool:
        heard.extend(desk.poll(time.monotonic()))
        return len(heard) >= count

    wait_for(enough, lambda: f"for {count} commands: heard {heard}, faults {dict(desk.faults)}", timeout_s)
    return heard
