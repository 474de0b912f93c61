"""The monitors that glfw sees in; which of them the projector is, and whether anything about them changed, out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from installation.rendering.edid import identities

BUILT_IN = ("eDP", "LVDS", "DSI", "Built-in", "Color LCD")  # a laptop's own panel


class DisplayError(RuntimeError):
    """No picture can be shown here; the text says what was tried and what to do."""


@dataclass(frozen=True)
class Monitor:
    """size and position in pixels of the desktop, the first of all being the primary one; edid is which one it is."""

    name: str
    size: tuple[int, int]
    position: tuple[int, int]
    refresh_hz: int
    edid: str = ""

    @property
    def built_in(self) -> bool:
        return self.name.startswith(BUILT_IN)


@dataclass(frozen=True)
class Wish:
    """Which monitor a window is for: by what its EDID says, else by name or number; neither: see `choose_monitor`."""

    name: str = ""
    edid: str = ""


def look(glfw: Any) -> tuple[Monitor, ...]:
    """Every monitor there is, in glfw's order. Raises ValueError for one that is going this moment."""
    edids = identities()
    return tuple(_read(glfw, monitor, edids) for monitor in glfw.get_monitors() or [])


def _read(glfw: Any, monitor: Any, edids: Mapping[str, str]) -> Monitor:
    name, video = glfw.get_monitor_name(monitor), glfw.get_video_mode(monitor)
    called = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    x, y = glfw.get_monitor_pos(monitor)
    return Monitor(called, (video.size.width, video.size.height), (x, y), video.refresh_rate, edids.get(called, ""))


def choose_monitor(wish: str, names: Sequence[str]) -> int:
    """The index of the monitor wished for: by its whole name, its number, or words of its name; else the projector.

    A word counts whole: DP-1 is neither in eDP-1 nor in DP-10. The projector is the last monitor that is neither the
    primary one (the first of names) nor a laptop's own panel; then any that is no such panel; then the last.
    """
    called = [name.casefold() for name in names]
    asked = wish.strip().casefold()
    if asked in called:
        return called.index(asked)
    if asked.isdigit() and int(asked) < len(names):
        return int(asked)
    part = re.compile(rf"(?<![^\W_]){re.escape(asked)}(?!\d)")
    for i, name in enumerate(called):
        if asked and part.search(name):
            return i
    outside = [i for i, name in enumerate(names) if not name.startswith(BUILT_IN)] or list(range(len(names)))
    return max((i for i in outside if i > 0), default=outside[0] if outside else -1)


def share_out(wishes: Sequence[Wish], there: Sequence[Monitor]) -> list[int]:
    """The index of a monitor for each wish, no two the same while there are enough: those go first that a monitor's
    own EDID meets, then those that its name or number meets, then the rest, see `choose_monitor`. Empty: no monitors.
    """
    if not there:
        return []
    given: dict[int, int] = {}
    names = [monitor.name for monitor in there]

    def give(which: int, at: int) -> None:
        if which not in given and at not in given.values():
            given[which] = at

    for i, wish in enumerate(wishes):
        for at, monitor in enumerate(there):
            if wish.edid and monitor.edid == wish.edid:
                give(i, at)
    for i, wish in enumerate(wishes):
        if wish.name and _is_named(wish.name, names):
            give(i, choose_monitor(wish.name, names))
    for i, _ in enumerate(wishes):
        free = [at for at in range(len(names)) if at not in given.values()]
        if i not in given:
            at = choose_monitor("", names)
            given[i] = at if at in free or not free else free[choose_monitor("", [names[one] for one in free])]
    return [given[i] for i in range(len(wishes))]


def _is_named(wish: str, names: Sequence[str]) -> bool:
    """Whether a wish means one of these monitors, and not merely falls back on the projector."""
    asked = wish.strip().casefold()
    part = re.compile(rf"(?<![^\W_]){re.escape(asked)}(?!\d)")
    return any(part.search(name.casefold()) for name in names) or (asked.isdigit() and int(asked) < len(names))


def monitors() -> list[dict[str, Any]]:
    """Every monitor: index, name, size in pixels, refresh_hz, position. Empty where there is no display."""
    try:
        glfw = start_glfw()
    except DisplayError:
        return []
    found = [
        {
            "index": i,
            "name": monitor.name,
            "size": list(monitor.size),
            "refresh_hz": monitor.refresh_hz,
            "position": list(monitor.position),
            "edid": monitor.edid,
        }
        for i, monitor in enumerate(look(glfw))
    ]
    glfw.terminate()
    return found


def start_glfw() -> Any:
    """glfw, initialised. Raises DisplayError where there is no display to open a window on."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import glfw

        ready = glfw.init()
    if not ready:
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        raise DisplayError(f"no display to open a window on (DISPLAY is {shown!r}); use --headless or start a desktop")
    return glfw
