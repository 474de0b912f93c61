"""Real clips for the features, decoded as the camera's process would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from installation.signals import CameraFrame


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
