"""A finished frame in; a window on a chosen monitor of the desktop out, and what keys and mouse do over it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import moderngl

from installation.rendering.awake import Awake
from installation.rendering.canvas import Canvas, Program, Target, is_software
from installation.rendering.gestures import Gesture, Gestures
from installation.rendering.monitors import DisplayError, Monitor, Wish, look, share_out, start_glfw
from installation.settings import Screen

log = logging.getLogger("installation.rendering")
MOST_TRIES = 3  # to put a window back that is not where it was put
LOOK_EVERY_S = 1.0  # hotplug callbacks are unreliable: the list of monitors is polled


class Window:
    """A glfw window, windowed, borderless or full screen, that finds its monitor again after a plug was pulled.

    Others may be opened after a first one, and share what is drawn in its GL context: it alone waits for the screen,
    and is closed last. wishes are those of all windows, number says which of them this one is.
    """

    def __init__(
        self, screen: Screen, wishes: Sequence[Wish] = (), number: int = 0, first: Window | None = None
    ) -> None:
        self.glfw: Any = start_glfw() if first is None else first.glfw
        self.screen, self.mode, self.first = screen, screen.mode, first
        self.wishes, self.number = tuple(wishes) or (Wish(screen.monitor),), number
        self.closed = False
        self._monitors: tuple[Monitor, ...] = ()
        self._looked_s = 0.0
        self._tries = 0
        self._awake = Awake() if first is None else None
        self.handle = self._open()
        self.heard = Gestures(self.glfw, self.handle)
        self.pointing = False
        self.context = moderngl.create_context(require=330)
        self._borrowed: dict[int, moderngl.Texture] = {}  # of the first window's, by their GL names
        self.waited_s = 0.0  # for the screen; a processor that draws works while it seems to wait
        self._is_software = is_software(self.context.info["GL_RENDERER"])
        self._program: Program | None = None
        self._place()
        if first is not None:
            self.glfw.make_context_current(first.handle)

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
        handle = glfw.create_window(*self.screen.size, "installation", None, self.first and self.first.handle)
        if not handle:
            raise DisplayError(
                "no window with OpenGL 3.3 could be opened; update the graphics driver or use --headless"
            )
        glfw.make_context_current(handle)
        glfw.swap_interval(1 if self.first is None else 0)
        glfw.set_key_callback(handle, self._on_key)
        return handle

    def _on_key(self, _window: Any, key: int, scan: int, action: int, mods: int) -> None:
        heard = self.heard.key(key, scan, action, mods)
        if heard is None:
            return
        if heard.name == "esc":
            self.closed = True
        if heard.name == "f":
            self.mode = "windowed" if self.mode != "windowed" else "fullscreen"
            self._place()

    def _place(self) -> None:
        """Put the window where the show wants it, among the monitors there are now."""
        glfw = self.glfw
        self._monitors = look(glfw)
        self._show_arrow()
        if not self._monitors or self.mode == "windowed":
            if glfw.get_window_monitor(self.handle):
                glfw.set_window_monitor(self.handle, None, *self._corner, *self.screen.size, 0)
            elif self.number:
                glfw.set_window_pos(self.handle, *self._corner)
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

    @property
    def _corner(self) -> tuple[int, int]:
        """Where a window goes that fills no monitor, none quite over another."""
        return 60 + 40 * self.number, 60 + 40 * self.number

    @property
    def monitor(self) -> Monitor | None:
        """The one that this window fills; None for a window among others."""
        return None if self.mode == "windowed" or not self._monitors else self._monitors[self._chosen()]

    def _chosen(self) -> int:
        return share_out(self.wishes, self._monitors)[self.number]

    def want(self, wishes: Sequence[Wish]) -> None:
        """Go to another monitor, if these wishes mean another one."""
        if tuple(wishes) != self.wishes:
            self.wishes = tuple(wishes)
            self._place()

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
        """Draw the finished frame over the whole window; the first one waits for the screen (vsync)."""
        glfw = self.glfw
        if self._program is None:
            self._program = Canvas(self.context).own_program("window")
        width, height = glfw.get_framebuffer_size(self.handle)
        if width and height:
            screen = self.context.detect_framebuffer(0)
            screen.viewport = (0, 0, width, height)
            self._program.bind("picture", self._mine(finish().texture))
            self._program.draw(screen)
        began_s = time.perf_counter()
        glfw.swap_buffers(self.handle)
        self.waited_s = 0.0 if self._is_software else time.perf_counter() - began_s

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """With this window's GL context in place of the first one's."""
        self.glfw.make_context_current(self.handle)
        try:
            yield
        finally:
            self.glfw.make_context_current((self.first or self).handle)

    def _mine(self, texture: moderngl.Texture) -> moderngl.Texture:
        """A texture of the first window's as this one's context knows it."""
        if self.first is None:
            return texture
        if texture.glo not in self._borrowed:
            self._borrowed.clear()
            made = self.context.external_texture(texture.glo, texture.size, texture.components, 0, texture.dtype)
            self._borrowed[texture.glo] = made
        return self._borrowed[texture.glo]

    def gestures(self) -> list[Gesture]:
        """What keys and mouse did since the last call; esc and f have been acted on already."""
        self.glfw.poll_events()
        self._follow_monitors()
        self.closed = self.closed or bool(self.glfw.window_should_close(self.handle))
        return self.heard.take()

    def point(self, pointing: bool) -> None:
        """Show the mouse's arrow on a full screen too, or hide it again."""
        self.pointing = pointing
        self._show_arrow()

    def _show_arrow(self) -> None:
        glfw, seen = self.glfw, self.pointing or self.mode == "windowed"
        glfw.set_input_mode(self.handle, glfw.CURSOR, glfw.CURSOR_NORMAL if seen else glfw.CURSOR_HIDDEN)

    def close(self) -> None:
        self.closed = True
        if self.first is not None:
            with self.current():
                self.context.release()
            self.glfw.destroy_window(self.handle)
            return
        self.context.release()
        self.glfw.destroy_window(self.handle)
        self.glfw.terminate()
        if self._awake:
            self._awake.close()
