"""A file that somebody has in; a model that the show plays out: all of `installation models`."""

from __future__ import annotations

import importlib
from argparse import Namespace

COMMANDS = {
    "add": ("adding", "add"),
    "list": ("listing", "list_all"),
    "show": ("listing", "show"),
    "remove": ("listing", "remove"),
    "get": ("getting", "get"),
    "render": ("rendering", "render"),
}


def main(options: Namespace) -> int:
    """Run one of the commands; returns the exit code. Raises WeightsError, one line, for what cannot be done."""
    module, function = COMMANDS[options.what]
    code: int = getattr(importlib.import_module(f"installation.machine.models.{module}"), function)(options)
    return code
