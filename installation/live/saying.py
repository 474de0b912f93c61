"""Words in; stderr out, as far as it takes them at once: a reader that reads no more holds nobody up."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading

PIECE_BYTES = 4096  # what a pipe that has room takes without waiting (PIPE_BUF)
_one_at_a_time = threading.Lock()


def say(text: str) -> None:
    """Write what goes without waiting; the rest, and what nobody can hear, is lost. Never raises for that."""
    words = text.encode(errors="replace")
    with _one_at_a_time, contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = sys.stderr.fileno()
        for begin in range(0, len(words), PIECE_BYTES):
            if not select.select([], [descriptor], [], 0.0)[1]:
                return
            os.write(descriptor, words[begin : begin + PIECE_BYTES])


class Stderr:
    """A stream for logging that never waits."""

    def write(self, text: str) -> None:
        say(text)

    def flush(self) -> None:
        """There is nothing to wait for."""


def log_without_waiting() -> None:
    """Let the log that goes to stderr wait for nobody from now on."""
    for out in logging.getLogger().handlers:
        if isinstance(out, logging.StreamHandler) and out.stream is sys.stderr:
            out.setStream(Stderr())
