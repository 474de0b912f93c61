"""A show in, whoever listens to people for it out: desks, consoles, controllers, clocks and the panel."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from installation import plugins
from installation.settings import Cue, Show, Timecode
from installation.signals import Knob

if TYPE_CHECKING:  # what a show does not use is not imported
    from installation.control.desks import Desks, Listener
    from installation.control.learning import Teachable


def open_desk(
    show: Show, knobs: Mapping[str, Knob], closing: ExitStack, options: Namespace | None = None, again: bool = False
) -> Desks:
    """Everybody's ear: OSC, and the others where the show has them; what is sent waits for its start.

    again: not the first show of this keeper.
    """
    from installation.control.desk import Desk
    from installation.control.desks import Desks, Listener
    from installation.control.heard import Heard

    heard, others = Heard(), dict[str, Listener]()
    osc = Desk(show.osc, knobs, show.cues, heard)
    teachers: dict[str, Teachable] = {"OSC": osc.space}
    if show.dmx is not None:
        from installation.control.dmx.listener import Dmx

        others["dmx"] = dmx = Dmx(show.dmx, knobs, show.cues, show.name, heard)
        teachers["DMX"] = dmx.personality
    if show.midi is not None:
        from installation.control.midi.listener import Midi

        others["midi"] = midi = Midi(show.midi, knobs, show.cues, heard)
        teachers["MIDI"] = midi.table
    if show.timecode is not None:
        others["timecode"] = open_timecode(show.timecode, show.cues)
    if show.oscquery is not None:
        from installation.control.oscquery.listener import OscQuery

        others["oscquery"] = OscQuery(show.oscquery, show.osc, lambda: osc.port, knobs, show.cues, show.name)
    if show.panel.on and options is not None:
        from installation.live.panel import Panel

        others["panel"] = Panel(show, options, knobs, heard, teachers, again)
    desks = Desks(osc, **others)
    closing.callback(desks.close)
    desks.bind()
    return desks


def open_timecode(asked: Timecode, cues: Sequence[Cue]) -> Listener:
    """The clock that calls cues; LTC is heard with a microphone of its own."""
    from installation.control.timecode import listener

    sound = None
    if asked.source == "ltc":
        microphone = plugins.load("inputs", "microphone")
        sound = microphone.create(microphone.Settings(device=asked.device, channel=asked.channel))
    return listener.Timecode(asked, cues, sound)
