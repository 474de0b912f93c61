"""A framebuffer in, its pixels in main memory out, a frame late so that nobody waits for the GPU."""

from __future__ import annotations

import moderngl
import numpy as np

RING = 3


class Readback:
    """A ring of pixel buffers over one framebuffer. Row 0 of the framebuffer is row 0 of the arrays."""

    def __init__(self, context: moderngl.Context, framebuffer: moderngl.Framebuffer, components: int = 3) -> None:
        self.framebuffer, self.components = framebuffer, components
        self.shape = (framebuffer.height, framebuffer.width, components)
        self.ring = [context.buffer(reserve=int(np.prod(self.shape)), dynamic=True) for _ in range(RING)]
        self.asked = 0

    def read(self, out: np.ndarray | None = None) -> np.ndarray:
        """Ask for this frame and take the one asked for before [shape=(H, W, components), uint8].

        The first call has none before it and waits for its own.
        """
        self.framebuffer.read_into(self.ring[self.asked % RING], components=self.components, alignment=1)
        taken = self.ring[max(0, self.asked - 1) % RING]
        self.asked += 1
        out = np.empty(self.shape, np.uint8) if out is None else out
        taken.read_into(out)
        return out

    def read_now(self) -> np.ndarray:
        """This frame, waited for."""
        out = np.empty(self.shape, np.uint8)
        self.framebuffer.read_into(out, components=self.components, alignment=1)
        return out
