"""Training the upscaler: squares as they are, pairs that are consistent, runs that go on as if they had not stopped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from installation.__main__ import main
from installation.networks.upscaler import NetworkConfig, Upscaler, read_upscaler
from installation.training.body import Body
from installation.training.upscaler import Settings, create
from installation.training.upscaler.examples import cut_squares, make_pairs, open_examples, source_of
from installation.training.upscaler.judging import enlarge_plainly, measure
from installation.training.upscaler.trainer import UpscalerTrainer


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Twelve noisy pictures, of 40 x 50 px."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    dice = np.random.default_rng(0)
    for n in range(12):
        Image.fromarray(dice.integers(0, 256, (40, 50, 3), np.uint8)).save(folder / f"{n:02d}.png")
    return folder


def small_run(photographs: Path, home: Path, **more: object) -> Body:
    values = {"size": 32, "features": 4, "blocks": 1, "batch": 2, "judge_minutes": 1.0, "device": "cpu", **more}
    return create(Settings(photographs, home / "model", home / "work", **values))  # type: ignore[arg-type]


def upscaler(run: Body) -> UpscalerTrainer:
    assert isinstance(run.trainer, UpscalerTrainer)
    return run.trainer


def test_squares_are_cut_from_pictures_at_their_own_size_never_enlarged(photographs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (31, 90)).save(photographs / "too small.png")
    corpus = open_examples(Settings(photographs, size=32, work=tmp_path / "work"))
    assert {source_of(name) for name in corpus.names} == {f"{n:02d}.png" for n in range(12)}
    assert "31 x 90" in corpus.skipped["too small.png"]
    whole = np.asarray(Image.open(photographs / "00.png"))
    assert np.array_equal(corpus.images[0][:40], whole[:, :48])
    again = open_examples(Settings(photographs, size=32, work=tmp_path / "work"))
    assert again.names == corpus.names and np.array_equal(again.images, corpus.images)


def test_of_a_large_picture_the_squares_with_most_in_them_are_taken_and_bare_paper_is_not() -> None:
    page = np.full((200, 300, 3), 240, np.uint8)
    page[100:150, 100:150] = np.random.default_rng(0).integers(0, 256, (50, 50, 3))
    squares = list(cut_squares(page, 50))
    assert 1 <= len(squares) < 8
    assert np.array_equal(squares[0], page[100:150, 100:150])
    assert len(list(cut_squares(np.full((100, 100, 3), 240, np.uint8), 50))) == 1


def test_what_a_small_picture_shall_become_is_small_again_that_picture_and_has_the_detail_of_the_true_one() -> None:
    torch.manual_seed(1)
    network = Upscaler(NetworkConfig(4, 4, 1))
    true = torch.rand(6, 3, 32, 32)
    for soften in (0.0, 1.0):
        small, wanted = make_pairs(true, network, soften)
        assert (F.avg_pool2d(wanted, 4) - small).abs().max() < 1e-4
        detail, of_true = (x - network.enlarge_plainly(F.avg_pool2d(x, 4)) for x in (wanted, true))
        assert (detail - of_true).abs().max() < 1e-4
        softer = (small - F.avg_pool2d(true, 4)).abs().amax((1, 2, 3))
        assert (softer > 0.01).all() if soften else softer.max() < 1e-4


def test_every_part_learns_nothing_that_is_kept_out_is_learnt_from_and_the_model_opens(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installation.training.upscaler.trainer.load_eye", lambda device: None)  # VGG takes seconds
    run = small_run(photographs, tmp_path, critic_from=0.5, keep_out=4)
    kept_out = {source_of(run.corpus.names[at]) for at in upscaler(run).unseen}
    assert kept_out == {"00.png", "04.png", "08.png"}
    assert not kept_out & {source_of(run.corpus.names[at]) for at in upscaler(run).learnt}
    before = {n: p.clone() for n, p in upscaler(run).network.named_parameters()}
    critic = [p.clone() for p in upscaler(run).critic.parameters()]
    assert "critic" not in run.step()
    assert all(a.equal(b) for a, b in zip(critic, upscaler(run).critic.parameters(), strict=True))
    run.active_s = 0.8 * run.whole
    assert {"pixels", "detail", "real", "critic"} <= run.step().keys()
    assert not any(p.equal(before[n]) for n, p in upscaler(run).network.named_parameters())
    assert not any(a.equal(b) for a, b in zip(critic, upscaler(run).critic.parameters(), strict=True))
    run.sheet()
    folder = run.export()
    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    assert (card["kind"], card["training"]["pictures"], card["training"]["crops_seen"]) == ("upscaler", 9, 4)
    assert card["quality"]["off"] < 0.01 < card["quality"]["off_bicubic"]
    assert read_upscaler(folder).first.weight.allclose(upscaler(run).average.first.weight, atol=1e-3)


def test_a_resumed_run_goes_on_exactly_as_one_that_was_never_stopped(photographs: Path, tmp_path: Path) -> None:
    whole = small_run(photographs, tmp_path, critic_from=0.0)
    whole.active_s = 0.5 * whole.whole
    whole.step()
    whole.save()
    resumed = small_run(photographs, tmp_path, critic_from=0.0)
    assert (upscaler(resumed).steps, upscaler(resumed).seen) == (1, 2) and resumed.active_s == whole.active_s
    random = torch.get_rng_state()
    for _ in range(2):
        torch.set_rng_state(random)
        expected = whole.step()
        torch.set_rng_state(random)
        assert resumed.step() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    with pytest.raises(ValueError, match=r"is of another network: expected .*use another --work"):
        small_run(photographs, tmp_path, features=5)


def test_figures_tell_the_true_picture_from_a_soft_one_and_a_consistent_one_from_another() -> None:
    true = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    small = F.avg_pool2d(true, 4)
    same, soft = measure(true, true, small, None), measure(enlarge_plainly(small, 4, "bicubic"), true, small, None)
    assert same["psnr"] > 70 and same["off"] < 1e-3
    assert soft["psnr"] < 20 and soft["off"] > 1


@pytest.mark.parametrize(("option", "message"), [("--scale=3", "2, 4 or 8"), ("--size=40", "multiple of 32")])
def test_options_that_cannot_be_are_said_in_one_line(photographs: Path, capsys, option: str, message: str) -> None:
    assert main(["train", "upscaler", str(photographs), option]) == 2
    assert message in capsys.readouterr().err
