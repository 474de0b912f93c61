"""An encoder learns a generator's own pictures, needs no others, and belongs to that generator alone."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from installation import files, weights
from installation.__main__ import main
from installation.generators import stylegan2
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.networks.encoder import Encoder, EncoderConfig, open_encoder
from installation.training.body import Body
from installation.training.encoder import Settings, create
from installation.training.encoder.samples import Samples

SHAPE = NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 12})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small StyleGAN2 of random weights."""
    torch.manual_seed(0)
    folder = tmp_path / "petals"
    folder.mkdir()
    save_file(
        {name: t.contiguous() for name, t in Generator(SHAPE).state_dict().items()}, folder / "weights.safetensors"
    )
    sha256 = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    card = {"name": "petals", "kind": "stylegan2", "file": "weights.safetensors", "sha256": sha256, "credit": "nobody"}
    files.write_text(folder / "model.toml", weights.to_toml(card | {"network": SHAPE.to_dict()}))
    return folder


def small_run(model: Path, **more) -> Body:
    """One that is about to begin, or goes on."""
    asked = {"widths": "4,6,8", "size": 32, "batch": 8, "fresh": 4, "redrawn": 2, "device": "cpu", "judge_minutes": 0.0}
    settings = Settings(model, model.parent / "encoder", model.parent / "work", **(asked | more))
    return create(settings.resolve())


def test_a_number_is_always_the_same_point_and_the_same_picture(model: Path) -> None:
    one, other = (Samples(stylegan2.create(stylegan2.Settings(str(model)), (), None, "cpu"), 32) for _ in range(2))
    points, pictures = one.batch([3, 1, 3])
    assert points[0].equal(points[2]) and not points[0].equal(points[1])
    again = other.batch([1, 5])
    assert again[0][0].equal(points[1]) and (again[1][0] - pictures[1]).abs().max() <= 1.01 / 127.5
    assert pictures.shape == (3, 3, 32, 32) and -1 <= pictures.min() < pictures.max() <= 1
    assert not any((trial == point).all() for trial in one.trials(8) for point in points), "kept apart"


def test_it_learns_to_read_what_it_has_not_seen(model: Path) -> None:
    run = small_run(model, widths="12,16,24", batch=24, fresh=4, redrawn=0, lr=0.008)
    far = []
    for step in range(40):
        run.active_s = run.whole * step / 40
        far.append(run.step()["w"])
    trainer = run.trainer
    points = trainer.trials
    read = trainer.average(trainer.bank.paint(points))
    mean = (points - trainer.net.mean).square().sum()
    assert sum(far[-5:]) < 0.8 * sum(far[:5])
    assert (read - points).square().sum() < 0.9 * mean, "nearer than the average w"


def test_what_is_painted_again_teaches_it_too(model: Path) -> None:
    run = small_run(model)
    assert set(run.step()) == {"w"}
    run.active_s = run.whole / 2
    assert set(run.step()) == {"w", "pixels"}


def test_a_resumed_run_goes_on_exactly_as_one_that_was_never_stopped(model: Path) -> None:
    whole = small_run(model)
    whole.active_s = whole.whole / 2
    whole.step()
    whole.save()
    resumed = small_run(model)
    assert (resumed.steps, len(resumed.corpus), resumed.trainer.seen) == (1, 4, 8)
    random = torch.get_rng_state()
    expected = whole.step()
    torch.set_rng_state(random)
    assert resumed.step() == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_its_model_opens_for_its_generator_and_says_what_it_is_of(model: Path) -> None:
    run = small_run(model)
    run.step()
    run.sheet()
    folder = run.export()
    card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    own = weights.read_config(model)["sha256"]
    assert (card["kind"], card["of"], card["of_sha256"]) == ("encoder", "petals", own)
    assert "nobody" in card["credit"] and card["training"]["pictures_seen"] == 8
    encoder = open_encoder(folder, own)
    pictures = run.corpus.paint(run.corpus.trials(2))
    assert torch.allclose(encoder.invert(pictures), run.trainer.average(pictures), atol=0.02)
    with pytest.raises(weights.WeightsError, match="reads pictures of petals"):
        open_encoder(folder, "f" * 64)


def test_a_checkpoint_of_another_models_pictures_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    small_run(model).save()
    with pytest.raises(ValueError, match=r"is of another net: .*use another --work"):
        small_run(model, widths="4,6,10")
    card = (model / "model.toml").read_text()
    sha256 = weights.read_config(model)["sha256"]
    torch.manual_seed(1)
    save_file({n: t.contiguous() for n, t in Generator(SHAPE).state_dict().items()}, model / "weights.safetensors")
    now = hashlib.sha256((model / "weights.safetensors").read_bytes()).hexdigest()
    (model / "model.toml").write_text(card.replace(sha256, now))
    with pytest.raises(ValueError, match=r"of another model's pictures: .*use another --work"):
        small_run(model)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["slomo"], "has no w"),
        (["hed"], "paints no pictures"),
        (["nowhere"], "no model 'nowhere'"),
        (["bloom", "--size=100"], "widths for a size of 64"),
        (["bloom", "--fresh=9", "--batch=8"], "room for fresh"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words: list[str], message: str, capsys) -> None:
    assert main(["train", "encoder", *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_it_speaks_along_the_axes_of_the_w_that_it_was_given() -> None:
    samples = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, 4, 2, 1, 0.5, 0.1])
    encoder = Encoder(EncoderConfig(32, (4, 4, 4), 6))
    encoder.speak(samples + 3.0)
    lengths = encoder.axes.norm(dim=1)
    assert torch.allclose(encoder.mean, (samples + 3.0).mean(0)) and torch.allclose(
        lengths[0], torch.tensor(9.0), rtol=0.2
    )
    assert (lengths.diff() <= 0).all()
