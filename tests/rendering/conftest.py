"""A real GL context, a flower made from numbers, and displays that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import moderngl
import numpy as np
import pytest
from flower import SMALL, picture, upload

from installation import settings
from installation.rendering import window
from installation.rendering.easel import Easel
from installation.rendering.link import EFFECTS
from installation.rendering.readback import Whole
from installation.rendering.surfaces import close_headless, open_headless
from installation.signals import Levels


@pytest.fixture
def context() -> Iterator[moderngl.Context]:
    made = open_headless()
    yield made
    close_headless(made)


@pytest.fixture
def flower(context: moderngl.Context) -> moderngl.Texture:
    return upload(context, picture(64, 36))


class Stage:
    """An easel, a headless display and a clock that steps: what a test shows, and what it then sees."""

    def __init__(self, screen: settings.Screen, effects: list[settings.Effect], folder: Path, fps: float) -> None:
        self.display = window.create(screen, headless=True)
        self.easel = Easel(self.display.canvas.context, effects, screen.working_size, folder)
        self.values = {name: knob.default for name, knob in self.easel.knobs.items()}
        self.drawn: np.ndarray | None = None
        self.fps, self.frame = fps, 0

    def show(self, picture: object, **levels: object) -> np.ndarray:
        """Present one frame and read it back [shape=(H, W, 3), uint8]."""
        now_s = self.frame / self.fps
        self.frame += 1
        asked = Levels(self.values, **levels)  # type: ignore[arg-type]
        if not asked.freeze:
            drawn = self.easel.draw(picture, self.values, now_s)  # type: ignore[arg-type]
            self.drawn = None if drawn is None else Whole().read_rgba(drawn.framebuffer)
        self.display.show(self.drawn, asked, now_s)
        return self.display.read_now()


@pytest.fixture
def open_stage() -> Iterator[Callable[..., Stage]]:
    opened: list[Stage] = []

    def open_one(
        screen: settings.Screen = SMALL,
        effects: list[settings.Effect] | None = None,
        folder: Path = EFFECTS,
        fps: float = 30.0,
    ) -> Stage:
        opened.append(Stage(screen, effects or [], folder, fps))
        return opened[-1]

    yield open_one
    for stage in opened:
        stage.display.close()
