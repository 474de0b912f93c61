"""Sound of a timecode track in, the times in it out: linear timecode (SMPTE 12M), forwards and backwards.

Each bit is a full wave or two halves (biphase mark), 80 of them a frame, the last 16 a word that is found from either
end. A time counts once the one after it, or before it, has come next: noise makes neither.
"""

from __future__ import annotations

import numpy as np

from installation.control.timecode.counting import RATES, Time, after

BITS, WORD = 80, 64
FORWARD, BACKWARD = 0b0011111111111101, 0b1011111111111100
LEAST_LEVEL = 0.003  # of full scale: below it is no signal
HYSTERESIS = 0.25  # of the signal's height, to either side of its middle
SLOWEST, FASTEST = 0.5, 2.0  # speed of the tape
TOGETHER = 512  # samples that are looked at at once


class Ltc:
    """take() blocks of samples, -1..1; fps is of RATES. Never raises for what is heard."""

    def __init__(self, fps: float, rate_hz: int) -> None:
        self._base, self._drop = RATES[fps]
        self._usual = rate_hz / (BITS * fps)
        self._bit = self._usual  # samples that one takes now
        self._rest = np.zeros(0, np.float32)
        self._high = False
        self._since = 0.0  # samples since the wave last crossed
        self._half = False  # the first half of a 1 has come
        self._bits, self._count = 0, 0  # the newest 80, and how many there are of them
        self._coming = -1  # bits still to come of a frame that is read backwards
        self._last: Time | None = None

    def take(self, samples: np.ndarray) -> list[tuple[Time, bool]]:
        """Times that were completed in samples [shape=(n,)]: where the tape is now, and whether it runs forwards."""
        heard = np.concatenate([self._rest, np.nan_to_num(samples).astype(np.float32, copy=False)])
        times: list[tuple[Time, bool]] = []
        whole = len(heard) // TOGETHER * TOGETHER
        for at in range(0, whole, TOGETHER):
            for wait in self._crossings(heard[at : at + TOGETHER]):
                found = self._wave(wait)
                if found is not None:
                    times.append(found)
        self._rest = heard[whole:]
        return times

    def _crossings(self, block: np.ndarray) -> list[float]:
        """Samples from each crossing of the middle to the next; small ripples cross nothing."""
        low, high = float(block.min()), float(block.max())
        height = high - low
        if height < 2 * LEAST_LEVEL:
            self._lose()
            return []
        middle, edge = (low + high) / 2, HYSTERESIS * height / 2
        sides = np.where(block > middle + edge, 1, np.where(block < middle - edge, -1, 0))
        places = np.flatnonzero(sides)
        signs = np.concatenate([[1 if self._high else -1], sides[places]])
        turned = places[np.flatnonzero(np.diff(signs))]
        self._high = bool(signs[-1] > 0)
        if not len(turned):
            self._since += len(block)
            return []
        waits = np.diff(turned, prepend=-self._since).astype(float)
        self._since = float(len(block) - turned[-1])
        return waits.tolist()

    def _wave(self, wait: float) -> tuple[Time, bool] | None:
        """A half or a full wave: what it completes."""
        if not 0.25 * self._bit < wait < 1.5 * self._bit:
            self._lose()
            return None
        short = wait < 0.75 * self._bit
        length = 2 * wait if short else wait
        self._bit += 0.05 * (min(max(length, self._usual / FASTEST), self._usual / SLOWEST) - self._bit)
        if short and not self._half:
            self._half = True
            return None
        if self._half and not short:  # half a 1: out of step
            self._half, self._count = False, 0
            return None
        self._half = False
        return self._take_bit(int(short))

    def _take_bit(self, bit: int) -> tuple[Time, bool] | None:
        self._bits = (self._bits << 1 | bit) & ((1 << BITS) - 1)
        self._count = min(self._count + 1, BITS)
        found = None
        if self._coming > 0:
            self._coming -= 1
            if self._coming == 0:
                found = self._read(self._bits & ((1 << WORD) - 1), forward=False)
        word = self._bits & 0xFFFF
        if word == FORWARD and self._count == BITS:
            found = self._read(int(f"{self._bits >> 16:064b}"[::-1], 2), forward=True)
        elif word == BACKWARD and self._count >= 16:
            self._coming = WORD
        return found

    def _read(self, word: int, forward: bool) -> tuple[Time, bool] | None:
        """A frame's 64 bits, the first of them the lowest. None for what is no time, or not next to the one before."""

        def digits(ones: int, tens: int, width: int) -> int:
            one = word >> ones & 15
            return one + 10 * (word >> tens & ((1 << width) - 1)) if one < 10 else 99

        drop = bool(word >> 10 & 1)
        time = Time(digits(48, 56, 2), digits(32, 40, 3), digits(16, 24, 3), digits(0, 8, 2), self._base, drop)
        if not time.exists or (drop and self._base != 30):
            self._last = None
            return None
        before, self._last = self._last, time
        if before is None or before.drop != drop or time != after(before, 1 if forward else -1):
            return None
        return (after(time), True) if forward else (time, False)

    def _lose(self) -> None:
        self._half, self._count, self._coming, self._last = False, 0, -1, None
        self._bit = self._usual
