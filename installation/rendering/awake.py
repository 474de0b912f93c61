"""A display in; the same without screen saver and sleep for as long as a window is open, whatever its mode.

Xlib through ctypes, on a connection of its own; quietly nothing where there is no X11.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

Saver = tuple[ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int]
"""Timeout and interval in s (0: never), whether blanking is preferred, whether exposures are allowed."""


class Awake:
    """Keeps an X display awake until it is closed, and then leaves it as it was found."""

    def __init__(self) -> None:
        self._display: int | None = None
        self._saver: Saver | None = None
        self._had_dpms = False
        if not os.environ.get("DISPLAY"):
            return
        try:
            self._x11, self._ext = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXext.so.6")
        except OSError:
            return
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._display = self._x11.XOpenDisplay(None)
        if self._display:
            self._wake()

    def close(self) -> None:
        """Give saver and sleep back; may be called twice."""
        if self._display:
            if self._saver:
                self._call(self._x11.XSetScreenSaver, *self._saver)
            if self._had_dpms:
                self._call(self._ext.DPMSEnable)
            self._call(self._x11.XCloseDisplay)
        self._display = None

    def _wake(self) -> None:
        self._saver = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        self._call(self._x11.XGetScreenSaver, *map(ctypes.byref, self._saver))
        self._call(self._x11.XSetScreenSaver, 0, *self._saver[1:])
        self._call(self._x11.XResetScreenSaver)  # one that is on already goes
        event, error, level, on = ctypes.c_int(), ctypes.c_int(), ctypes.c_uint16(), ctypes.c_ubyte()
        if self._call(self._ext.DPMSQueryExtension, ctypes.byref(event), ctypes.byref(error)):
            self._call(self._ext.DPMSInfo, ctypes.byref(level), ctypes.byref(on))
            self._had_dpms = bool(on.value)
        if self._had_dpms:
            self._call(self._ext.DPMSForceLevel, 0)
            self._call(self._ext.DPMSDisable)
        self._call(self._x11.XSync, 0)

    def _call(self, function: Any, *arguments: Any) -> int:
        return int(function(ctypes.c_void_p(self._display), *arguments))
