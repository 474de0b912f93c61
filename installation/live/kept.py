"""What people have set in; the same for the next show out: by memory that outlives a kill, a disk that outlives all."""

from __future__ import annotations

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
