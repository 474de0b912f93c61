"""One piece of stage work in, its result in the archive out: what runs in a worker, here or on another machine."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from installation import files, plugins
from installation.memory import resident_mb
from installation.settings import check
from installation.signals import Still
from installation.stages.work import Stage, Work
from installation.stills.archive import Archive

SOURCE = "source"
SAY_EVERY_S = 0.4
PREVIEW_EVERY_S = 3.0
PREVIEW_PX = 1024


@dataclass(frozen=True)
class Task:
    """Everything a worker needs to know; inputs are (stage, key) of stills in the archive."""

    stage: str
    settings: dict[str, Any]
    fingerprint: str
    inputs: tuple[tuple[str, str], ...]
    seed: int
    name: str
    key: str
    archive: str
    preview: str = ""
    threads: int = 0
    needs: dict[str, float] = field(default_factory=dict)
    lineage: str = ""


def open_stage(name: str, settings: dict[str, Any]) -> Stage:
    """The stage of that name with those settings; made once in each worker, so that its networks stay loaded."""
    return _open_stage(name, json.dumps(settings, sort_keys=True))


@functools.lru_cache(maxsize=16)
def _open_stage(name: str, settings: str) -> Stage:
    table = json.loads(settings)
    if name == SOURCE:
        from installation.stills.sources import Opening

        return Opening(table)
    module = plugins.load("stages", name)
    stage: Stage = module.create(check(module.Settings, table, name))
    return stage


def perform(task: Task) -> float:
    """Run one task and put its result into the archive; returns the seconds it took. Raises what the stage raises."""
    archive = Archive(Path(task.archive))
    if archive.find(task.stage, task.key):
        return 0.0
    if task.threads:
        _use_threads(task.threads)
    stage = open_stage(task.stage, task.settings)
    stills = [archive.open(name, key) for name, key in task.inputs]
    began = time.perf_counter()
    with archive.begin(task.stage, task.key) as folder:
        saying = _Saying(folder, task)
        with _peak_memory() as peak:
            made = stage.run(stills, Work(task.seed, folder, saying.progress, saying.preview))
        seconds = time.perf_counter() - began
        archive.write(folder, _grown(task, stills, made, seconds, peak[0]))
    return seconds


def _grown(task: Task, stills: list[Still], made: Any, seconds: float, peak_mb: float) -> Still:
    """What the stage made, with the notes and the history of what it was made from."""
    from installation.stages import pixels

    notes = (dict(stills[0].notes) if len(stills) == 1 else {}) | {task.stage: dict(made.notes)}
    maps = (dict(stills[0].maps) if len(stills) == 1 else {}) | dict(made.maps)
    history = {step["key"]: step for still in stills for step in still.history}
    step = {
        "stage": task.stage,
        "key": task.key,
        "name": task.name,
        "inputs": [key for _, key in task.inputs],
        "seed": task.seed,
        "settings": task.settings,
        "fingerprint": task.fingerprint,
        "lineage": task.lineage,
        "size_px": [made.pixels.shape[1], made.pixels.shape[0]],
        "seconds": round(seconds, 3),
        "peak_mb": round(peak_mb),
        "notes": dict(made.notes),
    }
    maps = {name: np.asarray(values, np.float32) for name, values in maps.items()}
    whole = pixels.to_uint16(made.pixels)
    return Still(whole, task.name, task.key, task.seed, maps, notes, (*history.values(), step))


class _Saying:
    """Progress as a small file beside the work: whoever looks, on any machine that sees the folder, can draw a bar."""

    def __init__(self, folder: Path, task: Task) -> None:
        self.folder, self.task = folder, task
        self.began_s = time.time()
        self.said_s = self.shown_s = -1e9
        self.progress(0.0)

    def progress(self, fraction: float, note: str = "") -> None:
        now_s = time.monotonic()
        if now_s - self.said_s < SAY_EVERY_S:
            return
        self.said_s = now_s
        told = {"stage": self.task.stage, "name": self.task.name, "fraction": float(fraction), "note": note}
        with contextlib.suppress(OSError):  # a full disk will be named by the work itself
            files.write_json(self.folder / "progress.json", told | {"began_s": self.began_s}, lasting=False)

    def preview(self, rgb: np.ndarray) -> None:
        now_s = time.monotonic()
        if not self.task.preview or now_s - self.shown_s < PREVIEW_EVERY_S:
            return
        self.shown_s = now_s
        from installation.pictures import write_picture
        from installation.stages import pixels

        with contextlib.suppress(OSError):
            size = pixels.fit((rgb.shape[1], rgb.shape[0]), PREVIEW_PX)
            write_picture(Path(self.task.preview), pixels.to_uint8(pixels.resize(rgb, size)), lasting=False)


def _use_threads(threads: int) -> None:
    """As many as the job says, on every machine: sums are added in another order by another number of threads.

    torch is told, or hears of it when a stage loads it: many a stage never does, and it takes longer than they do.
    """
    import cv2

    cv2.setNumThreads(threads)
    os.environ |= {
        "OMP_NUM_THREADS": str(threads),
        "MKL_DYNAMIC": "FALSE",
    }  # the second: also more than there are cores
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """[MB resident at the most] of this process while the block runs, looked at ten times a second."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        peak[0] = max(peak[0], resident_mb())

    def watch() -> None:
        while not done.wait(0.1):
            look()

    look()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
        look()
