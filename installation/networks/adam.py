"""Parameters and gradients in, steps out: torch's Adam without the compiler that it loads.

Every method of torch.optim tells torch's compiler to leave it alone, and imports the compiler for that: two to three
seconds at the start of whatever learns. Nothing here is compiled, so the methods are called as they were written.
"""

from __future__ import annotations

import inspect

import torch
from torch.optim import Adam as _Adam

STEP = inspect.unwrap(_Adam.step)


class Adam(_Adam):
    """torch.optim.Adam (Kingma and Ba 2015), number for number; its step takes no closure."""

    add_param_group = inspect.unwrap(_Adam.add_param_group)
    zero_grad = inspect.unwrap(_Adam.zero_grad)
    state_dict = inspect.unwrap(_Adam.state_dict)
    load_state_dict = inspect.unwrap(_Adam.load_state_dict)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step along the gradients."""
        STEP(self)
