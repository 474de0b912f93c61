"""A folder as artists have them: mixed sizes, sideways photographs, broken files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from installation.training.corpus import open_corpus


def test_every_readable_picture_is_used_and_every_other_is_named_with_its_reason(
    pictures: Path, tmp_path: Path
) -> None:
    corpus = open_corpus(pictures, 32, tmp_path)
    assert len(corpus) == 13
    assert set(corpus.skipped) == {"broken.jpg", "clear.png", "deeper/tiny.png", "torn.png"}
    assert "too small: 5 x 40 px, needs 8" in corpus.skipped["deeper/tiny.png"]
    assert "every pixel is transparent" in corpus.skipped["clear.png"]
    batch = corpus.batch(torch.arange(13), 32)
    assert batch.shape == (13, 3, 32, 32)
    assert batch.min() >= -1 and batch.max() <= 1


def test_a_sideways_photograph_is_put_upright(pictures: Path, tmp_path: Path) -> None:
    corpus = open_corpus(pictures, 32, tmp_path)
    picture = corpus.images[corpus.names.index("sideways.jpg")].astype(int)
    assert picture[:8, :, 0].mean() > 200 > 60 > picture[-8:, :, 0].mean()  # red on top, as the camera was held


def test_transparent_pictures_stand_on_white(pictures: Path, tmp_path: Path) -> None:
    corpus = open_corpus(pictures, 32, tmp_path)
    picture = corpus.images[corpus.names.index("cutout.png")]
    assert (picture[16:] == 255).all() and picture[0, 0].max() < 255


def test_a_picture_of_16_bits_is_learnt_from_as_it_looks(pictures: Path, tmp_path: Path) -> None:
    half = np.full((40, 40), 0x8080, np.uint16)  # Pillow by itself makes this one white
    Image.fromarray(half).save(pictures / "deep.png")
    corpus = open_corpus(pictures, 32, tmp_path)
    assert (corpus.images[corpus.names.index("deep.png")] == 0x80).all()


def test_pictures_are_read_once_and_again_when_the_folder_changes(pictures: Path, tmp_path: Path) -> None:
    first = open_corpus(pictures, 32, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = open_corpus(pictures, 32, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert np.array_equal(first.images, again.images)
    Image.new("RGB", (50, 50), "blue").save(pictures / "new.png")
    assert len(open_corpus(pictures, 32, tmp_path)) == len(first) + 1
    assert not list(tmp_path.glob(".*"))


def test_smaller_sizes_are_averages_and_mirroring_mirrors(pictures: Path, tmp_path: Path) -> None:
    corpus = open_corpus(pictures, 32, tmp_path)
    large, small = corpus.batch(torch.arange(5), 32), corpus.batch(torch.arange(5), 8)
    assert (torch.nn.functional.avg_pool2d(large, 4) - small).abs().max() < 0.005
    mirrored = corpus.batch(torch.arange(5), 32, torch.tensor([True, False, False, False, False]))
    assert torch.equal(mirrored[0], large[0].flip(2))
    assert torch.equal(mirrored[1], large[1])


def test_a_missing_or_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a folder of images"):
        open_corpus(tmp_path / "nowhere", 32, tmp_path)
    with pytest.raises(ValueError, match="at least two usable images"):
        open_corpus(tmp_path, 32, tmp_path)
