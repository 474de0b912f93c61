"""A show in; what a technician hands to a lighting console out: `installation desk sheet`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from installation.control.dmx import gdtf, sheet
from installation.control.dmx.personality import Personality
from installation.files import named
from installation.settings import Dmx, SettingsError, Show, open_show

Write = Callable[[Path, Personality, Dmx, Show], None]


def main(options: Namespace) -> int:
    """`installation desk sheet OUT ...`: each file by its suffix. Raises SettingsError and OSError, one line each."""
    for path in options.out:
        if path.suffix.lower() not in WAYS:
            raise SettingsError(f"{path}: expected a name that ends in {', '.join(WAYS)}")
    from installation.live import opening

    show = open_show(options.show)
    asked = show.dmx or Dmx()
    personality = Personality(asked, opening.knobs_of(show), show.cues)
    if show.dmx is None:
        print(f"{show.name} has no [dmx] table, so it hears no console yet; this is how it would with an empty one.")
    for path in options.out:
        WAYS[path.suffix.lower()](path, personality, asked, show)
        print(f"wrote {path}")
    return 0


def _pages(path: Path, personality: Personality, asked: Dmx, show: Show) -> None:
    sheet.write_pages(path, personality, asked, show.name)


def _table(path: Path, personality: Personality, asked: Dmx, show: Show) -> None:
    named.write_text(path, sheet.table(personality))


def _gdtf(path: Path, personality: Personality, asked: Dmx, show: Show) -> None:
    named.write_bytes(path, gdtf.make(personality, show.name))


WAYS: dict[str, Write] = {".pdf": _pages, ".png": _pages, ".csv": _table, ".gdtf": _gdtf}
