"""What a show and a command line want of the picture besides the wall in: film and outputs that can be, open, out."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from contextlib import ExitStack
from typing import TYPE_CHECKING

from installation.settings import Show

if TYPE_CHECKING:
    from installation.rendering.outputs.sending import Outputs


def prepare(show: Show, options: Namespace) -> Show:
    """The show with the outputs that are asked for. Raises SettingsError or LookupError for what cannot be, at once.

    A show that plays because nothing else goes (--safe) leaves out what cannot be.
    """
    from installation.rendering import encoding
    from installation.rendering.outputs import choosing

    if options.record:
        encoding.choose(options.record, options.record_codec, options.record_quality)
    parts = choosing.asked(show.outputs, options.output)
    if options.safe:
        parts = tuple(part for part in parts if not choosing.refusal(part))
    choosing.insist(parts)
    return dataclasses.replace(show, outputs=parts)


def open_outputs(show: Show, closing: ExitStack) -> Outputs:
    """Every output of the show, started in a process of its own."""
    from installation.rendering.outputs.sending import Outputs

    outputs = Outputs(show.outputs, show.screen.size, show.screen.fps)
    closing.callback(outputs.close)
    outputs.start()
    return outputs
