"""Random weights in; files of FastGAN and BigGAN in their own programs' layout out, spectral norm and all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

sys.path.append(str(Path(__file__).parent.parent / "generators"))
import small

WIDTHS = {4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 0.5, 512: 0.25, 1024: 0.125}
TWICE = (8, 32, 128, 512)


def _settled(net: nn.Module) -> nn.Module:
    """Norms as if they had learned, and spectral norms that have found the largest singular value."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.bias, 0.0, 0.2)
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.05, 0.2)
        if hasattr(module, "weight_orig"):
            weight = module.weight_orig.detach()
            weight = weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else weight
            left, _, right = torch.linalg.svd(weight.flatten(1), full_matrices=False)
            module.weight_u.copy_(left[:, 0])
            module.weight_v.copy_(right[0])
    return net.eval()


class Noise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1,), 0.3))


def _block(before: int, after: int, twice: bool) -> nn.Sequential:
    def step(inputs: int) -> list[nn.Module]:
        conv = spectral_norm(nn.Conv2d(inputs, after * 2, 3, 1, 1, bias=False))
        return [conv, *([Noise()] if twice else []), nn.BatchNorm2d(after * 2), nn.GLU(1)]

    return nn.Sequential(nn.Upsample(scale_factor=2), *step(before), *(step(after) if twice else []))


def _excitation(small: int, big: int) -> nn.Module:
    block = nn.Module()
    first = spectral_norm(nn.Conv2d(small, big, 4, bias=False))
    second = spectral_norm(nn.Conv2d(big, big, 1, bias=False))
    block.main = nn.Sequential(nn.AdaptiveAvgPool2d(4), first, nn.SiLU(), second, nn.Sigmoid())
    return block


def fastgan_net(resolution: int = 256, z: int = 20, ngf: int = 8, planes: int = 3, seed: int = 4) -> nn.Module:
    """Their modules, in the order in which they register them."""
    torch.manual_seed(seed)
    width = {size: int(share * ngf) for size, share in WIDTHS.items()}
    net = nn.Module()
    net.init = nn.Module()
    start = spectral_norm(nn.ConvTranspose2d(z, width[4] * 2, 4, bias=False))
    net.init.init = nn.Sequential(start, nn.BatchNorm2d(width[4] * 2), nn.GLU(1))
    for size in (8, 16, 32, 64, 128, 256):
        net.add_module(f"feat_{size}", _block(width[size // 2], width[size], size in TWICE))
    for size in (64, 128, 256):
        net.add_module(f"se_{size}", _excitation(width[size // 16], width[size]))
    net.to_128 = spectral_norm(nn.Conv2d(width[128], planes, 1, bias=False))
    net.to_big = spectral_norm(nn.Conv2d(width[resolution], planes, 3, 1, 1, bias=False))
    if resolution > 256:
        net.feat_512 = _block(width[256], width[512], True)
        net.se_512 = _excitation(width[32], width[512])
    if resolution > 512:
        net.feat_1024 = _block(width[512], width[1024], False)
    return _settled(net)


def fastgan(path: Path, net: nn.Module, kind: str = "snapshot", old: bool = False) -> dict[str, Tensor]:
    """N.pth (snapshot), or all_N.pth (all) whose `g` is not the average; returns the state that is meant."""
    state = {name: value.clone() for name, value in net.state_dict().items()}
    if kind == "snapshot":
        table: dict[str, Any] = {"g": {f"module.{name}": value for name, value in state.items()}, "d": {}}
    else:
        average = [parameter.detach().clone() for parameter in net.parameters()]
        for parameter in net.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        table = {"g": dict(net.state_dict()), "d": {}, "g_ema": average, "opt_g": {"state": {}}, "opt_d": {}}
    torch.save(table, path, _use_new_zipfile_serialization=not old)
    return state


def lightweight(path: Path, size: int = 64, planes: int = 3, attended: tuple[int, ...] = (8,)) -> dict[str, Tensor]:
    """model_N.pt: the whole GAN's state, the averaged generator's under GE.; returns that."""
    state = dict(small.small_lightweight(size, planes, attended).state_dict())
    whole = {f"G.{name}": value + 1 for name, value in state.items()} | {"D.logits.weight": torch.ones(3)}
    whole |= {f"GE.{name}": value for name, value in state.items()}
    torch.save({"GAN": whole, "version": "1.2.1", "G_scaler": {}, "D_scaler": {}}, path)
    return state


def _statistics(channels: int, told: int, count: int, conditional: bool = True) -> nn.Module:
    norm = nn.Module()
    norm.register_buffer("running_means", torch.randn(count, channels) * 0.1)
    norm.register_buffer("running_vars", torch.rand(count, channels) * 0.3 + 0.1)
    if conditional:
        norm.scale = spectral_norm(nn.Linear(told, channels, bias=False))
        norm.offset = spectral_norm(nn.Linear(told, channels, bias=False))
    else:
        norm.weight, norm.bias = nn.Parameter(torch.rand(channels) + 0.5), nn.Parameter(torch.randn(channels) * 0.2)
    return norm


def biggan_config() -> dict[str, Any]:
    """A config.json, of a network of 32 px."""
    layers = [[False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 4], [False, 4, 2], [True, 2, 1]]
    config = {"output_dim": 32, "z_dim": 12, "class_embed_dim": 12, "channel_width": 8, "num_classes": 7}
    return config | {"layers": layers, "attention_layer_position": 3, "eps": 1e-4, "n_stats": 51}


def biggan(folder: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    """pytorch_model.bin and config.json; returns the state."""
    torch.manual_seed(5)
    width, told, count = config["channel_width"], 2 * config["z_dim"], config["n_stats"]
    net = nn.Module()
    net.embeddings = nn.Linear(config["num_classes"], config["z_dim"], bias=False)
    net.generator = nn.Module()
    net.generator.gen_z = spectral_norm(nn.Linear(told, 16 * 16 * width))
    layers: list[nn.Module] = []
    for i, (_, inputs, out) in enumerate(config["layers"]):
        inputs, out = inputs * width, out * width
        if i == config["attention_layer_position"]:
            layers.append(_attention(inputs))
        middle = inputs // 4
        block = nn.Module()
        shapes = [(inputs, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, out, 1)]
        for number, (before, after, kernel) in enumerate(shapes):
            block.add_module(f"bn_{number}", _statistics(before, told, count))
            conv = nn.Conv2d(before, after, kernel, padding=kernel // 2)
            block.add_module(f"conv_{number}", spectral_norm(conv))
        layers.append(block)
    net.generator.layers = nn.ModuleList(layers)
    net.generator.bn = _statistics(width, told, count, conditional=False)
    net.generator.conv_to_rgb = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
    folder.mkdir(exist_ok=True)
    _settled(net)
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(net.state_dict(), folder / "pytorch_model.bin")
    return net.state_dict()


def _attention(channels: int) -> nn.Module:
    part = nn.Module()
    for name, before, after in (
        ("theta", channels, channels // 8),
        ("phi", channels, channels // 8),
        ("g", channels, channels // 2),
        ("o_conv", channels // 2, channels),
    ):
        part.add_module(f"snconv1x1_{name}", spectral_norm(nn.Conv2d(before, after, 1, bias=False)))
    part.gamma = nn.Parameter(torch.tensor([0.7]))
    return part
