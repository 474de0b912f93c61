"""What workers do in the tests of the engines, instead of a stage's work: wait for each other, or die of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from installation.stills.tasks import Task

TRIES = 3


def act(task: Task) -> float:
    """Dies of the task called fatal, once its neighbour is at work; the neighbour ends when that has died for good."""
    folder = Path(task.archive)
    if task.name == "fatal":
        await_true(lambda: (folder / "neighbour").exists())
        (folder / f"died {len(list(folder.glob('died *')))}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name == "neighbour":
        with (folder / "neighbour").open("a") as begun:
            begun.write("begun\n")
        await_true(lambda: len(list(folder.glob("died *"))) == TRIES)
    if task.name == "wrong":
        raise ValueError("there is nothing on it")
    return 1.0


def await_true(question: Callable[[], bool]) -> None:
    """Ask until it is so; a minute in vain is an error, so that a worker never stays behind."""
    pause = threading.Event()
    for _ in range(12_000):
        if question():
            return
        pause.wait(0.005)
    raise RuntimeError("waited in vain")
