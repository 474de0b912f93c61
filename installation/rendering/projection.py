"""The picture that the flash limiter let through in; a projector's frame, scaled, fitted to its wall and dimmed, out.

There are two ways. A GPU scales with a Catmull-Rom shader. Where a processor would run that shader (Mesa's llvmpipe),
OpenCV does the same three to five times quicker, and the frame is in main memory at once, where a recorder wants it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import moderngl
import numpy as np

from installation.rendering.canvas import Canvas, Program, Target
from installation.rendering.readback import Readback, Whole
from installation.rendering.wall import light, mesh
from installation.rendering.wall.cloth import Cloth
from installation.rendering.wall.keeping import CALIBRATION
from installation.rendering.wall.soft import Fitting
from installation.rendering.wall.venue import PLAIN, WHOLE, Output


class Projection(Protocol):
    """The projector's frame; row 0 is its top."""

    def fit(self, output: Output) -> None:
        """From now on lay pictures as this output has them. Raises SettingsError for a mask that cannot be read."""

    def clear(self) -> None:
        """Black."""

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, fitted: bool = True) -> None:
        """Fill the frame with a picture, dimmed to level 0..1. pixels [shape=(H, W, 4)] are the same, where known.

        fitted=False leaves out all that fits it to the wall: the test card shows the projector as it stands.
        """

    def draw_over(self, overlay: np.ndarray, level: float) -> None:
        """Lay something over the frame [shape=(H, W, 4), uint8, row 0 on top], dimmed to level, where alpha is set."""

    def finish(self) -> Target:
        """The frame as a texture, for a window."""

    def read(self) -> np.ndarray:
        """The newest frame or the one before it [shape=(H, W, 3), uint8], without waiting; it never changes later."""

    def read_now(self) -> np.ndarray:
        """The newest frame, waited for."""


def create(
    canvas: Canvas, size: tuple[int, int], output: Output = PLAIN, folder: Path = CALIBRATION
) -> GlProjection | SoftProjection:
    """The quicker way of the two on this context; folder has the venue's masks. Raises SettingsError, see `fit`."""
    return (SoftProjection if canvas.software else GlProjection)(canvas, size, output, folder)


def is_plain(output: Output) -> bool:
    """Whether the whole picture fills the frame as it is."""
    turned = output.rotation or output.mirror_x or output.mirror_y or output.source != WHOLE
    return not turned and mesh.is_straight(output.mesh) and not light.is_shaded(output)


class GlProjection:
    """By a shader on the GPU."""

    def __init__(
        self, canvas: Canvas, size: tuple[int, int], output: Output = PLAIN, folder: Path = CALIBRATION
    ) -> None:
        self.output, self.size = Target(canvas.context, size), size
        self.straight = canvas.own_program("present")
        self._canvas, self._folder = canvas, folder
        self._cloths: dict[bool, Cloth] = {}  # by whether it is shaded
        self._cloth: Cloth | None = None
        self._mask: moderngl.Texture | None = None
        self._over: tuple[Program, moderngl.Texture] | None = None
        self._overlaid: np.ndarray | None = None
        self._readback: Readback | None = None
        self.fit(output)

    def fit(self, output: Output) -> None:
        shaded = light.is_shaded(output)
        mask = light.mask_of(output, self.size, self._folder)
        self._cloth = None
        if is_plain(output):
            return
        if shaded not in self._cloths:
            self._cloths[shaded] = Cloth(self._canvas, *["SHADED"] * shaded)
        cloth = self._cloths[shaded]
        cloth.hang(output)
        if shaded:
            self._hang_mask(mask)
        self._cloth = cloth

    def _hang_mask(self, mask: np.ndarray | None) -> None:
        if self._mask is None:
            self._mask = self._canvas.context.texture(self.size, 1, alignment=1)
            self._mask.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._mask.write(np.full(self.size[::-1], 255, np.uint8) if mask is None else mask, alignment=1)

    def clear(self) -> None:
        self.output.framebuffer.clear()

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, fitted: bool = True) -> None:
        cloth = self._cloth if fitted else None
        program = cloth.program if cloth else self.straight
        program.bind("picture", picture.texture)
        program.set("master", level)
        if cloth is None:
            program.draw(self.output.framebuffer)
            return
        if self._mask is not None:
            program.bind("mask", self._mask)
        self.clear()
        cloth.draw(self.output.framebuffer)

    def draw_over(self, overlay: np.ndarray, level: float) -> None:
        if self._over is None:
            self._over = self._canvas.own_program("overlay"), self._canvas.context.texture(self.size, 4)
            self._over[1].filter = (moderngl.NEAREST, moderngl.NEAREST)
        program, texture = self._over
        if overlay is not self._overlaid:
            texture.write(overlay)
            self._overlaid = overlay
        program.bind("picture", texture)
        program.set("master", level)
        program.draw(self.output.framebuffer)

    def finish(self) -> Target:
        return self.output

    def read(self) -> np.ndarray:
        return self._ring().read()

    def read_now(self) -> np.ndarray:
        return self._ring().read_now()

    def _ring(self) -> Readback:
        if self._readback is None:
            self._readback = Readback(self._canvas.context, self.output.framebuffer)
        return self._readback


class SoftProjection:
    """By OpenCV on the processor."""

    def __init__(
        self, canvas: Canvas, size: tuple[int, int], output: Output = PLAIN, folder: Path = CALIBRATION
    ) -> None:
        self.canvas, self.size = canvas, size
        self._folder = folder
        self._fitting: Fitting | None = None
        self._black = np.zeros((size[1], size[0], 4), np.uint8)
        self._frame = self._black
        self._reading = Whole()
        self._output: Target | None = None
        self.fit(output)

    def fit(self, output: Output) -> None:
        self._fitting = None if is_plain(output) else Fitting(self.canvas, output, self.size, self._folder)

    def clear(self) -> None:
        self._frame = self._black

    def draw(self, picture: Target, pixels: np.ndarray | None, level: float, fitted: bool = True) -> None:
        known = self._reading.read_rgba(picture.framebuffer) if pixels is None else pixels
        if fitted and self._fitting is not None:
            frame = self._fitting.lay(known)
        else:
            frame = np.asarray(cv2.flip(known, 0))
            if picture.size != self.size:
                frame = np.asarray(cv2.resize(frame, self.size, interpolation=cv2.INTER_CUBIC))
        self._frame = frame if level >= 1.0 else np.asarray(cv2.convertScaleAbs(frame, alpha=level))

    def draw_over(self, overlay: np.ndarray, level: float) -> None:
        frame = self._frame.copy()
        np.copyto(frame, cv2.convertScaleAbs(overlay, alpha=level), where=overlay[..., 3:] > 127)
        self._frame = frame

    def finish(self) -> Target:
        if self._output is None:
            self._output = Target(self.canvas.context, self.size)
        self._output.texture.write(np.ascontiguousarray(self._frame))
        return self._output

    def read(self) -> np.ndarray:
        return self._frame[..., :3]

    def read_now(self) -> np.ndarray:
        return np.ascontiguousarray(self._frame[..., :3])
