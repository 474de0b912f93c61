"""Small networks of random weights, of every kind that paints straight from chance."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from installation import plugins
from installation.generators import autoencoder, biggan, dcgan, fastgan, lightweight, onnx, translator
from installation.generators.translator.fast import Fast
from installation.networks import encoder
from installation.networks.unet import NetworkConfig, UNet
from installation.weights import to_toml

CHOSEN = {
    "autoencoder": "Autoencoder",
    "dcgan": "DCGAN",
    "fastgan": "FastGAN",
    "biggan": "BigGAN",
    "lightweight": "Lightweight",
}


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


def small_fastgan(resolution: int = 256, planes: int = 3) -> fastgan.network.Generator:
    net = lively(fastgan.network.Generator(fastgan.network.NetworkConfig(resolution, 24, 8, planes)), 1.0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.add_(1.5)
    return net


def small_biggan(width: int = 8) -> biggan.network.Generator:
    config = biggan.network.NetworkConfig(
        output_dim=32,
        layers=((0, 16, 16), (1, 16, 8), (0, 8, 4), (1, 4, 2), (0, 2, 2), (1, 2, 1)),
        z_dim=12,
        class_embed_dim=12,
        channel_width=width,
        num_classes=7,
        attention_layer_position=4,
        eps=1e-3,
    )
    net = lively(biggan.network.Generator(config), 0.6)
    for part in net.generator.modules():
        if isinstance(part, biggan.network.Statistics) and hasattr(part, "scale"):
            part.scale.weight.mul_(0.3)
    net.generator.bn.weight.add_(0.6)
    net.generator.layers[4].gamma.fill_(0.7)
    net.embeddings.weight.mul_(2)
    return net


def small_lightweight(size: int = 128, planes: int = 3, attended: tuple[int, ...] = (8, 16)):
    config = lightweight.network.NetworkConfig(size, 20, 16, planes, attended)
    net = lively(lightweight.network.Generator(config), 0.9)
    for name, part in net.named_modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.add_(1.0)
        elif name.endswith("norm"):
            part.g.add_(0.5)
        elif name.endswith(("to_k", "to_q", "to_lin_q", "to_kv")):
            part.weight.mul_(0.3)  # what looks everywhere at once jumps nowhere
    net.out_conv.bias.add_(0.5)
    for name, buffer in net.named_buffers():
        if name.endswith(".f"):
            buffer.copy_(torch.tensor([1.0, 2.0, 1.0]))
    return net


def small_autoencoder(kind: str = "dense", planes: int = 1) -> autoencoder.network.Generator:
    """A decoder that mixes soft forms, and the codes of twenty pictures."""
    widths, start = ((9, 24, 16), 1) if kind == "dense" else ((9, 16, 8), 8)
    config = autoencoder.network.NetworkConfig(kind, 32, planes, widths, start, 20)
    net = lively(autoencoder.network.Generator(config), 1.2)
    net.codes.copy_(torch.randn(20, 9, generator=torch.Generator().manual_seed(1)))
    net.spread.copy_(torch.eye(9) + 0.1 * net.spread)
    if kind == "dense":
        rough = torch.randn(16 * planes, 1, 5, 5, generator=torch.Generator().manual_seed(2))
        soft = nn.functional.interpolate(rough, (32, 32), mode="bicubic")
        net.pictures.copy_(0.12 * soft.view(16, planes, 32, 32))
    return net


def small_encoder(w_dim: int = 24) -> encoder.Encoder:
    """One that sees something, though nothing that it was taught."""
    return lively(encoder.Encoder(encoder.EncoderConfig(32, (8, 12, 16), w_dim)), 1.0)


def save(net: nn.Module, kind: str, folder: Path) -> Path:
    """A network as a model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"name": folder.name, "kind": kind, "file": path.name, "sha256": sha256, "network": net.config.to_dict()}
    (folder / "model.toml").write_text(to_toml(card))
    return folder


def frozen(name: str, size: int) -> Tensor:
    """The noise of a layer as every show has it: drawn from the checksum of its name."""
    drawn = np.random.RandomState(zlib.crc32(name.encode())).randn(1, 1, size, size)
    return torch.from_numpy(drawn.astype(np.float32))


def onnx_painter(z_dim: int = 16, classes: int = 0, planes: int = 3, last: bool = False, label: str = "float"):
    """A graph of a DCGAN's kind: z (and a class, as shares or as a number) -> a picture of 16 px, -1..1."""
    from onnx import TensorProto, helper, numpy_helper

    seeded = np.random.RandomState(2)
    first = (seeded.randn(z_dim, 8 * 64) * 0.3).astype(np.float32)
    second = (seeded.randn(8, planes, 4, 4) * 0.4).astype(np.float32)
    numbers = {"first": first, "second": second, "shape": np.array([1, 8, 8, 8])}
    nodes = [helper.make_node("MatMul", ["z", "first"], ["a"])]
    inputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", z_dim])]
    if classes:
        numbers["table"] = seeded.randn(classes, 8 * 64).astype(np.float32)
        whole = label == "number"
        kind, size = (TensorProto.INT64, [1]) if whole else (TensorProto.FLOAT, [1, classes])
        inputs.append(helper.make_tensor_value_info("label", kind, size))
        nodes.append(
            helper.make_node("Gather", ["table", "label"], ["told"])
            if whole
            else helper.make_node("MatMul", ["label", "table"], ["told"])
        )
        nodes.append(helper.make_node("Add", ["a", "told"], ["b"]))
    nodes += [
        helper.make_node("Relu", ["b" if classes else "a"], ["c"]),
        helper.make_node("Reshape", ["c", "shape"], ["d"]),
        helper.make_node("ConvTranspose", ["d", "second"], ["e"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Tanh", ["e"], ["f"]),
        *([helper.make_node("Transpose", ["f"], ["picture"], perm=[0, 2, 3, 1])] if last else []),
    ]
    name, size = ("picture", [1, 16, 16, planes]) if last else ("f", [1, planes, 16, 16])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size)]
    stored = [numpy_helper.from_array(value, key) for key, value in numbers.items()]
    return as_model(nodes, inputs, outputs, stored)


def as_model(nodes, inputs, outputs, stored=()):
    from onnx import helper

    graph = helper.make_graph(nodes, "painter", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def play_onnx(model, bends=(), seed: int = 3, folder: Path | None = None, card: str = "", **settings):
    """A graph in a model's folder, opened as a show opens it."""
    folder = folder or Path(tempfile.mkdtemp())
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.toml").write_text(f'name = "x"\nkind = "onnx"\nfile = "model.onnx"\nsha256 = "{sha256}"\n{card}')
    return onnx.create(onnx.Settings(str(folder), **settings), bends, (48, 32), "cpu", seed)


NETS = {
    "autoencoder": small_autoencoder,
    "dcgan": small_dcgan,
    "fastgan": small_fastgan,
    "biggan": small_biggan,
    "lightweight": small_lightweight,
}


def translator_net() -> UNet:
    """A translator's network of random weights, whose picture has the strength of a trained one's."""
    torch.manual_seed(0)
    net = UNet(NetworkConfig(widths=(8, 12), outer=8)).eval().requires_grad_(False)
    net.rgb.weight.data.mul_(4)
    return net


def play_translator(bends=(), seed: int = 3, size=(48, 32), sight: str = "grey", **settings):
    """A translator over `pattern`."""
    palettes = torch.rand(5, 9, generator=torch.Generator().manual_seed(1)) * 2 - 1
    brush = Fast(translator_net(), size, torch.device("cpu"), torch.float32, sight, palettes)
    return translator.play(brush, translator.Settings(**settings), bends, seed)
