"""Nothing in; a real X server without a screen out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def virtual_desktop(size: str = "800x600") -> Iterator[int]:
    """The number of its display."""
    program = shutil.which("Xvfb")
    assert program, "expected Xvfb; install it: apt install xvfb"
    read, write = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=[write],
        env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},  # it would say READY too
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield int(said.readline().strip())
    finally:
        server.terminate()
        server.wait()


def resize(number: int, which: int) -> bool:
    """Let a desktop have another of the sizes that it knows. False where it knows one only."""
    x11, xrandr = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXrandr.so.2")
    for call in (x11.XOpenDisplay, x11.XDefaultRootWindow, xrandr.XRRGetScreenInfo):
        call.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(f":{number}".encode()))
    if not display:
        return False
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    configuration = ctypes.c_void_p(xrandr.XRRGetScreenInfo(display, root))
    count = ctypes.c_int(0)
    xrandr.XRRConfigSizes.restype = ctypes.c_void_p
    xrandr.XRRConfigSizes(configuration, ctypes.byref(count))
    if count.value > 1:
        xrandr.XRRSetScreenConfig(
            display, configuration, root, which % count.value, ctypes.c_ushort(1), ctypes.c_ulong(0)
        )
    xrandr.XRRFreeScreenConfigInfo(configuration)
    x11.XCloseDisplay(display)
    return count.value > 1
