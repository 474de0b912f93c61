"""What this process holds of the machine's memory: a figure for it, large blocks kept, pieces shared with children."""

import ctypes
import mmap
import os
import sys
import tempfile
import time

import numpy as np
import psutil

HEADER_BYTES, WORD_BYTES = 1024, 512
# from glibc's malloc.h: how many blocks may be mapped apart, how much free memory to keep, how much to take at once
M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD = -4, -1, -2


def keep_pages() -> None:
    """Let malloc keep what is freed instead of handing it back to the system, which would zero each page again.

    Elsewhere than on glibc nothing happens. A 96-channel convolution at 128 px took 129 ms before and 38 ms after.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**28)):
            libc.mallopt(option, value)


def resident_mb() -> float:
    """Memory that this process holds, in MB (2**20 bytes)."""
    return float(psutil.Process().memory_info().rss) / 2**20


class Memory:
    """size_bytes of memory shared by a parent and its child, behind a header: counts (int64), times (s) and a word.

    counts[0] is the newest item's number; times[0] is when it was written (time.monotonic(), one clock for all).
    """

    def __init__(self, size_bytes: int, descriptor: int | None = None) -> None:
        self.descriptor = _nameless_file(HEADER_BYTES + size_bytes) if descriptor is None else descriptor
        self.size_bytes = size_bytes
        self._map = mmap.mmap(self.descriptor, HEADER_BYTES + size_bytes)
        self.counts = np.frombuffer(self._map, np.int64, 32, 0)
        self.times = np.frombuffer(self._map, np.float64, 32, 256)
        self._word = np.frombuffer(self._map, np.uint8, WORD_BYTES, WORD_BYTES)
        self.bytes = np.frombuffer(self._map, np.uint8, size_bytes, HEADER_BYTES)

    def say(self, text: str) -> None:
        """Leave a line for the parent to log: why this child is about to end."""
        word = text.encode(errors="replace")[: WORD_BYTES - 1]  # a file's name need not be UTF-8
        self._word[:] = 0
        self._word[: len(word)] = np.frombuffer(word, np.uint8)

    def take_word(self) -> str:
        """The line that the child left, once; empty when it left none."""
        text = self._word.tobytes().split(b"\0", 1)[0].decode(errors="replace")
        self._word[:] = 0
        return text

    def age_s(self) -> float:
        """Seconds since something new was written; infinite before the first time."""
        return time.monotonic() - float(self.times[0]) if self.times[0] else float("inf")

    def close(self) -> None:
        """Let go of the descriptor; the memory itself goes when the last array on it goes."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _nameless_file(size_bytes: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("installation")
    else:
        descriptor, path = tempfile.mkstemp(prefix="installation-")
        os.unlink(path)
    os.ftruncate(descriptor, size_bytes)
    return descriptor
