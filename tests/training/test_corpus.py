"""A folder as artists have them: sideways photographs, films, broken files; and the sheet that shows it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from installation.__main__ import main
from installation.pictures import read_8_bit
from installation.training import crops
from installation.training.corpus import Corpus, open_corpus


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


COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]


def colour_of(corpus: Corpus, name: str) -> list[int]:
    return corpus.images[corpus.names.index(name)][8, 24].tolist()


def test_a_film_gives_the_frames_that_differ_and_says_when_each_was(tmp_path: Path, film: Callable[..., Path]) -> None:
    (tmp_path / "films").mkdir()
    film(tmp_path / "films/clip.mp4", COLOURS)
    corpus = open_corpus(tmp_path / "films", 32, tmp_path)
    assert corpus.names == ["clip.mp4 0:00.0", "clip.mp4 0:01.0", "clip.mp4 0:02.0"]
    for name, colour in zip(corpus.names, COLOURS, strict=True):
        assert np.allclose(colour_of(corpus, name), colour, atol=20)
    assert corpus.images[0][8, 8].max() < 20, "the middle of it: the left half is black"


def test_of_a_film_no_more_frames_are_taken_than_asked_for_and_they_differ_most(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    (tmp_path / "films").mkdir()
    fades = [(10 * n, 0, 0) for n in range(20)]
    film(tmp_path / "films/long.mp4", [*fades, (0, 0, 250), (0, 250, 0)], 0.4)
    everything = open_corpus(tmp_path / "films", 32, tmp_path)
    few = open_corpus(tmp_path / "films", 32, tmp_path, frames=4)
    assert len(everything) > 6 and 2 <= len(few) <= 4
    assert {name.split()[1] for name in few.names} >= {"0:08.0", "0:08.4"}, "the two that are quite other"


def test_films_that_cannot_be_read_are_named_and_torn_ones_give_what_they_have(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    whole = film(folder / "whole.mkv", COLOURS, 4.0).read_bytes()
    (folder / "broken.mp4").write_bytes(b"not a film at all")
    (folder / "torn.mkv").write_bytes(whole[: len(whole) // 2])
    film(folder / "sound.mp4", [], sound_only=True)
    film(folder / "black.mp4", [(0, 0, 0)])
    corpus = open_corpus(folder, 32, tmp_path)
    assert {name.split()[0] for name in corpus.names} == {"whole.mkv", "torn.mkv"}
    assert set(corpus.skipped) == {"broken.mp4", "torn.mkv", "sound.mp4", "black.mp4"}
    assert "what comes before is learnt from" in corpus.skipped["torn.mkv"]
    assert "no pictures in it" in corpus.skipped["sound.mp4"] and "nothing to see" in corpus.skipped["black.mp4"]
    large = open_corpus(folder, 256, tmp_path, least_px=32)
    assert len(large) == len(corpus)
    with pytest.raises(ValueError, match="too small: 96 x 48 px, needs 64"):
        open_corpus(folder, 256, tmp_path)


def test_the_film_of_a_run_is_not_learnt_from(pictures: Path, film: Callable[..., Path]) -> None:
    film(pictures / "mine.mp4", COLOURS)
    open_corpus(pictures, 32, pictures / "work")
    film(pictures / "work/evolution.mp4", COLOURS)
    names = open_corpus(pictures, 32, pictures / "work").names
    assert [name for name in names if "mp4" in name] == [f"mine.mp4 0:0{n}.0" for n in range(3)]


def test_interest_leads_the_crop_and_it_stays_inside(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flower = read_8_bit(sorted((shared / "data/flowers/daisy").glob("*.jpg"))[0])
    side = min(flower.shape[:2])
    paper = np.full((200, 600, 3), 236, np.uint8)
    paper[:, 400:] = np.asarray(Image.fromarray(flower[:side, :side]).resize((200, 200)))
    box = crops.find_box(paper, "interest")
    assert 340 < box.left <= 400 and (box.top, box.side) == (0, 200)
    square = np.ascontiguousarray(paper[:, 400:])
    assert crops.find_box(square, "interest") == crops.find_box(square, "centre")
    above = np.zeros((320, 107), np.float32)
    above[10:40] = 1
    monkeypatch.setattr(crops, "_interest", lambda pixels: above)
    box = crops.find_box(np.ascontiguousarray(paper.transpose(1, 0, 2)), "interest")
    assert (box.left, box.side) == (0, 200) and 0 <= box.top <= 20, (
        "all that is of interest, as near the middle as it goes"
    )


def test_a_sheet_shows_what_will_be_learnt_from_and_names_what_will_not(
    strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    assert main(["corpus", "sheet", str(strange), "--size", "32", "--out", str(out)]) == 0
    said = capsys.readouterr()
    corpus = open_corpus(strange, 32, tmp_path)
    assert f"{len(corpus)} examples of 32 px, {len(corpus.skipped)} files left out" in said.out
    assert set(corpus.skipped) == {"broken.jpg", "clear.png", "deeper/tiny.png", "torn.png", "huge.png"}
    for name, reason in corpus.skipped.items():
        assert f"skipped {name}: {reason}\n" in said.err
    page = np.asarray(Image.open(out)).astype(int)
    red = (np.abs(page - (210, 60, 30)).sum(2) < 6).sum()
    assert red > 4 * 60 * len(corpus), "each with its crop"
    assert {"press.jpg", "deep.png", "moving.gif", "ünï 花 \N{ROSE}.png", "clip.mov 0:01.0"} <= set(corpus.names)


def test_a_folder_with_nothing_to_learn_from_still_has_its_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "only.txt").touch()
    out = tmp_path / "out/sheet.jpg"
    assert main(["corpus", "sheet", str(tmp_path), "--out", str(out)]) == 1
    assert "0 examples" in capsys.readouterr().out and out.is_file()
