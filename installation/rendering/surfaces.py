"""A window on a chosen monitor, or no screen at all: each gives a GL context, and takes the finished frame."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Callable
from typing import Any

import moderngl

from installation.rendering.awake import Awake
from installation.rendering.canvas import Canvas, Program, Target, is_software
from installation.rendering.monitors import DisplayError, Monitor, choose_monitor, look, start_glfw
from installation.settings import Screen

log = logging.getLogger("installation.rendering")
MOST_TRIES = 3  # to put a window back that is not where it was put
LOOK_EVERY_S = 1.0  # hotplug callbacks are unreliable: the list of monitors is polled


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
        self.glfw = start_glfw()
        self.screen, self.mode, self.title = screen, screen.mode, title
        self.closed = False
        self._pressed: list[str] = []
        self._monitors: tuple[Monitor, ...] = ()
        self._looked_s = 0.0
        self._tries = 0
        self._awake = Awake()
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
        elif glfw.KEY_A <= key <= glfw.KEY_Z and not (name.isascii() and name.isalpha()):  # likewise Cyrillic, Greek
            name = chr(key).lower()
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
        self._monitors = look(glfw)
        glfw.set_input_mode(
            self.handle, glfw.CURSOR, glfw.CURSOR_NORMAL if self.mode == "windowed" else glfw.CURSOR_HIDDEN
        )
        if not self._monitors or self.mode == "windowed":
            if glfw.get_window_monitor(self.handle):
                glfw.set_window_monitor(self.handle, None, 60, 60, *self.screen.size, 0)
            glfw.set_window_attrib(self.handle, glfw.DECORATED, True)
            return
        at = self._chosen()
        monitor = self._monitors[at]
        if self.mode == "fullscreen":
            handle = glfw.get_monitors()[at]
            glfw.set_window_monitor(self.handle, handle, 0, 0, *monitor.size, monitor.refresh_hz)
        else:
            if glfw.get_window_monitor(self.handle):
                glfw.set_window_monitor(self.handle, None, 0, 0, *monitor.size, 0)
            glfw.set_window_attrib(self.handle, glfw.DECORATED, False)
            glfw.set_window_pos(self.handle, *monitor.position)
            glfw.set_window_size(self.handle, *monitor.size)
        log.info("showing on %s (%dx%d, %s)", monitor.name, *monitor.size, self.mode)

    def _chosen(self) -> int:
        return choose_monitor(self.screen.monitor, [monitor.name for monitor in self._monitors])

    def _follow_monitors(self) -> None:
        """Place the window again when anything about the monitors changed, or it is not where it was put.

        A monitor that was away for less than a look leaves nothing but a window that has shrunk.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        try:
            found = look(self.glfw)
            if found != self._monitors:
                log.warning("monitors changed: %s", ", ".join(monitor.name for monitor in found) or "none")
                self._tries = 0
            elif self._is_in_place():
                self._tries = 0
                return
            elif self._tries >= MOST_TRIES:  # a window manager has other ideas: leave it at that
                return
            self._tries += 1
            self._place()
        except (ValueError, IndexError):  # glfw knows no size of a monitor that is going this moment: look again
            self._monitors = ()

    def _is_in_place(self) -> bool:
        """Whether the window fills the chosen monitor; always where it need not."""
        if not self._monitors or self.mode == "windowed":
            return True
        glfw = self.glfw
        monitor = self._monitors[self._chosen()]
        if self.mode == "fullscreen":
            filled = tuple(glfw.get_window_size(self.handle)) == monitor.size
            return filled and bool(glfw.get_window_monitor(self.handle))
        place = (*glfw.get_window_pos(self.handle), *glfw.get_window_size(self.handle))
        return place == (*monitor.position, *monitor.size)

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
        self._awake.close()


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
