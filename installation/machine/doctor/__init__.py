"""This machine in, a list out: what is here, what is missing, what then happens instead, and how to get it.

Each module beside this one looks at one part in two steps: it reads what there is into a few plain values, and judges
those. So every verdict can be tried on any machine, and nothing that is here is called missing.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from installation import __version__
from installation.machine.doctor import (
    cameras,
    computer,
    desk,
    graphics,
    models,
    monitors,
    outputs,
    service,
    sound,
    wired,
)
from installation.machine.doctor.finding import Finding

Look = Callable[[str], Iterator[Finding]]
PARTS: dict[str, dict[str, Look]] = {
    "computer": {
        "machine": computer.look_at_machine,
        "disk": computer.look_at_disks,
        "clock": computer.look_at_clock,
        "service": service.look_at_service,
    },
    "picture": {
        "OpenGL": graphics.look_at_gl,
        "GPU": graphics.look_at_gpu,
        "monitor": monitors.look_at_monitors,
        "camera": cameras.look_at_cameras,
        "output": outputs.look_at_outputs,
    },
    "sound": {"sound server": sound.look_at_server, "microphone": sound.look_at_microphones},
    "desk": {"OSC": desk.look_at_ports, "MIDI": wired.look_at_midi, "Link": wired.look_at_link},
    "weights": {"model": models.look_at_models},
}
MARKS = {"ok": ("✓", "ok", "32"), "note": ("–", "note", "33"), "missing": ("✗", "missing", "31")}  # and its colour
INDENT = 17


def main(options: Namespace) -> int:
    """`installation doctor`: print findings as they are made; exit code 1 when something that is needed is missing."""
    if options.json:
        found = [(part, f) for part in PARTS for f in examine(part)]
        print(json.dumps(to_table(found), indent=1))
        return int(not to_table(found)["ready"])
    paper, findings = Paper(), []
    for part in PARTS:
        paper.write(f"\n{part}")
        for finding in examine(part):
            findings.append(finding)
            paper.write_finding(finding)
    paper.write("\n" + conclude(findings))
    return int(any(f.state == "missing" for f in findings))


def examine(part: str) -> Iterator[Finding]:
    """Every examination of a part; one that breaks is a finding itself."""
    for subject, look in PARTS[part].items():
        try:
            yield from look(subject)
        except ImportError as error:
            yield Finding(subject, "missing", f"a library is not here: {error}", "make setup", "no-library")
        except Exception as error:  # a driver that crashes on being asked is worth a line, not a traceback
            found = f"could not be looked at: {type(error).__name__}: {error}"
            yield Finding(subject, "note", found, "Try it: this says nothing of whether it works.", "unknown")


def to_table(found: Sequence[tuple[str, Finding]]) -> dict[str, object]:
    """The same as JSON. Keys stay; causes are words of finding.py and the modules beside it."""
    return {
        "version": __version__,
        "ready": all(f.state != "missing" for _, f in found),
        "verdict": conclude([f for _, f in found]),
        "findings": [{"part": part} | asdict(f) for part, f in found],
    }


def conclude(findings: Sequence[Finding]) -> str:
    """The last line: whether show and prints can run, and what is here but does not work as it is."""
    missing = ", ".join(_called(f) for f in findings if f.state == "missing")
    unwell = ", ".join(f"{_called(f)} ({f.cause})" for f in findings if f.unwell)
    if missing:
        return f"Not ready: {missing}. What to do stands below each."
    return "Ready: the show and the print chain can run." + f" To look at: {unwell}." * bool(unwell)


def _called(finding: Finding) -> str:
    """A model by its own name."""
    return f"model {finding.found.split()[0]}" if finding.subject == "model" else finding.subject


class Paper:
    """Standard output: marks where its encoding has them and colours where it is a terminal, each line at once."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.coloured = self.terminal and "NO_COLOR" not in os.environ
        self.width = shutil.get_terminal_size().columns if self.terminal else 0
        self.subject = ""
        try:
            "".join(mark for mark, _, _ in MARKS.values()).encode(sys.stdout.encoding or "ascii")
            self.marks = True
        except UnicodeEncodeError:
            self.marks = False

    def write(self, text: str) -> None:
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), flush=True)

    def write_finding(self, finding: Finding) -> None:
        """Mark, subject (once for several lines), what was found; below it what to do."""
        sign, word, colour = MARKS[finding.state]
        mark = f"{sign:<2}" if self.marks else f"{word:<8}"
        coloured = f"\033[{colour}m{mark}\033[0m" if self.coloured else mark
        subject = finding.subject if finding.subject != self.subject else ""
        self.subject = finding.subject
        margin = len(mark) + INDENT - 2
        self.write(f"  {coloured}{subject:<{INDENT - 4}}" + self._filled(finding.found, margin))
        if finding.advice:
            self.write(" " * margin + self._filled(("→ " if self.marks else "") + finding.advice, margin))

    def _filled(self, text: str, margin: int) -> str:
        """Broken to the terminal's width, the lines after the first set in; a line of its own anywhere else."""
        if self.width < margin + 30:
            return text
        broken = textwrap.wrap(text, self.width - margin, break_long_words=False, break_on_hyphens=False)
        return ("\n" + " " * margin).join(broken) or text
