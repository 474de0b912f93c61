"""A still and chance in, the second frame of its slo-mo out; a motion in, the frame between painted at full size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.bending.carrying import carried, enlarged, mixed, places, sampled
from installation.stages import pixels

STRIP_PX = 2_000_000  # so many pixels are painted at once, whatever the size of the print
NODES = 5  # of the elastic sheet, along each side
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Change:
    """How the second frame differs from the first; plain numbers, so that they can be written down.

    shift and elastic in parts of the longer side; grow is the natural logarithm of the scale; hue turns around grey.
    """

    turn_deg: float
    grow: float
    shift: tuple[float, float]
    elastic: float
    elastic_seed: int
    hue_deg: float
    saturation: float
    contrast: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"shift": list(self.shift)}

    def offsets(self, height: int, width: int, aspect: float) -> Tensor:
        """Where each pixel of the second frame lies in the first, relative to itself: (1, 2, height, width) in px.

        aspect is the width over the height of the picture, of which height x width px may be a squeezed form.
        """
        unit = torch.tensor([aspect, 1.0]) / max(aspect, 1.0)  # sides of the picture, the longer one is 1
        scale = unit / torch.tensor([float(width), float(height)])
        middle = torch.tensor([width / 2, height / 2])[:, None, None]
        scale = scale[:, None, None]
        x, y = ((places(height, width)[0] - middle) * scale).unbind(0)
        angle, shrink = math.radians(-self.turn_deg), math.exp(-self.grow)
        cos, sin = math.cos(angle) * shrink, math.sin(angle) * shrink
        moved = torch.stack([cos * x - sin * y - self.shift[0], sin * x + cos * y - self.shift[1]])
        dice = torch.Generator().manual_seed(self.elastic_seed)
        sheet = torch.randn(1, 2, NODES, NODES, generator=dice)
        sheet = F.interpolate(sheet, (height, width), mode="bicubic", align_corners=True)[0]
        target = (moved + self.elastic * sheet) / scale + middle
        return (target - places(height, width)[0])[None]

    def recoloured(self, picture: Tensor) -> Tensor:
        """picture (B, 3 or 4, h, w), colours weighted by alpha: its hue, saturation and contrast changed."""
        weights = torch.tensor(LUMA)
        turn = math.radians(self.hue_deg)
        axis = torch.full((3,), 1 / math.sqrt(3))
        cross = torch.linalg.cross(torch.eye(3), axis.expand(3, 3))
        around = math.cos(turn) * torch.eye(3) + math.sin(turn) * cross + (1 - math.cos(turn)) * torch.outer(axis, axis)
        grey = torch.outer(torch.ones(3), weights)
        matrix = torch.lerp(grey, torch.eye(3), self.saturation) @ around  # (3, 3)
        rgb = torch.einsum("ij,bjhw->bihw", matrix, picture[:, :3])
        cover = picture[:, 3:] if picture.shape[1] == 4 else torch.ones_like(picture[:, :1])
        rgb = (rgb - 0.5 * cover) * self.contrast + 0.5 * cover
        return torch.cat([torch.minimum(rgb.clamp(min=0), cover), picture[:, 3:]], 1)


@dataclass(frozen=True, eq=False)
class Between:
    """A frame between two, ready to be painted at any size: where its pixels come from, in px of the nets' size.

    from_first, from_second (1, 2, h, w) point into the same still, since the second frame is the still, changed.
    """

    from_first: Tensor
    from_second: Tensor
    visible: Tensor
    t: float
    change: Change

    def paint_small(self, picture: Tensor) -> Tensor:
        """picture (1, C, h, w) of the nets' size -> the frame between, of the same shape."""
        second = self.change.recoloured(carried(picture, self.from_second))
        return mixed(carried(picture, self.from_first), second, self.visible, self.t)

    def carry(self, plane: np.ndarray) -> np.ndarray:
        """A map (h, w) that belongs to the still -> the map of the frame between, at its own size."""
        height, width = plane.shape
        source = torch.from_numpy(np.array(plane, np.float32))[None, None]
        first, second = (
            sampled(source, self._at(field, (height, width), slice(0, height)))
            for field in (self.from_first, self.from_second)
        )
        visible = enlarged(self.visible, (height, width), slice(0, height))
        return mixed(first, second, visible.clamp(0, 1), self.t)[0, 0].numpy()

    def paint(self, still: np.ndarray, canvas: np.ndarray, progress: Callable[..., None] | None = None) -> None:
        """Fill canvas from still, both (H, W, 3 or 4) uint16, strip by strip; memory does not grow with the height."""
        height, width = still.shape[:2]
        rows = max(1, STRIP_PX // width)
        for top in range(0, height, rows):
            strip = slice(top, min(height, top + rows))
            canvas[strip] = self._strip(still, strip)
            if progress:
                progress(strip.stop / height)

    def _at(self, field: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
        """Places in the still, in its own px, that these rows of the frame are fetched from: (1, 2, rows, W)."""
        height, width = size
        scale = torch.tensor([width / field.shape[3], height / field.shape[2]])[None, :, None, None]
        at = enlarged(field, size, rows) * scale
        return at + places(rows.stop - rows.start, width) + torch.tensor([0.0, float(rows.start)])[None, :, None, None]

    def _strip(self, still: np.ndarray, rows: slice) -> np.ndarray:
        size = still.shape[0], still.shape[1]
        first = fetched(still, self._at(self.from_first, size, rows))
        second = self.change.recoloured(fetched(still, self._at(self.from_second, size, rows)))
        visible = enlarged(self.visible, size, rows).clamp(0, 1)
        return unweighted(mixed(first, second, visible, self.t))


def fetched(still: np.ndarray, at: Tensor) -> Tensor:
    """Pixels of still (H, W, C) uint16 at `at` (1, 2, h, w) px; only the rows that are needed become floats."""
    last = still.shape[0]
    low = min(max(int(at[:, 1].min()) - 2, 0), last - 1)
    high = min(max(int(at[:, 1].max()) + 3, low + 1), last)
    window = weighted(still[low:high])
    return sampled(window, at - torch.tensor([0.0, float(low)])[None, :, None, None])


def weighted(still: np.ndarray) -> Tensor:
    """(H, W, 3 or 4) -> (1, C, H, W) float 0..1, colours weighted by alpha: what is not there has no colour."""
    whole = pixels.to_float(still)
    if whole.shape[2] == 4:
        whole[..., :3] *= whole[..., 3:]
    return torch.from_numpy(whole).permute(2, 0, 1)[None]


def unweighted(picture: Tensor) -> np.ndarray:
    """(1, 3 or 4, h, w), colours weighted by alpha -> (h, w, C) uint16, straight alpha."""
    if picture.shape[1] == 4:
        alpha = picture[:, 3:].clamp(0, 1)
        rgb = torch.where(alpha > 1e-4, picture[:, :3] / alpha.clamp(min=1e-4), 0.0)
        picture = torch.cat([rgb, alpha], 1)
    return pixels.to_uint16(picture[0].permute(1, 2, 0).numpy())


def on_white(picture: Tensor) -> Tensor:
    """(1, 3 or 4, h, w), colours weighted by alpha -> (1, 3, h, w) on white."""
    return picture if picture.shape[1] == 3 else picture[:, :3] + (1 - picture[:, 3:])


def shrunk(still: np.ndarray, size: tuple[int, int]) -> Tensor:
    """The still at size (width, height), colours weighted by alpha: (1, C, h, w) float 0..1."""
    step = max(1, min(still.shape[0] // (4 * size[1]), still.shape[1] // (4 * size[0])))
    whole = pixels.to_float(still[::step, ::step])
    if whole.shape[2] == 4:
        whole[..., :3] *= whole[..., 3:]
    smaller = size[0] <= whole.shape[1] and size[1] <= whole.shape[0]
    scaled = cv2.resize(whole, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return torch.from_numpy(np.ascontiguousarray(scaled)).permute(2, 0, 1)[None]
