"""Where the stages of a test's job are worked: in this very process, or, when the test is about them, in workers."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator

import cv2
import pytest

from installation.stills import engines, sheets, tasks
from installation.stills.tasks import Task


class Here:
    """Does what a worker does, here: no other Python has to begin, which takes longer than a small print."""

    slots = 1

    def __init__(self, slots: int) -> None:
        tasks._open_stage.cache_clear()  # a new worker knows no stage

    async def run(self, task: Task) -> float:
        return tasks.perform(task)

    def close(self) -> None: ...


@pytest.fixture
def workers() -> None:
    """Asks for the workers that everybody else has."""


@pytest.fixture(autouse=True)
def worked_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every job without workers of its own, and with small sheets, but for the tests that ask for workers."""
    if "workers" in request.fixturenames:
        yield
        return
    monkeypatch.setattr(engines, "Local", Here)
    monkeypatch.setattr(sheets, "before_after", functools.partial(sheets.before_after, height_px=150))
    environment, threads = dict(os.environ), cv2.getNumThreads()
    of_torch = torch.get_num_threads() if (torch := sys.modules.get("torch")) else None
    yield
    cv2.setNumThreads(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(of_torch or int(environment.get("OMP_NUM_THREADS", 1)))
    for name in ("OMP_NUM_THREADS", "MKL_DYNAMIC"):
        os.environ.pop(name, None)
        os.environ |= {name: environment[name]} if name in environment else {}
