"""Small networks of random weights, of every kind that paints straight from chance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from installation import plugins
from installation.generators import dcgan

CHOSEN = {"dcgan": "DCGAN", "fastgan": "FastGAN", "biggan": "BigGAN", "lightweight": "Lightweight"}


def make(name: str, bends=(), seed: int = 3, **settings):
    """A generator as a show makes it."""
    module = plugins.load("generators", name)
    return getattr(module, CHOSEN[name])(net(name), module.Settings("", **settings), bends, "cpu", seed)


def net(name: str) -> nn.Module:
    return NETS[name]()


def lively(net: nn.Module, gain: float = 1.0) -> nn.Module:
    """Every number of a network matters: norms that have seen something, biases that are not 0."""
    seeded = torch.Generator().manual_seed(5)

    def draw(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=seeded)

    for key, tensor in net.state_dict().items():
        if tensor.ndim >= 2 and "running" not in key:
            tensor.copy_(draw(tensor) * gain * (2 * max(tensor.shape[:2]) / tensor.numel()) ** 0.5)
        elif key.endswith(("running_var", "running_vars")):
            tensor.copy_(0.7 + 0.6 * torch.rand(tensor.shape, generator=seeded))
        elif not key.endswith("num_batches_tracked"):
            tensor.copy_(0.1 * draw(tensor) + float("norm" in key and key.endswith("weight")))
    return net.eval().requires_grad_(False)


def small_dcgan(classes: int = 0, planes: int = 3) -> dcgan.network.Generator:
    config = dcgan.network.NetworkConfig(
        channels=(20 + classes, 24, 16, 8, planes),
        at=(0, 3, 6, 9),
        norms=(1, 4, 7, -1),
        biases=(False, False, True, False),
        start=(4, 4),
        kernels=(4, 4, 4),
        strides=(2, 2, 2),
        paddings=(1, 1, 1),
        output_paddings=(0, 0, 0),
        classes=classes,
    )
    net = lively(dcgan.network.Generator(config), 1.6)
    for _, norm in net.layers()[:-1]:
        norm.weight.add_(1.0)
    return net


NETS = {"dcgan": small_dcgan}
