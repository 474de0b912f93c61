"""StyleGAN2 files as NVIDIA's two programs and rosinality's write them: opened, kept, painted as the paper says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import originals
import paper
import pytest
import torch
from PIL import Image

from installation.__main__ import main

BOUND = 2  # of 255


def add(path: Path, name: str = "mine", *words: str) -> Path:
    assert main(["models", "add", str(path), "--name", name, *words]) == 0
    return path.parent.parent / "data/installation/models" / name


def lies(home: Path, name: str) -> Path:
    return home / "work" / name


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("nested", [True, False])
def test_a_seed_of_an_nvidia_pickle_is_the_picture_that_nvidia_paints(home, paint, protocol, nested):
    tensors = originals.stylegan2()
    add(originals.nvidia(lies(home, "a.pkl"), tensors, protocol, nested))
    assert paper.farthest(paint("mine", "--seeds", "3"), paper.picture(tensors, 3)) <= BOUND


@pytest.mark.parametrize("psi", [0.0, 0.7])
@pytest.mark.parametrize("noise", ["const", "none"])
def test_truncation_and_noise_mean_what_they_mean_in_nvidias_tools(home, paint, psi, noise):
    tensors = originals.stylegan2()
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    found = paint("mine", "--seeds", "85", "--psi", str(psi), "--noise", noise)
    assert paper.farthest(found, paper.picture(tensors, 85, psi, noise=noise)) <= BOUND


def test_random_noise_is_another_each_time(home, paint):
    add(originals.nvidia(lies(home, "a.pkl"), originals.stylegan2()))
    one, other = (paint("mine", "--seeds", "1", "--noise", "random") for _ in range(2))
    assert np.abs(one.astype(int) - other).mean() > 0.5


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_colour_and_transparent_pictures(home, paint, channels):
    tensors = originals.stylegan2(channels=channels)
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    assert paper.farthest(paint("mine", "--seeds", "0"), paper.picture(tensors, 0)) <= BOUND


@pytest.mark.parametrize("klass", [0, 4])
def test_a_conditional_network_paints_the_class_that_is_asked_for(home, paint, klass):
    tensors = originals.stylegan2(classes=5)
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    found = paint("mine", "--seeds", "7", "--psi", "0.8", "--class", str(klass))
    assert paper.farthest(found, paper.picture(tensors, 7, 0.8, klass)) <= BOUND


def test_a_network_that_begins_with_more_columns_paints_wide_pictures(home, paint):
    tensors = originals.stylegan2(start=(3, 7))
    add(originals.nvidia(lies(home, "a.pkl"), tensors, init_res=[3, 7]))
    found = paint("mine", "--seeds", "7")
    assert found.shape == (12, 28, 3)
    assert paper.farthest(found, paper.picture(tensors, 7)) <= BOUND


def test_half_precision_and_clamps_of_nvidias_fast_networks(home, paint):
    tensors = {name: value.half() for name, value in originals.stylegan2().items()}
    add(originals.nvidia(lies(home, "a.pkl"), tensors, clamp=1.5))
    expected = paper.picture(tensors, 2, clamp=1.5)
    assert paper.farthest(paint("mine", "--seeds", "2"), expected) <= BOUND
    assert np.abs(expected - paper.picture(tensors, 2)).max() > 10, "the clamp is seen"


def test_a_mapping_that_learned_at_another_rate(home, paint):
    tensors = originals.stylegan2()
    add(originals.nvidia(lies(home, "a.pkl"), tensors, lr=0.02))
    assert paper.farthest(paint("mine", "--seeds", "2"), paper.picture(tensors, 2, lr=0.02)) <= BOUND


def test_a_network_without_noise(home, paint, capsys):
    tensors = originals.stylegan2(noise=False)
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    assert "without noise" in capsys.readouterr().out
    assert paper.farthest(paint("mine", "--seeds", "2"), paper.picture(tensors, 2)) <= BOUND


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_pickle_of_the_tensorflow_time(home, paint, protocol, classes):
    tensors = originals.stylegan2(classes=classes)
    add(originals.nvidia_tf(lies(home, "a.pkl"), tensors, protocol, resample_kernel=[1, 3, 3, 1]))
    words = ["--class", "1"] if classes else []
    assert paper.farthest(paint("mine", "--seeds", "5", *words), paper.picture(tensors, 5, klass=1)) <= BOUND


@pytest.mark.parametrize("old", [False, True])
def test_a_converted_checkpoint_of_rosinality(home, paint, old):
    tensors = originals.stylegan2(size=32)
    add(originals.rosinality(lies(home, "a.pt"), tensors, trained=False, old=old))
    assert paper.farthest(paint("mine", "--seeds", "5", "--psi", "0.5"), paper.picture(tensors, 5, 0.5)) <= BOUND


def test_a_training_checkpoint_of_rosinality_brings_no_average_and_is_told_so(home, paint, capsys):
    tensors = originals.stylegan2()
    add(originals.rosinality(lies(home, "a.pt"), tensors))
    assert "no average" in capsys.readouterr().out
    assert paper.farthest(paint("mine", "--seeds", "5"), paper.picture(tensors, 5)) <= BOUND
    z = torch.randn(4096, 12, generator=torch.Generator().manual_seed(9))
    own = {name: value.double() for name, value in tensors.items()}
    average = paper.mapping(own, z, None, 1.0).mean(0)
    expected = paper.picture(tensors | {"mapping.w_avg": average}, 5, 0.0)
    assert np.abs(paint("mine", "--seeds", "5", "--psi", "0").astype(float) - expected).mean() < 6


def test_points_z_and_w_from_files(home, paint):
    tensors = originals.stylegan2()
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    own = {name: value.double() for name, value in tensors.items()}
    z = paper.z_of(11, 12)
    np.save(home / "z.npy", z.numpy())
    assert (
        paper.farthest(paint("mine", "--z", str(home / "z.npy"), "--psi", "0.6"), paper.picture(tensors, 11, 0.6))
        <= BOUND
    )
    ws = torch.cat([paper.mapping(own, paper.z_of(seed, 12), None, 1.0) for seed in range(6)])
    np.savez(home / "w.npz", w=ws[None].numpy())
    expected = (paper.synthesis(own, ws)[0] * 127.5 + 128).clamp(0, 255).permute(1, 2, 0).numpy()
    assert paper.farthest(paint("mine", "--w", str(home / "w.npz")), expected) <= BOUND


def test_as_the_show_plays_it_a_seed_is_the_same_picture(home, paint):
    tensors = originals.stylegan2()
    add(originals.nvidia(lies(home, "a.pkl"), tensors))
    found = paint("mine", "--seeds", "3", "--dtype", "auto").astype(float)
    assert np.abs(found - paper.picture(tensors, 3)).mean() < 6, "in whatever this machine is quick in"


def test_what_was_kept_says_what_it_is_and_where_it_came_from(home, capsys):
    path = originals.nvidia(lies(home, "net.pkl"), originals.stylegan2())
    folder = add(path, "flowers", "--licence", "CC0")
    said = capsys.readouterr().out
    card = tomllib.loads((folder / "model.toml").read_text())
    assert card["kind"] == "stylegan2" and card["licence"] == "CC0" and card["credit"] == "unknown"
    assert card["source_file"]["name"] == "net.pkl" and card["source_file"]["format"] == "nvidia"
    assert "installation live --model flowers" in said
    with Image.open(folder / "samples.png") as sheet:
        assert np.asarray(sheet.convert("L")).std() > 20
    assert sorted(p.name for p in folder.iterdir()) == ["model.toml", "samples.png", "weights.safetensors"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"synthesis.b8.skip.weight": torch.ones(12, 20, 1, 1)}, "resnet variant"),
        ({"synthesis.b8.torgb.weight": None}, "orig variant"),
        ({"synthesis.b8.resample_filter": torch.ones(4, 4) / 16}, "filter of its own"),
        ({"synthesis.b16.torgb.weight": torch.ones(5, 12, 1, 1)}, "5 channels"),
        ({"synthesis.b4.const": torch.full((20, 4, 4), torch.nan)}, "numbers without an end"),
    ],
)
def test_what_does_not_play_is_refused_by_its_name(home, capsys, change, says):
    tensors = {k: v for k, v in (originals.stylegan2() | change).items() if v is not None}
    path = originals.nvidia(lies(home, "a.pkl"), tensors)
    assert main(["models", "add", str(path)]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert not (home / "data").exists()
