"""The building of a network in; the network without its first random numbers, and never larger than allowed, out.

Weights follow from a file, so drawing random ones first is time lost, and what a model card claims must not be laid out
in memory before the file was seen to hold as much. (torch's meta device would do both; its arithmetic is written in
Python, which loads torch's compiler: two seconds at every start.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

DRAWN = {torch.randn: torch.empty, torch.rand: torch.empty}
REDRAWN = {Tensor.normal_, Tensor.uniform_, init.normal_, init.uniform_, init.kaiming_normal_, init.kaiming_uniform_}
MAKING = {torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.arange, torch.linspace, *DRAWN}
ROOM = 4  # times what a file holds may be made while a network is built: temporaries, tables that are in no file
LEAST = 1 << 22  # numbers that any network may be of


class TooLarge(ValueError):
    """A network asks for more than a file holds."""


class Bare(TorchFunctionMode):
    """While it is entered, tensors that would be drawn at random hold anything; more than `held` allows are refused.

    held: numbers (elements, of whatever width) in the file that is to fill the network. Raises TooLarge, before
    anything of that size is made.
    """

    def __init__(self, held: int) -> None:
        super().__init__()
        self.held = held
        self.left = max(ROOM * held, LEAST)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """See torch.overrides."""
        named = dict(kwargs or {})
        if func in REDRAWN:
            return args[0] if args else named["tensor"]
        if func in MAKING:
            self.left -= _asked(func, args, named)
            if self.left < 0:
                raise TooLarge(f"it asks for far more than the {self.held:,} numbers that are in the file")
        if func in DRAWN:
            named.pop("generator", None)
            return DRAWN[func](*args, **named)
        return func(*args, **named)


def _asked(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """How many numbers a call makes. Sizes come as numbers or as one sequence; a fill value is none of them."""
    if func in (torch.arange, torch.linspace):
        return math.ceil(max(map(abs, args), default=0))
    sizes = kwargs.get("size", args[:1] if func is torch.full else args)
    flat = [side for size in sizes for side in (size if isinstance(size, Sequence) else [size])]
    return math.prod(flat) ** (2 if func is torch.eye and len(flat) == 1 else 1)
