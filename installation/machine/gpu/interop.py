"""A picture on the device in, its way into GL out: how long, what arrives, how often the host is in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from installation.machine.gpu.devices import device, need_cuda, settle
from installation.machine.gpu.prints import picture
from installation.machine.gpu.twins import Tolerance, compare
from installation.machine.rows import FAILED, Row, timed

ARRIVED = Tolerance(0.6, 1.5)  # a texture of eight bits, and half precision before it


def host_copies() -> Any:
    """A context in which torch's copies from a device to the host are counted, in its `copies`."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    aten = torch.ops.aten

    class HostCopies(TorchDispatchMode):
        copies = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs, packet = kwargs or {}, func.overloadpacket
            if packet is aten._to_copy:
                self.copies += _away(args[0]) and str(kwargs.get("device")) == "cpu"
            elif packet is aten.copy_:
                self.copies += _away(args[1]) and not _away(args[0])
            elif packet is aten._local_scalar_dense:
                self.copies += _away(args[0])
            return func(*args, **kwargs)

    return HostCopies()


def _away(tensor: Any) -> bool:
    return bool(tensor.device.type != "cpu")


def measure_interop(px: int, frames: int) -> Iterator[Row]:
    """From CUDA straight into GL: no copy to the host may be counted."""
    need_cuda()
    from installation.rendering.upload import CudaUpload

    yield from _measure("upload from CUDA to GL", px, frames, CudaUpload, "cuda")


def measure_fallback(px: int, frames: int) -> Iterator[Row]:
    """Through the host, which is the way of a CPU's pictures, and of CUDA's where interop is not to be had."""
    from installation.rendering.upload import HostUpload

    yield from _measure("upload through the host", px, frames, HostUpload, "cuda" if _on_cuda() else "host")


def _on_cuda() -> bool:
    return device().type == "cuda"


def _measure(part: str, px: int, frames: int, way: Any, kind: str) -> Iterator[Row]:
    """The picture as it arrives, then how long it takes and what was counted meanwhile."""
    import torch

    from installation.rendering.canvas import Canvas
    from installation.rendering.surfaces import close_headless, open_headless
    from installation.rendering.upload import Uploader

    rgb, context = picture(px), open_headless()
    pixels = torch.from_numpy(rgb.transpose(2, 0, 1) * 2 - 1).to(device()).contiguous()
    try:
        uploader = Uploader(Canvas(context))
        uploader.ways[kind] = way(context)

        def upload(n: int) -> Any:
            return uploader.upload(pixels)

        def arrived() -> None:
            settle()
            context.finish()

        texture = upload(0)
        seen = np.frombuffer(texture.read(), "u1").reshape(px, px, 4)[::-1, :, :3] / 255
        yield compare(f"{part}, what arrives", seen, rgb, ARRIVED, f"{px} px", 1.0)
        with host_copies() as counted:
            upload(0)
        row = timed(part, upload, frames, settle=arrived)
        due = int(_on_cuda() and kind == "cuda" and way.__name__ == "HostUpload")
        note = f"{counted.copies} copies to the host, expected {due}; {px} px"
        state = row.state if counted.copies == due else FAILED
        yield Row(row.part, row.value, row.unit, row.high, note=note, state=state)
    finally:
        close_headless(context)
