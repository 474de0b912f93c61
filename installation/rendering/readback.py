"""A framebuffer in, its pixels in main memory out, a frame late so that nobody waits for the GPU."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

RING = 3


def four_channels(rgb: np.ndarray) -> np.ndarray:
    """A frame that was read back [shape=(H, W, 3), uint8] with a fourth channel, which means nothing.

    It is a view of such pixels: handing those on saves the copy that tightens the rows.
    """
    whole = rgb.base
    if isinstance(whole, np.ndarray) and whole.shape == (*rgb.shape[:2], 4):
        return whole
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA))


class Readback:
    """A ring of pixel buffers over one framebuffer. Row 0 of the framebuffer is row 0 of the arrays.

    GL gives four channels ten times faster than three, so that an array is the first three of an RGBA one (`.base`).
    """

    def __init__(self, context: moderngl.Context, framebuffer: moderngl.Framebuffer) -> None:
        self.framebuffer = framebuffer
        self.shape = (framebuffer.height, framebuffer.width, 4)
        self.ring = [context.buffer(reserve=int(np.prod(self.shape)), dynamic=True) for _ in range(RING)]
        self.asked = 0

    def read(self) -> np.ndarray:
        """Ask for this frame and take the one asked for before [shape=(H, W, 3), uint8].

        The first call has none before it and waits for its own.
        """
        self.framebuffer.read_into(self.ring[self.asked % RING], components=4)
        taken = self.ring[max(0, self.asked - 1) % RING]
        self.asked += 1
        rgba = np.empty(self.shape, np.uint8)
        taken.read_into(rgba)
        return rgba[..., :3]

    def read_now(self) -> np.ndarray:
        """This frame, waited for."""
        rgba = np.empty(self.shape, np.uint8)
        self.framebuffer.read_into(rgba, components=4)
        return np.ascontiguousarray(rgba[..., :3])


class Whole:
    """A finished framebuffer's pixels [shape=(H, W, 4), uint8] in an array that is used again for the next one."""

    def __init__(self) -> None:
        self._rgba = np.empty((0, 0, 4), np.uint8)

    def read_rgba(self, framebuffer: moderngl.Framebuffer) -> np.ndarray:
        """Row 0 of the framebuffer is row 0 of the array, which holds until the next call."""
        shape = (framebuffer.height, framebuffer.width, 4)
        if self._rgba.shape != shape:
            self._rgba = np.empty(shape, np.uint8)
        framebuffer.read_into(self._rgba, components=4)
        return self._rgba
