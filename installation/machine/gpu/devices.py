"""This machine in; what its drivers and packages say of themselves out, each beside how long that took."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from installation.machine.gpu.running import LeftOutError
from installation.machine.rows import FAILED, OK, Row

NO_CUDA = "no CUDA here"
DRIVER = Path("/proc/driver/nvidia/version")


def device() -> Any:
    """The torch device that everything is measured on: CUDA where it is."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def settle() -> None:
    """Wait for the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def need_cuda() -> None:
    """Raises LeftOutError without CUDA."""
    if device().type != "cuda":
        raise LeftOutError(NO_CUDA)


def seconds_of(act: Callable[[], object]) -> float:
    """How long the device takes for it."""
    settle()
    began_s = time.perf_counter()
    act()
    settle()
    return time.perf_counter() - began_s


@contextlib.contextmanager
def peak_memory() -> Iterator[Callable[[], float | None]]:
    """The most memory of the block, in megabytes, for whom asks at its end; None without CUDA."""
    import torch

    on_cuda = torch.cuda.is_available()
    if on_cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    yield lambda: torch.cuda.max_memory_allocated() / 1e6 if on_cuda else None


def measure_import(name: str, package: str, on_cuda: bool = False) -> Iterator[Row]:
    """How long an import takes, and which version it is of."""
    if on_cuda:
        need_cuda()
    began_s = time.perf_counter()
    importlib.import_module(name)
    took_ms = (time.perf_counter() - began_s) * 1000
    yield Row(f"import {name}", took_ms, "ms", note=f"{package} {importlib.metadata.version(package)}")


def look_at_gpu() -> Iterator[Row]:
    """The GPU and its memory, CUDA and its driver."""
    import torch

    need_cuda()
    card = torch.cuda.get_device_properties(0)
    yield Row("GPU", card.total_memory / 1e9, "GB", note=card.name)
    driver = DRIVER.read_text("utf-8").split("\n")[0] if DRIVER.is_file() else "driver not known"
    about = f"compute capability {card.major}.{card.minor}, {card.multi_processor_count} multiprocessors"
    version = str(torch.version.cuda)
    yield Row("CUDA", float(version), "version", note=f"{about}, cuDNN {torch.backends.cudnn.version()}, {driver}")


def open_gl() -> Iterator[Row]:
    """A GL context without a screen; one that draws in software beside a GPU is a failure."""
    from installation.rendering.surfaces import gl_info

    began_s = time.perf_counter()
    info = gl_info()
    took_ms = (time.perf_counter() - began_s) * 1000
    if "missing" in info:
        raise RuntimeError(info["missing"])
    soft = bool(info["software"]) and device().type == "cuda"
    note = f"{info['renderer']}, {info['version']}" + (": a GPU is here, but GL draws in software" if soft else "")
    yield Row("GL context", took_ms, "ms", note=note, state=FAILED if soft else OK)


def try_interop() -> Iterator[Row]:
    """Whether CUDA and GL share memory at all: one small picture."""
    import torch

    need_cuda()
    from installation.rendering.surfaces import close_headless, open_headless
    from installation.rendering.upload import CudaUpload

    context = open_headless()
    try:
        began_s = time.perf_counter()
        numbers, _ = CudaUpload(context).write(torch.zeros(3, 64, 64, device="cuda"))
        context.finish()
        took_ms = (time.perf_counter() - began_s) * 1000
        if np.frombuffer(numbers.read(), "f4").any():
            raise RuntimeError("what arrived in GL is not what was in CUDA")
    finally:
        close_headless(context)
    yield Row("CUDA-GL interop, the first picture", took_ms, "ms", note="64 px")
