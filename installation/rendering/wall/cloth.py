"""An output's mesh in; what GL draws in its place, and where every pixel of the frame comes from, out."""

from __future__ import annotations

import moderngl
import numpy as np

from installation.rendering.canvas import Canvas, Program, Target
from installation.rendering.wall import light, mesh
from installation.rendering.wall.venue import Output

VERTEX = """#version 330
in vec3 frame; in vec2 picture_place; in vec2 mesh_place; out vec2 place; out vec2 within;
void main() {
    gl_Position = vec4(frame.xy * 2.0 - frame.z, 0.0, frame.z);
    place = picture_place;
    within = mesh_place;
}
"""
NUMBERS = {"frame": 3, "picture_place": 2, "mesh_place": 2}  # of a vertex, in their order


class Cloth:
    """Triangles of one program; those of a new mesh take the place of the old."""

    def __init__(self, canvas: Canvas, *words: str) -> None:
        self.program: Program = canvas.own_program("present", "WARPED", *words, vertex=VERTEX)
        self._context = canvas.context
        self._made: list[moderngl.Buffer | moderngl.VertexArray] = []

    def hang(self, output: Output) -> None:
        """Cut the cloth for this output."""
        self.release()
        within, frame, depth = mesh.fine(output.mesh)
        columns = [frame * depth[..., None], depth[..., None], light.in_picture(within, output), within]
        vertices = self._context.buffer(np.concatenate(columns, -1).astype("f4").tobytes())
        indices = self._context.buffer(_triangles(*depth.shape).tobytes())
        there = [name for name in NUMBERS if name in self.program.program]  # a compiler drops what nothing looks at
        layout = " ".join(f"{count}f" if name in there else f"{count}x4" for name, count in NUMBERS.items())
        cloth = self._context.vertex_array(self.program.program, [(vertices, layout, *there)], index_buffer=indices)
        self._made = [cloth, indices, vertices]
        self._light(output)

    def _light(self, output: Output) -> None:
        """Tell the program what else the output does to light; one that shades nothing does not ask."""
        tell = self.program.set
        tell("source", output.source)
        tell("widths", tuple(edge.width for edge in output.blend.sides))
        tell("gammas", [edge.gamma for edge in output.blend.sides])
        tell("tint", tuple(map(float, light.tint(output))))
        tell("black", output.black)

    def draw(self, framebuffer: moderngl.Framebuffer) -> None:
        """Draw it; where there is no cloth the framebuffer stays as it is."""
        cloth = self._made[0]
        assert isinstance(cloth, moderngl.VertexArray)
        self.program.draw(framebuffer, cloth)

    def release(self) -> None:
        while self._made:
            self._made.pop(0).release()


def _triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid of points that are counted row by row [shape=(n,), int32]."""
    at = np.arange(rows * columns, dtype="i4").reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    return np.stack([a, b, c, b, d, c], -1).ravel()


def places(canvas: Canvas, output: Output, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """For every pixel of the frame where it lies in the picture [shape=(H, W, 2), float32], and how much of it the mesh
    covers [shape=(H, W), 0..1, float32]; what it does not cover lies nowhere."""
    cloth, target = Cloth(canvas, "PLACES"), Target(canvas.context, size, "f4")
    cloth.hang(output)
    cloth.draw(target.framebuffer)
    found = np.frombuffer(target.texture.read(), "f4").reshape(size[1], size[0], 4)
    for one in (cloth, cloth.program, target):
        one.release()
    return found[..., :2], np.ascontiguousarray(found[..., 2])
