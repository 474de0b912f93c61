"""What a page says about the wall in; the wall fitted in this very frame, and what there is to see of it out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from installation.control.desks import Fitted
from installation.control.places import Refused
from installation.control.said import FITTING, WALL
from installation.senders import Buckets
from installation.settings import SettingsError

SAVES_HZ, SAVES_AT_ONCE = 0.5, 3.0  # each writes a version to the disk


class Fitting:
    """The panel's ear for the wall; without one, before there is a show to see, nothing can be fitted."""

    def __init__(self) -> None:
        self.wall: Fitted | None = None
        self._saves = Buckets(SAVES_HZ, SAVES_AT_ONCE)
        self._told: Mapping[str, Any] = {}

    def hear(self, told: Mapping[str, Any]) -> None:
        """Do what a message asks for. Raises Refused; nothing has changed then."""
        act = told[WALL]
        if not isinstance(act, str) or self.wall is None:
            raise Refused("malformed", "no such wish about the wall")
        if act == "save" and not self._saves.take("wall", time.monotonic()):
            raise Refused("save dropped", "the wall was saved just before")
        try:
            self.wall.hear(act, {name: value for name, value in told.items() if name in FITTING})
        except SettingsError as error:
            raise Refused("bad argument", str(error)) from None

    def news(self) -> Mapping[str, Any]:
        """The wall as a page shows it, {} while it is as it was."""
        found = self.wall.look() if self.wall else {}
        if found == self._told:
            return {}
        self._told = found
        return found
