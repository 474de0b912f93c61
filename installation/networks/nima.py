"""Pictures in, ten bins of aesthetic score out: NIMA on MobileNet, read from its published Keras file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weight_files, weights

MODEL = "nima"
SEEN_PX = 224
BINS = 10
MOST_NUMBERS = 20_000_000  # MobileNet has four million
BLOCKS = (  # inputs, outputs, stride
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *[(512, 512, 1)] * 5,
    (512, 1024, 2),
    (1024, 1024, 1),
)
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


class Nima(nn.Module):
    """MobileNet (Howard et al. 2017) with ten bins (NIMA, Talebi and Milanfar 2018).

    Layers bear the names of the Keras file; padding is one pixel all around, as in the Keras 2.1 it was trained with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.conv1_bn = nn.BatchNorm2d(32, eps=1e-3)
        for i, (inputs, outputs, stride) in enumerate(BLOCKS, 1):
            self.add_module(f"conv_dw_{i}", nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False))
            self.add_module(f"conv_dw_{i}_bn", nn.BatchNorm2d(inputs, eps=1e-3))
            self.add_module(f"conv_pw_{i}", nn.Conv2d(inputs, outputs, 1, bias=False))
            self.add_module(f"conv_pw_{i}_bn", nn.BatchNorm2d(outputs, eps=1e-3))
        self.dense = nn.Linear(1024, BINS)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, 224, 224), RGB -1..1 -> probabilities (B, 10) of the scores 1..10."""
        layers = dict(self.named_children())
        x = F.relu6(self.conv1_bn(self.conv1(pictures)))  # (B, 32, 112, 112)
        for i in range(1, len(BLOCKS) + 1):
            for kind in ("dw", "pw"):
                x = F.relu6(layers[f"conv_{kind}_{i}_bn"](layers[f"conv_{kind}_{i}"](x)))
        return self.dense(x.mean((2, 3))).softmax(1)  # (B, 1024, 7, 7) -> (B, 10)


def mean_score(probabilities: Tensor) -> Tensor:
    """Probabilities (B, 10) -> mean scores (B,), 1..10."""
    return (probabilities * torch.arange(1, BINS + 1, device=probabilities.device)).sum(1)


def where() -> Path:
    """Where the weights are looked for when the settings name no file."""
    return weights.cache() / MODEL / str(weights.read_own(MODEL)["file"])


def how_to_get() -> str:
    """What to do for the figure, in one line."""
    return f"for NIMA's figure download {weights.read_own(MODEL)['url']} to {where()}"


def load_nima(path: Path, device: torch.device) -> Nima:
    """The net with the arrays of a Keras weights file. Raises WeightsError when the file is not of this network."""
    net = Nima()
    found = read_keras(path)
    state = {}
    for name, wanted in net.state_dict().items():
        layer, _, what = name.rpartition(".")
        if what == "num_batches_tracked":
            continue
        values = _match(layer, what, found)
        if values is None or tuple(values.shape) != tuple(wanted.shape):
            shape = None if values is None else tuple(values.shape)
            raise weights.WeightsError(
                f"{path}: expected NIMA's MobileNet weights, {name} {tuple(wanted.shape)}; found {shape or 'none'}; "
                + how_to_get()
            )
        state[name] = torch.from_numpy(np.ascontiguousarray(values))
    net.load_state_dict(state, strict=False)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net.to(device)


def read_keras(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """{(layer, array): values} of a Keras HDF5 file. Raises WeightsError for another or a torn file.

    Links to other files are not followed and arrays kept in other files are refused.
    """
    import h5py

    found: dict[tuple[str, str], np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.is_virtual or item.external or item.size > 4_000_000:
            return
        if sum(values.size for values in found.values()) + item.size > MOST_NUMBERS:
            raise ValueError(f"more than {MOST_NUMBERS} numbers")
        parts = name.split("/")
        if len(parts) >= 2 and item.dtype.kind == "f":
            layer = "dense" if parts[-2].startswith("dense") else parts[-2]
            found[layer, parts[-1].partition(":")[0]] = np.asarray(item[()], np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise weight_files.refuse(path, "a whole HDF5 file of Keras weights", error) from error
    return found


def _match(layer: str, what: str, found: dict[tuple[str, str], np.ndarray]) -> np.ndarray | None:
    """The array of one parameter of ours, turned from Keras's order of axes (H, W, in, out) to ours."""
    if layer.endswith("_bn"):
        theirs = {ours: keras for keras, ours in NORM.items()}[what]
        return found.get((layer, theirs))
    if layer == "dense":
        values = found.get(("dense", "kernel" if what == "weight" else "bias"))
        return values.T if values is not None and what == "weight" else values
    depthwise = layer.startswith("conv_dw")
    values = found.get((layer, "depthwise_kernel" if depthwise else "kernel"))
    if values is None or values.ndim != 4:
        return values
    return values.transpose(2, 3, 0, 1) if depthwise else values.transpose(3, 2, 0, 1)
