"""The show's systemd service in; one line about each that is installed out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from installation.machine.doctor.finding import Finding

if TYPE_CHECKING:
    from installation.machine.service.standing import Standing


def look_at_service(subject: str) -> Iterator[Finding]:
    """No line where none is installed."""
    from installation.machine.service.standing import look
    from installation.machine.service.systemd import Systemd

    for systemd in (Systemd(), Systemd(machine=True)):
        for path in systemd.units():
            yield judge_service(subject, look(systemd, path), " ".join(systemd.line("systemctl")))


def judge_service(subject: str, standing: Standing, systemctl: str) -> Finding:
    """Whether it plays, will play after the next start of this machine, and goes on when nobody is logged in."""
    name, own = standing.path.name, "--user" in systemctl
    lingers = ", lingers" if standing.lingers else ", does not linger"
    found = f"{name}: {standing.in_words()}" + lingers * own
    if not standing.told:
        advice = "Look again where its user is logged in: installation service status"
        return Finding(subject, "note", found, advice, "unreachable")
    if not standing.active:
        advice = f"{systemctl} restart --no-block {name}; why it does not play: installation service status"
        return Finding(subject, "note", found, advice, "stopped")
    if not standing.enabled:
        return Finding(subject, "note", found, f"{systemctl} enable {name}: else it stays off next time", "disabled")
    if own and not standing.lingers:
        return Finding(subject, "note", found, f"loginctl enable-linger {standing.user}", "no-linger")
    return Finding(subject, "ok", found)
