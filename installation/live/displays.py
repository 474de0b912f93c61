"""The environment in; whether a window can be opened, now or at last, out."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

from installation.clock import WallClock

SOCKETS = Path("/tmp/.X11-unix")  # of the X servers of this machine
LOOK_EVERY_S = 0.5


def has_display() -> bool:
    """Whether a window can be opened at all."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def wait_for_display() -> None:
    """Until a window can be opened: a machine that starts by itself has its desktop later than its services."""
    clock, said = WallClock(), False
    while not (has_display() and _answers()):
        if not said:
            print("Waiting for a display: none answers yet.", flush=True)
            said = True
        if not has_display() and (found := _first_that_answers()):
            os.environ["DISPLAY"] = found
        else:
            clock.wait_until(clock.now_s() + LOOK_EVERY_S)


def _answers() -> bool:
    """False for an X server of this machine that is not there yet; of any other display a window has to find out."""
    number = re.fullmatch(r":(\d+)(\.\d+)?", os.environ.get("DISPLAY", ""))
    return bool(os.environ.get("WAYLAND_DISPLAY")) or number is None or _is_there(SOCKETS / f"X{number[1]}")


def _first_that_answers() -> str:
    """The first X server of this machine, "" where there is none."""
    numbers = sorted(int(path.name[1:]) for path in SOCKETS.glob("X*") if path.name[1:].isdigit())
    return next((f":{number}" for number in numbers if _is_there(SOCKETS / f"X{number}")), "")


def _is_there(path: Path) -> bool:
    """Whether somebody listens on a socket; its file may be left from one who did."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.settimeout(LOOK_EVERY_S)
            server.connect(str(path))
        except OSError:
            return False
    return True
