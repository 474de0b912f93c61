"""What people have set in; the same for the next show out: by memory that outlives a kill, a disk that outlives all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import files
from installation.children import Memory, end_with_parent
from installation.frames import Words

WORDS_BYTES = 1 << 18
PRESENTED = 0  # place in the memory's counts and times: frames on the wall
SAVE_EVERY_S = 1.0
log = logging.getLogger("installation.live.keeper")
TOKEN = "INSTALLATION_PANEL_TOKEN"  # environment: what opens the panel, the same for every show of one keeper
KEPT = "INSTALLATION_KEPT"  # environment: descriptor of the shared memory, and the keeper's process


@dataclass
class Kept:
    """What the show and its keeper share."""

    memory: Memory
    words: Words

    @classmethod
    def make(cls) -> Kept:
        memory = Memory(Words.bytes_of(WORDS_BYTES))
        return cls(memory, Words(memory, 0, WORDS_BYTES))

    @classmethod
    def found(cls) -> Kept | None:
        """In the show: what its keeper handed over; None where nobody keeps it."""
        text, _, keeper = os.environ.pop(KEPT, "").partition(":")
        if not text.isdigit():
            return None
        end_with_parent(signal.SIGTERM)  # in order, should the keeper be killed: nobody would look after it
        if str(os.getppid()) != keeper:
            raise RuntimeError("the keeper of this show ended while it was being started")
        memory = Memory(Words.bytes_of(WORDS_BYTES), int(text))
        return cls(memory, Words(memory, 0, WORDS_BYTES))

    @property
    def goes_on(self) -> bool:
        """Whether another show was on the wall before this one."""
        return int(self.memory.counts[PRESENTED]) > 0

    def present(self) -> None:
        """One more frame is on the wall."""
        self.memory.counts[PRESENTED] += 1
        self.memory.times[PRESENTED] = time.monotonic()


def state_folder() -> Path:
    return files.of_user("XDG_STATE_HOME", ".local/state")


def state_path(show: str) -> Path:
    """Where the state of a show of this name is kept."""
    return state_folder() / f"{show}.state.json"


def read_state(show: str) -> dict[str, Any]:
    """What people had set when the show of this name was last played; {} when nothing is known."""
    table = files.read_json(state_path(show))
    known = isinstance(table, dict) and len(json.dumps(table)) <= WORDS_BYTES
    return table if known else {}


class Note:
    """What people have set in a show of one name, on the disk: whole, on change, at most once a second.

    It belongs to one keeper at a time. Two walls with one show would else take turns in writing it, and the next
    evening would begin on each with what was set on the other: the second says so, and remembers while it runs.
    """

    def __init__(self, show: str) -> None:
        self.show = show
        self._lock: int | None = None
        self._saved, self._tried_s, self._is_saved = "", 0.0, True
        self.is_mine = self._take()
        if not self.is_mine:
            log.warning("another %r is playing here: what is set in this one is not kept for the next evening", show)

    def read(self) -> dict[str, Any]:
        """How the last evening ended; {} when that is not known, or another's."""
        return read_state(self.show) if self.is_mine else {}

    def save(self, state: dict[str, Any], at_once: bool = False) -> None:
        """Write it, if it is due. What cannot be written is said once."""
        now_s = time.monotonic()
        if not at_once and now_s < self._tried_s + SAVE_EVERY_S:
            return
        text = json.dumps(state)
        if not state or text == self._saved:
            return
        self._tried_s = now_s
        if not (self.is_mine or self._take()):
            return
        self.is_mine = True  # the other one has ended
        try:
            files.write_text(state_path(self.show), text)
            self._saved, self._is_saved = text, True
        except OSError as error:
            if self._is_saved:
                log.warning("what is set now could not be kept: %s", error)
            self._is_saved = False

    def close(self) -> None:
        """Leave it to the next keeper; so does the end of this process, however it ends."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self) -> bool:
        """False while another process has it; a disk that knows no locks, or cannot be written to, keeps nobody out."""
        with contextlib.suppress(OSError):
            if self._lock is None:
                path = state_path(self.show).with_suffix(".lock")
                path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True
