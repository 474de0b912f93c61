"""A module and its settings in; a watched child process out, which may be killed at any time, and shared memory.

Devices hang, drivers crash and trackers leak, so each lives in a child process. Its one pipe (the child's stdin)
carries the settings, wakes it, and tells it by closing that the parent is gone. Shared memory is a file without a name,
handed over as a descriptor: nothing is left behind whoever is killed first. POSIX only.
"""

from __future__ import annotations

import collections
import ctypes
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from installation.memory import Memory

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
STEADY_S = 10.0  # a child that lived shorter may be one that always ends soon: the waits grow on
MOST_STUCK = 3  # processes that a dead device keeps in the kernel, before no other is sent after them
WATCH_EVERY_S = 0.1
LATE_LOOKS = 5  # in a row that find a child silent: who was stopped himself, and a child with him, looks again
LONGEST_SETTINGS_BYTES = 1 << 22
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
CHILD_NICENESS = 2


class Child:
    """One module in its own process: started, watched, killed when silent, started again with growing waits.

    name is what faults are counted and logged under; silence_s() says how long nothing has come; when that passes
    silent_s (opening_s for a child that has given nothing yet) the child is killed. faults counts changes to ill.
    settings may be a function that is asked before every start; errors is where the child's stderr goes (None: ours);
    pass_fds are descriptors that it gets beside its memory, under the same numbers.
    """

    def __init__(
        self,
        name: str,
        module: str,
        settings: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
        memory: Memory,
        *,
        log: logging.Logger,
        silent_s: float = 3.0,
        opening_s: float = 15.0,
        silence_s: Callable[[], float] | None = None,
        threads: int = 1,
        errors: int | None = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name, self.module, self.memory = name, module, memory
        self.faults: collections.Counter[str] = collections.Counter()
        self._settings = settings if callable(settings) else lambda: settings
        self._threads, self._errors, self._pass_fds = threads, errors, tuple(pass_fds)
        self._log, self._silent_s, self._opening_s = log, silent_s, opening_s
        self._silence_s = silence_s or memory.age_s
        self._process: subprocess.Popen[bytes] | None = None
        self._stuck: list[subprocess.Popen[bytes]] = []
        self._closing = threading.Event()
        self._renewing = False
        self._ill = False
        self._pipe = threading.Lock()  # a byte must not go to a descriptor that was closed and given to another file
        self._thread = threading.Thread(target=self._watch, name=f"watch {name}", daemon=True)

    @property
    def alive(self) -> bool:
        """True while the child runs and what it gives is fresh."""
        process = self._process
        return process is not None and process.poll() is None and self._silence_s() < self._silent_s

    @property
    def pids(self) -> list[int]:
        process = self._process
        return [process.pid] if process is not None and process.poll() is None else []

    def start(self) -> None:
        """Start the child, and the watch over it; once."""
        if self._thread.ident is None:
            self._thread.start()

    def wake(self) -> bool:
        """Send one byte down the child's pipe. False when there is no child to wake; never blocks for long."""
        with self._pipe:
            process = self._process
            if process is None or process.stdin is None:
                return False
            try:
                os.write(process.stdin.fileno(), b"\n")
            except OSError:
                return False
            return True

    def renew(self) -> None:
        """Let another take its place at once, though nothing ails it: settings are asked for anew."""
        self._renewing = True

    def close(self) -> None:
        """Kill the child and wait for the watch to end; may be called twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self.memory.close()

    def _watch(self) -> None:
        """Start, watch, kill, wait; in one thread, as the kernel ends the child with the thread that started it."""
        wait_s = FIRST_WAIT_S
        while not self._closing.is_set():
            started_s = time.monotonic()
            try:
                self._spawn()
                reason = self._until_it_fails(started_s)
            except OSError as error:
                reason = f"cannot start: {error}"
            self._kill()
            if self._closing.is_set():
                return
            if self._renewing:
                self._renewing = False
                continue
            self._fell_ill(reason)
            was_steady = float(self.memory.times[0]) > started_s + STEADY_S
            wait_s = FIRST_WAIT_S if was_steady else min(2 * wait_s, LONGEST_WAIT_S)
            self._closing.wait(wait_s)
            while len(self._stuck) >= MOST_STUCK and not self._closing.wait(LONGEST_WAIT_S):
                self._stuck = [process for process in self._stuck if process.poll() is None]

    def _spawn(self) -> None:
        command = [sys.executable, "-m", self.module, str(self.memory.descriptor), str(self.memory.size_bytes)]
        path = os.pathsep.join([str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")])
        asked = json.dumps(dict(self._settings())).encode() + b"\n"
        # One thread per child: two small arrays gain nothing from a pool that fights the painter for the cores.
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        threads = dict.fromkeys(names, str(self._threads)) if self._threads else {}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(self.memory.descriptor, *self._pass_fds),
            start_new_session=True,
            bufsize=0,
            env=os.environ | threads | {"PYTHONPATH": path},
        )
        assert self._process.stdin is not None
        self._process.stdin.write(asked)

    def _until_it_fails(self, started_s: float) -> str:
        process = self._process
        assert process is not None
        late = 0
        while not self._closing.wait(WATCH_EVERY_S):
            if self._renewing:
                return "renewed"
            if process.poll() is not None:
                return self.memory.take_word() or f"its process ended with code {process.returncode}"
            silence_s, up_s = self._silence_s(), time.monotonic() - started_s
            limit_s = self._silent_s if silence_s < up_s else self._opening_s
            late = late + 1 if min(silence_s, up_s) > limit_s else 0
            if late >= LATE_LOOKS:
                return f"nothing came for {min(silence_s, up_s):.1f} s; its process was killed"
            if self._ill and silence_s < up_s:
                self._ill = False
                self._log.info("%s is back", self.name)
        return "closing"

    def _fell_ill(self, reason: str) -> None:
        if not self._ill:
            self._ill = True
            self.faults[self.name] += 1
            self._log.warning("%s lost: %s; trying again, the show goes on", self.name, reason)

    def _kill(self) -> None:
        with self._pipe:
            process, self._process = self._process, None
            if process is None:
                return
            process.kill()
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:  # stuck in the kernel on a dead device: leave it, a new one takes over
            self._stuck = [*(p for p in self._stuck if p.poll() is None), process]
            self._log.warning("%s: process %d does not die (device driver stuck)", self.name, process.pid)


def give_way(niceness: int) -> None:
    """Let the thread that calls this, and those it starts, stand back: where cores are shared, frames come first."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def end_with_parent(by: signal.Signals) -> None:
    """Let the kernel send this process a signal when its parent ends, however that ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)


def leave_no_core() -> None:
    """Whatever ends this process, its memory (pictures and sound of visitors) is not written to a disk."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform == "linux":  # where a program collects cores, it is not bound by the limit
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def enter() -> tuple[Memory, dict[str, Any]]:
    """Called first in a child: its memory and settings. From now on it ends when its parent does."""
    leave_no_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c belongs to the parent
    end_with_parent(signal.SIGKILL)
    give_way(CHILD_NICENESS)
    memory = Memory(int(sys.argv[2]), int(sys.argv[1]))
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece or len(line) > LONGEST_SETTINGS_BYTES:
            raise SystemExit("the parent ended before it said what to do")
        line += piece
    return memory, json.loads(line)


def follow_parent() -> None:
    """End this child at once when the parent's pipe closes; for children that do not wait on the pipe themselves."""

    def wait() -> None:
        while os.read(0, 64):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
