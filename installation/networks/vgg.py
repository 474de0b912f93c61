"""Pictures in, features of VGG-16 or VGG-19 out, after any convolution: what painting and training look through."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.networks import reading

WIDTHS = (64, 128, 256, 512, 512)  # channels of the five blocks
BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions in each of them
MODELS = {"vgg16": "hed", "vgg19": "vgg19"}  # where the weights of each come from
PADDINGS = ("zeros", "replicate")
BGR_MEAN = (103.939, 116.779, 123.68)  # of 0..255: what the Caffe nets, and HED after them, subtract
RGB_MEAN, RGB_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of 0..1: torchvision's


class VGG(nn.Module):
    """The convolutions of VGG (Simonyan and Zisserman 2014) up to the deepest tap, read after the ReLU of each tap.

    taps are names such as "1_1" or "4_2". padding "zeros" is what it was trained with; "replicate" repeats the edge of
    the picture before the first convolution: a picture that is optimised would else get a dark border.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str = "vgg16", taps: Sequence[str] = ("5_1",), padding: str = "zeros") -> None:
        super().__init__()
        if name not in BLOCKS or padding not in PADDINGS:
            raise ValueError(f"expected one of {[*BLOCKS]} and of {[*PADDINGS]}, found {name!r} and {padding!r}")
        layers = [f"{b + 1}_{i + 1}" for b, count in enumerate(BLOCKS[name]) for i in range(count)]
        if unknown := [tap for tap in taps if tap not in layers]:
            raise ValueError(f"no layer {unknown[0]!r} in {name}; there are: {', '.join(layers)}")
        self.name, self.taps, self.padding = name, frozenset(taps), padding
        self.layers = layers[: max(layers.index(tap) for tap in taps) + 1]
        widths = [3] + [WIDTHS[int(layer[0]) - 1] for layer in self.layers]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in itertools.pairwise(widths))
        bgr = name == "vgg16"
        scale = torch.full((3,), 255.0) if bgr else 1 / torch.tensor(RGB_DEVIATION)
        shift = -torch.tensor(BGR_MEAN) if bgr else -torch.tensor(RGB_MEAN) * scale
        self.bgr = bgr
        self.register_buffer("scale", scale[None, :, None, None], persistent=False)
        self.register_buffer("shift", shift[None, :, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """pictures (B, 3, H, W), RGB 0..1 -> {tap: features (B, C, H / stride, W / stride)}, shallow to deep."""
        x = (pictures.flip(1) if self.bgr else pictures) * self.scale + self.shift
        features: dict[str, Tensor] = {}
        for layer, conv in zip(self.layers, self.convs, strict=True):
            assert isinstance(conv, nn.Conv2d)
            if layer == "1_1" and self.padding == "replicate":
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), conv.weight, conv.bias)
            else:
                x = conv(F.max_pool2d(x, 2) if layer.endswith("_1") and layer != "1_1" else x)
            x = F.relu_(x)
            if layer in self.taps:
                features[layer] = x
        return features


@lru_cache(maxsize=2)
def load(name: str, taps: tuple[str, ...], padding: str = "zeros", device: str = "cpu") -> VGG:
    """VGG with verified weights, shared by all that ask for the same. Raises WeightsError saying what to install."""
    net = VGG(name, taps, padding)
    tensors = _read_hed(net.layers) if name == "vgg16" else _read_torchvision(name)
    for i, conv in enumerate(net.convs):
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        weight, bias = tensors[i]
        if weight.shape != conv.weight.shape:
            raise weights.WeightsError(
                f"{name} conv{net.layers[i]}: expected {conv.weight.shape}, found {weight.shape}"
            )
        conv.weight.data = weight.contiguous(memory_format=torch.channels_last)
        conv.bias.data = bias
    return net.to(device).eval()


def fingerprint(name: str) -> str:
    """What stands for the weights of a network in a result's key: their sha256, or as much of it as is published."""
    config = weights.read_own(MODELS[name])
    return str(config.get("sha256") or config["sha256_begins"])


def _read_hed(layers: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer of the VGG-16 in HED (Xie and Tu 2015); Keras stores weights as (3, 3, in, out)."""
    if importlib.util.find_spec("h5py") is None:
        raise weights.WeightsError("the weights of vgg16 are an HDF5 file: run: pip install h5py")
    import h5py

    path = weights.fetch(MODELS["vgg16"])
    names = [(layer[0], int(layer[2]) - 1) for layer in layers]
    keys = [f"block{block}/layers/conv2d{f'_{i}' if i else ''}/vars" for block, i in names]
    try:
        with h5py.File(path, "r") as file:
            read = [[torch.from_numpy(file[f"{key}/{i}"][()]) for i in (0, 1)] for key in keys]
    except (OSError, KeyError) as error:
        raise weights.WeightsError(f"{path}: expected HED's layers as Keras saves them: {error}") from error
    return [(weight.permute(3, 2, 0, 1), bias) for weight, bias in read]


def _read_torchvision(name: str) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution of torchvision's VGG, from the file that the user has downloaded.

    Its publisher states the first digits of its sha256 in its name, and no more: these are checked, and only tensors
    are read from it.
    """
    config = weights.read_own(MODELS[name])
    path = weights.cache() / name / str(config["file"])
    if not path.is_file():
        raise weights.WeightsError(f"{path}: no such file; for {name}, download {config['url']} to it, or use vgg16")
    found, begins = weights.digest(path), str(config["sha256_begins"])
    if not found.startswith(begins):
        raise weights.WeightsError(
            f"{path}: expected a sha256 that begins with {begins}, found {found}; fetch it again"
        )
    return from_torchvision(reading.read_tensors(path, f"torchvision's {name}"))


def from_torchvision(tensors: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """features.0.weight, features.0.bias, features.2.weight, ... -> (weight, bias) of each convolution, in order."""
    numbers = sorted(
        int(key.split(".")[1]) for key in tensors if key.startswith("features.") and key.endswith("weight")
    )
    return [(tensors[f"features.{n}.weight"], tensors[f"features.{n}.bias"]) for n in numbers]
