"""What is the same in every training run: kept, killed, gone on with, measured, shown, written."""

import csv
import random
import signal
import tomllib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from means import Means, Settings, quick
from safetensors.torch import load_file

from installation import files, plugins
from installation.__main__ import main
from installation.training import body, checkpoint, gan, line, slomo
from installation.training.body import Body
from installation.training.corpus import open_corpus
from installation.training.gan.trainer import Gan
from installation.training.slomo.trainer import SloMoTrainer


class Killed(BaseException):
    """As abrupt as it can be in one process."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a second."""
    seconds = iter(range(10**9))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(seconds)))


def begin(pictures: Path, home: Path, **more: Any) -> Body:
    settings = quick(Settings(pictures, home / "model", home / "work"), **more)
    return Body(settings, open_corpus(pictures, 16, home / "work"), Means)


def train(run: Body) -> Body:
    run.train(lambda: False, lambda text: None)
    return run


def rows_of(home: Path) -> list[dict[str, str]]:
    with (home / "work/figures.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_sheets_figures_a_film_and_a_model(pictures: Path, tmp_path: Path, clock: None) -> None:
    run = train(begin(pictures, tmp_path, credit="me", attribution="makers.txt"))
    assert run.steps == 30 and run.progress == 1
    sheets = sorted(path.name for path in (tmp_path / "work/sheets").iterdir())
    assert sheets == [f"{n:05d}.png" for n in range(7)]
    with av.open(str(tmp_path / "work/evolution.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 7
    rows = rows_of(tmp_path)
    assert [(row["active_s"], row["steps"], row["seen"]) for row in rows] == [
        (f"{s}", f"{s}", f"{4 * s}") for s in (9, 18, 27, 30)
    ]
    card = tomllib.loads((tmp_path / "model/model.toml").read_text("utf-8"))
    assert card["sha256"] == sha256((tmp_path / "model/weights.safetensors").read_bytes()).hexdigest()
    assert (card["credit"], card["attribution"], card["kind"]) == ("me", "makers.txt", "mean")
    assert card["training"] | {"hours": 0} == {
        **{"pictures": 14, "steps": 30, "hours": 0, "device": "cpu", "pictures_seen": 120}
    }
    assert card["quality"] == {"off": pytest.approx(float(rows[-1]["off"])), "of": "all pictures"}
    assert (tmp_path / "model/samples.png").is_file()


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_at_random_instants_ends_as_one_that_was_left_alone(
    pictures: Path, tmp_path: Path, clock: None, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    left_alone = train(begin(pictures, tmp_path / "alone"))
    dice, kills = random.Random(seed), 0
    for owner, name in (
        *((Means, name) for name in ("step", "sheet", "measure", "weights")),
        (files, "settle"),
        (checkpoint, "save_file"),
    ):
        own = getattr(owner, name)

        def at_times(*words: Any, own: Callable[..., Any] = own, **more: Any) -> Any:
            nonlocal kills
            before, kill = dice.random() < 0.5, kills < 6 and dice.random() < 0.15
            kills += kill
            if kill and before:
                raise Killed
            made = own(*words, **more)
            if kill:
                raise Killed
            return made

        monkeypatch.setattr(owner, name, at_times)
    run, lives = None, 0
    while run is None:
        lives += 1
        try:
            run = train(begin(pictures, tmp_path))
        except Killed:
            continue
    assert kills == 6 and lives == 7
    assert (run.steps, run.sheets) == (left_alone.steps, pytest.approx(left_alone.sheets, abs=9))
    weights, wanted = (load_file(home / "model/weights.safetensors") for home in (tmp_path, tmp_path / "alone"))
    assert all(weights[name].equal(wanted[name]) for name in wanted)
    assert rows_of(tmp_path)[-1] == rows_of(tmp_path / "alone")[-1]
    steps = [int(row["steps"]) for row in rows_of(tmp_path)]
    assert steps == sorted(set(steps)), "nothing of what died with a kill"
    assert not list(tmp_path.glob("**/.*.part*"))


def test_a_run_that_is_killed_often_is_measured_all_the_same(pictures: Path, tmp_path: Path, clock: None) -> None:
    for _ in range(4):  # each time after 6 steps, of which 5 are kept; figures are due after 9
        steps = iter(range(5))
        with pytest.raises(StopIteration):
            begin(pictures, tmp_path).train(lambda: False, lambda text, steps=steps: next(steps) and None)
    assert [row["steps"] for row in rows_of(tmp_path)] == ["9", "18"]


def test_what_came_after_the_checkpoint_died_with_the_kill(pictures: Path, tmp_path: Path, clock: None) -> None:
    run = begin(pictures, tmp_path)
    run.step()
    run.measure()
    run.sheet()
    run.step()
    run.measure()
    sheets = tmp_path / "work/sheets"
    (sheets / "00001.png").write_bytes((sheets / "00000.png").read_bytes())  # as when the kill came before the save
    again = begin(pictures, tmp_path)
    again.export()
    assert [row["steps"] for row in again.rows] == [1]
    with av.open(str(tmp_path / "work/evolution.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 1


def test_what_a_kill_left_half_written_is_cleared_away(pictures: Path, tmp_path: Path) -> None:
    begin(pictures, tmp_path).sheet()
    dead = f".00001.png.{2**22 + 1}-{files.HERE}-00000000.part.png"
    for folder in ("work", "work/sheets", "model"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / dead).touch()
    begin(pictures, tmp_path)
    assert not list(tmp_path.glob("**/.*.part*"))


def test_a_long_pause_does_not_use_up_the_minutes(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(pictures, tmp_path)
    seconds = iter([0.0, 3600.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(seconds))
    run.step()
    assert run.active_s == body.PAUSE_S == 30.0


def test_a_checkpoint_of_another_trainer_is_refused_in_one_line(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    net = torch.nn.Linear(2, 2)
    checkpoint.save(tmp_path / "work/checkpoint.safetensors", {"net": net}, {}, {"active_s": 3.0})
    with pytest.raises(RuntimeError, match=r"expected a checkpoint of this kind of run, found another .*anew$"):
        begin(pictures, tmp_path)


def test_runs_that_were_begun_before_trainers_had_one_body_go_on(
    pictures: Path, written_before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"size": 32, "device": "cpu", "batch": 4}
    small = {"z_dim": 4, "w_dim": 4, "mapping_layers": 1, "channel_base": 64, "channel_max": 4, "channel_min": 4}
    work = written_before / "training/gan"
    settings = gan.Settings(pictures, tmp_path, work, method="reconstruct", **asked, **small)  # type: ignore[arg-type]
    run = Body(settings, open_corpus(pictures, 32, work), Gan)
    assert (run.steps, run.trainer.seen, run.sheets) == (3, 12, 2) and 600 < run.active_s < 700
    monkeypatch.setattr(run.trainer, "measure", lambda: {"kid_x1000": 5.5})
    run.step()
    run.measure()
    with (work / "figures.csv").open(newline="") as file:
        rows = [(row["steps"], row["seen"], row["kid_x1000"]) for row in csv.DictReader(file)]
    assert rows == [("", "8", "1133.75"), ("", "12", "1148.15"), ("4", "16", "5.5")]
    run.sheet()
    assert [path.name for path in (work / "sheets").iterdir()] == ["00002.png"]

    work = written_before / "training/slomo"
    wanted = slomo.Settings(pictures, tmp_path, work, widths="1,1,1,1,1,1", **asked)  # type: ignore[arg-type]
    run = Body(wanted, open_corpus(pictures, 64, work), SloMoTrainer)
    assert (run.steps, run.trainer.seen, run.sheets) == (2, 16, 0) and 90 < run.active_s < 190
    run.step()


def test_every_trainer_is_listed_with_what_it_says_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["train"], ["train", "--help"]):
        assert main(words) == 0
        told = capsys.readouterr().out
        for name in plugins.available("training"):
            first = str(plugins.load("training", name).__doc__).partition("\n")[0]
            assert f"  {name:<12}{first}\n" in told
    assert {"gan", "slomo"} <= set(plugins.available("training"))
    assert main(["train", "gam", "folder"]) == 2
    assert "did you mean 'gan'?" in capsys.readouterr().err


REFUSALS = {
    "--minutes=0": "expected minutes above 0, found 0",
    "--minutes=nan": "expected minutes above 0, found nan",
    "--lr=-1": "expected lr above 0",
    "--device=tpu": "expected a device that is here, found 'tpu'",
    "--crop=middle": "invalid choice: 'middle'",
    "--size=many": "invalid int value: 'many'",
    "--sise=32": "unrecognized arguments: --sise=32",
    "--frames=0": "1 frame or more",
}


@pytest.mark.parametrize("option", REFUSALS)
def test_what_cannot_be_is_refused_in_one_line(pictures: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    try:
        code = main(["train", "gan", str(pictures), option])
    except SystemExit as left:
        code = left.code  # type: ignore[assignment]
    said = capsys.readouterr().err
    assert code == 2 and REFUSALS[option] in said and said.count("\n") == 1, said


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`means` as if it lay in the room, on this process's own threads and allocator."""
    import means

    def create(settings: Settings) -> Body:
        return Body(quick(settings), line.open_pictures(settings), Means)

    monkeypatch.setattr(means, "create", create, raising=False)
    monkeypatch.setattr(line.plugins, "load", lambda room, name: means)
    monkeypatch.setattr(line, "prepare_machine", lambda settings: None)
    yield


def test_a_trainer_of_one_file_is_trained_and_exported_from_the_command_line(
    pictures: Path, tmp_path: Path, trainer: None, clock: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "means", str(pictures), "--out", str(tmp_path / "m"), "--work", str(tmp_path / "w")]
    assert main([*words, "--momentum=0.5"]) == 0
    said = capsys.readouterr()
    assert f"{tmp_path / 'm'}: 120 pictures" in said.out and "skipped broken.jpg: " in said.err
    assert (tmp_path / "w/checkpoint.safetensors").is_file()
    (tmp_path / "m/model.toml").unlink()
    assert main([*words, "--export"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm'}\n" and (tmp_path / "m/model.toml").is_file()


def test_who_asks_to_stop_gets_all_that_was_learnt(
    pictures: Path, tmp_path: Path, trainer: None, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Means.step

    def step(self: Means, progress: float) -> dict[str, float]:
        if self.seen == 40:
            signal.raise_signal(signal.SIGTERM)
        return own(self, progress)

    monkeypatch.setattr(Means, "step", step)
    words = ["train", "means", str(pictures), "--out", str(tmp_path / "m"), "--work", str(tmp_path / "w")]
    assert main(words) == 0
    card = tomllib.loads((tmp_path / "m/model.toml").read_text("utf-8"))
    assert card["training"]["steps"] == 11
    assert load_file(tmp_path / "w/checkpoint.safetensors")["net/bias"].shape == (3,)


def test_who_asks_twice_does_not_wait(
    pictures: Path, tmp_path: Path, trainer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Means, "step", lambda self, progress: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
    assert main(["train", "means", str(pictures), "--out", str(tmp_path / "m"), "--work", str(tmp_path / "w")]) == 130
    assert not (tmp_path / "m").exists()
