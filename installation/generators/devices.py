"""A wish in, the device and the number format that this machine paints fastest with out."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def chosen_device(wish: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if wish == "auto" else wish)


def best_dtype(device: torch.device) -> torch.dtype:
    """The number format in which this device paints fastest without visible loss."""
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16; one that only imitates it is ten times slower than in float32.

    So is one whose libraries were told to do without (ONEDNN_MAX_CPU_ISA, ATEN_CPU_CAPABILITY).
    """
    told = " ".join(os.environ.get(name, "") for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")).upper()
    if told.strip() and not any(word in told for word in ("BF16", "AMX", "DEFAULT")):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", errors="ignore")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
