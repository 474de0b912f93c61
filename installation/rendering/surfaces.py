"""A window on a chosen monitor, or no screen at all: each gives a GL context, and takes the finished frame."""

from __future__ import annotations

import ctypes
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import moderngl

from installation.rendering.canvas import Canvas, Program, Target, is_software
from installation.settings import Screen

log = logging.getLogger("installation.rendering")
LOOK_EVERY_S = 1.0  # hotplug callbacks are unreliable: the list of monitors is polled


class DisplayError(RuntimeError):
    """No picture can be shown here; the text says what was tried and what to do."""


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

    def keys(self) -> list[str]:
        return []

    def close(self) -> None:
        close_headless(self.context)


class Window:
    """A glfw window, windowed, borderless or full screen, that finds its monitor again after a plug was pulled."""

    def __init__(self, screen: Screen, title: str = "installation") -> None:
        self.glfw = _start_glfw()
        self.screen, self.mode, self.title = screen, screen.mode, title
        self.closed = False
        self._pressed: list[str] = []
        self._monitors: list[str] = []
        self._looked_s = 0.0
        self.handle = self._open()
        self.context = moderngl.create_context(require=330)
        self.waited_s = 0.0  # for the screen; a processor that draws works while it seems to wait
        self._is_software = is_software(self.context.info["GL_RENDERER"])
        self._program: Program | None = None
        self._place()

    def _open(self) -> Any:
        glfw = self.glfw
        for hint, value in (
            (glfw.CONTEXT_VERSION_MAJOR, 3),
            (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, True),
            (glfw.AUTO_ICONIFY, False),  # a projection stays when something else takes the focus
            (glfw.FOCUS_ON_SHOW, True),
        ):
            glfw.window_hint(hint, value)
        handle = glfw.create_window(*self.screen.size, self.title, None, None)
        if not handle:
            raise DisplayError(
                "no window with OpenGL 3.3 could be opened; update the graphics driver or use --headless"
            )
        glfw.make_context_current(handle)
        glfw.swap_interval(1)
        glfw.set_key_callback(handle, self._on_key)
        return handle

    def _on_key(self, _window: Any, key: int, _scan: int, action: int, _mods: int) -> None:
        glfw = self.glfw
        if action != glfw.PRESS:
            return
        name = "esc" if key == glfw.KEY_ESCAPE else (glfw.get_key_name(key, _scan) or "").lower()
        if glfw.KEY_0 <= key <= glfw.KEY_9:  # by place, so that French keyboards have cues too
            name = str(key - glfw.KEY_0)
        if name == "esc":
            self.closed = True
        if name == "f":
            self.mode = "windowed" if self.mode != "windowed" else "fullscreen"
            self._place()
        if name:
            self._pressed.append(name)

    def _place(self) -> None:
        """Put the window where the show wants it, among the monitors there are now."""
        glfw = self.glfw
        found = glfw.get_monitors() or []
        self._monitors = [_name(glfw, m) for m in found]
        glfw.set_input_mode(
            self.handle, glfw.CURSOR, glfw.CURSOR_NORMAL if self.mode == "windowed" else glfw.CURSOR_HIDDEN
        )
        if not found or self.mode == "windowed":
            if glfw.get_window_monitor(self.handle):
                glfw.set_window_monitor(self.handle, None, 60, 60, *self.screen.size, 0)
            glfw.set_window_attrib(self.handle, glfw.DECORATED, True)
            return
        monitor = found[choose_monitor(self.screen.monitor, self._monitors)]
        video = glfw.get_video_mode(monitor)
        if self.mode == "fullscreen":
            glfw.set_window_monitor(self.handle, monitor, 0, 0, *video.size, video.refresh_rate)
        else:
            if glfw.get_window_monitor(self.handle):
                glfw.set_window_monitor(self.handle, None, 0, 0, *video.size, 0)
            glfw.set_window_attrib(self.handle, glfw.DECORATED, False)
            glfw.set_window_pos(self.handle, *glfw.get_monitor_pos(monitor))
            glfw.set_window_size(self.handle, *video.size)
        log.info("showing on %s (%dx%d, %s)", _name(glfw, monitor), *video.size, self.mode)

    def _follow_monitors(self) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        names = [_name(self.glfw, m) for m in self.glfw.get_monitors() or []]
        if names != self._monitors:
            log.warning("monitors changed: %s", ", ".join(names) or "none")
            try:
                self._place()
            except ValueError:  # glfw knows no size of a monitor that is going this moment: look again
                self._monitors = []

    def present(self, finish: Callable[[], Target]) -> None:
        """Draw the finished frame over the whole window and wait for the screen (vsync)."""
        glfw = self.glfw
        if self._program is None:
            self._program = Canvas(self.context).own_program("window")
        width, height = glfw.get_framebuffer_size(self.handle)
        if width and height:
            screen = self.context.detect_framebuffer(0)
            screen.viewport = (0, 0, width, height)
            self._program.bind("picture", finish().texture)
            self._program.draw(screen)
        began_s = time.perf_counter()
        glfw.swap_buffers(self.handle)
        self.waited_s = 0.0 if self._is_software else time.perf_counter() - began_s

    def keys(self) -> list[str]:
        """Names of the keys pressed since the last call: esc, f, t, b, m, 1 to 9 and whatever else has a name."""
        self.glfw.poll_events()
        self._follow_monitors()
        self.closed = self.closed or bool(self.glfw.window_should_close(self.handle))
        pressed, self._pressed = self._pressed, []
        return pressed

    def close(self) -> None:
        self.closed = True
        self.context.release()
        self.glfw.destroy_window(self.handle)
        self.glfw.terminate()


def choose_monitor(wish: str, names: list[str]) -> int:
    """The index of the monitor wished for, by number or part of its name; else the last one, then the only one.

    A projector is rarely the primary monitor, so without a match the last of several is taken.
    """
    if wish.isdigit() and int(wish) < len(names):
        return int(wish)
    for i, name in enumerate(names):
        if wish and wish.lower() in name.lower():
            return i
    return len(names) - 1


def monitors() -> list[dict[str, Any]]:
    """Every monitor: index, name, size in pixels, refresh_hz, position. Empty where there is no display."""
    try:
        glfw = _start_glfw()
    except DisplayError:
        return []
    found = []
    for i, monitor in enumerate(glfw.get_monitors() or []):
        video = glfw.get_video_mode(monitor)
        found.append(
            {
                "index": i,
                "name": _name(glfw, monitor),
                "size": [video.size.width, video.size.height],
                "refresh_hz": video.refresh_rate,
                "position": list(glfw.get_monitor_pos(monitor)),
            }
        )
    glfw.terminate()
    return found


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


def _start_glfw() -> Any:
    """glfw, initialised. Raises DisplayError where there is no display to open a window on."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import glfw

        ready = glfw.init()
    if not ready:
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        raise DisplayError(f"no display to open a window on (DISPLAY is {shown!r}); use --headless or start a desktop")
    return glfw


def _name(glfw: Any, monitor: Any) -> str:
    name = glfw.get_monitor_name(monitor)
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
