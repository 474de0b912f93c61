"""A picture and a trimap in, alpha out; a picture and alpha in, the object's own colours out: by PyMatting.

Importing PyMatting compiles every method that it has: 85 s of one core, once per machine. The two that are used here
take 15 s, so only their modules are opened; afterwards it can still be imported as a whole.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PARTS = ("alpha", "foreground", "laplacian", "preconditioner", "solver", "util")


def estimate_alpha(rgb: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Alpha (h, w), float32 0..1, of a picture (h, w, 3) whose trimap is 0 ground, 1 object and 0.5 unknown.

    Closed-form matting (Levin, Lischinski and Weiss 2008). Raises ValueError when it cannot be solved: nothing is
    known on one side, or the system cannot be factored.
    """
    found = _open("alpha", "estimate_alpha_cf")(rgb.astype(np.float64), trimap.astype(np.float64))
    return np.nan_to_num(found, nan=1.0).astype(np.float32)


def estimate_foreground(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The object's colours (h, w, 3), float32 0..1, without the ground that shines through (Germer et al. 2020)."""
    return np.clip(_open("foreground", "estimate_foreground_ml")(rgb, alpha), 0, 1)


@lru_cache(maxsize=2)
def _open(part: str, name: str) -> Callable[..., Any]:
    """A function of PyMatting from the module of its name, without running the package's own imports."""
    spec = importlib.util.find_spec("pymatting")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("matting needs PyMatting; run: pip install pymatting")
    front = {"pymatting": Path(spec.submodule_search_locations[0])}
    front |= {f"pymatting.{part}": front["pymatting"] / part for part in PARTS}
    before = {key: module for key, module in sys.modules.items() if key.split(".")[0] == "pymatting"}
    for key in before:
        del sys.modules[key]
    try:
        for key, folder in front.items():
            bare = ModuleType(key)
            bare.__path__ = [str(folder)]
            sys.modules[key] = bare
        found: Callable[..., Any] = getattr(importlib.import_module(f"pymatting.{part}.{name}"), name)
        return found
    finally:
        for key in [key for key in sys.modules if key.split(".")[0] == "pymatting"]:
            del sys.modules[key]
        sys.modules |= before
