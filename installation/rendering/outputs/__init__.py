"""Outputs: the picture on the wall -> other software. One file an output, run in a process of its own.

Each has a frozen `Settings`, whose first field is what `--output NAME:ADDRESS` sets; `refusal(settings)`, a line that
says why it cannot work here, or nothing; and `create(settings, size, fps)`, a `Sender`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Sender(Protocol):
    """What hands pictures to other software. It may block, raise, crash: it has a process of its own."""

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        """Hand over a picture [shape=(H, W, 4), uint8, row 0 on top, the fourth channel means nothing].

        The array is the sender's own. time_s is when it was shown, monotonic. Raises what ends this process, and begins
        another.
        """
