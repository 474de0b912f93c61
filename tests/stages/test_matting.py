"""What an artist sees of the matting stage: paper goes, petals stay, edges are crisp and without a fringe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from installation.pictures import read_picture
from installation.signals import Still
from installation.stages import matting
from installation.stages.work import Made, Work

PAPER = np.array([0.995, 0.995, 0.99])
LEAF = np.array([0.15, 0.45, 0.2])


def make_cutout(lining_px: int = 3, petal: bool = False, size_px: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """A leaf with left-over paper around it (and a white flower with outlined petals on it), and where the leaf is."""
    big = 4 if size_px <= 400 else 2  # drawn larger, then averaged: soft edges as in a scan
    leaf = np.zeros((size_px * big, size_px * big), np.uint8)
    middle, axes = (size_px * big // 2,) * 2, (size_px * big // 3, size_px * big // 5)
    cv2.ellipse(leaf, middle, axes, 30, 0, 360, 255, -1)
    cut = np.uint8(255) * (cv2.distanceTransform(255 - leaf, cv2.DIST_L2, 5) <= lining_px * big)
    rgb = np.where(leaf[..., None] > 0, LEAF, PAPER)
    if petal:
        cv2.circle(rgb, middle, 30 * big, (0.97, 0.97, 0.97), -1)
        cv2.circle(rgb, middle, 30 * big, (0.3, 0.3, 0.3), 2 * big)
    rgb, alpha, inside = (
        cv2.resize(x.astype(np.float32), (size_px, size_px), interpolation=cv2.INTER_AREA) for x in (rgb, cut, leaf)
    )
    pixels = np.dstack([rgb, alpha / 255])
    return (pixels * 65535 + 0.5).astype(np.uint16), inside / 255


def cut(pixels: np.ndarray, tmp_path: Path, **settings: object) -> Made:
    stage = matting.create(matting.Settings(**settings))  # type: ignore[arg-type]
    return stage.run((Still(np.asarray(pixels, np.uint16), "x", "key"),), Work(1, tmp_path))


def test_the_paper_around_a_leaf_goes_and_the_leaf_stays(tmp_path: Path) -> None:
    pixels, leaf = make_cutout()
    alpha = cut(pixels, tmp_path).pixels[..., 3] / 65535
    assert np.abs(alpha - leaf).mean() < 0.004
    assert alpha[cv2.erode(leaf, np.ones((5, 5))) > 0.99].min() > 0.99
    assert alpha[cv2.dilate(leaf, np.ones((5, 5))) < 0.01].max() < 0.02


def test_no_white_fringe_is_left_on_a_dark_ground(tmp_path: Path) -> None:
    pixels, leaf = make_cutout()
    made = cut(pixels, tmp_path).pixels / 65535
    shown = made[..., :3] * made[..., 3:]  # on black
    rim = (leaf > 0.02) & (leaf < 0.98)
    assert (shown[rim] <= LEAF + 0.06).all(), shown[rim].max(axis=0)


def test_a_white_flower_inside_the_leaf_keeps_its_petals(tmp_path: Path) -> None:
    pixels, _ = make_cutout(petal=True)
    before = pixels.copy()
    made = cut(pixels, tmp_path).pixels
    flower = np.s_[125:175, 125:175]
    assert (made[flower] == before[flower]).all()


def test_white_that_is_thick_where_it_was_cut_belongs_to_the_object(tmp_path: Path) -> None:
    pixels = np.zeros((300, 400, 4), np.uint16)
    pixels[50:250, 50:350] = 65535
    pixels[120:250, 50:350, :3] = (50000, 8000, 8000)  # a lorry: white cabin, red body
    made = cut(pixels, tmp_path)
    assert made.pixels is pixels or (made.pixels == pixels).all()
    assert made.notes["paper"] == 0


def test_the_paper_of_a_scan_without_alpha_is_taken_off(tmp_path: Path) -> None:
    pixels, leaf = make_cutout(lining_px=60)
    alpha = cut(pixels[..., :3], tmp_path).pixels[..., 3] / 65535
    assert np.abs(alpha - leaf).mean() < 0.004


def test_a_large_picture_gets_an_edge_as_crisp_as_its_own(tmp_path: Path) -> None:
    pixels, leaf = make_cutout(lining_px=6, size_px=800)
    alpha = cut(pixels, tmp_path, matte_px=300).pixels[..., 3] / 65535
    assert np.abs(alpha - leaf).mean() < 0.004
    rise = np.abs(np.diff(alpha[400]))
    assert rise.max() > 0.25, "blurred over more than four pixels"


def test_what_was_transparent_stays_so_and_what_is_far_from_paper_is_not_touched(tmp_path: Path) -> None:
    pixels, leaf = make_cutout()
    made = cut(pixels, tmp_path).pixels
    assert (made[..., 3] <= pixels[..., 3]).all()
    inner = cv2.erode(leaf, np.ones((15, 15))) > 0.99
    assert (made[inner] == pixels[inner]).all()


def test_the_same_still_gives_the_same_bits(tmp_path: Path) -> None:
    pixels, _ = make_cutout()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (np.array(cut(pixels, tmp_path / name).pixels) for name in ("a", "b"))
    assert (first == second).all()


def test_a_matte_that_cannot_be_solved_falls_back_to_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("did not converge")

    monkeypatch.setattr("installation.stages.matting.closed_form.estimate_alpha", refuse)
    pixels, leaf = make_cutout()
    made = cut(pixels, tmp_path)
    assert made.notes["matte"] == "colour"
    assert np.abs(made.pixels[..., 3] / 65535 - leaf).mean() < 0.02


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((1, 1, 4), 65535),
        np.full((1, 1, 3), 65535),
        np.full((2, 30000, 4), 65535),
        np.zeros((40, 30, 4)),
        np.full((60, 50, 3), 65535),
        np.full((60, 50, 4), 30000),
    ],
    ids=["one pixel", "one opaque pixel", "30,000 px wide", "nothing", "only paper", "grey"],
)
def test_a_still_without_paper_comes_through_as_it_was(pixels: np.ndarray, tmp_path: Path) -> None:
    assert (cut(pixels, tmp_path).pixels == pixels).all()


def test_only_the_methods_in_use_are_compiled() -> None:
    """The whole of PyMatting takes a minute and a half of a core to compile when it is first imported."""
    code = (
        "from installation.stages.matting import closed_form as c; import numpy as np;"
        "t = np.full((9, 9), 0.5); t[0] = 0; t[-1] = 1; x = np.random.default_rng(0).random((9, 9, 3));"
        "c.estimate_foreground(x.astype('f4'), c.estimate_alpha(x, t))"
    )
    imports = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    assert "pymatting.laplacian.cf_laplacian" in imports.stderr
    assert "pymatting.alpha.estimate_alpha_sm" not in imports.stderr


def test_real_plants_lose_their_white_rim_and_real_lorries_keep_their_white_cabin(shared: Path, tmp_path: Path) -> None:
    plant = read_picture(shared / "data/cutouts/plants/076_compositace_composite.png")[400:800, 100:600]
    made = cut(plant, tmp_path)
    assert 0.01 < float(made.notes["paper"]) < 0.08
    lorry = read_picture(shared / "data/cutouts/ccby/firetruck.png")
    assert (cut(lorry, tmp_path).pixels == lorry).all()
