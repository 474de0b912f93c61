"""A graph that wants a picture is handed the camera's: what moves before the camera moves on the wall."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import plainshow
import pytest
from plainshow import open_live

from installation.__main__ import parser
from installation.live import opening
from installation.live.loop import Live
from installation.live.plan import CAMERA
from installation.signals import Command

FRAMES, SIDE = 50, 128
SHOW = """
[generator]
name = "onnx"
settings = {{ model = "{model}" }}
[[inputs]]
name = "camera"
[[features]]
name = "motion"
[screen]
size = [128, 128]
working_size = [128, 128]
fps = 20.0
flash_limiter = false
"""


def seen(n: int) -> np.ndarray:
    """What is before the camera: a square that goes from left to right."""
    rgb = np.full((SIDE, SIDE, 3), 30, np.uint8)
    rgb[40:88, 2 * n : 2 * n + 24] = 220
    return rgb


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for n in range(FRAMES):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(seen(n))))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def live(negative: Path, film: Path, tmp_path: Path, lent: None) -> Iterator[Live]:
    path = tmp_path / "mirror.toml"
    path.write_text(SHOW.format(model=negative))
    with ExitStack() as closing:
        yield open_live(path, closing, "--camera", str(film), "--no-panel")


def play(live: Live, until: Callable[[], object]) -> None:
    plainshow.play(live, lambda heard: until())


def instant(rgb: np.ndarray) -> int | None:
    """Which picture of the film this is; None for another one."""
    apart = [np.abs(rgb.astype(int) - seen(n)).mean() for n in range(FRAMES)]
    return int(np.argmin(apart)) if min(apart) < 8 else None


def shown(live: Live) -> int | None:
    """Which one is on the wall, as its negative."""
    return instant(255 - live.screen.read_now())


def test_the_wall_follows_the_camera_and_without_one_something_else_is_painted(live: Live) -> None:
    came: list[int | None] = []
    passed: list[int] = []

    def follows() -> bool:
        if live.senses.camera is not None:
            came.append(instant(live.senses.camera.rgb))
        if (now := shown(live)) is not None and now not in passed[-1:]:
            passed.append(now)
        return len(passed) > 12

    play(live, follows)
    left = iter(came)
    assert all(one in left for one in passed), f"in the order in which they came: {passed} of {came}"
    live.senses.inputs["camera"].close()
    play(live, lambda: shown(live) is None and live.screen.read_now().std() > 5)
    assert not live.faults()["generator"]


def test_no_picture_is_copied_while_nobody_looks_and_none_is_on_a_disk(live: Live, tmp_path: Path) -> None:
    play(live, lambda: shown(live) is not None)
    live.board.apply(Command("knob", "generator.camera", 0.0), live.clock.now_s())
    play(live, lambda: not live.studio.watches and shown(live) is None)
    copied, frames = live.studio._memory.counts[CAMERA], live.senses.frames
    play(live, lambda: live.senses.frames > frames + 5)
    assert live.studio._memory.counts[CAMERA] == copied > 0
    live.board.apply(Command("release", "generator.camera"), live.clock.now_s())
    play(live, lambda: shown(live) is not None)
    live.chronicle._keep_moment(live.studio.newest().controls, live.clock.now_s(), True)
    play(live, lambda: live.chronicle.moments)
    assert [path.suffix for path in (tmp_path / "moments").iterdir()] == [".json"]


def test_a_demonstration_that_nobody_asked_to_film_shows_no_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "has_display", lambda: False)
    for words, sight in (((), False), (("--record", "x.mp4"), True), (("--headless",), True)):
        _, options = opening.prepare(parser().parse_args(["live", "--camera", "none", *words]))
        assert options.sight == sight, words
