"""The light upscaler: whatever its weights are, its picture made small again is the one that it was given."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import weights
from installation.networks.upscaler import NetworkConfig, Upscaler, build_network, read_upscaler


def draw(strength: float = 1.0, scale: int = 4) -> Upscaler:
    """A small network of random weights whose detail is so strong."""
    torch.manual_seed(2)
    network = Upscaler(NetworkConfig(scale, features=8, blocks=1)).eval().requires_grad_(False)
    network.detail.weight.mul_(strength)
    assert network.detail.bias is not None
    network.detail.bias.copy_(torch.rand_like(network.detail.bias))  # of which the mean must count for nothing
    return network


def picture(seed: int = 0) -> Tensor:
    """Soft colours, pure black and pure white among them: (1, 3, 24, 20)."""
    rough = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(rough * 2 - 0.5, (24, 20), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("strength", [0.0, 1.0, 100.0])
def test_made_small_again_by_area_every_picture_is_the_one_that_was_given(strength: float, scale: int) -> None:
    small = picture()
    large = draw(strength, scale)(small)
    assert large.shape == (1, 3, 24 * scale, 20 * scale)
    assert large.min() >= -1e-6 and large.max() <= 1 + 1e-6
    assert 255 * (F.avg_pool2d(large, scale) - small).abs().max() < 0.01
    if strength:
        assert (large - F.interpolate(small, scale_factor=scale)).abs().max() > 0.02, "and it is not made of squares"


def test_what_is_learnt_from_is_consistent_too_before_anything_is_clipped() -> None:
    small = picture()
    large = draw(100.0).train()(small)
    assert large.min() < -1 and large.max() > 2
    assert (F.avg_pool2d(large, 4) - small).abs().max() < 1e-3


def test_the_plain_part_leaves_a_plain_colour_alone_and_is_closer_to_the_truth_than_a_cubic() -> None:
    network, grey = draw(), torch.full((1, 3, 5, 5), 0.3)
    assert network.enlarge_plainly(grey).sub(0.3).abs().max() < 1e-5
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    true = (0.5 + 0.4 * torch.sin(x / 4) * torch.cos(y / 5)).expand(1, 3, -1, -1)
    small = F.avg_pool2d(true, 4)
    cubic = F.interpolate(small, scale_factor=4, mode="bicubic", antialias=True)
    ours, plain = (
        (large - true)[..., 16:-16, 16:-16].square().mean() for large in (network.enlarge_plainly(small), cubic)
    )
    assert ours < 0.8 * plain


def test_a_pixel_sees_no_farther_than_the_rim_that_tiles_are_given() -> None:
    network = draw().double()
    small = torch.rand(1, 3, 1, 2 * network.rim_px + 3, generator=torch.Generator().manual_seed(1)).double()
    other = small.clone()
    other[..., 0] = 1 - other[..., 0]
    changed = (network(small) - network(other)).abs().amax((0, 1, 2)).unflatten(0, (-1, 4)).amax(1)
    assert changed[network.rim_px + 1 :].max() < 1e-13 < changed[network.rim_px], "and it sees as far as that"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"scale": 3}, "scale of 2, 4 or 8, found 3"),
        ({"features": 10**6}, "features from 1 to 512"),
        ({"blocks": 2}, "an upscaler and its weights"),
        ({"depth": 9}, "an upscaler and its weights"),
    ],
)
def test_a_card_that_does_not_fit_the_weights_is_refused(table: dict[str, int], said: str) -> None:
    network = draw()
    with pytest.raises(ValueError, match=said):
        build_network({"network": network.config.to_dict() | table}, network.state_dict())


def test_a_model_of_another_kind_is_no_upscaler() -> None:
    with pytest.raises(weights.WeightsError, match="expected a model of kind upscaler, found 'stylegan2'"):
        read_upscaler("bloom")


def test_the_one_that_comes_along_draws_lines_better_than_a_cubic() -> None:
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    rings = (torch.hypot(x - 60, y - 70) % 22 - 11).abs().sub(1.5).clamp(0, 1)
    true = torch.stack([0.35 + 0.55 * rings, 0.2 + 0.7 * rings, 0.15 + 0.6 * rings])[None]
    small = F.avg_pool2d(true, 4)
    cubic = F.interpolate(small, scale_factor=4, mode="bicubic", antialias=True)
    ours, plain = ((large - true).square().mean() for large in (read_upscaler("bloom-upscaler")(small), cubic))
    assert ours < 0.8 * plain
