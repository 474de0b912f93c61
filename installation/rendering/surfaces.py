"""Nothing in; a GL context without a screen, and what takes a finished frame where nobody looks, out."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

import moderngl

from installation.rendering.canvas import Target, is_software
from installation.rendering.gestures import Gesture
from installation.rendering.monitors import DisplayError

log = logging.getLogger("installation.rendering")


def open_headless() -> moderngl.Context:
    """A GL 3.3 context without a screen: EGL, else an invisible window. Raises DisplayError naming what is missing."""
    tried = []
    settings: dict[str, Any]
    for settings in ({"backend": "egl"}, {"backend": "egl", "libgl": "libGL.so.1", "libegl": "libEGL.so.1"}, {}):
        try:
            return moderngl.create_context(standalone=True, require=330, **settings)  # type: ignore[arg-type]
        except Exception as error:  # glcontext raises bare Exception
            tried.append(f"{settings.get('backend', 'X11')}: {error}")
    raise DisplayError(
        f"no OpenGL 3.3 context ({'; '.join(tried)}). Install a driver: apt install libegl1 libgl1 libgl1-mesa-dri"
    )


def close_headless(context: moderngl.Context) -> None:
    """Release the context and let go of it: while EGL holds this thread, no window could be opened on it."""
    context.release()
    try:
        egl = ctypes.CDLL("libEGL.so.1")
    except OSError:  # it was made by other means
        return
    egl.eglGetCurrentDisplay.restype = ctypes.c_void_p
    display = egl.eglGetCurrentDisplay()
    if display:
        egl.eglMakeCurrent(ctypes.c_void_p(display), None, None, None)


class Headless:
    """No screen: the frame stays in the compositor's target, to be read from there."""

    closed = False
    waited_s = 0.0

    def __init__(self) -> None:
        self.context = open_headless()

    def present(self, finish: Callable[[], Target]) -> None:
        """Nobody looks: the frame need not even be finished; let the driver begin the work."""
        self.context.gc()

    def gestures(self) -> list[Gesture]:
        return []

    def close(self) -> None:
        close_headless(self.context)


def gl_info() -> dict[str, Any]:
    """What OpenGL this machine has without a screen: renderer, vendor, version, software; or {"missing": why}."""
    try:
        context = open_headless()
    except DisplayError as error:
        return {"missing": str(error)}
    info = {
        "renderer": context.info["GL_RENDERER"],
        "vendor": context.info["GL_VENDOR"],
        "version": context.info["GL_VERSION"],
    }
    close_headless(context)
    return info | {"software": is_software(info["renderer"])}
