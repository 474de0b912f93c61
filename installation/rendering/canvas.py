"""Shader sources and sizes in; compiled programs, textures to draw into and one full-screen quad out."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Any

import moderngl
import numpy as np

from installation import files
from installation.rendering.glsl import MOVED

SHADERS = files.shipped("shaders")
POSITION = "isf_position"
PLAIN_VERTEX = """#version 330
in vec2 isf_position; out vec2 place;
void main() { gl_Position = vec4(isf_position * 2.0 - 1.0, 0.0, 1.0); place = isf_position; }
"""


def is_software(renderer: str) -> bool:
    """Whether a GL renderer of this name draws on the CPU."""
    return any(word in renderer.lower() for word in ("llvmpipe", "softpipe", "swrast", "swiftshader"))


class Target:
    """A texture and the framebuffer that draws into it. dtype is f1 (8 bit), f2 (half) or f4 (float)."""

    def __init__(
        self, context: moderngl.Context, size: tuple[int, int], dtype: str = "f1", components: int = 4
    ) -> None:
        self.texture = context.texture(size, components, dtype=dtype)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.framebuffer = context.framebuffer([self.texture])
        self.size, self.dtype = size, dtype
        self.framebuffer.clear()

    def release(self) -> None:
        self.framebuffer.release()
        self.texture.release()


def _open_finish() -> Any:
    """GL's own glFinish, called through ctypes, which lets other Python threads run meanwhile; moderngl's does not."""
    names = {"win32": ["opengl32.dll"], "darwin": ["/System/Library/Frameworks/OpenGL.framework/OpenGL"]}
    for name in names.get(sys.platform, ["libGL.so.1", "libOpenGL.so.0"]):
        try:
            return ctypes.CDLL(name).glFinish
        except (OSError, AttributeError):
            continue
    return None


class Canvas:
    """What every pass of one GL context shares: the quad, and targets that are lent to one frame after another."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context = context
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "f4")
        self.quad = context.buffer(corners.tobytes())
        self._lent: list[Target] = []
        self._copying: Program | None = None
        self._finish = _open_finish()
        self.software = is_software(context.info["GL_RENDERER"])

    def program(self, fragment: str, vertex: str = PLAIN_VERTEX) -> Program:
        """Compile and link. Raises moderngl.Error with the compiler's words."""
        return Program(self, self.context.program(vertex_shader=vertex, fragment_shader=fragment))

    def own_program(self, name: str, *words: str, vertex: str = PLAIN_VERTEX) -> Program:
        """One of the projector's own shaders, shaders/projector/<name>.glsl, with these words defined."""
        version, body = (SHADERS / "projector" / f"{name}.glsl").read_text("utf-8").split("\n", 1)
        return self.program("\n".join([version, *(f"#define {word}" for word in words), body]), vertex)

    def wait(self) -> None:
        """Wait until everything is drawn. The generator's thread runs on meanwhile: a plain read would hold it up."""
        if self._finish is not None:
            self._finish()

    def copy(self, texture: moderngl.Texture, target: Target) -> None:
        """Draw a texture over a target of another size or kind."""
        if self._copying is None:
            self._copying = self.own_program("copy")
        self._copying.bind("picture", texture)
        self._copying.draw(target.framebuffer)

    def borrow(self, size: tuple[int, int], *in_use: Target | None) -> Target:
        """A target of this size that is none of those in use; it is lent again once nobody names it."""
        for target in self._lent:
            if target.size == size and not any(target is used for used in in_use):
                return target
        target = Target(self.context, size)
        self._lent.append(target)
        return target

    def forget(self, size: tuple[int, int]) -> None:
        """Release the lent targets of a size that is no longer worked at."""
        for target in [t for t in self._lent if t.size == size]:
            self._lent.remove(target)
            target.release()


class Program:
    """A linked program that knows its uniforms: those the compiler dropped, or that did not change, cost nothing."""

    def __init__(self, canvas: Canvas, program: moderngl.Program) -> None:
        self.program = program
        self.vertices: moderngl.VertexArray | None = None  # None: it is no quad that it draws
        if POSITION in program:
            layout = [(canvas.quad, "2f", POSITION)]
            self.vertices = canvas.context.vertex_array(program, layout, mode=moderngl.TRIANGLE_STRIP)
        self._canvas = canvas
        self._uniforms: dict[str, Any] = {
            n.removeprefix(MOVED): program[n] for n in program if isinstance(program[n], moderngl.Uniform)
        }
        self._last: dict[str, Any] = {}
        self._units: dict[str, int] = {}

    def set(self, name: str, value: Any) -> None:
        """Set a uniform if this program has it."""
        if name in self._uniforms and self._last.get(name) != value:
            self._uniforms[name].value = value
            self._last[name] = value

    def bind(self, name: str, texture: moderngl.Texture) -> bool:
        """Bind a texture to a sampler if this program reads it; says whether it does."""
        if name not in self._uniforms:
            return False
        if name not in self._units:
            self._units[name] = len(self._units)
            self._uniforms[name].value = self._units[name]
        texture.use(self._units[name])
        return True

    def reads(self, *names: str) -> bool:
        """Whether the compiled program looks at any of these uniforms."""
        return any(name in self._uniforms for name in names)

    def draw(self, framebuffer: moderngl.Framebuffer, vertices: moderngl.VertexArray | None = None) -> None:
        """Draw the quad over all of the framebuffer, or what else is told."""
        framebuffer.use()
        shape = vertices or self.vertices
        assert shape is not None
        shape.render()
        if (
            self._canvas.software
        ):  # it draws when the next pass looks at this one: better now, with other threads running
            self._canvas.wait()

    def release(self) -> None:
        if self.vertices is not None:
            self.vertices.release()
        self.program.release()


def say_compile_error(error: Exception, file: str) -> str:
    """The compiler's first complaint as `file:line: words`; Mesa writes 0:12(3): error, NVIDIA 0(12) : error."""
    for line in str(error).splitlines():
        found = re.match(r"\s*(?:ERROR:\s*)?\d+[:(](\d+)\)?(?:\(\d+\))?\s*:\s*(.*)", line)
        if found:
            return f"{file}:{found[1]}: {found[2].strip()}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" =")]
    return f"{file}: {lines[-1] if lines else error}"
