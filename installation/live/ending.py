"""Signals of a service manager or a person in; an orderly end of the show, and a word about it, out."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def orderly_ends(end: Callable[[], None], insists: bool = True) -> Iterator[None]:
    """SIGTERM, SIGINT and SIGHUP end a show in order: film, log and report are whole. A second one ends it at once.

    insists: unless a keeper does that; whoever ends all processes of a service at once tells the show twice.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked and insists:
            raise KeyboardInterrupt
        asked.append(number)
        end()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
    before = {number: signal.signal(number, ask) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say_goodbye(options: Namespace, report: dict[str, Any]) -> None:
    """A line or two about what was shown and where it was put."""
    p99 = report["frame_ms"]["p99"]
    print(f"{report['frames_presented']} frames, {report['fps']:.1f} a second, 99 of 100 under {p99:.0f} ms")
    for path in filter(None, (options.record, getattr(options, "sheet", None), options.report, options.log)):
        print(f"wrote {path}")
    if report["faults"]:
        print("survived: " + ", ".join(f"{kind} x{count}" for kind, count in sorted(report["faults"].items())))
