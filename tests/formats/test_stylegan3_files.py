"""StyleGAN3 files as NVIDIA's program writes them, T and R: opened, kept, painted as the paper says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import originals
import paper
import paper_alias_free as alias_free
import pytest
from paper_alias_free import Bands

from installation.__main__ import main

BOUND = 2  # of 255
T = Bands()
R = Bands(conv_kernel=1, use_radial_filters=True, channel_base=768, channel_max=32)


def add(path: Path, bands: Bands, tensors: dict, **how) -> int:
    originals.nvidia3(path, tensors, dataclasses.asdict(bands), layers=alias_free.states_of(bands), **how)
    return main(["models", "add", str(path), "--name", "mine"])


@pytest.mark.parametrize("bands", [T, R], ids="TR")
@pytest.mark.parametrize("protocol", [2, 5])
def test_a_seed_is_the_picture_that_nvidia_paints(home, paint, bands, protocol):
    tensors = alias_free.tensors_of(bands)
    assert add(home / "a.pkl", bands, tensors, protocol=protocol) == 0
    assert paper.farthest(paint("mine", "--seeds", "3"), alias_free.picture(tensors, bands, 3)) <= BOUND


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_truncated_classes_and_clamps(home, paint, channels):
    bands = dataclasses.replace(T, img_channels=channels, conv_clamp=1.5)
    tensors = alias_free.tensors_of(bands, classes=3)
    assert add(home / "a.pkl", bands, tensors) == 0
    expected = alias_free.picture(tensors, bands, 5, 0.6, klass=2)
    assert paper.farthest(paint("mine", "--seeds", "5", "--psi", "0.6", "--class", "2"), expected) <= BOUND


def test_what_the_file_says_of_its_bands_counts(home, paint):
    bands = dataclasses.replace(T, num_critical=1, output_scale=0.4, margin_size=6, filter_size=4)
    tensors = alias_free.tensors_of(bands)
    assert add(home / "a.pkl", bands, tensors) == 0
    assert paper.farthest(paint("mine", "--seeds", "1"), alias_free.picture(tensors, bands, 1)) <= BOUND


def test_bands_that_do_not_make_the_layers_that_are_there_are_refused(home, capsys):
    tensors = alias_free.tensors_of(T)
    assert add(home / "a.pkl", dataclasses.replace(T, channel_base=600), tensors) == 2
    assert "whose bands it does not say" in capsys.readouterr().err
    assert not (home / "data").exists()
