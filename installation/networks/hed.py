"""Pictures in, five side outputs and their fusion out: holistically-nested edges on the VGG-16 trunk."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.networks import vgg

TAPS = ("1_2", "2_2", "3_3", "4_3", "5_3")  # where the side outputs leave the trunk
SIZE_MULTIPLE_PX = 16  # four poolings: other sizes lose their last rows


class HED(nn.Module):
    """Holistically-nested edge detection (Xie and Tu 2015, arXiv:1504.06375)."""

    def __init__(self, trunk: vgg.VGG) -> None:
        super().__init__()
        self.trunk = trunk
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in vgg.WIDTHS)
        self.fuse = nn.Conv2d(5, 1, 1)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W), RGB 0..1, H and W multiples of 16 -> six logits (B, 1, H, W), the fusion last."""
        features = self.trunk(pictures)
        size = pictures.shape[-2:]
        found = [side(features[tap]) for side, tap in zip(self.sides, TAPS, strict=True)]  # (B, 1, H / s, W / s)
        sides = [F.interpolate(side, size=size, mode="bilinear", align_corners=False) for side in found]
        return [*sides, self.fuse(torch.cat(sides, dim=1))]


@lru_cache(maxsize=1)
def load(device: str = "cpu") -> HED:
    """HED with the verified weights that its package brings. Raises WeightsError saying what to install."""
    net = HED(vgg.load("vgg16", TAPS))
    import h5py  # the trunk's loader has said so if it is missing

    path = weights.fetch("hed")
    try:
        with h5py.File(path, "r") as file:
            for layer, name in [*zip(net.sides, [f"dsn{i}" for i in range(1, 6)], strict=True), (net.fuse, "fuse")]:
                assert isinstance(layer, nn.Conv2d) and layer.bias is not None
                kernel = torch.from_numpy(file[f"{name}/vars/0"][()])  # (1, 1, in, 1)
                layer.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
                layer.bias.data = torch.from_numpy(file[f"{name}/vars/1"][()])
    except (OSError, KeyError) as error:
        raise weights.WeightsError(f"{path}: expected HED's side outputs as Keras saves them: {error}") from error
    return net.to(device).eval()


def fingerprint(weights_file: str = "") -> str:
    """What stands for the weights in a result's key."""
    return vgg.fingerprint("vgg16")
