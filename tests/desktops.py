"""Nothing in; a real X server without a screen out."""

from __future__ import annotations

import contextlib
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
