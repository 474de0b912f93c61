"""What an artist sees of the clean stage: near-white is gone, softly, and leaves no fringe; all else is as it was."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from installation.signals import Still
from installation.stages import clean, pixels
from installation.stages.work import Made, Work

RED = np.array([0.7, 0.1, 0.12])


def paint(ground: tuple[float, float, float], size_px: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """A red disc with a soft edge on a plain ground, (H, W, 3) 0..1, and how much of each pixel is disc."""
    y, x = np.indices((size_px, size_px))
    disc = np.clip((size_px / 4 - np.hypot(y - size_px / 2, x - size_px / 2)) / 3 + 0.5, 0, 1)[..., None]
    return disc * RED + (1 - disc) * np.array(ground), disc[..., 0]


def wipe(picture: np.ndarray, tmp_path: Path, **settings: object) -> Made:
    whole = picture if picture.dtype == np.uint16 else pixels.to_uint16(picture)
    return clean.create(clean.Settings(**settings)).run((Still(whole, "x", "key"),), Work(1, tmp_path))  # type: ignore[arg-type]


def test_near_white_is_switched_off_and_colour_stays(tmp_path: Path) -> None:
    picture, disc = paint((0.985, 0.98, 0.975))
    alpha = wipe(picture, tmp_path).pixels[..., 3] / 65535
    assert alpha[disc == 0].max() < 0.01
    assert alpha[disc == 1].min() > 0.99


def test_the_edge_is_soft_and_carries_no_white_onto_black(tmp_path: Path) -> None:
    picture, disc = paint((1, 1, 1))
    made = wipe(picture, tmp_path).pixels / 65535
    rim = (disc > 0.05) & (disc < 0.95)
    assert ((made[..., 3][rim] > 0.1) & (made[..., 3][rim] < 0.9)).any()
    shown = made[..., :3] * made[..., 3:]
    assert (shown[rim] < RED + 0.12).all()


def test_on_white_paper_the_picture_looks_as_before(tmp_path: Path) -> None:
    picture, _ = paint((1, 1, 1))
    made = wipe(picture, tmp_path).pixels / 65535
    shown = made[..., :3] * made[..., 3:] + (1 - made[..., 3:])
    assert np.abs(shown - picture).max() < 0.06


def test_a_tinted_ground_is_taken_off_where_the_still_tells_it(tmp_path: Path) -> None:
    picture, disc = paint((0.9, 0.8, 0.6))
    alpha = np.ones(disc.shape)
    alpha[:60] = 0  # the ground is cut away above, and left over below
    assert (wipe(picture, tmp_path).pixels == pixels.to_uint16(picture)).all(), "opaque: only true white goes"
    made = wipe(np.dstack([picture, alpha]), tmp_path).pixels[..., 3] / 65535
    assert made[disc == 0].max() < 0.02
    assert made[disc == 1].min() > 0.99
    kept = wipe(np.dstack([picture, alpha]), tmp_path, ground=False).pixels[..., 3]
    assert (kept == pixels.to_uint16(alpha)).all()


def test_a_ground_that_a_resize_has_emptied_to_black_does_not_take_black_away(tmp_path: Path) -> None:
    picture = np.full((200, 200, 4), 1.0)
    picture[..., :3] = 0.02
    picture[:80] = 0
    assert (wipe(picture, tmp_path).pixels == pixels.to_uint16(picture)).all()


def test_a_highlight_is_no_hole_and_a_speck_is_no_picture(tmp_path: Path) -> None:
    picture, _ = paint((1, 1, 1))
    picture[150, 150] = 1.0  # a highlight in the disc
    picture[20, 20] = RED  # dirt on the paper
    alpha = wipe(picture, tmp_path, least_area=0.0001, smoothness=0.001).pixels[..., 3] / 65535
    assert alpha[150, 150] > 0.9
    assert alpha[20, 20] < 0.1


def test_strips_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, _ = paint((1, 1, 1))
    for name in ("whole", "strips"):
        (tmp_path / name).mkdir()
    whole = np.array(wipe(picture, tmp_path / "whole").pixels)
    monkeypatch.setattr("installation.stages.mattes.STRIP_PX", 300 * 40)
    strips = np.array(wipe(picture, tmp_path / "strips").pixels)
    assert np.abs(whole.astype(int) - strips).max() <= 2


@pytest.mark.parametrize(
    "picture",
    [np.full((1, 1, 3), 1.0), np.zeros((30, 20, 4)), np.full((40, 30, 3), 0.4), np.full((2, 30000, 4), 0.9)],
    ids=["one white pixel", "nothing", "grey", "30,000 px wide"],
)
def test_a_still_with_nothing_to_switch_off_comes_through(picture: np.ndarray, tmp_path: Path) -> None:
    assert (wipe(picture, tmp_path).pixels == pixels.to_uint16(picture)).all()


def test_a_negative_limit_is_named() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        clean.create(clean.Settings(chroma=-1))


def test_a_real_plate_loses_its_paper(shared: Path, tmp_path: Path) -> None:
    from installation.pictures import read_picture

    plate = read_picture(shared / "data/plates/022_cistace_rock_rose.jpg")
    made = wipe(cv2.resize(plate, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), tmp_path)
    assert 0.5 < float(made.notes["switched_off"]) < 0.8
    assert made.pixels[5, 5, 3] == 0
