"""What a show file or a command line asks for in; outputs that can work here, or one line that says why not, out."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Sequence

from installation import plugins
from installation.settings import Part, SettingsError, check

ROOM = "rendering.outputs"
NONE = "none"


def asked(parts: Sequence[Part], words: Sequence[str] | None) -> tuple[Part, ...]:
    """Those of the show, or instead of them those of the command line: NAME, NAME:ADDRESS, none.

    Raises LookupError for a name that there is not.
    """
    if words is None:
        return tuple(parts)
    return tuple(_named(*word.partition(":")[::2]) for word in words if word != NONE)


def _named(name: str, address: str) -> Part:
    first = dataclasses.fields(plugins.load(ROOM, name).Settings)[0].name
    return Part(name, {first: address} if address else {})


def refusal(part: Part) -> str:
    """Why this output cannot work on this machine; empty where it can. Raises LookupError, SettingsError for a slip."""
    module = plugins.load(ROOM, part.name)
    return str(module.refusal(check(module.Settings, part.settings, f"outputs.{part.name}")))


def insist(parts: Sequence[Part]) -> None:
    """Raises SettingsError for the first that cannot work here, LookupError for one that there is not."""
    for part in parts:
        if why := refusal(part):
            raise SettingsError(f"outputs.{part.name}: {why}")


def lacking(module: str, package: str) -> str:
    """What to do where an output's package is not installed; empty where it is. Imports nothing of it."""
    if importlib.util.find_spec(module):
        return ""
    return f"the package {package} is not installed: {sys.executable} -m pip install {package}"
