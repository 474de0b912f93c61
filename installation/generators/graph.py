"""A function of fixed shapes in, its CUDA graph out: hundreds of kernels started by one call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # runs before the capture, in which cuDNN chooses algorithms and buffers are made


class Captured:
    """What `function` did once, repeated on the same memory: change its inputs in place, then replay."""

    def __init__(self, function: Callable[[], Tensor]) -> None:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                function()
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        # Other threads (the window, the upload) go on using CUDA while this one captures.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.output = function()

    def replay(self) -> Tensor:
        """Run it again on the current stream; returns the same tensor every time, which the next replay overwrites."""
        self.graph.replay()
        return self.output
