"""Requests in, drawn pictures in shared memory out: the process that paints and draws. It heals nothing: it ends."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from installation.children import Memory, enter, give_way
from installation.live import governor, keeping, opening, portable
from installation.live.leaving import without
from installation.live.plan import AT, AWAKE, DRAWN, FIRST_EFFECT, MEMORIES, NOTHING, VECTORS, WATCHES, Plan
from installation.live.studio import OPENING_S, REMEMBERED
from installation.memory import resident_mb
from installation.settings import SettingsError, Show, check
from installation.signals import Controls, Knob, SoundBlock

log = logging.getLogger("installation.live.studio")

NICENESS = 3  # a frame in time goes before a newer picture; the painter within stands back further
ANSWER_S = 20.0  # in which the generator paints something, or this process makes room for a new one
SLOWER = 5.0  # times what its pictures take: so long it may be at one where that is more
TOLD_EVERY_S = 0.5
HEAD = 7  # numbers ahead of the values: number, time_s, turns, now_s, patient, rate_hz, count of values


class Hung(RuntimeError):
    """A part has not answered for so long that only a new process helps."""


def main() -> None:
    memory, settings = enter()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%F %T")
    faulthandler.enable()  # a crash in a driver says where
    give_way(NICENESS)
    show = check(Show, settings["show"], "show")
    width, height = (max(a, b) for a, b in zip(show.screen.size, show.screen.working_size, strict=True))
    plan = Plan(memory, width * height)
    try:
        room = Room(without(show, settings["without"]), memory, plan, settings["sheds"], settings["order"])
        room.album = keeping.Album(show, settings["vectors"])
    except (SettingsError, ValueError, LookupError, OSError, RuntimeError) as error:
        memory.say(str(error))
        plan.opened.write({"refused": str(error)})
        os._exit(2)
    try:
        room.work()
    except Exception as error:
        log.exception("studio")
        memory.say(f"{type(error).__name__}: {error}")
    os._exit(1)  # threads that hang are not waited for


class Room:
    """A painter, an easel and their governors, over what is shared with the show."""

    def __init__(self, show: Show, memory: Memory, plan: Plan, sheds: bool = True, order: Sequence[str] = ()) -> None:
        from installation.generators.painter import Painter
        from installation.rendering.easel import Easel
        from installation.rendering.readback import Whole
        from installation.rendering.surfaces import open_headless

        self.memory, self.plan, self.sheds = memory, plan, sheds
        generator = opening.open_generator(show, plan.look, plan.drawn)
        self.context = open_headless()
        self.easel = Easel(self.context, show.effects, show.screen.working_size, watch=self._watch, sheds=sheds)
        memory.counts[AT] = NOTHING
        self.painter = Painter(generator).start()
        self.drawing = governor.drawing(show.screen, gpu=not self.easel.canvas.software)
        self.painting = governor.painting(show.screen)
        self.easel.work_at(self.drawing.rung.size)
        self.readback = Whole()
        self.album = keeping.Album(show)
        self.footsteps = keeping.Footsteps(show)
        self._vectors = int(memory.counts[VECTORS])
        self._asked: OrderedDict[int, tuple[Controls, int]] = OrderedDict()  # by identity: the request they came with
        self._memories: OrderedDict[int, np.ndarray] = OrderedDict()  # of the newest pictures, by the request
        self._told_s = 0.0
        knobs = rows_of(self._knobs().values())
        self.order = list(order) or [row[0] for row in knobs]  # as the show knows them, whatever is left out now
        self._say_what_is_watched()
        self._opened: dict[str, Any] = {"knobs": knobs, "weights_sha256": generator.weights_sha256, "late": []}
        plan.opened.write(self._opened)
        self._awaited = portable.awaited(show)
        self._late: dict[str, Knob] = {}
        if hasattr(generator, "each"):
            generator.each(self._meet)

    def close(self) -> None:
        """End the painter and let go of the drawing."""
        from installation.rendering.surfaces import close_headless

        self.painter.close()
        close_headless(self.context)

    def _knobs(self) -> dict[str, Any]:
        return self.painter.generator.knobs | self.easel.knobs

    def work(self) -> None:
        """Every request, the newest first, until the show's pipe closes. Raises Hung when the generator is silent."""
        last = 0
        gc.freeze()
        while (self.plan.requests.read() is not None and not last) or os.read(0, 4096):  # one before it may be left
            row = self.plan.requests.read()
            if row is None or int(row[0]) == last:
                continue
            last = int(row[0])
            self._draw(row)
            self.memory.counts[DRAWN] = last
            self._live()
            self.memory.counts[AWAKE] = os.getpid()

    def _meet(self, generator: Any) -> None:
        """A generator is there; of knobs that cues await the show is told with the next drawing. Any thread."""
        fresh = {name: knob for name, knob in generator.knobs.items() if name in self._awaited}
        self._late = fresh | self._late

    def _tell_late(self) -> None:
        """The show sends values for these once it has heard of them, behind all others."""
        if fresh := [knob for name, knob in self._late.items() if name not in self.order]:
            self.order += [knob.name for knob in fresh]
            self._opened["late"] += rows_of(fresh)
            self.plan.opened.write(self._opened)

    def _watch(self, index: int) -> None:
        self.memory.counts[AT] = FIRST_EFFECT + index

    def _say_what_is_watched(self) -> None:
        self.memory.counts[WATCHES] = getattr(self.painter.generator, "wants_camera", False)

    def _live(self) -> None:
        self.memory.times[DRAWN] = time.monotonic()

    def _draw(self, row: np.ndarray) -> None:
        number, time_s, turns, now_s, patient, rate_hz, count = (float(v) for v in row[:HEAD])
        values = dict(zip(self.order, row[HEAD : HEAD + int(count)].tolist(), strict=False))
        samples = row[HEAD + int(count) :].astype(np.float32)
        sound = SoundBlock(samples, int(rate_hz), now_s) if rate_hz else None
        self._request(Controls(time_s, values, turns), int(number), bool(patient))
        began_s = time.monotonic()
        picture = self.painter.newest()
        drawn = self.easel.draw(picture, values, now_s, sound)
        self.memory.counts[AT] = NOTHING
        if drawn is not None and picture is not None:
            of = self._asked.get(id(picture.controls), (picture.controls, int(number)))[1]
            notes = int(number), of, picture.number
            self._note_memory(picture.controls, of)
            self.plan.pictures.write(self.readback.read_rgba(drawn.framebuffer), notes=notes)
        if picture is not None and (asked := int(self.memory.counts[VECTORS])) != self._vectors:
            self._vectors = asked
            self.album.keep(self.painter.generator, picture.controls)
        self._say_what_is_watched()
        self._tell_late()
        self._govern(time.monotonic() - began_s)
        self._tell(began_s)

    def _note_memory(self, controls: Controls, of: int) -> None:
        """What a generator remembers belongs to its picture: a moment would not come back without it."""
        remembered = getattr(self.painter.generator, "memory_of", lambda _: None)
        if of not in self._memories and (memory := remembered(controls)) is not None:
            self._memories[of] = memory
            while len(self._memories) > MEMORIES:
                self._memories.popitem(last=False)
            self.plan.note(self._memories)

    def _request(self, controls: Controls, number: int, patient: bool) -> None:
        """Ask the painter; wait for it only when told so (a replay that nobody watches). Raises Hung."""
        self._asked[id(controls)] = controls, number
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        asked = self.painter.request(controls)
        until_s = time.monotonic() + self._answer_s
        while patient and not self.painter.wait_done(asked, 0.5) and time.monotonic() < until_s:
            self._live()
            self._check()
        self._check()

    @property
    def _answer_s(self) -> float:
        """How long the generator may be at one picture; large networks on a processor take half a minute each."""
        slow_s = SLOWER * self.painter.picture_s
        return max(ANSWER_S, slow_s) if slow_s else OPENING_S

    def _check(self) -> None:
        """Raises Hung when only a new process helps."""
        if not self.painter.alive:
            raise Hung("the generator's thread ended")
        if self.painter.busy_s > self._answer_s:
            raise Hung(f"the generator has not answered for {self._answer_s:.0f} s")
        if self.painter.is_beyond_help:
            raise Hung("the generator's device does not recover in this process")

    def _govern(self, busy_s: float) -> None:
        """What is drawn goes by how long a drawing took; bends by how long a picture took."""
        if not self.sheds:
            return
        picture_s = self.painter.picture_s
        if self.drawing.note(busy_s, room=picture_s < self.drawing.rung.budget_s):
            self.easel.work_at(self.drawing.rung.size)
        if self.painting.note(picture_s):
            self.painter.generator.shed(self.painting.at)

    def _tell(self, now_s: float) -> None:
        """Twice a second: what was survived and where the time goes; garbage of what outlived a frame is collected."""
        gc.collect(0)
        if now_s < self._told_s + TOLD_EVERY_S:
            return
        self._told_s = now_s
        gc.collect()
        faults = self.painter.faults + self.easel.faults
        if (picture := self.painter.newest()) is not None:
            self.footsteps.note(picture.controls, now_s)
        rung = self.drawing.rung
        self.plan.status.write(
            {
                "faults": dict(faults),
                "picture_s": self.painter.picture_s,
                "painted": self.painter.number_done,
                "rungs": [self.drawing.rung.words, self.painting.rung.words],
                "draw_ms": dict(self.easel.timings),
                "size": rung.size,
                "fps": rung.fps,
                "gpu_mb": gpu_mb(),
                "rss_mb": resident_mb(),
            }
        )


def rows_of(knobs: Iterable[Knob]) -> list[list[Any]]:
    """Knobs as they are told to the show."""
    return [[k.name, k.low, k.high, k.default, k.about, k.kind] for k in knobs]


def gpu_mb() -> float:
    """Memory that the generator holds on a GPU; 0 without one."""
    import torch

    return round(torch.cuda.memory_allocated() / 2**20, 1) if torch.cuda.is_available() else 0.0


if __name__ == "__main__":
    main()
