"""What becomes of a show in; words for systemd (sd_notify) out: ready, alive, stopping."""

from __future__ import annotations

import time


class Notifier:
    """Words for systemd (sd_notify): ready, alive, stopping. Does nothing where nobody listens."""

    def __init__(self) -> None:
        import sdnotify

        self._said_s = 0.0
        self._to = sdnotify.SystemdNotifier()

    def tell(self, *lines: str) -> None:
        self._to.notify("\n".join(lines))

    def alive(self) -> None:
        """A frame was presented: the watchdog is told so, at most once a second."""
        if time.monotonic() - self._said_s >= 1.0:
            self._said_s = time.monotonic()
            self.tell("WATCHDOG=1")
