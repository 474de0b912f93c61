"""What workers say of themselves in, progress bars with the time left out; plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter, defaultdict
from types import TracebackType
from typing import Any

from tqdm import tqdm

from installation.stills.archive import Archive
from installation.stills.tasks import Task

LOOK_EVERY_S = 0.5
ROUGH_S = {
    "colour": 60.0,
    "upscale": 40.0,
    "print_file": 5.0,
    "lines": 5.0,
    "slomo_glitch": 2.0,
    "matting": 2.0,
    "saliency": 3.0,
}  # until measured


class Watcher:
    """Counts what is expected and done; in a terminal, one bar for the job and one for each piece of work under way."""

    def __init__(self, archive: Archive, slots: int) -> None:
        self.archive, self.slots = archive, slots
        self.expected: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._bars: dict[str, Any] = {}
        self._terminal = sys.stderr.isatty()

    async def __aenter__(self) -> Watcher:
        self._whole = tqdm(total=1.0, disable=not self._terminal, bar_format="{desc:<34}{bar}| {postfix}", position=0)
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        for bar in (*self._bars.values(), self._whole):
            bar.close()

    def expect(self, stage: str, count: int) -> None:
        """So many more runs of that stage will come."""
        self.expected[stage] += count

    def done(self, task: Task, seconds: float | None) -> None:
        """A run has ended: 0 seconds if it was finished before, None if it failed."""
        self.finished[task.stage] += 1
        if not seconds:
            return
        self.seconds[task.stage].append(seconds)
        if not self._terminal:
            left = f", about {_spoken(self.left_s())} left" if self.left_s() > 1 else ""
            print(f"{task.stage:<13} {task.name:<32} {seconds:7.1f} s   {self.share():4.0%}{left}", flush=True)

    def left_s(self) -> float:
        """Seconds that the known rest will take, judged by what each stage took so far."""
        return sum((n - self.finished[s]) * self._each_s(s) for s, n in self.expected.items()) / self.slots

    def share(self) -> float:
        """How much of the known work is done, 0..1, weighed by time."""
        whole = sum(n * self._each_s(s) for s, n in self.expected.items())
        return sum(n * self._each_s(s) for s, n in self.finished.items()) / whole if whole else 0.0

    def _each_s(self, stage: str) -> float:
        seen = self.seconds[stage]
        return sum(seen) / len(seen) if seen else ROUGH_S.get(stage, 1.0)

    async def _watch(self) -> None:
        while self._terminal:
            self._draw()
            await asyncio.sleep(LOOK_EVERY_S)

    def _draw(self) -> None:
        said = {}
        for part in self.archive.begun():
            with contextlib.suppress(OSError, ValueError):
                said[part.name] = json.loads((part / "progress.json").read_text("utf-8"))
        for name in self._bars.keys() - said.keys():
            self._bars.pop(name).close()
        for name, told in said.items():
            if name not in self._bars:
                form = "  {desc:<32}{bar}| {percentage:3.0f}% {remaining} left {postfix}"
                self._bars[name] = tqdm(total=1.0, bar_format=form, leave=False, desc=f"{told['stage']} {told['name']}")
            bar = self._bars[name]
            bar.n = min(1.0, told["fraction"])
            bar.set_postfix_str(told.get("note", ""))
        self._whole.n = min(1.0, self.share())
        done, known = sum(self.finished.values()), sum(self.expected.values())
        self._whole.set_description_str(f"job: {done} of {known} pieces", refresh=False)
        self._whole.set_postfix_str(f"{self.share():.0%}, about {_spoken(self.left_s())} left")


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
