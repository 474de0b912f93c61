"""One thing that was looked at in; a line of the report out: what is so, and what to do if something is to be done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNWELL = frozenset(  # causes of notes about what is here and does not work; the others are fine as they are
    {
        *("asleep", "unused", "unreachable", "no-desktop", "no-permission", "busy", "muted", "silent", "unusable"),
        *("no-driver", "driver-broken", "driver-too-old", "torch-without-cuda", "no-interop", "software"),
        *("nearly-full", "torn", "unknown", "stopped", "disabled"),
    }
)


@dataclass(frozen=True)
class Finding:
    """One line: state is ok, missing (the show or the print chain needs it) or note (both work without it).

    found says what is so, advice what to do (never empty unless ok), cause is one word for a program that reads it.
    """

    subject: str
    state: str
    found: str
    advice: str = ""
    cause: str = ""

    @property
    def unwell(self) -> bool:
        """Whether something is here that does not work as it is."""
        return self.state == "note" and self.cause in UNWELL


def ask(
    *command: str, timeout_s: float = 5.0, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """What another program answers, in English; None when it is not installed or does not answer in time.

    more is put into its environment.
    """
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"LC_ALL": "C"} | dict(more or {}),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def pip_install(words: str) -> str:
    """The line that installs a package into this very Python."""
    python = Path(sys.executable)
    here = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return f"{here} -m pip install {words}"


def read_text(path: Path) -> str:
    """A file of the kernel, stripped; empty when it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
