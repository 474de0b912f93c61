"""What is to be asked of systemd in; what it answers out: the user's own, or the machine's."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from installation import files
from installation.machine.doctor.finding import ask
from installation.machine.service.unit import is_ours, is_untouched, unit_name

MACHINE_FOLDER = Path("/etc/systemd/system")
LINGERING = Path("/var/lib/systemd/linger")
ANSWER_S = 120.0  # a show that is asked to end finishes its film first
RUNS = {"initializing", "starting", "running", "degraded", "maintenance", "stopping"}


@dataclass(frozen=True)
class Systemd:
    """One of the two that start services: the machine's own, or that of the user who types."""

    machine: bool = False

    @property
    def folder(self) -> Path:
        """Where its units are written by hand."""
        return MACHINE_FOLDER if self.machine else _config_home() / "systemd/user"

    def ask(self, *words: str, timeout_s: float = ANSWER_S) -> subprocess.CompletedProcess[str] | None:
        """`systemctl` with these words; None when it is not installed or does not answer in time."""
        return ask(*self.line("systemctl", *words), timeout_s=timeout_s, more=_reach())

    def read_log(self, unit: str, lines: int) -> list[str]:
        """The last lines of a unit's log, oldest first; [] where there is none to read."""
        answer = ask(*self.log_line(unit, lines), "-q", "-o", "short-iso", more=_reach())
        return answer.stdout.splitlines() if answer and answer.returncode == 0 else []

    def line(self, program: str, *words: str) -> tuple[str, ...]:
        """What a person would type."""
        return (program, *(() if self.machine else ("--user",)), *words)

    def log_line(self, unit: str, lines: int) -> tuple[str, ...]:
        return self.line("journalctl", "-u", unit, "-n", str(lines), "--no-pager")

    def runs(self) -> bool:
        """Whether it answers; in a container, a chroot or under another init nobody does."""
        answer = self.ask("is-system-running", timeout_s=10.0)
        return answer is not None and answer.stdout.strip() in RUNS

    def look_up(self, unit: str) -> dict[str, str]:
        """What it knows of a unit, by its own names; {} when it does not answer."""
        names = "LoadState,UnitFileState,ActiveState,SubState,Result,ActiveEnterTimestamp,NRestarts,StatusText"
        answer = self.ask("show", unit, f"--property={names}", timeout_s=10.0)
        rows = answer.stdout.splitlines() if answer and answer.returncode == 0 else []
        return {name: value for name, _, value in (row.partition("=") for row in rows)}

    def units(self, show: str | None = None) -> Iterator[Path]:
        """The units that `installation service` wrote, edited since or not, by name; or only that of one show."""
        for path in sorted(self.folder.glob(unit_name(show) if show else "installation-*.service")):
            with contextlib.suppress(OSError):
                if is_ours(read_unit(path)):
                    yield path


def lingers(user: str) -> bool:
    """Whether a user's services start at boot and go on after logout."""
    answer = ask("loginctl", "show-user", user, "--property=Linger")
    if answer and answer.returncode == 0:
        return answer.stdout.strip() == "Linger=yes"
    return (LINGERING / user).exists()  # who is not logged in is not known to it


def why_linger(machine: bool) -> str:
    """What a service, of the machine's or the user's own systemd, lacks where its user does not linger."""
    if machine:
        return "its sound and a Wayland screen are reached through /run/user, which is there from login to logout"
    return "it starts with the first login and ends with the last logout"


def who_types() -> str:
    """The user whose services these are; a number where the machine knows no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def read_unit(path: Path) -> bytes:
    """What stands at a unit's place, no link followed. Raises FileNotFoundError; FileExistsError for no plain file."""
    kind = os.lstat(path).st_mode
    if not stat.S_ISREG(kind):
        what = "a link" if stat.S_ISLNK(kind) else "no file"
        raise FileExistsError(f"{path} is {what}, and not ours to replace or remove; move it away first")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()


def claim(path: Path) -> bool:
    """Whether a unit of ours stands there, to be replaced or removed; False when nothing does.

    Raises FileExistsError for what another wrote, what was edited by hand, and a place that a link leads away from.
    """
    _refuse_to_be_led_away(path.parent)
    try:
        text = read_unit(path)
    except FileNotFoundError:
        return False
    if is_untouched(text):
        return True
    found = "was edited by hand since it was written" if is_ours(text) else "was not written by `installation service`"
    advice = "move it away first (`installation service print` shows what would be written"
    advice += f"; lines of your own outlast that in {path}.d/mine.conf)"
    raise FileExistsError(f"{path} {found}, and is left as it is; {advice}")


def _refuse_to_be_led_away(folder: Path) -> None:
    home = folder.parent.parent
    if not folder.resolve().is_relative_to(home.resolve()):
        raise FileExistsError(f"{folder} leads out of {home}, to {folder.resolve()}; nothing is written there")


def _config_home() -> Path:
    return files.of_user("XDG_CONFIG_HOME", ".config").parent


def _reach() -> dict[str, str]:
    """How a login by ssh or su finds the user's systemd too."""
    run = Path(f"/run/user/{os.geteuid()}")
    return {} if os.environ.get("XDG_RUNTIME_DIR") or not run.is_dir() else {"XDG_RUNTIME_DIR": str(run)}
