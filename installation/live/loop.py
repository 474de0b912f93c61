"""The show, on one screen of code: devices and a desk in, bent pictures out of the projector."""

from __future__ import annotations

import gc
import logging
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from installation.clock import WallClock
from installation.control.desks import Sight
from installation.control.feedback import describe_status
from installation.files import named
from installation.live import elsewhere, modulation, opening, portable
from installation.live.chronicle import Chronicle, keep_earlier
from installation.live.ending import orderly_ends, say_goodbye
from installation.live.hearing import open_desk
from installation.live.journal import Entry, read_log
from installation.live.kept import Kept
from installation.settings import Show
from installation.signals import Controls, Levels

STATUS_EVERY_S = 0.5
REMEMBER_FRAMES = 30  # between two notes of the place on the walk
PATIENCE = 60  # frames in a row that may fail before the show is better begun anew
BROKE_OFF = 70  # the exit code of a show that could not go on
log = logging.getLogger("installation.live")


def main(options: Namespace) -> int:
    """`installation live`: open the show as asked for and as the machine allows, play it, say what was measured."""
    show, options = opening.prepare(options)
    if options.osc_table:
        print(opening.osc_table(show))
        return 0
    with ExitStack() as closing:
        live = Live(show, options, closing)
        closing.enter_context(orderly_ends(live.end, insists=live.kept is None))
        report = live.play()
    if options.report:
        named.write_json(options.report, report)
    say_goodbye(options, report)
    return BROKE_OFF if live.broke_off else 0


class Live:
    """One show on one wall. Every part runs by itself and may die and come back; the loop takes the newest of each."""

    def __init__(self, show: Show, options: Namespace, closing: ExitStack, sheds: bool = True) -> None:
        self.show, self.options, self.kept = show, options, Kept.found()
        self.studio = opening.start_studio(show, closing, sheds and self.in_time, options.vectors)  # opens slowest
        self.senses = opening.open_senses(show, closing)
        self.screen = opening.open_screen(show, options.headless, closing)
        self.outputs = elsewhere.open_outputs(show, closing)
        self.knobs = self.studio.open()
        self.show = show = portable.fitted(show, self.knobs)
        self.board = opening.open_board(show, self.knobs)
        self.desk = open_desk(show, self.knobs, closing, options, bool(self.kept and self.kept.goes_on))
        there, watches, wall = self.senses.there, lambda: self.studio.watches, self.screen
        self.desk.look(Sight(wall.read, self.faults, there, watches, wall.put_up, wall.afar, self.studio.lay))
        if self.kept and self.kept.goes_on:
            keep_earlier(options)
        self.chronicle = Chronicle(show, options, self.screen, self.studio, closing)
        self.state = modulation.begin(show.routes)
        self.clock = WallClock()
        self.status_s = 0.0
        self.survived: Counter[str] = Counter()
        self.ending = self.broke_off = False
        self.failed = 0  # frames in a row
        if self.kept and (before := self.kept.words.read()):
            self.board.recall(before, 0.0)
            self.desk.recall(before.get("desks"))
            self.state = modulation.resume(self.state, before.get("turns"))

    def play(self) -> dict[str, Any]:
        """Frames until esc or the time is over; nothing here waits for a device, a packet, a file or the generator."""
        with opening.curtain(self.senses, self.studio):
            self.clock = WallClock()
            for heard in self.replayed() if self.options.replay else self.heard():
                self.survive(heard)
                self.pace(heard.now_s)
                if self.broke_off:
                    break
        report = self.chronicle.report(self.faults(), self.senses.tempo_bpm, self.screen.flashes_limited)
        return report | {"sent": self.outputs.sent}

    def survive(self, heard: Entry) -> None:
        """One frame, whatever happens in it; a show that fails in every frame is better begun anew."""
        try:
            self.frame(heard)
            self.failed = 0
        except Exception as error:  # counted, said once for each kind, with where it came from
            kind = f"frame: {type(error).__name__}"
            if not self.survived[kind]:
                log.exception("a frame failed: the one before stays")
            self.survived[kind] += 1
            self.failed += 1
            self.broke_off = self.failed >= PATIENCE

    def end(self) -> None:
        """Finish the frame in hand, then the film, the log and the report."""
        self.ending = True

    def faults(self) -> Counter[str]:
        """Everything that went wrong and was survived, by kind."""
        parts = (self.desk, self.studio, self.board, self.outputs)
        return sum((Counter(part.faults) for part in parts), self.senses.all_faults() + self.survived)

    def describe(self, now_s: float) -> dict[str, Any]:
        """What the desk is told twice a second: the running cue, what acts last, pace, picture age, faults, memory."""
        drawing, ledger = self.studio.newest(), self.chronicle.ledger
        age_s = now_s - drawing.painted_s if drawing else now_s
        levels, faults = self.board.levels(now_s), self.faults()
        status = describe_status(levels, faults, frame=ledger.frames, fps=ledger.fps, frame_age_s=age_s)
        return status | self.board.describe(now_s)

    def heard(self) -> Iterator[Entry]:
        """What came in since the last frame: features of every device, wishes of every person."""
        self.desk.start()
        while not (self.screen.closed or self.ending):
            now_s = self.clock.now_s()
            if 0 < self.options.seconds <= now_s:
                return
            wishes = (*self.desk.poll(now_s), *opening.pressed(self.screen, self.board, now_s))
            yield Entry(now_s, self.senses.read(now_s), wishes)

    def replayed(self) -> Iterator[Entry]:
        """The same from an input log, at the pace it was written; headless as fast as it can be painted."""
        self.desk.start()
        for heard in read_log(self.options.replay):
            if self.screen.closed or self.ending:
                return
            yield heard

    def frame(self, heard: Entry) -> None:
        """The whole way: people, the one rule, the newest drawing, the projector with master and blackout last."""
        now_s = heard.now_s
        if came := self.studio.came():
            self.knobs = self.knobs | came
            self.board.meet(came)
        for command in heard.commands:
            self.board.apply(command, now_s)
        levels = self.board.levels(now_s)
        try:
            self.remember(heard)
            self.desk.follow(levels, now_s)
            controls = self.ask(heard, levels)
        finally:  # whatever fails on the way to a picture: master and blackout act in this frame
            drawing = self.studio.newest()
            self.screen.show(drawing.rgba if drawing else None, levels, now_s)
            if self.kept:
                self.kept.present()
            self.outputs.offer(self.screen.read)
        self.chronicle.note(heard, controls, drawing, self.senses.sound)

    def remember(self, heard: Entry) -> None:
        """Leave with the keeper what people have set: at once when they do, with every frame while light fades."""
        due = heard.commands or self.board.is_fading(heard.now_s) or self.chronicle.ledger.frames % REMEMBER_FRAMES == 0
        if self.kept and due:
            more = {"turns": self.state.turns, "desks": self.desk.remember()}
            self.kept.words.write(self.board.remember(heard.now_s) | more)

    def ask(self, heard: Entry, levels: Levels) -> Controls:
        """The one rule, and a picture asked for by it, unless it is to stay as it is."""
        now_s = heard.now_s
        controls, self.state = modulation.modulate(
            self.knobs, self.show.routes, levels.base, heard.features, self.state, now_s
        )
        if not levels.freeze:
            camera = self.senses.camera if self.options.sight else None
            self.studio.request(controls, now_s, self.senses.sound, camera, patient=not self.in_time)
        if not self.in_time:
            while not (self.studio.wait_done(1.0) or self.ending):
                pass  # the same log, the same film, however long a picture takes
        return controls

    def pace(self, began_s: float) -> None:
        """Collect garbage in the time left, tell the desk, wait for the next frame."""
        gc.collect(0)
        if began_s >= self.status_s:
            self.status_s = began_s + STATUS_EVERY_S
            self.desk.tell(self.describe(began_s), began_s)
            gc.collect()  # what outlived a frame; all that was there at the start is frozen, so this is short
        if self.in_time:
            self.clock.wait_until(self.next_frame_s(began_s))

    @property
    def in_time(self) -> bool:
        """Whether the wall clock leads; a replay that nobody watches takes the time it takes."""
        return not (self.options.replay and self.options.headless)

    def next_frame_s(self, began_s: float) -> float:
        """The next slot on the show's grid after this frame began; missed slots are dropped, not caught up."""
        fps = self.studio.fps
        return (int(began_s * fps + 0.5) + 1) / fps
