"""Moments that are asked for in; whether the disk, the hour and the one who asks leave room for one more out."""

from __future__ import annotations

import shutil
from pathlib import Path

from installation.senders import Buckets
from installation.settings import SettingsError, Show

PERSON_HZ, PERSON_AT_ONCE = 0.5, 5.0  # all who press together; the show's own timer keeps its own pace
FLOOR_BYTES, FLOOR_SHARE = 1_000_000_000, 0.02  # of the disk that stay free, whichever is less


class Allowance:
    """How many moments a show may keep. Raises SettingsError for a setting below 0; 0 sets no limit.

    Counted are the moments of the last hour and the bytes of the folder, whoever wrote them.
    """

    def __init__(self, show: Show) -> None:
        for name in ("moments_per_hour", "moments_mb"):
            if not getattr(show, name) >= 0:
                raise SettingsError(f"{name}: must be 0 (no limit) or more, found {getattr(show, name):g}")
        self._most_bytes = show.moments_mb * 1e6
        self._people = Buckets(PERSON_HZ, PERSON_AT_ONCE)
        per_hour = show.moments_per_hour
        self._hour = Buckets(per_hour / 3600.0, max(1.0, per_hour)) if per_hour else None
        self._bytes: int | None = None

    def refusal(self, now_s: float, by_hand: bool) -> str:
        """Why no moment may be kept now, with what to do; "" when one may. One that may counts against the hour."""
        if by_hand and not self._people.take("people", now_s):
            return f"pressed more often than once in {1 / PERSON_HZ:g} s: something sends without letting go"
        if self._hour and not self._hour.take("show", now_s):
            return "more than moments_per_hour of the show file"
        return ""

    def no_room(self, folder: Path) -> str:
        """Why the disk takes no more, with what to do; "" when it does. Reads the folder once."""
        if self._bytes is None:
            self._bytes = sum(_size_of(path) for path in folder.glob("*"))
        if 0 < self._most_bytes <= self._bytes:
            return f"{folder} holds {self._most_bytes / 1e6:g} MB: move some away, or raise moments_mb"
        disk = shutil.disk_usage(folder if folder.exists() else folder.absolute().anchor)
        floor = min(FLOOR_BYTES, FLOOR_SHARE * disk.total)
        if disk.free < floor:
            return f"less than {floor / 1e6:.0f} MB are free where {folder} lies: make room"
        return ""

    def note(self, moment: Path) -> None:
        """A moment was written: its JSON file, and the pictures beside it."""
        self._bytes = (self._bytes or 0) + sum(_size_of(moment.with_suffix(end)) for end in (".json", ".jpg"))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # moved away meanwhile
        return 0
