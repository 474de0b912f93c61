"""What every pass of a GL context shares, on machines that lack a part of it."""

import ctypes

import moderngl
import numpy as np
import pytest

from installation.rendering.canvas import Canvas, Target


@pytest.mark.parametrize("library", [None, object()], ids=["not there", "without that function"])
def test_where_the_gl_library_goes_by_another_name_pictures_are_drawn_all_the_same(
    context: moderngl.Context, monkeypatch: pytest.MonkeyPatch, library: object
) -> None:
    def load(name: str) -> object:
        if library is None:
            raise OSError(f"{name}: cannot open shared object file")
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    canvas = Canvas(context)
    target = Target(context, (4, 4))
    target.framebuffer.clear(1.0, 0.0, 0.0, 1.0)
    canvas.wait()
    assert np.frombuffer(target.framebuffer.read(), np.uint8).reshape(-1, 3).tolist() == [[255, 0, 0]] * 16
