"""What is wired to this machine's MIDI ports, and whether Ableton Link can be had, in; what a show would hear out."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator

from installation.control.midi.ports_child import ends, load, matching
from installation.machine.doctor.finding import Finding, ask, pip_install

NAMED = 4


def look_at_midi(subject: str) -> Iterator[Finding]:
    """One line: the ports that [midi] would find. They are asked for by another process: a driver may hang."""
    there = importlib.util.find_spec("rtmidi") is not None
    answer = ask(sys.executable, "-m", "installation.machine.doctor.wired", timeout_s=10) if there else None
    yield judge_midi(subject, there, None if answer is None else answer.stdout)


def judge_midi(subject: str, installed: bool, answer: str | None) -> Finding:
    """What the other process answered, a list of names as JSON; None when it did not."""
    if not installed:
        advice = f"Only a show with [midi], or MIDI timecode, needs it: {pip_install('python-rtmidi')}"
        return Finding(subject, "note", "python-rtmidi is not installed", advice, "optional")
    try:
        names = [str(name) for name in json.loads((answer or "").splitlines()[-1])]
    except (ValueError, IndexError, TypeError):
        advice = "Pull out what is plugged in and try again; a show plays on without it."
        return Finding(subject, "note", "the MIDI system does not answer", advice, "unusable")
    if not names:
        advice = "Plug a controller in, at any time: a show looks for it every two seconds."
        return Finding(subject, "note", "no port", advice, "none")
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return Finding(subject, "ok", ", ".join(names[:NAMED]) + more)


def look_at_link(subject: str) -> Iterator[Finding]:
    """One line; no session is joined."""
    if importlib.util.find_spec("aalink") is None:
        advice = f"Only a show whose tempo is Link's needs it: {pip_install('aalink')}"
        yield Finding(subject, "note", "aalink is not installed", advice, "optional")
    else:
        yield Finding(subject, "ok", "can join a session (UDP multicast, port 20808)")


def main() -> None:
    names: list[str] = []
    for end in ends(load(), "MidiIn"):
        names += end.get_ports()
    print(json.dumps(matching(list(dict.fromkeys(names)), "")))


if __name__ == "__main__":
    main()
