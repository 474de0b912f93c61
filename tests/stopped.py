"""A process that is stopped, and not one that was only told to.

A signal to a process waits until one of its threads runs; on a busy machine the others read on meanwhile.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def stop(pid: int) -> None:
    """SIGSTOP, and wait until none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    deadline_s = time.monotonic() + 60.0
    while not all(_is_stopped(thread) for thread in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline_s, f"{pid} runs on"
        time.sleep(0.001)


def _is_stopped(thread: Path) -> bool:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0] in "TtZX"
