"""Small StyleGAN2 of random weights, in memory and as model folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file

from installation import files
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.weights import to_toml

SHAPE = NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 12})


def make_net(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    net = Generator(SHAPE)
    for parameter in net.synthesis.parameters():
        if parameter.ndim == 0:
            parameter.data.fill_(0.1)  # noise that is seen
    return net.eval().requires_grad_(False)


def save_model(folder: Path, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    path = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in make_net(seed).state_dict().items()}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"name": folder.name, "kind": "stylegan2", "file": path.name, "sha256": sha256, "licence": "CC0"}
    files.write_text(folder / "model.toml", to_toml(card | {"network": SHAPE.to_dict()}))
    return folder
