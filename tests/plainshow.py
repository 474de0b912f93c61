"""A small show that needs no device and no network: its file, the show itself, frame by frame, and what it is lent.

Who opens one show after another in the same process need not wait for a process that paints each time: those that
differ in nothing that is painted are lent the same one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from installation.__main__ import parser
from installation.live import modulation, opening
from installation.live.journal import Entry
from installation.live.loop import Live
from installation.live.studio import Studio
from installation.settings import Show

PAINTED = '[generator]\nname = "pattern"\n[[effects]]\nfile = "grain.fs"\n'
CUES = """
[[cues]] # the first
number = "1"
[[cues]]
number = "2"
fade_s = 1.0
values = { "generator.x" = 0.5 }
"""
SCREEN = """
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
"""
SHOW = PAINTED + CUES + SCREEN
MOST = 3  # that are kept: each holds some hundred megabytes
NO_DEVICES = ("--camera", "none", "--microphone", "none")


def write(path: Path, *more: str) -> Path:
    """The show file, with more at its end."""
    path.write_text(SHOW + "".join(more))
    return path


def words(path: Path, *more: str) -> list[str]:
    """What is typed to play it: alone, without a window, on a port that is free."""
    return ["live", "--show", str(path), "--headless", "--osc-port", "0", *more]


def open_live(path: Path, closing: ExitStack, *more: str) -> Live:
    """The show, open and with its curtain up, until `closing` closes."""
    asked = words(path, *NO_DEVICES, "--moments", str(path.parent / "moments"), *more)
    live = Live(*opening.prepare(parser().parse_args(asked)), closing)
    closing.enter_context(opening.curtain(live.senses, live.studio))
    return live


def play(live: Live, until: Callable[[Entry], Any], frames: int = 600) -> Any:
    """Present frames until `until(heard)` holds after one, which comes back; fails when it never does."""
    live.screen.canvas.context.__enter__()  # another show of this process, now closed, may have left no context here
    for heard in itertools.islice(live.heard(), frames):
        live.frame(heard)
        live.pace(heard.now_s)
        if found := until(heard):
            return found
    raise AssertionError(f"did not happen within {frames} frames: {live.faults()}")


def does(verb: str, value: float | None = None) -> Callable[[Entry], bool]:
    """Whether somebody asked for it in a frame, with that value if one is named."""
    return lambda heard: any(c.verb == verb and value in (None, c.value) for c in heard.commands)


class Studios:
    """Stands where shows have their studios opened. One that was closed, or has failed, is lent no more.

    The one that was lent last longest ago makes room for a new one.
    """

    def __init__(self) -> None:
        self._opened: dict[str, Studio] = {}

    def start(self, show: Show, closing: ExitStack, sheds: bool = True, vectors: Path | None = None) -> Studio:
        painted = repr((show.generator, show.bends, show.effects, show.screen, show.vectors, sheds, vectors))
        lent = self._opened.pop(painted, None)
        if lent is None or lent._child._closing.is_set() or lent.faults:
            lent = Studio(show, sheds, vectors)
            lent.start()
        self._opened[painted] = lent
        while len(self._opened) > MOST:
            self._opened.pop(next(iter(self._opened))).close()
        return lent

    def close(self) -> None:
        for studio in self._opened.values():
            studio.close()


def as_new(live: Live) -> Live:
    """The same show as if it had just begun: nothing set, nothing survived; its parts go on."""
    live.board, live.state = opening.open_board(live.show, live.knobs), modulation.begin(live.show.routes)
    live.kept, live.failed, live.broke_off = None, 0, False
    live.survived.clear()
    live.chronicle.moments.clear()
    live.desk.osc.faults.clear()
    return live
