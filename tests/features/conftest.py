"""Real clips for the features, decoded as the camera's process would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from installation.signals import CameraFrame


@pytest.fixture
def wait_for() -> Callable[..., object]:
    """wait_for(question, within_s): ask until the answer is true, fail when it has not become so in time."""

    def wait(question: Callable[[], object], within_s: float = 20.0) -> object:
        pause, deadline_s = threading.Event(), time.monotonic() + within_s
        while not (answer := question()):
            assert time.monotonic() < deadline_s, f"did not come true within {within_s} s"
            pause.wait(0.005)
        return answer

    return wait


@pytest.fixture(scope="session")
def clip(shared: Path) -> Callable[..., list[CameraFrame]]:
    """clip(name, frames, every): camera frames of a clip of hands, at the times they were filmed."""
    import av

    from installation.inputs.camera_child import to_rgb

    def frames(name: str, count: int = 10_000, every: int = 1) -> list[CameraFrame]:
        with av.open(str(shared / "data" / "hands" / name)) as film:
            chosen = [f for i, f in enumerate(film.decode(video=0)) if i % every == 0 and i < count * every]
        return [CameraFrame(to_rgb(f), float(f.time), i + 1) for i, f in enumerate(chosen)]

    return frames
