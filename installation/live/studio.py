"""Controls in, the newest drawn picture out: generator and effects at work in a process of their own, which may die.

The wall never waits for them. Whatever a network, an effect or a driver does (an exception, a hang in one draw call, a
poisoned CUDA context, a crash), the last picture stays, the process is replaced, and what it was at when it failed is
left out once it has failed twice: an effect first, then the generator, for which `pattern` stands in.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation.children import Child, Memory
from installation.clock import WallClock
from installation.live.leaving import effects_of
from installation.live.plan import AT, AWAKE, DRAWN, FIRST_EFFECT, NOTHING, REQUESTED, VECTORS, WATCHES, Plan
from installation.settings import SettingsError, Show, to_table
from installation.signals import CameraFrame, Controls, Knob, SoundBlock

log = logging.getLogger("installation.live.studio")

NEWEST_SAMPLES = 4096  # of sound that effects look at
SILENT_S, OPENING_S = 6.0, 90.0
REMEMBERED = 4096  # requests whose pictures may still come
STRIKES = 2  # failures of one part, none long after the one before, until it is left out
LEFT_OUT_S, LONGEST_OUT_S = 600.0, 6 * 3600.0  # twice as long each time


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """rgba [shape=(H, W, 4), uint8, row 0 at the bottom as GL counts], and the controls that it was made from.

    Its effects were drawn at controls.time_s; its picture may be older, was asked for at painted_s, and was the
    painter's so manyth.
    """

    rgba: np.ndarray
    controls: Controls
    number: int
    painted_s: float
    picture: int = 0


class Studio:
    """The parent's side. start() and open() it; faults counts what was survived, by kind."""

    def __init__(self, show: Show, sheds: bool = True, vectors: Path | None = None) -> None:
        """sheds: what is too slow for the show's pace is left out; without, all is drawn however long it takes.

        vectors: the folder where they are kept, the user's own for None.
        """
        self.show, self._sheds, self._vectors = show, sheds, vectors
        self.knobs: dict[str, Knob] = {}
        self.weights_sha256 = ""
        width, height = (max(a, b) for a, b in zip(show.screen.size, show.screen.working_size, strict=True))
        self._memory = Memory(Plan.bytes_of(width * height))
        self._plan = Plan(self._memory, width * height)
        self._order: list[str] = []
        self._opened: dict[str, Any] = {}  # what it told of its knobs last
        self._asked: OrderedDict[int, Controls] = OrderedDict()
        self._newest: Drawing | None = None
        self._number = self._requested = 0
        self._strikes: dict[str, list[float]] = {}  # part -> when it failed
        self._earlier: Counter[str] = Counter()  # faults of the processes before this one
        self._painted = 0  # by them
        self._left_out: dict[str, float] = {}  # part -> until when
        self._out_s: dict[str, float] = {}  # part -> how long next time
        self._starts, self._renewing = 0, False
        self._told_without: list[str] = []
        self._child = Child(
            "studio",
            "installation.live.studio_child",
            self._settings,
            self._memory,
            log=log,
            silent_s=SILENT_S,
            opening_s=OPENING_S,
            silence_s=self._silence_s,
            threads=0,
            errors=None,
        )

    def start(self) -> None:
        """Let the process open generator and effects, while the show opens the rest."""
        self._child.start()

    def open(self, timeout_s: float = OPENING_S) -> dict[str, Knob]:
        """Wait until it knows its knobs, which come back. Raises SettingsError for a show that cannot be opened."""
        self._child.start()
        clock = WallClock()
        while not (told := self._plan.opened.read()):
            if clock.now_s() > timeout_s:
                raise RuntimeError(f"the generator was not ready after {timeout_s:.0f} s")
            clock.wait_until(clock.now_s() + 0.01)
        if "refused" in told:
            raise SettingsError(str(told["refused"]))
        self.knobs = {row[0]: Knob(*row) for row in told["knobs"]}
        self.weights_sha256 = str(told["weights_sha256"])
        self._order, self._opened = list(self.knobs), told
        return self.knobs

    def came(self) -> dict[str, Knob]:
        """Knobs that were not there when it was asked last: cues await them of models that are opened meanwhile."""
        if (told := self._plan.opened.read()) is self._opened:
            return {}
        self._opened = told
        fresh = {row[0]: Knob(*row) for row in told.get("late", ()) if row[0] not in self.knobs}
        self.knobs = self.knobs | fresh
        self._order += fresh
        return fresh

    def request(
        self,
        controls: Controls,
        now_s: float,
        sound: SoundBlock | None = None,
        camera: CameraFrame | None = None,
        patient: bool = False,
    ) -> None:
        """Ask for a picture; one that has not begun is replaced. Never waits; patient: paint this very one first."""
        if self._told_without and not self._renewing and set(self._told_without) - set(self.left_out):
            self._renewing = True  # its time is over: another try, with all of the show
            self._child.renew()
        self._requested += 1
        self._asked[self._requested] = controls
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        given = controls.values
        if camera is not None and self.watches:
            self._plan.camera.write(camera.rgb)
        values = np.array([given.get(name, self.knobs[name].default) for name in self._order], np.float64)
        samples = np.zeros(0) if sound is None else sound.samples[-NEWEST_SAMPLES:].astype(np.float64)
        rate_hz = 0.0 if sound is None else float(sound.sample_rate_hz)
        head = np.array(
            [self._requested, controls.time_s, controls.turns, now_s, patient, rate_hz, values.size], np.float64
        )
        self._plan.requests.write(head, values, samples)
        if self._memory.counts[DRAWN] >= self._memory.counts[REQUESTED]:
            self._memory.times[REQUESTED] = time.monotonic()
        self._memory.counts[REQUESTED] = self._requested
        self._child.wake()

    def lay(self, drawing: np.ndarray) -> None:
        """A drawing (H, W, 1), uint8, dark on white, to paint from until another one is laid."""
        self._plan.drawing.write(drawing)

    def keep_vector(self) -> None:
        """Keep the point of the newest picture as a file, with the next request; may be asked from any thread."""
        self._memory.counts[VECTORS] += 1

    def newest(self) -> Drawing | None:
        """The last picture that was drawn, None before the first; the same object for as long as it is the same one."""
        fresh = self._plan.pictures.read_noted(self._number)
        if fresh is not None:
            rgba, _, self._number, (drawn, painted, picture) = fresh
            shown = self._asked.get(drawn)
            made = self._asked.get(painted, shown)
            if shown is not None and made is not None:
                own = {n: v for n, v in made.values.items() if n.startswith(("generator.", "bend."))}
                own |= self._plan.memory_of(painted)
                controls = Controls(shown.time_s, {**shown.values, **own}, made.turns)
                self._newest = Drawing(rgba, controls, self._number, made.time_s, picture)
        return self._newest

    def wait_done(self, timeout_s: float = 10.0) -> bool:
        """Wait until the newest request has been painted and drawn, or has failed; False when time is up."""
        clock = WallClock()
        while int(self._memory.counts[DRAWN]) < self._requested:
            if clock.now_s() > timeout_s:
                return False
            clock.wait_until(clock.now_s() + 0.001)
        return True

    @property
    def status(self) -> dict[str, Any]:
        """What the process last said of itself: faults, seconds a picture and a drawing take, the size drawn at."""
        return self._plan.status.read()

    @property
    def fps(self) -> float:
        """Frames a second that the machine has time for: the show's, or fewer where its effects are drawn slowly."""
        return float(self.status.get("fps", self.show.screen.fps))

    @property
    def painted(self) -> int:
        """How many pictures were painted, by all the processes that there were."""
        return self._painted + int(self.status.get("painted", 0))

    @property
    def faults(self) -> Counter[str]:
        return self._earlier + Counter(self.status.get("faults", {})) + self._child.faults

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    @property
    def watches(self) -> bool:
        """Whether what is painted is painted from the camera."""
        return bool(self._memory.counts[WATCHES])

    @property
    def left_out(self) -> list[str]:
        """What is not painted or drawn for now, because it failed: names of effects, "generator"."""
        now_s = time.monotonic()
        return [part for part, until_s in self._left_out.items() if until_s > now_s]

    def close(self) -> None:
        self._child.close()

    def _silence_s(self) -> float:
        """How long it has owed an answer; a show that is frozen, be it for hours, asks for nothing."""
        counts, times = self._memory.counts, self._memory.times
        if int(counts[AWAKE]) not in self._child.pids:
            return float("inf")  # still opening
        if counts[DRAWN] >= counts[REQUESTED]:
            return 0.0
        return time.monotonic() - max(float(times[DRAWN]), float(times[REQUESTED]))

    def _settings(self) -> Mapping[str, Any]:
        """What the next process is told: the show, and what the ones before it failed at twice."""
        if self._starts:
            if not self._renewing:
                self._blame("refused" in self._plan.opened.read())
            self._earlier += Counter(self.status.get("faults", {}))
            self._painted = self.painted
            self._plan.status.forget()
            self._plan.opened.forget()
        self._starts, self._renewing = self._starts + 1, False
        self._memory.counts[AT] = NOTHING
        self._memory.counts[WATCHES] = False
        self._told_without = self.left_out
        words = {"without": self._told_without, "order": self._order, "vectors": str(self._vectors or "")}
        return {"show": to_table(self.show), "sheds": self._sheds, **words}

    def _blame(self, refused: bool = False) -> None:
        """Strike the part that was at work; refused: it said by itself that it cannot work."""
        now_s, drawn = time.monotonic(), effects_of(self.show, self._told_without)
        at = int(self._memory.counts[AT]) - FIRST_EFFECT
        part = drawn[at] if 0 <= at < len(drawn) else "generator"
        struck = [s for s in self._strikes.get(part, []) if now_s - s < LEFT_OUT_S] + [now_s]
        self._strikes[part] = struck
        if len(struck) >= STRIKES or (refused and self._order):
            out_s = self._out_s.get(part, LEFT_OUT_S)
            self._strikes[part], self._left_out[part] = [], now_s + out_s
            self._out_s[part] = min(2 * out_s, LONGEST_OUT_S)
            instead = "`pattern` stands in for it" if part == "generator" else "it is left out"
            log.error("studio: %s failed: %s for %.0f minutes", part, instead, out_s / 60)
