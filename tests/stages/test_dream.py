"""What an artist gets of a dream: more of what a net sees, the same for the same seed, in no more memory when large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from installation.networks import eyes
from installation.signals import Still
from installation.stages import dream
from installation.stages.dream import climbing
from installation.stages.work import Work

SMALL = {"smallest_px": 64, "steps": 3, "tile_px": 64, "rim_px": 8, "jitter_px": 8, "imagine_px": 64}


def clouds(height: int = 90, width: int = 120) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] / 20
    waves = np.stack([np.sin(x + y), np.sin(x * 1.3 - y), np.cos(0.7 * y)], -1)
    return ((waves * 0.3 + 0.5) * 65535).astype(np.uint16)


def run(tmp_path: Path, name: str, picture: np.ndarray, seed: int = 1, **settings: object) -> np.ndarray:
    (tmp_path / name).mkdir()
    stage = dream.create(dream.Settings(**SMALL | settings))  # type: ignore[arg-type]
    return np.array(stage.run((Still(picture, "x", "key"),), Work(seed, tmp_path / name)).pixels)


def seen(picture: np.ndarray, aim: str) -> float:
    rgb = torch.from_numpy(picture.astype(np.float32) / 65535).permute(2, 0, 1)[None]
    return float(eyes.open_sight([eyes.read_aim(aim)])(rgb))


@pytest.mark.parametrize("aim", ["vgg16/3_3", "lite0/block4/7", "lite0/class/310"])
def test_a_dream_raises_what_it_aims_at(aim: str, tmp_path: Path) -> None:
    before = clouds()
    after = run(tmp_path, "one", before, aims=(aim,), rate=0.02)
    assert after.shape == before.shape
    assert seen(after, aim) > seen(before, aim) + 0.1 * abs(seen(before, aim))
    still = np.corrcoef(before.ravel(), after.ravel())[0, 1]
    assert still > 0.6, "the still is still in it"


def test_two_nets_dream_at_once(tmp_path: Path) -> None:
    aims = ("lite0/block6", "open_nsfw/block5")
    before, after = clouds(), run(tmp_path, "two", clouds(), aims=aims, rate=0.02)
    assert all(seen(after, aim) > seen(before, aim) for aim in aims)


def test_the_same_seed_dreams_the_same_and_another_something_else(tmp_path: Path) -> None:
    settings = {"aims": ("lite0/block2",), "begin": "noise", "imagine_steps": 4, "size": (96, 72), "steps": 1}
    one, again = (run(tmp_path, name, clouds(), **settings) for name in ("one", "again"))
    assert (one == again).all() and one.shape == (72, 96, 3) and one.std() > 500
    assert (one != run(tmp_path, "other", clouds(), seed=2, **settings)).mean() > 0.5


def test_without_colour_only_light_and_dark_are_dreamt(tmp_path: Path) -> None:
    grey = np.full((80, 80, 3), 30000, np.uint16) + clouds(80, 80)[..., :1] // 4
    after = run(tmp_path, "grey", grey, aims=("lite0/block4",), colour=0.0).astype(int)
    assert np.abs(after[..., 0] - after[..., 2]).max() <= 2 and (after != grey).any()


def test_however_large_the_picture_only_a_tile_of_it_is_looked_at_and_none_is_missed(tmp_path: Path) -> None:
    sizes: set[tuple[int, ...]] = set()

    def sight(pictures: torch.Tensor) -> torch.Tensor:
        sizes.add(tuple(pictures.shape[2:]))
        return pictures.mean()  # wants light everywhere

    canvas = np.zeros((300, 700, 3), np.uint16)
    stride = climbing.Stride(2, 0.1, 64, 8, 4, 1.0)
    climbing.climb(canvas, sight, stride, np.random.default_rng(1), lambda step: None)
    assert sizes == {(64 + 2 * 8 + 4,) * 2}, "one size: a net keeps room for each that it was ever shown"
    assert canvas.min() > 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"aims": ()}, "aims"),
        ({"aims": ("eye/2",)}, "NET/LAYER"),
        ({"begin": "sleep"}, "begin"),
        ({"growth": 1.0}, "growth"),
    ],
)
def test_what_cannot_be_dreamt_is_said(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        dream.create(dream.Settings(**wrong))  # type: ignore[arg-type]


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no layer 'block99' in lite0; there are: stem, block0"):
        eyes.open_sight([eyes.read_aim("lite0/block99")])(torch.zeros(1, 3, 32, 32))
