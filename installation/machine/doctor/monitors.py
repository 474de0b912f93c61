"""The kernel's connectors, the desktop and its monitors in; whether the projector gets light out, or why not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.machine.doctor.finding import Finding, ask, read_text
from installation.rendering import monitors

CONNECTORS = Path("/sys/class/drm")
HEADLESS = "`installation live` renders a film instead."


@dataclass(frozen=True)
class Connector:
    """One socket for a screen; on: the desktop uses it; power: On, Off, Standby, Suspend, or "" when it is not told."""

    name: str
    connected: bool
    on: bool = True
    power: str = ""

    @property
    def built_in(self) -> bool:
        return self.name.startswith(monitors.BUILT_IN)  # often switched off on purpose

    @property
    def asleep(self) -> bool:
        return self.connected and self.on and self.power not in ("", "On")


@dataclass(frozen=True)
class Screens:
    """display is what DISPLAY or WAYLAND_DISPLAY says, "" for none; monitors are those that a window can be put on."""

    display: str
    connectors: tuple[Connector, ...] = ()
    monitors: tuple[str, ...] = ()

    @property
    def connected(self) -> list[Connector]:
        return [c for c in self.connectors if c.connected]


def look_at_monitors(subject: str) -> Iterator[Finding]:
    """A line for each monitor that shows something, and one for what is connected and does not."""
    from installation.live.displays import has_display

    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "the desktop"
    if not has_display():
        yield from judge_monitors(subject, Screens("", read_connectors(CONNECTORS)))
        return
    there = tuple(describe(monitor) for monitor in monitors.monitors())
    connectors = with_power(read_connectors(CONNECTORS) or ask_xrandr(), ask_power())
    yield from judge_monitors(subject, Screens(display, connectors, there))


def describe(monitor: dict[str, Any]) -> str:
    """One monitor as GLFW sees it, the number that --monitor takes first."""
    (width, height), (x, y) = monitor["size"], monitor["position"]
    return f"{monitor['index']}: {monitor['name']}, {width} x {height} at {monitor['refresh_hz']} Hz, from {x}, {y}"


def read_connectors(folder: Path) -> tuple[Connector, ...]:
    """The sockets of every card that the kernel drives (files status, enabled and dpms of /sys/class/drm)."""
    return tuple(
        Connector(
            re.sub(r"^card\d+-", "", path.parent.name),
            read_text(path) == "connected",
            read_text(path.with_name("enabled")) != "disabled",
            read_text(path.with_name("dpms")),
        )
        for path in sorted(folder.glob("card*-*/status"))
    )


def ask_xrandr() -> tuple[Connector, ...]:
    """The same as the X server sees them, for drivers that show the kernel nothing; empty without xrandr."""
    answer = ask("xrandr", "--query")
    return parse_xrandr(answer.stdout) if answer and not answer.returncode else ()


def parse_xrandr(text: str) -> tuple[Connector, ...]:
    lines = re.findall(r"^(\S+) (connected|disconnected)\b(.*)$", text, re.MULTILINE)
    return tuple(
        Connector(name, state == "connected", bool(re.search(r"\d+x\d+\+\d+\+\d+", rest)))
        for name, state, rest in lines
    )


def ask_power() -> str:
    """Whether X has put its monitors to sleep: On, Off, Standby, Suspend; "" when it cannot be told."""
    answer = ask("xset", "q") if os.environ.get("DISPLAY") else None
    found = re.search(r"Monitor is (?:in )?(\w+)", answer.stdout) if answer else None
    return found[1] if found else ""


def with_power(connectors: Sequence[Connector], power: str) -> tuple[Connector, ...]:
    """The connectors with the X server's own word on sleep, where it has one: it knows better than the kernel."""
    return tuple(Connector(c.name, c.connected, c.on, power or c.power) for c in connectors)


def judge_monitors(subject: str, screens: Screens) -> Iterator[Finding]:
    """What a window can be put on, and what is connected and stays dark."""
    for monitor in screens.monitors:
        yield Finding(subject, "ok", monitor)
    dark = [c for c in screens.connected if not (c.built_in and screens.monitors)]
    names = ", ".join(c.name for c in screens.connected)
    if not screens.display:
        yield _without_display(subject, names)
    elif asleep := [c for c in dark if c.asleep]:
        found = f"{', '.join(c.name for c in asleep)}: connected, but asleep"
        yield Finding(
            subject, "note", found, "xset dpms force on; xset s off -dpms (or in the desktop's settings)", "asleep"
        )
    elif len(screens.monitors) < len(screens.connected) and (unused := [c for c in dark if not c.on]):
        found = f"{', '.join(c.name for c in unused)}: connected, but switched off by the desktop"
        advice = f"xrandr --output {unused[0].name} --auto (or in the desktop's display settings)"
        yield Finding(subject, "note", found, advice, "unused")
    elif not screens.monitors and screens.connectors and not screens.connected:
        advice = "Check the projector's cable and power, and its input; then `installation doctor` again."
        yield Finding(subject, "note", "no monitor or projector is connected", advice, "none")
    elif not screens.monitors:
        found = f"the display {screens.display} cannot be opened" + f" ({names} is connected)" * bool(names)
        advice = "Start as the user who is logged in there; over ssh: export DISPLAY=:0 XAUTHORITY=~/.Xauthority"
        yield Finding(subject, "note", found, advice, "unreachable")


def _without_display(subject: str, names: str) -> Finding:
    if names:
        advice = "Start from the desktop there; over ssh: export DISPLAY=:0. Else " + HEADLESS
        return Finding(subject, "note", f"{names} is connected, but DISPLAY is empty", advice, "no-desktop")
    return Finding(subject, "note", "no display: DISPLAY is empty", HEADLESS, "no-display")
