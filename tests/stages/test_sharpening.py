"""What is soft prints as sharp as pictures are; what is sharp stays as it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from installation.signals import Still
from installation.stages.upscale import Settings, create
from installation.stages.upscale.sharpening import sharpened
from installation.stages.upscale.tiles import Window
from installation.stages.upscale.underpaint import read_window
from installation.stages.work import Made, Work
from installation.stills import job

SIDE = 192
WHOLE = Window(0, SIDE, 0, SIDE)


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """Waves of every size and direction, as strong as in photographs [shape=(SIDE, SIDE, 3), uint16]."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
    frequency[0, 0] = 1.0
    waves = np.fft.fft2(np.random.default_rng(3).standard_normal((SIDE, SIDE))) * frequency**-1.3
    grey = np.fft.ifft2(waves).real
    grey = 0.5 + 0.15 * (grey - grey.mean()) / grey.std()
    return (np.clip(grey, 0, 1)[..., None] * np.array([60000, 50000, 40000])).astype(np.uint16)


def seen(picture: np.ndarray, strength: float = 1.0) -> np.ndarray:
    return sharpened(picture, strength)(picture, WHOLE)[0]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_what_was_blurred_is_nearer_to_what_it_was_before(sharp: np.ndarray):
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.0)
    before, after, true = (read_window(soft, WHOLE)[0], seen(soft), read_window(sharp, WHOLE)[0])
    assert apart(after, true) < 0.8 * apart(before, true)
    half = seen(soft, 0.5)
    assert apart(after, true) < apart(half, true) < apart(before, true)


def test_what_is_sharp_stays_as_it_is(sharp: np.ndarray):
    assert apart(seen(sharp), read_window(sharp, WHOLE)[0]) < 1 / 255
    grain = np.random.default_rng(1).integers(20000, 40000, (SIDE, SIDE, 3), np.uint16)
    assert apart(seen(grain), read_window(grain, WHOLE)[0]) < 1e-4


def test_what_is_even_stays_even_and_nothing_rings_far_beyond_a_border():
    plain = np.full((SIDE, SIDE, 3), 30000, np.uint16)
    assert np.allclose(seen(plain), 30000 / 65535, atol=1e-4)
    step = np.full((SIDE, SIDE, 3), 15000, np.uint16)
    step[:, SIDE // 2 :] = 45000
    drawn = seen(cv2.GaussianBlur(step, (0, 0), 1.5))
    assert drawn.min() > 15000 / 65535 - 0.061 and drawn.max() < 45000 / 65535 + 0.061


def test_a_window_shows_what_the_whole_shows_there(sharp: np.ndarray):
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.0)
    look = sharpened(soft, 1.0)
    window = Window(40, 100, 7, 90)
    part, _ = look(soft, window)
    np.testing.assert_allclose(part, look(soft, WHOLE)[0][40:100, 7:90], atol=1e-5)


def test_a_cut_out_keeps_its_alpha_and_takes_no_colour_from_beyond(sharp: np.ndarray):
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.0)
    alpha = np.zeros((SIDE, SIDE, 1), np.uint16)
    alpha[40:150, 40:150] = 65535
    black, white = (np.where(alpha > 0, soft, np.uint16(beyond)) for beyond in (0, 65535))
    (one, covers), (other, _) = (
        sharpened(cut, 1.0)(cut, WHOLE) for cut in (np.dstack([black, alpha]), np.dstack([white, alpha]))
    )
    assert (covers == alpha[..., 0] / 65535).all()
    np.testing.assert_allclose(one[40:150, 40:150], other[40:150, 40:150], atol=1e-5)


def printed(picture: np.ndarray, folder: Path, **settings: object) -> Made:
    folder.mkdir()
    asked = Settings(size=(4 * SIDE, 4 * SIDE), **settings)  # type: ignore[arg-type]
    return create(asked).run((Still(picture, "still", "key"),), Work(1, folder))


@pytest.mark.parametrize("network", ["none", "srvgg"])
def test_a_soft_pictures_print_has_more_in_it(tmp_path: Path, sharp: np.ndarray, network: str):
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.2)

    def detail(made: Made) -> float:
        grey = np.asarray(made.pixels[..., 1], np.float32)
        return float(np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 2.0), -1)).mean())

    plain, lifted = (printed(soft, tmp_path / str(s), network=network, sharpen=s) for s in (0.0, 0.7))
    assert detail(lifted) > 1.25 * detail(plain)
    tiled = printed(soft, tmp_path / "tiled", network=network, sharpen=0.7, tile_px=100)
    assert np.abs(tiled.pixels.astype(int) - lifted.pixels).max() < 0.004 * 65535


def test_moments_are_lifted_unless_told_otherwise_and_pictures_only_when_asked():
    order = job.Job(("x",))
    assert job.stage_settings(order, "upscale", (96, 72), "moment")["sharpen"] > 0.5
    assert "sharpen" not in job.stage_settings(order, "upscale", (96, 72), "picture")
    plainly = job.Job(("x",), settings={"upscale": {"sharpen": 0.0}})
    assert job.stage_settings(plainly, "upscale", (96, 72), "moment")["sharpen"] == 0.0


def test_a_strength_there_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"upscale.sharpen: expected 0 to 1, found 2"):
        create(Settings(sharpen=2.0))
