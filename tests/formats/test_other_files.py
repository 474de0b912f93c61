"""Files of DCGAN, FastGAN and BigGAN as their own programs write them: opened, kept, painted as their papers say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import originals
import originals_others as others
import paper
import paper_others
import pytest
import torch

from installation.__main__ import main

BOUND = 2  # of 255


def add(*paths: Path) -> None:
    assert main(["models", "add", *map(str, paths), "--name", "mine"]) == 0


def pixels(picture: torch.Tensor) -> np.ndarray:
    """As the tools write it, but with its fractions."""
    found = (picture[0].detach() * 127.5 + 128).clamp(0, 255).permute(1, 2, 0).numpy()
    return found[..., 0] if found.shape[2] == 1 else found


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("old", [False, True])
def test_a_dcgan(home, paint, planes, old):
    path = originals.dcgan(home / "a.pth", channels=(16, 12, 8, planes), old=old)
    add(path)
    expected = pixels(paper_others.dcgan(_floats(torch.load(path)), paper.z_of(3, 10)))
    assert paper.farthest(paint("mine", "--seeds", "3"), expected) <= BOUND


def _floats(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize(("kind", "resolution"), [("snapshot", 256), ("all", 512), ("snapshot", 1024)])
def test_a_fastgan_and_its_average(home, paint, kind, resolution):
    state = others.fastgan(home / "a.pth", others.fastgan_net(resolution), kind)
    add(home / "a.pth")
    expected = pixels(paper_others.fastgan(state, paper.z_of(3, 20), resolution))
    assert paper.farthest(paint("mine", "--seeds", "3", "--noise", "none"), expected) <= BOUND


def test_an_average_of_another_network_is_refused(home, capsys):
    net = others.fastgan_net()
    others.fastgan(home / "a.pth", net, "all")
    table = torch.load(home / "a.pth")
    table["g_ema"].pop()
    torch.save(table, home / "a.pth")
    assert main(["models", "add", str(home / "a.pth")]) == 2
    assert "average is of another network" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["both", "turned", "folder"])
def test_the_two_files_of_a_biggan(home, paint, given):
    config, folder = others.biggan_config(), home / "biggan"
    state = others.biggan(folder, config)
    files = [folder / "config.json", folder / "pytorch_model.bin"]
    add(*{"both": files, "turned": files[::-1], "folder": [folder]}[given])
    from installation.machine.models.pictures import open_generator

    z = open_generator("mine").of_seed(3)[:, : config["z_dim"]]
    expected = pixels(paper_others.biggan(state, config, z, klass=4, place=config["n_stats"] - 1))
    assert paper.farthest(paint("mine", "--seeds", "3", "--class", "4"), expected) <= BOUND


@pytest.mark.parametrize(("size", "planes", "attended"), [(64, 3, (8,)), (32, 1, ())])
def test_a_lightweight_gan_and_its_average(home, paint, size, planes, attended):
    from test_lightweight import equations

    state = others.lightweight(home / "model_7.pt", size, planes, attended)
    (home / ".config.json").write_text('{"image_size": 64, "attn_res_layers": [8], "freq_chan_attn": false}')
    add(home / "model_7.pt", home / ".config.json")
    z = paper.z_of(3, state["initial_conv.0.weight"].shape[0]).numpy()
    expected = pixels(equations(state, z, attended, 0.0) * 2 - 1)
    assert paper.farthest(paint("mine", "--seeds", "3", "--noise", "none"), expected) <= BOUND


def test_frequency_channel_attention_is_refused_by_its_name(home, capsys):
    others.lightweight(home / "model_7.pt")
    (home / ".config.json").write_text('{"freq_chan_attn": true}')
    assert main(["models", "add", str(home / "model_7.pt"), str(home / ".config.json")]) == 2
    assert "frequency channel attention" in capsys.readouterr().err


def test_a_biggan_without_its_settings_asks_for_them(home, capsys):
    others.biggan(home / "biggan", others.biggan_config())
    assert main(["models", "add", str(home / "biggan/pytorch_model.bin")]) == 2
    said = capsys.readouterr().err
    assert "config.json" in said and said.count("\n") == 1
