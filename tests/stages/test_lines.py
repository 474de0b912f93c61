"""What an artist sees of the lines stage: contours where the shapes are, as fine and dark as asked, and only there."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch

from installation import weights
from installation.networks import dexined, hed, teed
from installation.signals import Still
from installation.stages import lines
from installation.stages.lines import strokes
from installation.stages.work import Made, Work


def square(size_px: int = 192, clear: bool = False) -> np.ndarray:
    """An ochre square on blue, or on nothing: (H, W, 3 or 4) uint16."""
    picture = np.full((size_px, size_px, 4), (20000, 30000, 52000, 65535), np.uint16)
    if clear:
        picture[...] = 0
    picture[size_px // 4 : -size_px // 4, size_px // 4 : -size_px // 4] = (55000, 36000, 9000, 65535)
    return picture if clear else np.ascontiguousarray(picture[..., :3])


def draw(pixels: np.ndarray, tmp_path: Path, **settings: object) -> Made:
    stage = lines.create(lines.Settings(**settings))  # type: ignore[arg-type]
    return stage.run((Still(np.asarray(pixels, np.uint16), "x", "key"),), Work(1, tmp_path))


def outline(size_px: int, reach_px: int) -> np.ndarray:
    mask = np.zeros((size_px, size_px), np.uint8)
    mask[size_px // 4 : -size_px // 4, size_px // 4 : -size_px // 4] = 1
    kernel = np.ones((2 * reach_px + 1,) * 2, np.uint8)
    return (cv2.dilate(mask, kernel) - cv2.erode(mask, kernel)) > 0


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A 3x3 convolution with zeros around, (H, W, in) and (3, 3, in, out) -> (H, W, out), by plain sums."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    height, width = x.shape[:2]
    return sum(padded[i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)) + bias


def test_heds_first_side_and_its_fusion_are_what_the_file_says() -> None:
    rgb = np.random.default_rng(5).random((32, 48, 3)).astype(np.float32)
    with torch.inference_mode():
        *sides, fused = (out[0, 0].numpy() for out in hed.load()(torch.from_numpy(rgb).permute(2, 0, 1)[None]))
    with h5py.File(weights.fetch("hed"), "r") as file:
        x = rgb[..., ::-1] * 255.0 - np.array([103.939, 116.779, 123.68])
        for layer in ("conv2d", "conv2d_1"):
            stored = file[f"block1/layers/{layer}/vars"]
            x = np.maximum(convolve(x, stored["0"][()], stored["1"][()]), 0)
        first = x @ file["dsn1/vars/0"][0, 0, :, 0] + file["dsn1/vars/1"][0]
        mixed = np.stack(sides, axis=-1) @ file["fuse/vars/0"][0, 0, :, 0] + file["fuse/vars/1"][0]
    assert np.abs(sides[0] - first).max() < 1e-3 * np.abs(first).max()
    assert np.abs(fused - mixed).max() < 1e-3 * np.abs(mixed).max()


def test_the_strongest_edges_lie_on_the_outline_of_a_square() -> None:
    rgb = square().astype(np.float32) / 65535
    edges = lines.find_edges(rgb, lines.Settings())
    assert edges.shape == (192, 192)
    assert outline(192, 4)[edges > 0.8 * edges.max()].all()
    assert edges[~outline(192, 16)].max() < 0.3 * edges.max()


def test_ink_lies_on_the_outline_and_nowhere_else(tmp_path: Path) -> None:
    before = square()
    made = draw(before, tmp_path, strength=1.0, colour=(0.0, 0.0, 0.0), width=0.01)
    inked = (made.pixels != before).any(axis=2)
    assert inked.any() and outline(192, 5)[inked].all()
    along = outline(192, 1)
    assert cv2.dilate(inked.astype(np.uint8), np.ones((5, 5)))[along].mean() > 0.95, "the outline has gaps"
    assert made.pixels.shape == before.shape


def test_lines_on_the_clear_ground_become_visible_there(tmp_path: Path) -> None:
    before = square(clear=True)
    made = draw(before, tmp_path, strength=0.8, width=0.012).pixels
    assert (made[..., 3] >= before[..., 3]).all()
    outside = (before[..., 3] == 0) & (made[..., 3] > 20000)
    assert outside.any()
    ink = made[outside][:, :3] / 65535
    assert np.abs(ink - lines.Settings().colour).max() < 0.02, "ink on the ground has its own colour"


def test_strength_colour_and_width_do_what_they_say(tmp_path: Path) -> None:
    before = square(96)
    faint, strong = (draw(before, tmp_path, strength=s).pixels.astype(int) for s in (0.2, 0.9))
    assert np.abs(strong - before).sum() > 3 * np.abs(faint - before).sum()
    thin, wide = (draw(before, tmp_path, width=w).pixels.astype(int) for w in (0.004, 0.016))
    assert np.abs(wide - before).sum() > 2.5 * np.abs(thin - before).sum()
    red = draw(before, tmp_path, strength=1.0, width=0.02, colour=(1.0, 0.0, 0.0)).pixels
    assert (np.abs(red.astype(int) - (65535, 0, 0)).max(axis=2) < 9000).any()
    assert draw(before, tmp_path, strength=0.0).pixels is not None


def test_a_still_is_drawn_alike_at_twice_its_size(tmp_path: Path) -> None:
    small = square(96)
    large = cv2.resize(small, (384, 384), interpolation=cv2.INTER_LINEAR)
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    settings = {"line_px": 96, "width": 0.02, "strength": 1.0, "pressure": 0.0}
    first = draw(small, tmp_path / "small", **settings).pixels.astype(np.float32) - small
    second = draw(large, tmp_path / "large", **settings).pixels.astype(np.float32) - large
    shrunk = cv2.resize(second, (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(first.sum() - shrunk.sum()) < 0.12 * np.abs(first.sum())


def test_a_ridge_is_followed_to_within_half_a_pixel() -> None:
    y, x = np.indices((120, 160), np.float32) + 0.5
    curve = 60 + 20 * np.sin(x / 25)
    edges = np.exp(-0.5 * ((y - curve) / 2.5) ** 2).astype(np.float32)
    ridge, shift = strokes.thin(edges, 0.2, 0.5)
    (line,) = strokes.follow(ridge, shift, edges, 10, 1.5)
    wanted = 60 + 20 * np.sin(line.points[:, 0] / 25)
    middle = np.abs(line.points[:, 0] - 80) < 70
    assert np.abs(line.points[:, 1] - wanted)[middle].max() < 0.5
    assert line.free == (True, True)
    assert strokes.taper(line, 10)[[0, -1]].max() == 0


def test_strips_leave_no_seam_and_the_seed_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("whole", "strips"):
        (tmp_path / name).mkdir()
    whole = np.array(draw(square(96), tmp_path / "whole").pixels)
    monkeypatch.setattr("installation.stages.mattes.STRIP_PX", 96 * 30)
    assert (np.array(draw(square(96), tmp_path / "strips").pixels) == whole).all()


@pytest.mark.parametrize(
    "pixels",
    [np.full((1, 1, 4), 65535), np.zeros((2, 30000, 4)), np.zeros((40, 30, 4)), np.full((70, 50, 3), 30000)],
    ids=["one pixel", "30,000 px wide", "nothing", "grey"],
)
def test_a_still_without_contours_comes_through_as_it_was(pixels: np.ndarray, tmp_path: Path) -> None:
    assert (draw(pixels, tmp_path).pixels == pixels).all()


@pytest.mark.parametrize(
    ("module", "net", "name"),
    [(dexined, dexined.DexiNed, "dexined"), (teed, teed.TEED, "teed")],
    ids=["dexined", "teed"],
)
def test_a_published_checkpoint_is_read_and_draws(module: object, net: type, name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    stored = net().state_dict()
    keys = {"block_1.conv1.weight", "up_block_1.features.2.weight", "pre_dense_3.conv.bias", "side_1.conv.weight"}
    keys |= {
        "dblock_3.denselayer1.conv2.weight",
        "block_cat.DWconv2.bias" if name == "teed" else "block_cat.conv.weight",
    }
    assert keys <= set(stored)
    torch.save(stored, tmp_path / "10_model.pth")
    settings = lines.Settings(network=name, weights=str(tmp_path / "10_model.pth"))
    edges = lines.find_edges(np.random.default_rng(0).random((20, 30, 3)).astype(np.float32), settings)
    assert edges.shape == (20, 30) and np.isfinite(edges).all()
    assert len(lines.create(settings).fingerprint) > 60


def test_the_networks_are_as_large_as_published() -> None:
    """TEED's paper: 58 thousand parameters; DexiNed's: 35 million."""
    assert sum(p.numel() for p in teed.TEED().parameters()) // 1000 == 58
    assert sum(p.numel() for p in dexined.DexiNed().parameters()) // 1_000_000 == 35


def test_a_checkpoint_that_is_missing_or_no_tensors_is_named(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.float32)
    with pytest.raises(weights.WeightsError, match="xavysp/TEED"):
        lines.find_edges(picture, lines.Settings(network="teed"))
    torch.save({"code": print}, tmp_path / "evil.pth")
    with pytest.raises(weights.WeightsError, match=r"evil\.pth"):
        lines.find_edges(picture, lines.Settings(network="teed", weights=str(tmp_path / "evil.pth")))


@pytest.mark.parametrize("wrong", [{"network": "sobel"}, {"line_px": 9}, {"low": 0.9}])
def test_a_setting_that_does_not_fit_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        lines.create(lines.Settings(**wrong))  # type: ignore[arg-type]
