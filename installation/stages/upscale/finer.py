"""A generator's picture in, the same picture so large that effects may be drawn over it at a print's size, out."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from installation.signals import Still
from installation.stages.pixels import to_uint16
from installation.stages.upscale import Settings, create
from installation.stages.work import Work

NEAR = 1.5  # times: what is so near the size is scaled as it is
MOST = 16.0  # times: beyond it a network would draw what two of its kind have drawn already


def finer(picture: Any, size: tuple[int, int], settings: Settings, work: Work) -> Any:
    """A picture (3, H, W), -1..1 (a tensor or an array), large enough to fill size (width, height), as far as a network
    of `settings` may enlarge it; float32 in main memory. One that is large enough comes back as it is.
    """
    height, width = picture.shape[1:]
    scale = min(MOST, max(size[0] / width, size[1] / height))
    if scale < NEAR:
        return picture
    planes = np.asarray(picture.float().cpu() if hasattr(picture, "cpu") else picture, np.float32)
    still = Still(to_uint16(planes.transpose(1, 2, 0) * 0.5 + 0.5), "picture", "")
    asked = dataclasses.replace(settings, size=(round(width * scale), round(height * scale)), grain=0.0)
    with tempfile.TemporaryDirectory(dir=work.folder, prefix=".finer-") as folder:
        made = create(asked).run((still,), Work(work.seed, Path(folder), work.progress))
        return np.ascontiguousarray(made.pixels.transpose(2, 0, 1), np.float32) / 32767.5 - 1
