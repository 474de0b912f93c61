"""A 3x3 weight in, its convolution out with a quarter of the multiplications: for a CPU that has only float32.

Winograd's way, F(4x4, 3x3) (Lavin and Gray 2016): tiles of 6x6 px become 36 numbers each, channels are mixed for each
of these by itself, and what comes out becomes tiles of 4x4 px. Sums take the place of products: about a tenth of the
digits that float32 has beyond a direct convolution's are lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

TILES = 160  # that are worked on at once, about
WEIGHTS = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


class Winograd:
    """conv2d(x, weight, padding=padding): x (1, in, H, W) -> (1, out, H', W'), float32 and channels last."""

    def __init__(self, weight: Tensor, padding: int) -> None:
        """weight (out, in, 3, 3)."""
        sums = torch.tensor(WEIGHTS, dtype=torch.float64)
        self.weight = torch.einsum("ik,ockl,jl->ijco", sums, weight.double(), sums).flatten(0, 1).float().contiguous()
        self.padding = padding

    def __call__(self, x: Tensor) -> Tensor:
        rows, columns = (side + 2 * self.padding - 2 for side in x.shape[2:])
        high, wide = -(-rows // 4), -(-columns // 4)  # tiles
        before = self.padding
        around = before, 4 * wide + 2 - before - x.shape[3], before, 4 * high + 2 - before - x.shape[2]
        lines = F.pad(x, around)[0].permute(1, 2, 0)  # (H, W, C)
        out = x.new_empty(high, 4, wide, 4, self.weight.shape[2])
        count = max(1, TILES // wide)
        for at in range(0, high, count):
            band = lines[4 * at : 4 * min(at + count, high) + 2]
            self._band(band, out[at : at + count].transpose(0, 1))
        return out.view(1, 4 * high, 4 * wide, -1)[:, :rows, :columns].permute(0, 3, 1, 2)

    def _band(self, x: Tensor, out: Tensor) -> None:
        """x (4 * n + 2, W, in) -> out (4, n, tiles, 4, out): n rows of tiles."""
        count, wide = out.shape[1:3]
        tall = x.new_empty(6, count, *x.shape[1:])
        _apart([x[i : i + 4 * count - 3 : 4] for i in range(6)], tall.unbind())
        tiles = x.new_empty(6, 6, count, wide, x.shape[2])
        _apart([tall[:, :, i : i + 4 * wide - 3 : 4] for i in range(6)], tiles.unbind(1))
        mixed = torch.bmm(tiles.view(36, count * wide, -1), self.weight).view(6, 6, count, wide, -1)
        half = x.new_empty(4, *mixed.shape[1:])
        _together(mixed.unbind(), half.unbind())
        _together(half.unbind(1), out.unbind(3))


def _apart(x: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Six pixels in a line, of every tile -> six numbers."""
    torch.add(torch.sub(x[4], x[2], alpha=5), x[0], alpha=4, out=out[0])
    even, odd = torch.sub(x[4], x[2], alpha=4), torch.sub(x[3], x[1], alpha=4)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    even, odd = x[4] - x[2], x[3] - x[1]
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.add(torch.sub(x[5], x[3], alpha=5), x[1], alpha=4, out=out[5])


def _together(x: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Six numbers of every tile -> four pixels in a line."""
    near, far = x[1] + x[2], x[3] + x[4]
    torch.add(x[0] + near, far, out=out[0])
    torch.add(near, far, alpha=4, out=out[2])
    near, far = x[1] - x[2], x[3] - x[4]
    torch.add(near, far, alpha=2, out=out[1])
    torch.add(near.add_(far, alpha=8), x[5], out=out[3])
