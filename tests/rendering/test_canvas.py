"""What every pass of a GL context shares, on machines that lack a part of it."""

import ctypes
from types import SimpleNamespace

import moderngl
import numpy as np
import pytest

from installation.rendering.canvas import Canvas, Target
from installation.rendering.surfaces import close_headless


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


def test_a_context_that_was_made_where_there_is_no_egl_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> object:
        raise OSError(f"{name}: cannot open shared object file")

    released: list[bool] = []
    monkeypatch.setattr(ctypes, "CDLL", load)
    close_headless(SimpleNamespace(release=lambda: released.append(True)))  # type: ignore[arg-type]
    assert released
