"""Controls in, the newest good picture out: a generator at work in a thread of its own, newest request first."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch

from installation.children import give_way
from installation.memory import keep_pages
from installation.signals import Controls, Knob, Picture

log = logging.getLogger("installation.generators")

PATIENCE = 5  # failures in a row before the stand-in takes over
PAINTER_NICENESS = 9
BEYOND_HELP = 8  # of a GPU: failures in a row, tries while the stand-in paints among them
SAY_EVERY_S = 60.0  # at the most: every second picture may be ill all evening
RETRY_S = 10.0  # how often the generator gets another chance while the stand-in paints
FAULT, NOT_FINITE = "generator", "picture not finite"


class Generator(Protocol):
    """What every module of this room creates; see pattern.py for the shortest one."""

    knobs: dict[str, Knob]
    layers: list[tuple[str, int, int]]
    weights_sha256: str
    device: torch.device
    faults: Counter[str]
    size: tuple[int, int]

    @property
    def remembers(self) -> bool: ...  # whether a picture depends on those before it

    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture: ...
    def shed(self, level: int) -> None: ...
    def reset(self) -> None: ...


def thread_count() -> int:
    """CPU threads for the generator: one on two cores, where a second one only waits for the rest of the show."""
    return max(1, min(8, (os.cpu_count() or 1) - 2))


class Painter:
    """Paints the newest request; what fails is counted and the last good picture stays."""

    def __init__(self, generator: Generator, threads: int = 0) -> None:
        """threads: CPU threads that one picture may use; 0 chooses for this machine."""
        self.generator = generator
        self.standing_in: Generator | None = None
        self.threads = threads or thread_count()
        self.counted: Counter[str] = Counter()
        self._wish: tuple[Controls, tuple[int, int] | None] | None = None
        self._picture: Picture | None = None
        self._number = self.number_done = 0
        self._seconds: deque[float] = deque(maxlen=31)
        self._failures, self._tried_s, self._began_s = 0, 0.0, 0.0
        self._said_s = -SAY_EVERY_S
        self._closing = self._is_painting = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="painter", daemon=True)

    def start(self) -> Painter:
        self._thread.start()
        return self

    def close(self, timeout_s: float = 5.0) -> None:
        """Finish the picture in hand and end the thread."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def request(self, controls: Controls, size: tuple[int, int] | None = None) -> int:
        """Ask for a picture; a request that has not begun is replaced. Never waits for the generator.

        Returns what wait_done() is to be given to wait for it, if no other follows.
        """
        with self._change:
            self._wish = (controls, size)
            self._change.notify_all()
            return self.number_done + self._is_painting + 1

    def newest(self) -> Picture | None:
        """The last good picture, complete on its device; None before the first."""
        return self._picture

    def wait_done(self, number: int = 1, timeout_s: float = 10.0) -> bool:
        """Wait until `number` requests have been tried, well or not (see number_done); False when time is up."""
        with self._change:
            return self._change.wait_for(lambda: self.number_done >= number, timeout_s)

    @property
    def picture_s(self) -> float:
        """Median seconds that one of the last pictures took; 0 before the first."""
        return statistics.median(self._seconds.copy()) if self._seconds else 0.0

    @property
    def busy_s(self) -> float:
        """Seconds since the picture in hand was begun; 0 while there is none."""
        began_s = self._began_s
        return time.monotonic() - began_s if began_s else 0.0

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_beyond_help(self) -> bool:
        """A GPU that failed so often in this process that only a new one helps (a poisoned context stays poisoned)."""
        return self.generator.device.type == "cuda" and self._failures >= BEYOND_HELP

    @property
    def faults(self) -> Counter[str]:
        """What was survived, here and inside the generator, by kind; may be asked from any thread."""
        return Counter(self.counted.copy()) + Counter(self.generator.faults.copy())

    def _work(self) -> None:
        torch.set_num_threads(self.threads)
        if self.generator.device.type == "cpu":
            give_way(PAINTER_NICENESS)
            keep_pages()
        torch.set_flush_denormal(True)  # per thread; denormals cost a hundred times a normal number
        with torch.inference_mode(), _own_stream(self.generator.device):
            while True:
                with self._change:
                    self._change.wait_for(lambda: self._closing or self._wish is not None)
                    if self._closing:
                        return
                    wish, self._wish, self._is_painting = self._wish, None, True
                if wish is not None:
                    self._began_s = time.monotonic()
                    self._paint(*wish)
                    self._began_s = 0.0
                with self._change:
                    self.number_done, self._is_painting = self.number_done + 1, False
                    self._change.notify_all()

    def _paint(self, controls: Controls, size: tuple[int, int] | None) -> None:
        start_s = time.perf_counter()
        generator = self._chosen()
        try:
            picture = generator.render(controls, size)
            fault = "" if _is_finite(picture.pixels) else NOT_FINITE
        except Exception as error:  # any fault of a network must leave the show running; it is counted and said
            fault = f"{type(error).__name__}: {error}"
        if fault:
            self._fail(generator, fault)
            return
        self._recover(generator)
        seconds = time.perf_counter() - start_s
        self._seconds.append(seconds)
        self._number += 1
        self._picture = replace(picture, number=self._number, seconds=seconds)

    def _chosen(self) -> Generator:
        """The stand-in while the generator is ill; now and then the generator again."""
        if self.standing_in is None or time.monotonic() - self._tried_s >= RETRY_S:
            self._tried_s = time.monotonic()
            return self.generator
        return self.standing_in

    def _recover(self, generator: Generator) -> None:
        if generator is not self.generator:
            return
        if self._failures >= PATIENCE:
            log.warning("generator: paints again after %d failures", self._failures)
        self._failures, self.standing_in = 0, None

    def _fail(self, generator: Generator, fault: str) -> None:
        """Count it, say it once, and after PATIENCE failures let `pattern` stand in."""
        self.counted[NOT_FINITE if fault == NOT_FINITE else FAULT] += 1
        if fault == NOT_FINITE:
            try:
                generator.reset()
            except Exception as error:  # what cannot be cleared may still paint the next one
                fault += f"; {type(error).__name__} while it was cleared: {error}"
        if generator is not self.generator:
            return
        self._failures += 1
        if self._failures == 1 and time.monotonic() - self._said_s > SAY_EVERY_S:
            self._said_s = time.monotonic()
            log.warning("generator: %s; the last good picture stays", fault)
        if self._failures == PATIENCE:
            from installation.generators import pattern

            self.standing_in = pattern.create(pattern.Settings(), size=self.generator.size, device="cpu")
            log.error("generator: %s; `pattern` stands in, tried again every %.0f s", fault, RETRY_S)


def _is_finite(pixels: Any) -> bool:
    """Whether a picture is all finite; also waits, in the worker only, until the device has made it."""
    total = pixels.sum(dtype=torch.float32)
    if pixels.device.type == "cuda":
        host = torch.empty((), dtype=torch.float32, pin_memory=True)
        host.copy_(total, non_blocking=True)
        made = torch.cuda.Event(blocking=True)
        made.record()
        made.synchronize()
        total = host
    return math.isfinite(float(total))


@contextlib.contextmanager
def _own_stream(device: torch.device) -> Iterator[None]:
    """A CUDA stream of the painter's own, so that presenting never queues behind painting."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.stream(torch.cuda.Stream(device)):
        yield
