"""What the tests of the print chain share: a blossom to print, the command, its pixels, and one that halts midway."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from installation.__main__ import main

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ["--stages", "clean,print_file", "--size", "96x96", "--threads", "1"]


def paint(path: Path, seed: int = 0, size: tuple[int, int] = (120, 120)) -> Path:
    """A blossom on transparent ground: petals of two colours around a dark heart."""
    w, h = size
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    petals = 3 + seed % 5
    edge = 0.55 + 0.3 * np.cos(petals * angle)
    rgb = np.stack([0.9 - 0.4 * radius, 0.2 + 0.5 * (seed % 3) / 3 + 0 * x, 0.3 + 0.4 * np.sin(angle)], -1)
    rgb[radius < 0.2] = 0.15
    rgba = np.dstack([rgb, np.clip((edge - radius) * 40, 0, 1)])
    Image.fromarray((rgba.clip(0, 1) * 255).astype(np.uint8)).save(path)
    return path


def still(*arguments: object) -> int:
    return main(["still", *map(str, arguments)])


def pixels_of(path: Path) -> str:
    import tifffile

    return hashlib.sha256(tifffile.imread(path).tobytes()).hexdigest()


@contextlib.contextmanager
def halted(place: str, folder: Path, wait_for: Callable[..., Any], *arguments: object) -> Iterator[tuple[Any, int]]:
    """The command with one process halted in the middle of that piece or file (see halting/), and that one's number.

    What has not ended when the block ends is killed, with all its workers.
    """
    told, log = folder / f"halted-{len(list(folder.glob('halted-*')))}", folder / "log"
    path = os.pathsep.join([str(Path(__file__).parent / "halting"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    place_and_path = {"HALT_AT": place, "HALTED": str(told), "PYTHONPATH": path}
    with log.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "installation", "still", *map(str, arguments)],
            stdout=file,
            stderr=file,
            start_new_session=True,
            env=os.environ | place_and_path,
        )
    try:
        wait_for(lambda: (told.is_file() and told.read_text()) or child.poll() is not None, within_s=180)
        assert child.poll() is None, log.read_text()
        halted_process = int(told.read_text())
        wait_for(lambda: psutil.Process(halted_process).status() == psutil.STATUS_STOPPED)
        yield child, halted_process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
