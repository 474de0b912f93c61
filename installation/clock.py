"""Two clocks with one face (now_s, wait_until): the wall clock of a show, the stepped clock of a print or a test."""

from __future__ import annotations

import time


class WallClock:
    """Monotonic seconds since the clock was made; never follows NTP jumps."""

    def __init__(self) -> None:
        self.start_s = time.monotonic()

    def now_s(self) -> float:
        return time.monotonic() - self.start_s

    def wait_until(self, instant_s: float) -> None:
        remaining_s = instant_s - self.now_s()
        if remaining_s > 0:
            time.sleep(remaining_s)


class StepClock:
    """Frame n is at n / fps seconds, however long it took to make. step() moves to the next frame."""

    def __init__(self, fps: float) -> None:
        if fps <= 0:
            raise ValueError(f"fps must be above 0, found {fps}")
        self.fps = fps
        self.frame = 0

    def now_s(self) -> float:
        return self.frame / self.fps

    def step(self) -> None:
        self.frame += 1

    def wait_until(self, instant_s: float) -> None:
        while self.now_s() < instant_s:
            self.step()
