"""One show and what to do with it in; a service that plays it for months, or what became of that service, out."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from installation import files
from installation.machine.service.asking import divide, make_unit, refuse_the_wrong_hands
from installation.machine.service.standing import report
from installation.machine.service.systemd import Systemd, claim, lingers, who_types, why_linger
from installation.machine.service.unit import Unit, setting, unit_name

NOT_ACTIVE = 3  # the exit code of status, as systemctl has it


def main(options: Namespace) -> int:
    """`installation service`: install, remove, status or print. Raises OSError or ValueError with what to mend."""
    asked, words = divide(options.words)
    systemd = Systemd(asked.system)
    if options.what == "print":
        sys.stdout.write(make_unit(asked, words).text)
        return 0
    if options.what == "install":
        refuse_the_wrong_hands(asked, options.what, options.words)
        return install(make_unit(asked, words), systemd, start=not asked.no_start)
    if words:
        raise ValueError(f"{options.what} knows --show and --system only, not {shlex.join(words)}")
    if options.what == "remove":
        refuse_the_wrong_hands(asked, options.what, options.words)
        return remove(_only_one(systemd, asked.show), systemd)
    both = [systemd] if asked.system else [Systemd(), Systemd(machine=True)]
    active = [report(one, path) for one in both for path in one.units(asked.show)]
    if not active:
        print("no service of this show is installed" if asked.show else "no service is installed")
    return 0 if active and all(active) else NOT_ACTIVE


def install(unit: Unit, systemd: Systemd, start: bool = True) -> int:
    """Write the unit, and have it enabled and started. 0 where no systemd answers too: the file is there for when one
    does, as in an image that is being made; 1 when systemd refuses it. Raises FileExistsError, see `claim`."""
    path, text = systemd.folder / unit.name, unit.text
    for other in Systemd(not systemd.machine).units(unit.show):
        raise FileExistsError(f"{other} plays this show already, on the same screen and port; remove that one first")
    replaced = claim(path)
    files.write_text(path, text)
    print(f"{'replaced' if replaced else 'wrote'} {path}")
    if unit.user:
        found = " ".join(f"{name}={value}" for name, value in unit.environment.items())
        print(f"it runs as {unit.user}, with what was found here: {found}")
    lines = [("daemon-reload",), ("enable", unit.name), ("restart", "--no-block", unit.name)]
    code = _tell(systemd, lines if start else lines[:2])
    if not lingers(who := unit.user or who_types()):
        print(f"{why_linger(systemd.machine)}; to change that, type: loginctl enable-linger {who}")
    return code


def remove(path: Path, systemd: Systemd) -> int:
    """Stop and disable the service and remove its unit; what the show wrote stays. 1 when systemd refuses: then all
    is as it was. Raises OSError, see `claim`."""
    if not claim(path):
        raise FileNotFoundError(f"{path} is not there; nothing was removed")
    if systemd.runs() and (code := _tell(systemd, [("disable", "--now", path.name)])):
        return code
    for entry in (path, *(link for link in path.parent.glob(f"*.wants/{path.name}") if link.is_symlink())):
        entry.unlink()
        files.to_disk(entry.parent)
    print(f"removed {path}")
    return _tell(systemd, [("daemon-reload",)])


def _tell(systemd: Systemd, lines: Sequence[Sequence[str]]) -> int:
    """Say these to systemd, in order, until it refuses one. Where it does not answer, what to type is printed."""
    if not systemd.runs():
        print("no systemd answers here; once it does, type:")
        for words in lines:
            print("  " + shlex.join(systemd.line("systemctl", *words)))
        return 0
    for words in lines:
        answer = systemd.ask(*words)
        if answer is None or answer.returncode:
            why = answer.stderr.strip() if answer else "no answer"
            print(f"{shlex.join(systemd.line('systemctl', *words))}: {why}", file=sys.stderr)
            return 1
    return 0


def _only_one(systemd: Systemd, show: str | None) -> Path:
    """The unit that is meant. Raises ValueError when that is not clear."""
    if show is not None:
        return systemd.folder / unit_name(show)
    found = list(systemd.units())
    if len(found) != 1:
        there = ", ".join(setting(path.read_text("utf-8", "replace"), "Description") for path in found)
        raise ValueError(f"say which, with --show; installed are: {there}" if found else "no service is installed")
    return found[0]
