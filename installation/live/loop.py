"""The show, on one screen of code: devices and a desk in, bent pictures out of the projector."""

from __future__ import annotations

import gc
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from installation.clock import WallClock
from installation.live import modulation, opening
from installation.live.chronicle import Chronicle
from installation.live.governor import Governor
from installation.live.journal import Entry, read_log, write_json
from installation.settings import Show

STATUS_EVERY_S = 0.5


def main(options: Namespace) -> int:
    """`installation live`: open the show as asked for and as the machine allows, play it, say what was measured."""
    show, options = opening.prepare(options)
    if options.osc_table:
        print(opening.osc_table(show))
        return 0
    with ExitStack() as closing:
        report = Live(show, options, closing).play()
    if options.report:
        write_json(options.report, report)
    opening.say_goodbye(options, report)
    return 0


class Live:
    """One show on one wall. Every part runs by itself and may die and come back; the loop takes the newest of each."""

    def __init__(self, show: Show, options: Namespace, closing: ExitStack) -> None:
        self.show, self.options = show, options
        self.senses = opening.open_senses(show, closing)
        self.painter = opening.open_painter(show, closing)
        self.screen = opening.open_screen(show, options.headless, closing)
        self.knobs = self.painter.generator.knobs | self.screen.knobs
        self.board = opening.open_board(show, self.knobs)
        self.desk = opening.open_desk(show, self.knobs, closing)
        weights = self.painter.generator.weights_sha256
        self.chronicle = Chronicle(show, options, self.screen, weights, closing)
        self.governor = Governor(1.0 / show.screen.fps)
        self.state = modulation.begin(show.routes)
        self.clock = WallClock()
        self.status_s = 0.0

    def play(self) -> dict[str, Any]:
        """Frames until esc or the time is over; nothing here waits for a device, a packet, a file or the generator."""
        with opening.curtain(self.senses, self.painter, self.knobs):
            self.clock = WallClock()
            for heard in self.replayed() if self.options.replay else self.heard():
                self.frame(heard)
                self.pace(heard.now_s)
        return self.chronicle.report(self.faults(), self.senses.tempo_bpm, self.screen.flashes_limited)

    def faults(self) -> Counter[str]:
        """Everything that went wrong and was survived, by kind."""
        parts = (self.desk, self.painter, self.screen, self.board)
        return sum((Counter(part.faults) for part in parts), self.senses.all_faults())

    def heard(self) -> Iterator[Entry]:
        """What came in since the last frame: features of every device, wishes of every person."""
        while not self.screen.closed:
            now_s = self.clock.now_s()
            if 0 < self.options.seconds <= now_s:
                return
            wishes = (*self.desk.poll(now_s), *opening.pressed(self.screen, self.board, now_s))
            yield Entry(now_s, self.senses.read(now_s), wishes)

    def replayed(self) -> Iterator[Entry]:
        """The same from an input log, at the pace it was written; headless as fast as it can be painted."""
        for heard in read_log(self.options.replay):
            if self.screen.closed:
                return
            yield heard

    def frame(self, heard: Entry) -> None:
        """The whole way: people, the one rule, the newest picture, the projector with master and blackout last."""
        now_s = heard.now_s
        for command in heard.commands:
            self.board.apply(command, now_s)
        levels = self.board.levels(now_s)
        controls, self.state = modulation.modulate(
            self.knobs, self.show.routes, levels.base, heard.features, self.state, now_s
        )
        if not levels.freeze:
            self.painter.request(controls)
        picture = self.painter.newest()
        self.screen.show(picture, controls, levels, now_s, self.senses.sound)
        self.chronicle.note(heard, controls, picture, self.senses.sound)

    def pace(self, began_s: float) -> None:
        """Leave out what is too slow for this machine, collect garbage in the time left, wait for the next frame."""
        busy_s = max(self.clock.now_s() - began_s, self.painter.picture_s / 4)  # a picture may stay for some frames
        if self.governor.note(busy_s):
            self.painter.generator.shed(self.governor.level)
            self.screen.scale(self.governor.scale)
        gc.collect(0)
        if began_s >= self.status_s:
            self.status_s = began_s + STATUS_EVERY_S
            self.desk.tell(opening.describe(self, began_s), began_s)
            gc.collect()  # what outlived a frame; all that was there at the start is frozen, so this is short
        if self.options.replay and self.options.headless:
            self.painter.wait_done(self.chronicle.ledger.frames)  # the same log, the same film
        else:
            self.clock.wait_until(self.next_frame_s(began_s))

    def next_frame_s(self, began_s: float) -> float:
        """The next slot on the show's grid after this frame began; missed slots are dropped, not caught up."""
        fps = self.show.screen.fps
        return (int(began_s * fps + 0.5) + 1) / fps
