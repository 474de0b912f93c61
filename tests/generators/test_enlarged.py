"""A StyleGAN2 whose picture leaves enlarged: the same picture, and the one that is shown at its own size unchanged."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from installation.generators import stylegan2
from installation.networks.upscaler import NetworkConfig, Upscaler
from installation.settings import SettingsError, check
from installation.signals import Controls
from installation.training.export import write_model
from installation.weights import WeightsError


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    network = Upscaler(NetworkConfig(2, features=4, blocks=1))
    card = {"kind": "upscaler", "network": network.config.to_dict()}
    folder = tmp_path_factory.mktemp("models") / "mine"
    return str(write_model(folder, network.state_dict(), Image.new("RGB", (4, 4)), card))


def test_the_picture_leaves_enlarged_and_made_small_again_it_is_the_networks_own(upscaler: str) -> None:
    plain, large = (
        stylegan2.create(stylegan2.Settings(dtype="float32", enlarge=name), device="cpu", seed=7)
        for name in ("", upscaler)
    )
    assert large.size == (2 * plain.size[0], 2 * plain.size[1])
    controls = Controls(1.0, {}, 0.3)
    own, picture = plain.render(controls).pixels, large.render(controls).pixels
    assert picture.shape == (3, *reversed(large.size))
    assert (F.avg_pool2d(picture[None], 2)[0] - own).abs().max() < 1e-3
    assert (picture - F.interpolate(own[None], scale_factor=2)[0]).abs().max() > 0.02


def test_who_asks_for_a_model_that_does_not_enlarge_is_told(upscaler: str) -> None:
    with pytest.raises(WeightsError, match="expected a model of kind upscaler, found 'stylegan2'"):
        stylegan2.create(stylegan2.Settings(enlarge="bloom"), device="cpu")
    with pytest.raises(SettingsError, match="enlarge"):
        check(stylegan2.Settings, {"enlarge": 4}, "generator")
