"""Winograd's way makes of a picture what a convolution in float64 makes of it, at its edges too."""

import pytest
import torch
import torch.nn.functional as F

from installation.generators.winograd import Winograd


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (5, 18), (33, 7), (70, 66)])
def test_it_is_the_convolution(rows: int, columns: int, padding: int) -> None:
    seeded = torch.Generator().manual_seed(rows + padding)
    x = torch.randn(1, 40, rows, columns, generator=seeded).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(24, 40, 3, 3, generator=seeded) / 360**0.5
    expected = F.conv2d(x.double(), weight.double(), padding=padding)
    made = Winograd(weight, padding)(x)
    assert made.shape == expected.shape
    assert (made - expected).abs().max() < 1e-4
