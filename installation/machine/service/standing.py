"""An installed service in; how it is, what it last said, and what the show itself keeps about its life, out."""

from __future__ import annotations

import json
import pwd
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from installation.live.kept import state_folder
from installation.machine.service.systemd import Systemd, lingers, read_unit, who_types, why_linger
from installation.machine.service.unit import is_untouched, setting

LAST_LINES, LAST_CRASHES = 5, 3


@dataclass(frozen=True)
class Standing:
    """What is known of a service; told is systemd's own answer, {} when it gives none."""

    path: Path
    show: str
    user: str
    told: dict[str, str]
    lingers: bool
    untouched: bool

    @property
    def active(self) -> bool:
        return self.told.get("ActiveState") == "active"

    @property
    def enabled(self) -> bool:
        return self.told.get("UnitFileState") == "enabled"

    def in_words(self) -> str:
        """Active or not, since when, and how often systemd had to start it again."""
        if not self.told:
            return "no systemd answers here"
        state = f"{self.told.get('ActiveState', 'unknown')} ({self.told.get('SubState', '')})"
        if self.active and (since := self.told.get("ActiveEnterTimestamp")):
            state += f" since {since}"
        restarts = int(self.told.get("NRestarts") or 0)
        parts = [self.told.get("UnitFileState") or "not enabled", state]
        if (result := self.told.get("Result", "success")) != "success":
            parts.append(f"ended by {result}")
        parts.append(f"{restarts} restart{'s' * (restarts != 1)} by systemd")
        return ", ".join(parts)


def look(systemd: Systemd, path: Path) -> Standing:
    """Read the unit and ask systemd. Raises OSError when the unit went meanwhile."""
    written = read_unit(path)
    text = written.decode("utf-8", "replace")
    show = setting(text, "Description").partition(": the show ")[2].replace("%%", "%")
    user = setting(text, "User") or who_types()
    return Standing(path, show, user, systemd.look_up(path.name), lingers(user), is_untouched(written))


def report(systemd: Systemd, path: Path) -> bool:
    """Print all that is known; whether the service is active."""
    standing = look(systemd, path)
    print(f"{path.name}  {path}" + "  (edited by hand)" * (not standing.untouched))
    print(f"  service  {standing.in_words()}")
    if status := standing.told.get("StatusText"):
        print(f"  show     {status}")
    advice = f"no: {why_linger(systemd.machine)}; to change that, type: loginctl enable-linger {standing.user}"
    linger = "yes" if standing.lingers else advice
    print(f"  lingers  {linger}")
    folder = kept_by(standing.user if systemd.machine else "")
    print(f"  state    {describe_state(folder / f'{standing.show}.state.json')}")
    for line in describe_crashes(folder / "crashes"):
        print(f"  crashes  {line}")
    print(f"  log      {shlex.join(systemd.log_line(path.name, 50))}")
    for line in systemd.read_log(path.name, LAST_LINES):
        print(f"           {line}")
    return standing.active


def kept_by(user: str) -> Path:
    """Where a show that this user runs keeps its state; "" for who types."""
    return Path(pwd.getpwnam(user).pw_dir, ".local/state/installation") if user else state_folder()


def describe_state(path: Path) -> str:
    """The state file, when it was written, and what acts last in it."""
    try:
        written_s, table = path.stat().st_mtime, json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return f"{path}, not written yet"
    except (OSError, ValueError, RecursionError) as error:
        return f"{path} cannot be read: {error}"
    when = time.strftime("%F %T", time.localtime(written_s))
    dark = ", blackout" if isinstance(table, dict) and table.get("blackout") is True else ""
    return f"{path}, written {when}{dark}"


def describe_crashes(folder: Path) -> list[str]:
    """How many reports there are and where, and the first lines of the last ones, newest first."""
    reports = sorted(folder.glob("*.txt"), reverse=True)
    if not reports:
        return [f"none in {folder}"]
    return [f"{len(reports)} kept in {folder}", *map(_first_line, reports[:LAST_CRASHES])]


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(500).strip()
    except OSError as error:
        return f"{path.name} cannot be read: {error}"
