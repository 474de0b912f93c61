"""The next frame's texture in; the same, or a mix with the one before it, out: the flash limiter's hands in GL."""

from __future__ import annotations

import moderngl
import numpy as np

from installation.rendering.canvas import Canvas, Target
from installation.rendering.limiter import GRID, FlashLimiter


class Guard:
    """Measures every frame before it is shown. The few bytes are waited for: a flash must not be known afterwards."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.limiter = FlashLimiter()
        self.measure, self.mix = canvas.own_program("measure"), canvas.own_program("mix")
        self.cells = Target(canvas.context, (GRID[1], GRID[0]), "f4", components=2)
        self.read = np.zeros((*GRID, 2), "f4")
        self.light = np.zeros((2, *GRID))

    def limit(self, texture: Target, shown: Target | None, level: float, now_s: float) -> tuple[Target, float]:
        """What to present, and at which master. Nothing is drawn where the new frame may pass as it is."""
        light = self._measure(texture.texture)
        before = self.light if shown is not None else light
        share, level = self.limiter.limit(light, before, level, now_s)
        if share < 1.0 and shown is not None:
            texture, light = (shown, before) if share == 0.0 else self._blend(texture, shown, share)
        self.light = light
        self.limiter.show(light, level, now_s)
        return texture, level

    def go_dark(self, now_s: float) -> None:
        """The projector is black from now on; the light of the held frame stays known."""
        self.limiter.show(self.light, 0.0, now_s)

    def _blend(self, texture: Target, shown: Target, share: float) -> tuple[Target, np.ndarray]:
        target = self.canvas.borrow(texture.size, texture, shown)
        self.mix.bind("before", shown.texture)
        self.mix.bind("picture", texture.texture)
        self.mix.set("share", share)
        self.mix.draw(target.framebuffer)
        return target, self._measure(target.texture)

    def _measure(self, texture: moderngl.Texture) -> np.ndarray:
        self.measure.bind("picture", texture)
        self.measure.set("cells", (float(GRID[1]), float(GRID[0])))
        self.measure.draw(self.cells.framebuffer)
        self.canvas.wait()
        self.cells.framebuffer.read_into(self.read, components=2, dtype="f4")
        return np.nan_to_num(self.read.transpose(2, 0, 1).astype("f8"))
