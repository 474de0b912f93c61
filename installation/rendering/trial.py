"""An effect file in; whether it compiles, and how long a frame takes, out: found in a process that it may take along.

A loop without an end, a driver that crashes on it: whatever a file that somebody just saved does, it does it there.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from installation.children import end_with_parent

ANSWER_S = 20.0  # in which a file has to be compiled and drawn
SLOW_S = 0.2  # of one effect in one frame: no wall could be kept in time beside it
FRAMES = 4


class Trial:
    """A file on trial: poll() is None until it is known, then "" or why it may not join the show."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.path = path
        self._began_s = time.monotonic()
        here = str(Path(__file__).resolve().parents[2])
        places = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "installation.rendering.trial", str(path), *map(str, size), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": places},
        )

    def poll(self) -> str | None:
        """Asked now and then; never waits."""
        if self._process.poll() is None:
            if time.monotonic() - self._began_s < ANSWER_S:
                return None
            self.end()
            return f"{self.path.name}: not drawn within {ANSWER_S:.0f} s: is there a loop without an end?"
        assert self._process.stdout is not None
        told = self._process.stdout.read()
        self._process.stdout.close()
        try:
            found: dict[str, Any] = json.loads(told)
        except ValueError:
            return f"{self.path.name}: the graphics driver ended with it (code {self._process.returncode})"
        if why := str(found.get("why", "")):
            return why
        if (took_s := float(found.get("draw_s", 0.0))) > SLOW_S:
            return f"{self.path.name}: {took_s * 1e3:.0f} ms a frame: more than {SLOW_S * 1e3:.0f} hold the show up"
        return ""

    def end(self) -> None:
        """Let go of it, whatever it is at."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def main() -> None:
    """The child: one line of JSON. Whatever it is at, it ends when its parent does: a loop without an end too."""
    end_with_parent(signal.SIGKILL)
    if str(os.getppid()) != sys.argv[4]:
        return
    from installation.rendering import isf
    from installation.rendering.canvas import Canvas, Target
    from installation.rendering.check import rest_of
    from installation.rendering.effect import Frame, LoadedEffect
    from installation.rendering.surfaces import DisplayError, open_headless

    path, size = Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))
    try:
        canvas = Canvas(open_headless())
        loaded = LoadedEffect(canvas, isf.read(path))
        picture, output, took_s = Target(canvas.context, size), Target(canvas.context, size), []
        values = rest_of(loaded.effect)
        for n in range(FRAMES):
            began_s = time.perf_counter()
            loaded.draw(picture.texture, output, values, Frame(picture.texture, n / 30, 1 / 30, (2000.0,) * 4, None))
            canvas.wait()
            took_s.append(time.perf_counter() - began_s)
        told: dict[str, Any] = {"draw_s": statistics.median(took_s[1:])}
    except (isf.EffectError, DisplayError, OSError) as error:
        told = {"why": str(error)}
    except Exception as error:  # what the parser or the driver did not foresee is a reason too
        told = {"why": f"{path.name}: {type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
