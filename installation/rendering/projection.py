"""The picture that the flash limiter let through in; the projector's frame, scaled, warped and dimmed, out.

There are two ways. A GPU scales with a Catmull-Rom shader. Where a processor would run that shader (Mesa's llvmpipe),
OpenCV does the same three to five times quicker, and the frame is in main memory at once, where a recorder wants it.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from installation.rendering import projector
from installation.rendering.canvas import Canvas, Target
from installation.rendering.readback import Readback, Whole


class Projection(Protocol):
    """The projector's frame; row 0 is its top."""

    def clear(self) -> None:
        """Black."""

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, warped: bool = True) -> None:
        """Fill the frame with a picture, dimmed to level 0..1. pixels [shape=(H, W, 4)] are the same, where known.

        warped=False leaves the corner pins out: the test card shows the projector as it stands.
        """

    def finish(self) -> Target:
        """The frame as a texture, for a window."""

    def read(self) -> np.ndarray:
        """The newest frame or the one before it [shape=(H, W, 3), uint8], without waiting; it never changes later."""

    def read_now(self) -> np.ndarray:
        """The newest frame, waited for."""


def create(canvas: Canvas, size: tuple[int, int], corners: np.ndarray) -> Projection:
    """The quicker way of the two on this context."""
    return (SoftProjection if canvas.software else GlProjection)(canvas, size, corners)


class GlProjection:
    """By a shader on the GPU."""

    def __init__(self, canvas: Canvas, size: tuple[int, int], corners: np.ndarray) -> None:
        self.output = Target(canvas.context, size)
        self.warp = projector.to_picture(corners)
        self.scaling = canvas.own_program("present", *([] if self.warp is None else ["WARPED"]))
        self.straight = canvas.own_program("present")
        self._readback: Readback | None = None
        self._context = canvas.context

    def clear(self) -> None:
        self.output.framebuffer.clear()

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, warped: bool = True) -> None:
        program = self.scaling if warped else self.straight
        program.bind("picture", picture.texture)
        program.set("master", level)
        if self.warp is not None:
            program.set("to_picture", tuple(self.warp.T.ravel()))
        program.draw(self.output.framebuffer)

    def finish(self) -> Target:
        return self.output

    def read(self) -> np.ndarray:
        return self._ring().read()

    def read_now(self) -> np.ndarray:
        return self._ring().read_now()

    def _ring(self) -> Readback:
        if self._readback is None:
            self._readback = Readback(self._context, self.output.framebuffer)
        return self._readback


class SoftProjection:
    """By OpenCV on the processor."""

    def __init__(self, canvas: Canvas, size: tuple[int, int], corners: np.ndarray) -> None:
        self.canvas, self.size = canvas, size
        self.warp = projector.to_picture(corners)
        self._black = np.zeros((size[1], size[0], 4), np.uint8)
        self._frame = self._black
        self._reading = Whole()
        self._output: Target | None = None

    def clear(self) -> None:
        self._frame = self._black

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, warped: bool = True) -> None:
        known = self._reading.read_rgba(picture.framebuffer) if pixels is None else pixels
        frame: np.ndarray = np.asarray(cv2.flip(known, 0))
        if warped and self.warp is not None:
            frame = self._warped(frame)
        elif picture.size != self.size:
            frame = np.asarray(cv2.resize(frame, self.size, interpolation=cv2.INTER_CUBIC))
        self._frame = frame if level >= 1.0 else np.asarray(cv2.convertScaleAbs(frame, alpha=level))

    def _warped(self, upright: np.ndarray) -> np.ndarray:
        """Through the corner pins; what lies beyond the picture is black, its edge one pixel soft."""
        assert self.warp is not None
        height, width = upright.shape[:2]
        to_pixels = np.array([[width, 0, -0.5], [0, height, -0.5], [0, 0, 1]], "f8")  # of the picture, by their middles
        from_pixels = np.array(
            [[1 / self.size[0], 0, 0.5 / self.size[0]], [0, 1 / self.size[1], 0.5 / self.size[1]], [0, 0, 1]]
        )
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(upright, to_pixels @ self.warp @ from_pixels, self.size, flags=flags)

    def finish(self) -> Target:
        if self._output is None:
            self._output = Target(self.canvas.context, self.size)
        self._output.texture.write(np.ascontiguousarray(self._frame))
        return self._output

    def read(self) -> np.ndarray:
        return self._frame[..., :3]

    def read_now(self) -> np.ndarray:
        return np.ascontiguousarray(self._frame[..., :3])
