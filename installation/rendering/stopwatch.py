"""Frames drawn on a GPU in; how long the GPU was at them out, asked for so late that nobody waits for the answer."""

from __future__ import annotations

from typing import Any

import moderngl

FRAMES_LATER = 3  # that many frames on, a GPU has long answered


class Stopwatch:
    """`with stopwatch:` around a frame's drawing; newest_s is the time of the frame before the last two.

    By GL timer queries: a processor that only hands commands over cannot know how long they take.
    """

    def __init__(self, context: moderngl.Context) -> None:
        self.newest_s = 0.0
        self._queries = [context.query(time=True) for _ in range(FRAMES_LATER)]
        self._frame = 0

    def __enter__(self) -> Stopwatch:
        query = self._queries[self._frame % FRAMES_LATER]
        if self._frame >= FRAMES_LATER:
            self.newest_s = query.elapsed / 1e9
        query.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._queries[self._frame % FRAMES_LATER].__exit__(*error)
        self._frame += 1
