"""Folders of files in; what became of each and how much memory that took out: a program, so that it may be killed.

For every file two lines of JSON come: its name when it is begun, and how it ended: "refused: <the words>" or "read".
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from installation.formats import opened as formats
from installation.weight_files import WeightsError


def attempt(path: Path) -> str:
    """Everything that `models add` does with a foreign file before it writes anything."""
    try:
        opened = formats.open_files([path])
        by, _ = formats.format_of(opened)
        formats.convert_by(opened, by)
    except WeightsError as error:
        return f"refused: {error}"
    return "read"


def main(folders: list[str]) -> None:
    """The first folder holds whole files, on which everything warms up; what memory grows by is counted after them."""
    before = 0
    for number, folder in enumerate(folders):
        for path in sorted(Path(folder).iterdir()):
            print(json.dumps({"begun": path.name}), flush=True)
            told = {"folder": path.parent.name, "file": path.name, "end": attempt(path)}
            print(json.dumps(told), flush=True)
        if number == 0:
            before = peak()
    print(json.dumps({"grown": peak() - before}))


def peak() -> int:
    """Bytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
