"""One thing about a projector by its name, and a value, in; the venue with that changed, for a page's sliders, out.

A name is the way through an `Output`: "rotation", "mirror_x", "blend.left.width", "masks.0.softness". What has three
channels is turned by "colour.r", or all of it by "colour".
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from installation.checking import SettingsError
from installation.files import shown
from installation.rendering.wall.faults import faults
from installation.rendering.wall.venue import SIDES, Venue

CHANNELS = "rgb"
_EDGE = rf"blend\.(?:{'|'.join(SIDES)})"
_DIALS = re.compile(
    rf"rotation|mirror_[xy]|{_EDGE}\.width|(?:black|colour|{_EDGE}\.gamma)(?:\.[{CHANNELS}])?"
    r"|masks\.\d{1,2}\.(?:softness|keep)"
)


def turned(venue: Venue, number: int, dial: str, value: float) -> Venue:
    """The venue with a dial of one of its outputs at a value; switches are on above 0.

    Raises SettingsError for a dial that is not there, and for a value that no projector could show.
    """
    if not _DIALS.fullmatch(dial):
        raise SettingsError(f"no dial {shown(dial)}")
    try:
        changed: Venue = _put(venue, ("outputs", str(number), *dial.split(".")), value)
    except IndexError:
        raise SettingsError(f"no dial {shown(dial)} here") from None
    for fault in faults(changed):
        raise SettingsError(fault)
    return changed


def _put(now: Any, way: Sequence[str], value: float) -> Any:
    """What is there now, with the value at the end of the way; three channels at once where it ends at those."""
    if not way:
        return tuple(_put(one, (), value) for one in now) if isinstance(now, tuple) else type(now)(round(value, 6))
    if isinstance(now, tuple):
        i = CHANNELS.index(way[0]) if way[0] in CHANNELS else int(way[0])
        return (*now[:i], _put(now[i], way[1:], value), *now[i + 1 :])
    return dataclasses.replace(now, **{way[0]: _put(getattr(now, way[0]), way[1:], value)})
