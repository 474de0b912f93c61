"""Steps and a time in; their rows out, one by one: a step that raises, hangs or takes its process along costs itself.

The steps run one after the other in a process of their own, which is renewed after a step that hung or crashed, or left
CUDA unusable: an illegal access in one kernel would otherwise fail every step after it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from installation.machine.rows import FAILED, LEFT_OUT, NO_TIME, Row

PATIENCE, SHARE = 4, 0.2  # a step may take so many times what it is thought to need, and so much of all the time
END_S = 60.0  # for a process to end by itself
LONGEST_REASON = 300
DONE, LOST = "done", "lost"


@dataclass(frozen=True)
class Step:
    """Something to measure. act yields its rows; it and what it is bound to can be pickled. need_s: with a GPU."""

    part: str
    unit: str
    need_s: float
    act: Callable[[], Iterator[Row]]


class LeftOutError(Exception):
    """This machine cannot have what a step measures; the text says why."""


def run(steps: Sequence[Step], within_s: float) -> Iterator[Row]:
    """Rows of every step, whatever happens to it; those that no longer fit get a row that says so."""
    ends_s = time.monotonic() + within_s
    worker: Worker | None = None
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        try:
            for step in steps:
                left_s = ends_s - time.monotonic()
                if left_s < step.need_s:
                    why = f"needs about {step.need_s:.0f} s, {max(left_s, 0):.0f} s are left"
                    yield Row(step.part, None, step.unit, note=why, state=NO_TIME)
                    continue
                worker = worker or Worker(folder)
                yield from worker.run(step, min(left_s, max(SHARE * within_s, PATIENCE * step.need_s)))
                if worker.lost:
                    worker.close()
                    worker = None
        finally:
            if worker:
                worker.close()


class Worker:
    """The process that the steps run in."""

    def __init__(self, folder: str) -> None:
        """folder: where the process puts what it writes; it is the caller's, so nothing stays when it is killed."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, folder))
        self.process.start()
        theirs.close()  # so that a process that ends is noticed
        self.lost = False

    def run(self, step: Step, within_s: float) -> Iterator[Row]:
        """The rows of one step. Afterwards `lost` says whether this process can run no more."""
        ends_s = time.monotonic() + within_s
        try:
            self.pipe.send(step)
            while self.pipe.poll(max(0.0, ends_s - time.monotonic())):
                said = self.pipe.recv()
                if not isinstance(said, Row):
                    self.lost = said == LOST
                    return
                yield said
            why = f"took longer than {within_s:.0f} s, and was ended"
        except (EOFError, OSError):
            self.process.join(END_S)
            why = f"took its process along: it ended with {self.process.exitcode}"
        self.lost = True
        yield Row(step.part, None, step.unit, note=why, state=FAILED)

    def close(self) -> None:
        """End the process, at once if it is of no use any more."""
        if self.lost:
            self.process.kill()
        self.pipe.close()
        self.process.join(END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def work(pipe: Any, folder: str) -> None:
    """In the process: steps in, their rows out, until the pipe is closed."""
    tempfile.tempdir = folder
    with contextlib.suppress(EOFError, OSError):
        while step := pipe.recv():
            for row in rows_of(step):
                pipe.send(row)
            if not made_new():
                pipe.send(LOST)
                return
            pipe.send(DONE)


@functools.cache
def usual_threads() -> int:
    """torch's own choice; asked for after the first step, which only imports it."""
    import torch

    return torch.get_num_threads()


def rows_of(step: Step) -> Iterator[Row]:
    """The rows of a step, and one that says why where it broke off."""
    try:
        yield from step.act()
    except LeftOutError as reason:
        yield Row(step.part, None, step.unit, note=str(reason), state=LEFT_OUT)
    except Exception as error:  # whatever it is: it costs this step, and its line says it
        text = " ".join(f"{type(error).__name__}: {error}".split())
        yield Row(step.part, None, step.unit, note=text[:LONGEST_REASON], state=FAILED)


def made_new() -> bool:
    """Undo what a step left in this process, for the next; False where CUDA no longer does what it is told."""
    torch = sys.modules.get("torch")
    if torch is None:
        return True
    gc.collect()
    torch.set_num_threads(usual_threads())
    torch.set_flush_denormal(False)
    torch.backends.cudnn.benchmark = False
    if not torch.cuda.is_initialized():
        return True
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True
