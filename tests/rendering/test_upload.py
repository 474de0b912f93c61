"""A picture's numbers, in every layout and precision of main memory, arrive as the picture."""

from __future__ import annotations

import numpy as np
import pytest
from flower import picture, pixels_of

from installation.rendering.canvas import Canvas, Target
from installation.rendering.readback import Readback, four_channels
from installation.rendering.upload import Uploader

RGB = picture(48, 32)
EXPECTED = (RGB * 255 + 0.5).astype(int)


def seen(context, pixels: object) -> np.ndarray:
    return pixels_of(Uploader(Canvas(context)).upload(pixels))[::-1, :, :3].astype(int)


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("layout", ["planar", "interleaved", "strided"])
def test_an_array_arrives_as_it_is(context, dtype: str, layout: str) -> None:
    signed = (RGB * 2 - 1).astype(dtype)
    pixels = {
        "planar": np.ascontiguousarray(signed.transpose(2, 0, 1)),
        "interleaved": signed.transpose(2, 0, 1),
        "strided": np.ascontiguousarray(np.repeat(signed, 2, 1).transpose(2, 0, 1))[:, :, ::2],
    }[layout]
    assert np.abs(seen(context, pixels) - EXPECTED).max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_tensor_arrives_as_it_is(context, dtype: str, channels_last: bool) -> None:
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray((RGB * 2 - 1).transpose(2, 0, 1))).to(getattr(torch, dtype))
    if channels_last:
        pixels = pixels[None].to(memory_format=torch.channels_last)[0]
    assert np.abs(seen(context, pixels) - EXPECTED).max() <= (2 if dtype == "bfloat16" else 1)


def test_a_picture_may_change_its_size_and_precision_from_frame_to_frame(context) -> None:
    uploader = Uploader(Canvas(context))
    for width, height, dtype in ((48, 32, "f4"), (33, 17, "f2"), (64, 64, "f4")):
        texture = uploader.upload(np.zeros((3, height, width), dtype))
        assert texture.size == (width, height) and abs(int(pixels_of(texture)[0, 0, 0]) - 128) <= 1


def test_numbers_that_are_none_and_numbers_beyond_the_range_stay_in_it(context) -> None:
    pixels = np.zeros((3, 4, 4), "f4")
    pixels[:, 0, 0], pixels[:, 0, 1], pixels[:, 0, 2], pixels[:, 0, 3] = np.nan, np.inf, -np.inf, 7.0
    assert seen(context, pixels)[0, :, 0].tolist() == [0, 255, 0, 255]


def test_what_is_no_picture_is_refused(context) -> None:
    with pytest.raises(ValueError, match=r"expected a picture of shape \(3, H, W\), found \(4, 8, 8\)"):
        Uploader(Canvas(context)).upload(np.zeros((4, 8, 8), "f4"))


def test_a_picture_on_a_device_without_cuda_core_takes_a_detour_and_that_is_said_once(context, caplog) -> None:
    import torch

    class Far(torch.Tensor):
        """A tensor that says that it lies on a CUDA device; cuda-core cannot reach it here."""

        is_cuda = True  # type: ignore[assignment]

    far = torch.from_numpy(np.ascontiguousarray((RGB * 2 - 1).transpose(2, 0, 1))).as_subclass(Far)
    uploader = Uploader(Canvas(context))
    for _ in range(3):
        shown = pixels_of(uploader.upload(far))[::-1, :, :3].astype(int)
        assert np.abs(shown - EXPECTED).max() <= 1
    assert [record.getMessage() for record in caplog.records if "detour" in record.getMessage()] != []
    assert sum("detour" in record.getMessage() for record in caplog.records) == 1


def test_what_cuda_writes_into_is_made_once_for_a_size(context) -> None:
    from types import SimpleNamespace

    from installation.rendering.upload import CudaUpload

    registered: list[int] = []
    way = CudaUpload.__new__(CudaUpload)
    way.context, way.texture, way.resource, way.buffer = context, None, None, None
    device = SimpleNamespace(set_current=lambda: None, default_stream=None)
    resource = SimpleNamespace(from_gl_buffer=lambda glo, flags: registered.append(glo) or SimpleNamespace(close=int))
    way.core = SimpleNamespace(Device=lambda number: device, GraphicsResource=resource)
    for size in ((16, 24), (16, 24), (16, 24), (8, 8)):
        way._fit(size, 4, 0)
        assert way.texture is not None and way.texture.size == size
    assert len(registered) == 2, "nothing is allocated while pictures stay as large as they are"


def test_a_picture_that_main_memory_cannot_take_is_refused_at_once(context) -> None:
    uploader, tried = Uploader(Canvas(context)), []

    class Full:
        def write(self, pixels: object) -> None:
            tried.append(pixels)
            raise RuntimeError("out of memory")

    uploader.ways["host"] = Full()  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="out of memory"):
        uploader.upload(np.zeros((3, 4, 4), "f4"))
    assert len(tried) == 1 and isinstance(uploader.ways["host"], Full)


def test_what_is_read_back_first_is_this_very_frame_and_each_later_one_the_frame_before(context) -> None:
    target = Target(context, (8, 4))
    readback, seen = Readback(context, target.framebuffer), []
    for n in range(6):
        target.framebuffer.clear(*[(n + 1) / 255] * 4)
        frame = readback.read()
        seen.append(int(frame[0, 0, 0]))
        assert np.shares_memory(four_channels(frame), frame), "handed on without a copy"
    assert seen == [1, 1, 2, 3, 4, 5]
    alone = np.zeros((4, 8, 3), np.uint8)
    assert four_channels(alone).shape == (4, 8, 4)
