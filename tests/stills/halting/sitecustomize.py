"""Loaded by every Python with this folder on its path: one process halts in the middle of the work that HALT_AT names.

HALT_AT is a stage (a piece's folder is begun, nothing is in it) or a file's name (it is written, not yet renamed).
Who halts writes its process number to the file HALTED; there it waits, to be killed or sent on, and nobody halts again.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def halt() -> None:
    with contextlib.suppress(FileExistsError), open(os.environ["HALTED"], "x", buffering=1) as told:
        told.write(str(os.getpid()))
        told.flush()
        os.kill(os.getpid(), signal.SIGSTOP)


if place := os.environ.get("HALT_AT"):
    from installation.stills.archive import Archive

    begin, replace, link = Archive.begin, os.replace, os.link

    @contextlib.contextmanager
    def begin_and_halt(archive: Archive, stage: str, key: str) -> Iterator[Path]:
        with begin(archive, stage, key) as part:
            if stage == place:
                halt()
            yield part

    def halt_and_replace(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == place:
            halt()
        replace(source, target, **options)

    def halt_and_link(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == place:
            halt()
        link(source, target, **options)

    Archive.begin = begin_and_halt  # type: ignore[method-assign]
    os.replace = halt_and_replace
    os.link = halt_and_link
