"""A generator's picture (on the CPU or a CUDA device) in, a GL texture of it out, without a detour through the host."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import moderngl
import numpy as np

from installation.rendering.canvas import Canvas, Target

log = logging.getLogger("installation.rendering")


class Upload(Protocol):
    """Fills a one-channel texture with a picture's numbers; says how they lie in it."""

    def write(self, pixels: Any) -> tuple[moderngl.Texture, bool]:
        """The texture of the numbers, and whether their channels are planes one below another."""
        ...


class Uploader:
    """Pictures [shape=(3, H, W), -1..1, float32, float16 or bfloat16] to RGB textures of their own size.

    Arrays and CPU tensors are copied once, into the texture; CUDA tensors stay on their device where the machine
    can share memory between CUDA and GL, and take the detour through the host, said once in the log, where not.
    """

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.unpack = canvas.own_program("unpack")
        self.ways: dict[str, Upload] = {}
        self.target: Target | None = None

    def upload(self, pixels: Any) -> moderngl.Texture:
        """Draw the picture into this uploader's own texture. Raises ValueError for another shape."""
        if len(pixels.shape) != 3 or pixels.shape[0] != 3:
            raise ValueError(f"expected a picture of shape (3, H, W), found {tuple(pixels.shape)}")
        size = (int(pixels.shape[2]), int(pixels.shape[1]))
        numbers, planar = self._write(pixels)
        if self.target is None or self.target.size != size:
            if self.target is not None:
                self.target.release()
            self.target = Target(self.canvas.context, size)
        self.unpack.bind("numbers", numbers)
        self.unpack.set("size", size)
        self.unpack.set("planar", planar)
        self.unpack.draw(self.target.framebuffer)
        return self.target.texture

    def _write(self, pixels: Any) -> tuple[moderngl.Texture, bool]:
        kind = "cuda" if getattr(pixels, "is_cuda", False) else "host"
        try:
            if kind not in self.ways:
                self.ways[kind] = (CudaUpload if kind == "cuda" else HostUpload)(self.canvas.context)
            return self.ways[kind].write(pixels)
        except (ImportError, RuntimeError) as error:
            if kind == "host" or isinstance(self.ways.get(kind), HostUpload):
                raise
            log.warning("pictures take a detour through the host (%s); is cuda-core installed?", error)
            self.ways[kind] = HostUpload(self.canvas.context)
            return self.ways[kind].write(pixels)


class HostUpload:
    """Numbers in main memory: one copy, in the precision and the layout that they have."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context = context
        self.texture: moderngl.Texture | None = None

    def write(self, pixels: Any) -> tuple[moderngl.Texture, bool]:
        numbers = _as_array(pixels)
        rows = numbers.transpose(1, 2, 0)  # channels_last networks leave (H, W, 3) in memory
        planar = not rows.flags.c_contiguous
        if planar:
            rows = np.ascontiguousarray(numbers)
        height, width = numbers.shape[1:]
        size = (width, height * 3) if planar else (width * 3, height)
        dtype = "f2" if rows.dtype == np.float16 else "f4"
        if self.texture is None or self.texture.size != size or self.texture.dtype != dtype:
            if self.texture is not None:
                self.texture.release()
            self.texture = self.context.texture(size, 1, dtype=dtype)
            self.texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.texture.write(rows)
        return self.texture, planar


def _as_array(pixels: Any) -> np.ndarray:
    """The numbers as a numpy view; bfloat16, which numpy has no name for, is widened to float32."""
    if isinstance(pixels, np.ndarray):
        return pixels if pixels.dtype in (np.float32, np.float16) else pixels.astype(np.float32)
    pixels = pixels.detach()
    if getattr(pixels, "is_cuda", False):
        pixels = pixels.cpu()
    if str(pixels.dtype) not in ("torch.float32", "torch.float16"):
        pixels = pixels.float()
    return np.from_dlpack(pixels)


class CudaUpload:
    """Numbers in CUDA memory: device to device into a GL buffer that CUDA maps, then GL's own copy into the texture.

    The generator hands over finished pictures in memory that it does not write to again at once, so that nothing is
    waited for here. Raises RuntimeError where CUDA and GL do not share a device.
    """

    def __init__(self, context: moderngl.Context) -> None:
        from cuda import core  # the package cuda-core; there only where CUDA is

        self.core = core
        self.context = context
        self.texture: moderngl.Texture | None = None
        self.buffer: moderngl.Buffer | None = None
        self.resource: Any = None
        self.stream: Any = None

    def write(self, pixels: Any) -> tuple[moderngl.Texture, bool]:
        pixels = pixels.detach()
        if "bfloat16" in str(pixels.dtype):
            pixels = pixels.half()  # GL knows no bfloat16; -1..1 fits half with room to spare
        rows = pixels.permute(1, 2, 0)
        planar = not rows.is_contiguous()
        rows = pixels.contiguous() if planar else rows
        height, width = int(pixels.shape[1]), int(pixels.shape[2])
        try:
            self._fit((width, height * 3) if planar else (width * 3, height), rows.element_size(), pixels.device.index)
            source = self.core.Buffer.from_handle(rows.data_ptr(), rows.numel() * rows.element_size(), owner=rows)
            with self.resource.map(stream=self.stream) as mapped:
                mapped.copy_from(source, stream=self.stream)
        except Exception as error:  # cuda-core's own error type has no public name
            raise RuntimeError(f"CUDA-GL interop failed: {error}") from error
        assert self.texture is not None
        self.texture.write(self.buffer)
        return self.texture, planar

    def _fit(self, size: tuple[int, int], bytes_each: int, device: int) -> None:
        """A buffer and a texture of this size, registered with CUDA once."""
        dtype = "f2" if bytes_each == 2 else "f4"
        if self.texture is not None and self.texture.size == size and self.texture.dtype == dtype:
            return
        self.release()
        made = self.core.Device(device)
        made.set_current()  # the primary context, which is the one that torch uses
        self.stream = made.default_stream  # ordered after torch's default stream, on which the picture was prepared
        self.buffer = self.context.buffer(reserve=size[0] * size[1] * bytes_each, dynamic=True)
        self.resource = self.core.GraphicsResource.from_gl_buffer(self.buffer.glo, flags="write_discard")
        self.texture = self.context.texture(size, 1, dtype=dtype)
        self.texture.filter = (moderngl.NEAREST, moderngl.NEAREST)

    def release(self) -> None:
        if self.resource is not None:
            self.resource.close()
        for item in (self.buffer, self.texture):
            if item is not None:
                item.release()
        self.resource = self.buffer = self.texture = None
