"""A show's command line in; the show kept running out: started again, darker if need be, for as long as it is wanted.

The keeper is small: no GL, no networks, nothing that a driver could take with it. The show is its child. They share a
piece of memory in which the show leaves, with every frame, what people have set: so whatever kills the show, the next
one is black where it was black. The keeper writes the same to the disk, for when the power goes. The desk's ports are
the keeper's too: what is sent while there is no show waits in them for the next one.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import logging
import os
import platform
import secrets
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from installation import __version__, files
from installation.control.sockets import Sockets, bind, urgent_of
from installation.live.kept import KEPT, PRESENTED, TOKEN, Kept, Note, state_folder
from installation.live.notifier import Notifier
from installation.live.saying import log_without_waiting, say
from installation.settings import Osc

log = logging.getLogger("installation.live.keeper")

PROGRAM = (sys.executable, "-m", "installation")
SILENT_S = 10.0  # without a presented frame, and the show is started anew
OPENING_S = 180.0  # the same for a show that has presented none yet
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0
STEADY_S = 60.0  # a show that lived longer was no failure of its own making
LATE_LOOKS = 20  # in a row without a frame: who was stopped himself, and the show with him, looks again
ENDING_S = 60.0  # for a show that was asked to end and presents nothing any more: then it is ended
TRIES = 3  # failures in a row before the safe show
SAFE_S, LONGEST_SAFE_S = 600.0, 6 * 3600.0  # until the whole one is tried again, twice as long each time
LOOK_EVERY_S = 0.05
SAFE_IS_OVER = "the safe show has played long enough: the whole one is tried"
LINES, REPORTS = 400, 20  # of a crash report; reports kept


def main(options: Namespace, words: Sequence[str]) -> int:
    """`installation live`: the show, kept running. One of limited length, or without a guard, runs in this process."""
    from installation.live.displays import has_display, wait_for_display
    from installation.live.opening import find_osc

    if options.unattended and not options.headless:
        wait_for_display()  # here, as the show is expected to be on the wall soon
    demonstrates = not (options.headless or options.unattended or has_display())
    if options.no_guard or options.osc_table or options.seconds or options.replay or demonstrates:
        from installation.live import loop

        return loop.main(options)
    log_without_waiting()
    listens = functools.partial(find_osc, options)
    return Keeper(words, Path(options.show).stem, options.fresh, osc=listens, alone=options.unattended).keep()


class Keeper:
    """Runs one show until it ends by itself or somebody asks for its end."""

    def __init__(
        self,
        words: Sequence[str],
        show: str,
        fresh: bool = False,
        command: Sequence[str] = PROGRAM,
        osc: Callable[[], Osc | None] = lambda: None,
        alone: bool = False,
    ) -> None:
        """osc says, at every start, where the show will listen; None: not known.

        alone: nobody is there to read what is wrong with the show file: one that cannot be opened is tried again too.
        """
        self.words, self.command, self.osc = list(words), list(command), osc
        self.alone = alone
        self.kept, self.note = Kept.make(), Note(show)
        self._ports: Sockets | None = None
        self.told = Notifier()
        self._panel = {TOKEN: secrets.token_urlsafe(24)}  # who knows it knows it until this ends
        self.failures, self.safe_until_s, self.safe_s = 0, 0.0, SAFE_S
        self._asked: int | None = None  # the signal that ends it
        self._process: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=LINES)
        if not fresh and (state := self.note.read()):
            self.kept.words.write(state)

    def keep(self) -> int:
        """The show's exit code, once it has ended as it was meant to."""
        with self._listening(), contextlib.ExitStack() as closing:
            closing.callback(self._let_go)
            while True:
                began_s = time.monotonic()
                code, why = self._play()
                self._save(at_once=True)
                lived_s = time.monotonic() - began_s
                if self._asked is not None and code == -signal.SIGTERM:
                    return 0  # it had not yet begun to listen
                if self._asked is not None or self._is_over(code, why):
                    return code
                self._report(why)
                if why == SAFE_IS_OVER:
                    self.failures = TRIES - 1  # one more is enough
                    continue
                self.failures = 0 if lived_s > STEADY_S else self.failures + 1
                if self.failures >= TRIES and time.monotonic() > self.safe_until_s:
                    self.safe_until_s = time.monotonic() + self.safe_s
                    self.safe_s = min(2 * self.safe_s, LONGEST_SAFE_S)
                    log.error("the show failed %d times in a row: `pattern` plays without effects meanwhile", TRIES)
                if not self._pause(_wait_s(self.failures)):
                    return 0

    def _let_go(self) -> None:
        self.note.close()
        if self._ports:
            self._ports.close()

    def _is_over(self, code: int, why: str) -> bool:
        """An ordinary end; or a mistake in what was asked for, said before the first frame: trying again is no help."""
        if code == 0 and not why:
            return True
        return code == 2 and not (self.alone or self.kept.memory.counts[PRESENTED])

    def _play(self) -> tuple[int, str]:
        """Start the show and look after it: its exit code, and why it had to go if it had to."""
        presented = int(self.kept.memory.counts[PRESENTED])
        safe = ["--safe"] if time.monotonic() < self.safe_until_s else []
        began_s = time.monotonic()
        descriptor = self.kept.memory.descriptor
        port_words, ports = self._hold_ports()
        try:
            self._process = process = subprocess.Popen(
                [*self.command, *self.words, "--no-guard", *safe],
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=(descriptor, *ports),
                env=os.environ | port_words | self._panel | {KEPT: f"{descriptor}:{os.getpid()}"},
                start_new_session=True,
            )
        except OSError as error:  # no memory, no processes, a disk that is away: later
            return 1, f"it could not be started: {error}"
        reading = threading.Thread(target=self._pass_on, args=(process,), daemon=True)
        reading.start()
        if self._asked is not None:  # asked while it was being started
            process.send_signal(signal.SIGTERM)
        ready, late = False, 0
        while process.poll() is None:
            time.sleep(LOOK_EVERY_S)
            self._save()
            count, now_s = int(self.kept.memory.counts[PRESENTED]), time.monotonic()
            if count > presented:
                if not ready:
                    self.told.tell("READY=1", "STATUS=light is on the wall")
                    ready = True
                self.told.alive()
                presented = count
            silent_s = now_s - (float(self.kept.memory.times[PRESENTED]) if ready else began_s)
            limit_s = (SILENT_S if ready else OPENING_S) if self._asked is None else ENDING_S
            late = late + 1 if silent_s > limit_s else 0
            if late >= LATE_LOOKS:
                self._end(process, signal.SIGABRT)
                reading.join(timeout=2.0)
                return process.returncode or 1, f"no frame was presented for {silent_s:.0f} s"
            if safe and self._asked is None and now_s > self.safe_until_s:
                self._end(process, signal.SIGTERM)
                return process.returncode or 0, SAFE_IS_OVER
        reading.join(timeout=2.0)
        code = process.returncode
        return code, "" if code == 0 else f"it ended with {_words_for(code)}"

    def _pass_on(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._lines.append(line)
            say(line)

    def _end(self, process: subprocess.Popen[str], by: signal.Signals) -> None:
        """The signal, which may leave a traceback, then the one that nobody can refuse. What a driver keeps is left."""
        for number, wait_s in ((by, 2.0 if by == signal.SIGABRT else ENDING_S), (signal.SIGKILL, 10.0)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.send_signal(number)
                process.wait(timeout=wait_s)
                return

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try; False when the end was asked for meanwhile."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and self._asked is None:
            time.sleep(LOOK_EVERY_S)
        return self._asked is None

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """SIGTERM, SIGINT and SIGHUP end the show in order; a second one ends it at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            process, again = self._process, self._asked is not None
            self._asked = number
            self.told.tell("STOPPING=1")
            if process is not None:
                process.send_signal(signal.SIGKILL if again else signal.SIGTERM)

        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _save(self, at_once: bool = False) -> None:
        self.note.save(self.kept.words.read(), at_once)

    def _hold_ports(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """The desk's ports, held open from now on: words and descriptors for the show. Nothing while they are taken."""
        osc = self.osc()
        if osc is not None and self._ports and (self._ports.host, self._ports.asked) != (osc.host, osc.port):
            self._ports.close()
            self._ports = None
        if osc is not None and self._ports is None:
            with contextlib.suppress(OSError, OverflowError):  # the show says why, or can by then
                self._ports = bind(osc.host, osc.port, urgent_of(osc))
        return (self._ports.words, self._ports.descriptors) if self._ports else ({}, ())

    def _report(self, why: str) -> None:
        """A crash report of the show's last words, in the user's state folder; the oldest ones go."""
        log.error("the show is started again: %s", why)
        now = datetime.datetime.now()
        head = f"{now:%F %T}  {why}\ninstallation {__version__}, {platform.platform()}, {' '.join(self.words)}\n\n"
        folder = state_folder() / "crashes"
        try:
            words = (head + "".join(self._lines)).encode(errors="replace")  # a file's name need not be UTF-8
            files.write_bytes(folder / f"{now:%Y-%m-%dT%H-%M-%S}.txt", words)
            for old in sorted(folder.glob("*.txt"))[:-REPORTS]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("no crash report could be written: %s", error)


def _wait_s(failures: int) -> float:
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 10))  # the more in a row, the longer


def _words_for(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
