"""Pictures in, two scores (harmless, naked) out: Yahoo's open_nsfw, a thin ResNet-50 that was trained on bodies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights

MODEL = "open-nsfw"
LAYERS = ((32, 1, 3), (64, 2, 4), (128, 2, 6), (256, 2, 3))  # width inside a block, stride of the first, blocks
MEAN_BGR = (104.0, 117.0, 123.0)


class OpenNsfw(nn.Module):
    """open_nsfw (Mahadeokar and Pesavento 2016): pictures (B, 3, H, W) RGB in -1..1 -> logits (B, 2).

    The first logit stands for harmless, the second for naked. Each normalisation is folded into its convolution.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3)
        self.blocks = nn.ModuleList()
        inputs = 64
        for width, stride, repeats in LAYERS:
            for i in range(repeats):
                self.blocks.append(Bottleneck(inputs, width, stride if i == 0 else 1, projects=i == 0))
                inputs = 4 * width
        self.last = nn.Linear(inputs, 2)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures
        for _, x in self.walk(pictures):  # noqa: B007 (the last layer's is what is wanted)
            pass
        return self.classes(x)

    score = forward

    def walk(self, pictures: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What each layer makes of pictures, by its name: stem, block0, block1, ..., block15."""
        x = (pictures.flip(1) + 1) * 127.5 - self.mean  # (B, 3, H, W) BGR 0..255 less the mean
        x = F.relu(self.stem(x))
        yield "stem", x
        x = F.max_pool2d(_pad_for_pool(x), 3, 2)  # (B, 64, H/4, W/4)
        for number, block in enumerate(self.blocks):
            x = block(x)
            yield f"block{number}", x

    def classes(self, last: Tensor) -> Tensor:
        """The logits (B, 2) of what the last block saw (B, 1024, h, w)."""
        return self.last(last.mean((2, 3)))


class Bottleneck(nn.Module):
    """Narrow, filter, widen, add. As in Caffe the stride is in the first convolution."""

    def __init__(self, inputs: int, width: int, stride: int, projects: bool) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, width, 1, stride)
        self.filter = nn.Conv2d(width, width, 3, 1, 1)
        self.project = nn.Conv2d(inputs, 4 * width, 1, stride) if projects else None
        self.widen = nn.Conv2d(width, 4 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.widen(F.relu(self.filter(F.relu(self.narrow(x)))))
        return F.relu(y + (x if self.project is None else self.project(x)))

    def in_order(self) -> list[nn.Conv2d]:
        """Its convolutions in the order in which the ONNX file has them."""
        return [conv for conv in (self.narrow, self.filter, self.project, self.widen) if conv is not None]


def _pad_for_pool(x: Tensor) -> Tensor:
    """TensorFlow's "same" for a 3 px window at stride 2; zeros, which never win after a ReLU."""
    right, below = (max((-(-size // 2) - 1) * 2 + 3 - size, 0) for size in (x.shape[-1], x.shape[-2]))
    return F.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))


def load_open_nsfw(device: torch.device) -> OpenNsfw:
    """The net with its verified weights. Raises weights.WeightsError when the file is missing or not of this shape."""
    path = weights.fetch(MODEL)
    found, last = read_convolutions(path)
    net = OpenNsfw()
    convs = [net.stem] + [conv for block in net.blocks for conv in block.in_order()]  # type: ignore[operator]
    shapes = [tuple(conv.weight.shape) for conv in convs]
    if [kernel.shape for kernel, _ in found] != shapes or last[0].shape != (1024, 2):
        raise weights.WeightsError(
            f"{path}: expected open_nsfw's {len(shapes)} convolutions, found {len(found)} others"
        )
    for conv, (kernel, bias) in zip(convs, found, strict=True):
        conv.weight.copy_(torch.from_numpy(kernel))
        conv.bias.copy_(torch.from_numpy(bias))  # type: ignore[union-attr]
    net.last.weight.copy_(torch.tensor(last[0].T.copy()))
    net.last.bias.copy_(torch.tensor(last[1]))
    return net.to(device)


Folded = tuple[np.ndarray, np.ndarray]


def read_convolutions(path: Path) -> tuple[list[Folded], Folded]:
    """An ONNX file -> (kernel, bias) of each convolution in graph order, and (matrix, bias) of the last layer.

    Every convolution is followed by + bias, - mean, x scale, + shift; the four are folded into kernel and bias.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            bias, mean, scale, shift = _follow(node, readers, values, 4)
            kernel = values[node.input[1]] * scale.reshape(-1, 1, 1, 1)
            found.append((kernel.astype(np.float32), ((bias - mean) * scale + shift).astype(np.float32)))
    last = next(node for node in graph.node if node.op_type == "MatMul")
    return found, (values[last.input[1]], _follow(last, readers, values, 1)[0])


def _follow(node: Any, readers: dict[str, list[Any]], values: dict[str, np.ndarray], count: int) -> list[np.ndarray]:
    """The constants of the next `count` sums and products after a node, each as a vector."""
    constants: list[np.ndarray] = []
    while len(constants) < count:
        node = readers[node.output[0]][0]
        constants += [values[name].reshape(-1) for name in node.input if name in values]
    return constants
