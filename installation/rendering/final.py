"""The picture that the flash limiter let through in; the projector's frame, warped, scaled and dimmed, out."""

from __future__ import annotations

import numpy as np

from installation.rendering import projector
from installation.rendering.canvas import Canvas, Target


class Final:
    """The last pass. Without a GPU a sharpened bilinear scaling, at two thirds of the cost of a Catmull-Rom."""

    def __init__(self, canvas: Canvas, corners: np.ndarray) -> None:
        self.canvas = canvas
        self.warp = projector.to_picture(corners)
        self.fine = not canvas.software
        warped = [] if self.warp is None else ["WARPED"]
        self.plain = canvas.own_program("present", *warped)
        self.scaling = canvas.own_program("present", *warped, "FINE") if self.fine else self.plain
        self.sharpen = canvas.own_program("sharpen")

    def draw(self, picture: Target, output: Target, master: float) -> None:
        scaled = picture.size != output.size or self.warp is not None
        program = self.scaling if scaled else self.plain
        if scaled and not self.fine:
            sharp = self.canvas.borrow(picture.size, picture)
            self.sharpen.bind("picture", picture.texture)
            self.sharpen.draw(sharp.framebuffer)
            picture = sharp
        program.bind("picture", picture.texture)
        program.set("master", master)
        if self.warp is not None:
            program.set("to_picture", tuple(self.warp.T.ravel()))
        program.draw(output.framebuffer)
