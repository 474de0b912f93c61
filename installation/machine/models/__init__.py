"""A file that somebody has in; a model that the show plays out: `installation models add|list|show|remove|get|render`."""

from __future__ import annotations

import importlib
from argparse import Namespace

MODULES = {
    "add": "adding",
    "list": "listing",
    "show": "listing",
    "remove": "listing",
    "get": "getting",
    "render": "rendering",
}


def main(options: Namespace) -> int:
    """Run one of the commands; returns the exit code. Raises WeightsError, one line, for what cannot be done."""
    module = importlib.import_module(f"installation.machine.models.{MODULES[options.what]}")
    code: int = getattr(module, options.what)(options)
    return code
