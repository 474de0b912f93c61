"""Steps of a bench that are good, break off, or take their process along; in it nothing heavy is imported."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

from installation.machine.rows import Row


def good() -> Iterator[Row]:
    yield Row("good", 1.0, "ms")


def half_good() -> Iterator[Row]:
    yield Row("half", 1.0, "ms")
    raise RuntimeError("a kernel\nwas not there")


def crash() -> Iterator[Row]:
    os._exit(3)
    yield


def hang() -> Iterator[Row]:
    threading.Event().wait()
    yield
