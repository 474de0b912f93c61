"""A model and words of an artist in; points, directions and blends of it out: all of `installation latent`."""

from __future__ import annotations

import importlib
from argparse import Namespace

COMMANDS = {
    "directions": "directing",
    "project": "projecting",
    "vector": "writing",
    "map": "mapping",
    "breed": "breeding",
    "blend": "blending",
}


def main(options: Namespace) -> int:
    """Run one of the commands; returns the exit code. Raises SettingsError or WeightsError, in one line."""
    code: int = importlib.import_module(f"installation.machine.latent.{COMMANDS[options.what]}").run(options)
    return code
