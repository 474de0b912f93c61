"""Tasks in, finished results out: in worker processes of this machine, or shared out over a Ray cluster."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import heapq
import itertools
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from installation.stills import tasks
from installation.stills.tasks import Task

TRIES = 3  # a worker may be killed (out of memory, a power cut); the third time it is the task's own fault
PR_SET_PDEATHSIG = 1
HERE_ALONE = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
log = logging.getLogger("installation.stills")


class WorkerLost(RuntimeError):
    """The worker of a task died, again and again."""


class Engine(Protocol):
    """Runs tasks, `slots` at once; a task that raises raises here."""

    slots: int

    async def run(self, task: Task) -> float: ...

    def close(self) -> None: ...


class Local:
    """Worker processes of this machine, each by itself: one that dies costs only the task it had, and is replaced."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._idle: list[concurrent.futures.ProcessPoolExecutor] = []

    async def run(self, task: Task) -> float:
        for _ in range(TRIES):
            worker = self._idle.pop() if self._idle else self._hire()
            try:
                return await asyncio.wrap_future(worker.submit(tasks.perform, task))
            except BrokenProcessPool:
                worker.shutdown(wait=False)
                worker = self._hire()
            finally:
                self._idle.append(worker)
        raise WorkerLost(f"its worker died {TRIES} times; is there enough memory? try --jobs 1 or a smaller --size")

    def close(self) -> None:
        for worker in self._idle:
            worker.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.kill()  # unfinished work is only a folder with a temporary name

    def _hire(self) -> concurrent.futures.ProcessPoolExecutor:
        return concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_enter, initargs=(os.getpid(),)
        )


class Ray:
    """A Ray cluster: each task asks for the CPUs and GPUs it needs; Ray runs the tasks of a lost worker again.

    All machines must see the job's folder under the same path. Raises RuntimeError when Ray is missing or not there.
    """

    def __init__(self, address: str = "", slots: int = 0, threads: int = 1) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ["RAY_task_oom_retries"] = str(TRIES - 1)  # noqa: SIM112 (Ray reads it so; else it tries for ever)
        if not address:  # Ray's own switch for one machine; else it answers whoever can reach this one
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        try:
            import ray
        except ImportError as error:
            raise RuntimeError("--engine ray needs Ray: pip install 'installation[cluster]'") from error
        self._ray, self._threads = ray, threads
        if not ray.is_initialized():
            where: dict[str, Any] = {"address": address} if address else dict(HERE_ALONE)
            if slots and not address:
                where["num_cpus"] = slots * threads
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
            _quieten()
        have = ray.cluster_resources()
        self._gpus = have.get("GPU", 0)
        self.slots = 4 * max(1, int(have.get("CPU", 1)))  # Ray keeps its own queue; a few wait in it
        self._perform = ray.remote(tasks.perform)

    async def run(self, task: Task) -> float:
        needs: dict[str, Any] = {"num_cpus": self._threads, "max_retries": TRIES, "retry_exceptions": False}
        if self._gpus and task.needs.get("gpu"):
            needs["num_gpus"] = task.needs["gpu"]
        try:
            taken: float = await self._perform.options(**needs).remote(task)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.OutOfMemoryError as error:
            raise WorkerLost(f"it ran out of memory {TRIES} times; try --jobs 1 or a smaller --size") from error
        except self._ray.exceptions.WorkerCrashedError as error:
            raise WorkerLost(f"its worker died {TRIES + 1} times: {error}") from error
        return taken

    def close(self) -> None:
        self._ray.shutdown()


class Turnstile:
    """Lets `slots` through at once, whoever is deepest first."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @contextlib.asynccontextmanager
    async def turn(self, depth: int) -> AsyncIterator[None]:
        """Wait for one's turn, and hand it on at the end."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (-depth, next(self._order), waiter))
        self._let_in()
        await waiter
        try:
            yield
        finally:
            self._free += 1
            # A moment later, so that the still which was just served can ask for its next, deeper, stage first.
            loop.call_later(0.05, self._let_in)

    def _let_in(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            heapq.heappop(self._waiting)[2].set_result(None)


def choose(name: str, jobs: int, threads: int, address: str) -> Engine:
    """The engine of that name: "local" or "ray"."""
    if name == "ray":
        return Ray(address, jobs, threads)
    return Local(jobs)


def _quieten() -> None:
    """What Ray has to say goes to the log: printed, as it would, it tears the progress bars."""
    from ray._private import worker

    def note(data: dict[str, Any], *_: Any, **__: Any) -> None:
        for line in data.get("lines", ()):
            log.info("ray: %s", line)

    worker.print_to_stdstream = note


def _enter(parent: int) -> None:
    """A worker dies with its parent, however that ends, leaves Ctrl-C to it, and gives way to a show that plays."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
