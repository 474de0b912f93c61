"""A small StyleGAN2 of random weights, as a model in a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from installation import files
from installation.generators import stylegan2
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.settings import Part, Show
from installation.training.export import to_toml

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


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, empty, and a working folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "data" / "installation"


@pytest.fixture
def model(tmp_path: Path, own: Path) -> Path:
    return save_model(tmp_path / "small")


@pytest.fixture
def generator(model: Path) -> stylegan2.StyleGAN2:
    return stylegan2.create(stylegan2.Settings(model=str(model), dtype="float32"), device="cpu", seed=3)


@pytest.fixture
def show(model: Path) -> Show:
    return Show("small", generator=Part("stylegan2", {"model": str(model), "dtype": "float32"}), seed=3)
