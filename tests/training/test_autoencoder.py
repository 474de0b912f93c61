"""Pictures that leak into each other: what comes back is a mixture, sorted as an eye would, and a show can play it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from installation.__main__ import main as command_line
from installation.generators import autoencoder as played
from installation.signals import Controls
from installation.stills import gallery
from installation.stills.choosing import JobWall
from installation.stills.takes import find_takes, made_how
from installation.training.autoencoder import hanging, judging, keeping, span
from installation.training.autoencoder.running import Studio
from installation.training.autoencoder.settings import Parameters, Settings
from installation.training.corpus import open_corpus

SIZE, COUNT = 64, 24


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As a dense run has it; others have theirs again afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four drawings of lines, no two alike, wider than high."""
    folder = tmp_path_factory.mktemp("drawings")
    dice = np.random.default_rng(3)
    for number in range(COUNT):
        paper = np.full((70, 90, 3), 235.0)
        y, x = np.mgrid[:70, :90]
        for _ in range(9):
            angle, far, ink = dice.uniform(0, np.pi), dice.uniform(-20, 110), dice.uniform(60, 200)
            paper -= ink * (np.abs(x * np.cos(angle) + y * np.sin(angle) - far) < 2)[..., None]
        Image.fromarray(paper.clip(0, 255).astype(np.uint8)).save(folder / f"drawing{number:02d}.png")
    return folder


def make(drawings: Path, work: Path, *words: str) -> int:
    """What `installation train autoencoder` with these words ends with."""
    line = [str(drawings), "--work", str(work), "--out", str(work / "model"), "--size", str(SIZE), "--page", "4x2"]
    return command_line(["train", "autoencoder", *line, *words])


def open_studio(drawings: Path, work: Path, **more: object) -> Studio:
    settings = Settings(drawings, work / "model", work, size=SIZE, page="4x2", **more)  # type: ignore[arg-type]
    return Studio(settings, span.Squares(open_corpus(drawings, SIZE, work), settings.colour, settings.contrast))


@pytest.fixture(scope="module")
def explored(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a line that made six runs and kept the best."""
    work = tmp_path_factory.mktemp("explored")
    assert make(drawings, work, "--explore", "6", "--keep") == 0
    return work


@pytest.mark.parametrize("colour", [False, True])
def test_the_coordinates_of_pictures_lead_back_to_their_pixels(drawings: Path, tmp_path: Path, colour: bool) -> None:
    studio = open_studio(drawings, tmp_path, colour=colour)
    there = studio.span(list(range(COUNT)))
    assert there.coordinates.shape == (COUNT, COUNT - 1)
    back = span.mixed(studio.squares, there.mixture(there.coordinates))
    whole = studio.squares.corpus.images if colour else np.asarray(studio.squares.corpus.images)[..., :1]
    assert np.abs(back.astype(int) - whole).max() <= 1, "a picture's own coordinates are that picture, to a grey level"


def test_the_error_it_is_stopped_at_is_the_error_of_pixels(drawings: Path, tmp_path: Path) -> None:
    studio = open_studio(drawings, tmp_path)
    found = studio.train(Parameters(stop=0.3, lr=4e-3, seed=1))
    assert found is not None
    trained, pictures, _ = found
    mixtures = studio.span(pictures).mixture(trained.made)
    squares = torch.tensordot(mixtures.float(), studio.squares.at(SIZE), 1)
    real = studio.squares.at(SIZE)
    share = (squares - real).square().mean() / (real - real.mean(0)).square().mean()
    assert trained.share == pytest.approx(float(share), rel=0.02) and trained.share <= 0.3
    asked = open_studio(drawings, tmp_path, error=0.01)
    variance = float((real - real.mean(0)).square().mean())
    assert asked.stop_at(Parameters()) * variance == pytest.approx(0.01, rel=0.02)


def test_fog_copies_and_blends_are_told_apart(drawings: Path, tmp_path: Path) -> None:
    studio = open_studio(drawings, tmp_path)
    mixtures = np.zeros((4, COUNT))
    mixtures[0] = 1 / COUNT  # all of them at once
    mixtures[1, 5] = 1.0  # one of them
    mixtures[2, [5, 9, 14]] = [0.6, 0.5, -0.1]
    mixtures[3] = np.random.default_rng(0).normal(0, 1, COUNT)  # all of them, loud
    judged = judging.judge(mixtures, studio.known)
    assert [judged.verdict(i) for i in range(4)] == ["noise", "faithful", "worth", "noise"]
    assert judged.score.argmax() == 2


def test_a_page_shows_no_two_squares_that_are_much_alike(drawings: Path, tmp_path: Path) -> None:
    fine = open_studio(drawings, tmp_path).known.fine
    mixtures = np.zeros((3, COUNT))
    mixtures[0, [1, 2]], mixtures[1, [1, 2]], mixtures[2, [3, 4]] = 0.5, [0.52, 0.48], 0.5
    assert judging.choose(np.array([1.0, 0.9, 0.5]), mixtures, fine, 2) == [0, 2]
    assert judging.choose(np.array([1.0, 0.9, 0.5]), mixtures, fine, 2, first=[1])[0] == 1, "what was kept hangs first"


def test_exploring_goes_on_after_a_kill_with_the_next_run(drawings: Path, explored: Path, tmp_path: Path) -> None:
    words = ["autoencoder", *map(str, (drawings, "--work", tmp_path, "--size", SIZE, "--page", "4x2", "--explore", 6))]
    command = [sys.executable, "-m", "installation", "train", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as begun:
        while not (tmp_path / "runs" / "0001.json").is_file():
            assert begun.poll() is None
        begun.send_signal(signal.SIGKILL)
    there = {path.name: path.read_bytes() for path in (tmp_path / "runs").glob("*.json")}
    assert make(drawings, tmp_path, "--explore", "6") == 0
    runs = sorted((tmp_path / "runs").glob("*.json"))
    assert [path.stem for path in runs] == [f"{number:04d}" for number in range(1, 7)]
    assert all((tmp_path / "runs" / name).read_bytes() == told for name, told in there.items()), "none is made twice"
    never_killed = [json.loads((explored / "runs" / path.name).read_text())["parameters"] for path in runs]
    assert [json.loads(path.read_text())["parameters"] for path in runs] == never_killed


def test_the_best_squares_hang_on_a_page_and_on_the_wall(explored: Path) -> None:
    with Image.open(explored / "page.png") as page:
        assert page.size == (4 * SIZE, 2 * SIZE)
    squares = sorted((explored / "squares").glob("*.png"))
    assert len(squares) == 8
    assert gallery.is_gallery(explored / "squares")
    gallery.measure(explored / "squares")
    takes = find_takes(explored / "squares")
    assert {take.still.name for take in takes.values()} == {path.stem for path in squares}
    take = next(iter(takes.values()))
    assert "worth" in take.still.notes["selection"]["figures"] and made_how(take.still.notes).startswith("run ")
    assert gallery.taste_of(explored / "squares") == explored / "squares" / "../taste.npz"


def test_what_it_made_is_none_of_its_pictures(drawings: Path, explored: Path, tmp_path: Path) -> None:
    shutil.copytree(drawings, tmp_path / "mine")
    shutil.copytree(explored, tmp_path / "mine" / "work", ignore=shutil.ignore_patterns("model"))
    assert len(open_corpus(tmp_path / "mine", SIZE, tmp_path / "cache")) == COUNT


def test_what_is_kept_and_rejected_on_the_wall_becomes_the_taste_of_the_next_page(
    drawings: Path, explored: Path
) -> None:
    folder = explored / "squares"
    gallery.measure(folder)
    wall = JobWall(folder, gallery.taste_of(folder))
    takes = sorted(wall.state()["takes"], key=lambda take: take["overall"])
    for take, word in zip(takes, ("keep", "keep", "reject", "reject"), strict=False):
        wall.judge(take["key"], word)
    studio = open_studio(drawings, explored)
    plain = [square.name for square in hanging.choose(studio, 8, by_taste=False)]
    asked = [square.name for square in hanging.hang(studio)]
    assert {take["name"] for take in takes[:2]} == set(asked[:2]), "what was kept hangs first"
    assert asked != plain and len(asked) == 8
    for path in (folder / "choices.json", explored / hanging.TASTE):
        path.unlink()


def test_a_square_that_was_kept_stays_whatever_is_better(drawings: Path, explored: Path, tmp_path: Path) -> None:
    studio = open_studio(drawings, explored)
    worst = hanging.gather(studio)[-1]
    folder = explored / "squares"
    hanging.save(span.mixed(studio.squares, torch.from_numpy(worst.mixture[None]))[0], folder / f"{worst.name}.png")
    key = hanging.digest(folder / f"{worst.name}.png")[: hanging.KEY_DIGITS]
    (folder / "choices.json").write_text(json.dumps({key: "keep"}))
    assert worst.name in [square.name for square in hanging.hang(studio)]
    (folder / "choices.json").unlink()
    assert worst.name not in [square.name for square in hanging.hang(studio)]


def test_one_run_is_as_many_squares_as_pictures_sorted(drawings: Path, tmp_path: Path) -> None:
    assert make(drawings, tmp_path, "--with", "drawing07", "--pictures", "12", "--middle", "3") == 0
    made = sorted(path.relative_to(tmp_path / "run-0001") for path in (tmp_path / "run-0001").rglob("*.png"))
    assert len(made) == 12 and any("drawing07" in path.name for path in made)
    assert {path.parts[0] for path in made} <= set(judging.VERDICTS)
    told = json.loads((tmp_path / "runs" / "0001.json").read_text())
    assert told["parameters"]["middle"] == 3 and len(told["pictures"]) == 12


def test_a_run_is_done_again_as_it_was_or_with_one_thing_changed(
    drawings: Path, explored: Path, tmp_path: Path
) -> None:
    shutil.copytree(explored / "runs", tmp_path / "runs")
    assert make(drawings, tmp_path, "--like", "0003-007.png", "--size", "80", "--keep") == 0
    assert make(drawings, tmp_path, "--like", "3", "--middle", "5") == 0
    third, again, changed = (json.loads((tmp_path / "runs" / f"000{n}.json").read_text()) for n in (3, 7, 8))
    assert again["parameters"] == third["parameters"] and again["pictures"] == third["pictures"]
    assert changed["parameters"] == third["parameters"] | {"middle": 5}
    assert played.create(played.Settings(str(tmp_path / "model"))).size == (80, 80)


def test_squares_of_another_crop_hang_on_another_page(drawings: Path, tmp_path: Path) -> None:
    middle, interest = (open_studio(drawings, tmp_path, crop=crop) for crop in ("centre", "interest"))
    assert middle.inputs != interest.inputs, "what was reckoned of the one is not taken for the other's"


def test_what_cannot_be_is_refused_in_one_line(drawings: Path, tmp_path: Path, capsys) -> None:
    for words in (["--with", "nobody"], ["--size", "32"], ["--like", "99"], ["--kind", "deep"], ["--page", "many"]):
        assert make(drawings, tmp_path, *words) == 2
        assert words[0] in capsys.readouterr().err


def test_a_kept_model_paints_live_what_its_run_made(drawings: Path, explored: Path) -> None:
    studio = open_studio(drawings, explored)
    best = max(studio.made.values(), key=lambda run: run.told["best"])
    generator = played.create(played.Settings(str(explored / "model"), dtype="float32"))
    judged = studio.judge(best)
    worth = [i for i in range(len(judged.score)) if judged.verdict(i) == "worth"]
    squares = span.mixed(studio.squares, torch.from_numpy(best.mixtures[worth[:3]]))
    assert len(generator.net.codes) == len(worth), "the walk passes what is worth a look"
    for i in range(3):
        seen = generator.painted(generator.net.codes[i : i + 1])[0, 0].add(1).mul(127.5)
        assert (seen - torch.from_numpy(squares[i, ..., 0])).abs().mean() < 1.5, "grey levels of half precision"
    first = generator.render(Controls(0.0, {}, 0.1)).pixels
    assert first.shape == (3, SIZE, SIZE) and not first.equal(generator.render(Controls(0.0, {}, 0.6)).pixels)


def test_a_convolutional_one_is_trained_judged_and_played(drawings: Path, tmp_path: Path) -> None:
    studio = open_studio(drawings, tmp_path, kind="conv", steps=12)
    run = studio.run(1, Parameters("conv", units=8, layers=3, middle=8, stop=0.3), lambda: False)
    assert run is not None
    assert studio.painted(run).shape == (COUNT, 1, 96, 96)
    folder = keeping.keep(studio, run)
    generator = played.create(played.Settings(str(folder), dtype="float32"))
    seen = torch.cat([generator.painted(code[None])[:, :1].add(1).mul(127.5) for code in generator.net.codes])
    apart = (seen[:, None] - studio.painted(run)[None].float()).abs().mean((2, 3, 4))
    assert (apart.min(1).values < 1.5).all(), "grey levels of half precision"
    assert (open_studio(drawings, tmp_path, kind="conv").made[1].mixtures == run.mixtures.astype(np.float32)).all()
