"""StyleGAN2: the fast form draws what the textbook form draws, bends see every layer, names are NVIDIA's."""

import pytest
import torch
from torch import Tensor

from installation.generators.stylegan2 import reference
from installation.generators.stylegan2.fast import FastSynthesis
from installation.generators.stylegan2.network import Generator, NetworkConfig, layer_names

SMALL = NetworkConfig(64, z_dim=16, w_dim=24, mapping_layers=2, channels={4: 40, 8: 32, 16: 24, 32: 16, 64: 8})


def lively(config: NetworkConfig, noise: float) -> Generator:
    """A generator in which every parameter matters; fresh ones have zero biases and no noise."""
    torch.manual_seed(7)
    net = Generator(config)
    for name, parameter in net.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(noise)
        elif name.endswith("bias") and "affine" not in name:
            parameter.data.normal_()
    return net


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("clamp", [None, 2.0])
@torch.no_grad()
def test_fast_and_trainable_forms_draw_what_the_textbook_form_draws(
    batch: int, noise: float, clamp: float | None
) -> None:
    net = lively(NetworkConfig(**{**vars(SMALL), "conv_clamp": clamp}), noise)
    ws = torch.randn(batch, SMALL.num_ws, SMALL.w_dim)
    expected = reference.synthesize(net.synthesis, ws)
    assert expected.std() > 0.1
    for form in (FastSynthesis(net.synthesis), net.synthesis):
        drawn = form(ws)
        assert (drawn - expected).abs().max() < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("batch", [1, 2])
@torch.no_grad()
def test_a_bend_sees_every_named_layer_in_order_and_can_change_the_picture(batch: int) -> None:
    net = lively(SMALL, 0.1)
    ws = torch.randn(batch, SMALL.num_ws, SMALL.w_dim)

    def watch(name: str, x: Tensor) -> Tensor:
        seen.append((name, x.shape[1], x.shape[2]))
        return -x if name == "b16.conv1" else x

    pictures = []
    for form in (net.synthesis, FastSynthesis(net.synthesis)):
        seen: list[tuple[str, int, int]] = []
        pictures.append(form(ws, bend=watch))
        assert seen == layer_names(SMALL)
    assert torch.allclose(pictures[0], pictures[1], atol=1e-3)
    assert (pictures[0] - net.synthesis(ws)).abs().mean() > 0.01


@torch.no_grad()
def test_stopping_at_a_size_gives_its_picture() -> None:
    net = lively(SMALL, 0.0)
    ws = torch.randn(1, SMALL.num_ws, SMALL.w_dim)
    assert net.synthesis(ws, up_to=16).shape == (1, 3, 16, 16)
    assert torch.allclose(FastSynthesis(net.synthesis)(ws, up_to=16), net.synthesis(ws, up_to=16), atol=1e-4)
    with pytest.raises(ValueError, match="up_to must be one of"):
        net.synthesis(ws, up_to=48)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("clamp", [None, 2.0])
@torch.no_grad()
def test_half_precision_stays_close_and_finite(noise: float, clamp: float | None) -> None:
    net = lively(NetworkConfig(**{**vars(SMALL), "conv_clamp": clamp}), noise)
    ws = torch.randn(1, SMALL.num_ws, SMALL.w_dim)
    exact, rough = FastSynthesis(net.synthesis)(ws), FastSynthesis(net.synthesis, dtype=torch.bfloat16)(ws)
    assert (exact - rough).abs().mean() < 0.03 * exact.abs().mean()


def test_parameters_are_named_and_shaped_as_in_nvidias_files() -> None:
    shapes = {name: tuple(value.shape) for name, value in Generator(SMALL).state_dict().items()}
    layer = {"weight": (16, 24, 3, 3), "bias": (16,), "noise_strength": (), "noise_const": (32, 32)}
    affine = {"affine.weight": (24, 24), "affine.bias": (24,)}
    for name, shape in (layer | affine).items():
        assert shapes[f"synthesis.b32.conv0.{name}"] == shape
    assert shapes["synthesis.b4.const"] == (40, 4, 4)
    assert shapes["synthesis.b64.torgb.weight"] == (3, 8, 1, 1)
    assert shapes["mapping.fc1.weight"] == (24, 24)
    assert shapes["mapping.w_avg"] == (24,)
    assert not any("b4.conv0" in name or "fir" in name for name in shapes)


@torch.no_grad()
def test_truncation_leads_to_the_average_picture() -> None:
    net = lively(SMALL, 0.0)
    net.mapping.w_avg.normal_()
    z = torch.randn(2, SMALL.z_dim)
    assert torch.allclose(net.mapping(z, psi=0.0), net.mapping.w_avg.expand(2, -1))
    assert not torch.allclose(net.mapping(z, psi=1.0), net.mapping.w_avg.expand(2, -1))


def test_a_config_survives_the_model_card_and_follows_nvidias_rule_for_channels() -> None:
    assert NetworkConfig.from_dict(SMALL.to_dict()) == SMALL
    assert NetworkConfig(1024).channels[4] == 512
    assert NetworkConfig(1024).channels[1024] == 32
    with pytest.raises(ValueError, match="power of two"):
        NetworkConfig(96)
