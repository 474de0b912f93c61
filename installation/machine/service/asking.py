"""Words typed after `installation service install` in; the unit that was asked for out, each word tried first."""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from installation.live import options as live_options
from installation.machine import options as machine_options
from installation.machine.service.unit import Unit

DEFAULT_SHOW = "bloom"
ENDING = {"seconds": "--seconds", "replay": "--replay", "osc_table": "--osc-table", "no_guard": "--no-guard"}
CARRIED = ("PYTHONPATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
RUN, X_SOCKETS = Path("/run/user"), Path("/tmp/.X11-unix")


def divide(words: Sequence[str]) -> tuple[Namespace, list[str]]:
    """What the service is asked for, and the words that are the show's, in their order; the show itself is among the
    first as `show`, None when none was named."""
    ours, rest = list(words), []
    if "--" in ours:
        at = ours.index("--")
        ours, rest = ours[:at], ours[at + 1 :]
    asked, known = machine_options.serving().parse_known_args(ours)
    named = argparse.ArgumentParser("installation service", add_help=False)
    named.add_argument("--show", default=asked.show)
    shown, others = named.parse_known_args([*known, *rest])
    asked.show = shown.show
    return asked, others


def make_unit(asked: Namespace, words: Sequence[str]) -> Unit:
    """The unit for a show that opens here. Raises ValueError, LookupError or OSError saying what to mend."""
    show = asked.show or DEFAULT_SHOW
    if Path(show).suffix:
        show = os.path.abspath(show)
    named = ("--show", show, *words)
    played = live_options.parse(*named)
    for name, flag in ENDING.items():
        if getattr(played, name):
            raise ValueError(f"{flag}: a service plays its show for good, with its keeper; leave it out")
    _try_to_open(played)
    user = whom(asked) if asked.system else ""
    carried = CARRIED[:1] if user else CARRIED  # folders are those of who runs it
    environment = {name: os.environ[name] for name in carried if os.environ.get(name)}
    return Unit(show, named, Path.cwd(), user, environment | (surroundings(user) if user else {}))


def whom(asked: Namespace) -> str:
    """Whom a unit of the machine's systemd runs as. Raises ValueError when that is not said or nobody's name."""
    name = asked.user or os.environ.get("SUDO_USER", "")
    if not name:
        raise ValueError("--system: say whom the show runs as, with --as NAME: who sits at the screen it is shown on")
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise ValueError(f"--as {name}: this machine knows no such user") from None


def surroundings(user: str) -> dict[str, str]:
    """How a service that nobody's login started finds screen and sound of a user: what is set here, else what is there.

    A display that is not there yet is waited for.
    """
    person = pwd.getpwnam(user)
    run = RUN / str(person.pw_uid)
    keys = (Path(person.pw_dir, ".Xauthority"), run / "gdm/Xauthority", *sorted(run.glob(".mutter-Xwaylandauth.*")))
    found = {
        "XDG_RUNTIME_DIR": str(run),
        "DISPLAY": next((f":{path.name[1:]}" for path in sorted(X_SOCKETS.glob("X[0-9]*"))), ""),
        "WAYLAND_DISPLAY": next((path.name for path in sorted(run.glob("wayland-*")) if path.is_socket()), ""),
        "XAUTHORITY": next((str(path) for path in keys if path.is_file()), ""),
    }
    here = {name: os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")}
    return {name: value for name in found if (value := here.get(name) or found[name])}


def refuse_the_wrong_hands(asked: Namespace, what: str, words: Sequence[str]) -> None:
    """The machine's units are root's to write, the user's own are not. Raises PermissionError with the line to type."""
    line = shlex.join([sys.executable, "-m", "installation", "service", what, *words])
    if asked.system and os.geteuid():
        raise PermissionError(f"--system is root's to do; type: sudo {line}")
    if not asked.system and not os.geteuid() and os.environ.get("SUDO_USER"):
        raise PermissionError(f"this would be root's own service, not yours; type it without sudo: {line}")


def _try_to_open(played: Namespace) -> None:
    """What `installation live` itself reads before it opens devices. What it would say here goes to the errors."""
    from installation.live.opening import prepare

    with contextlib.redirect_stdout(sys.stderr):
        prepare(Namespace(**vars(played) | {"headless": True, "unattended": False}))
