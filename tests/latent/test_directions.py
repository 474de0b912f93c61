"""Directions of a latent space: found, named, imported, kept beside the model, and knobs of a show."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_models import save_model

from installation import files
from installation.__main__ import main
from installation.latent import directions, reaching
from installation.settings import Direction, SettingsError
from installation.signals import Controls


def where(generator, **knobs: float) -> torch.Tensor:
    return generator.where(Controls(0.0, {f"generator.{k}": v for k, v in knobs.items()}, 0.3))


def test_ganspace_finds_the_axes_along_which_w_lies_spread(generator) -> None:
    spread = torch.zeros(24)
    spread[[5, 11]] = torch.tensor([4.0, 2.0])
    generator.samples = lambda count, seed=0: (
        torch.randn(count, 24, generator=torch.Generator().manual_seed(1)) * spread
    )
    first, second = directions.ganspace(generator, 2)
    assert torch.allclose(first, torch.eye(24)[5] * 4, atol=0.15)
    assert torch.allclose(second, torch.eye(24)[11] * 2, atol=0.15)


def test_sefa_finds_what_the_first_weights_answer_to_most(generator) -> None:
    loud = torch.nn.functional.normalize(torch.randn(24, generator=torch.Generator().manual_seed(2)), dim=0)
    generator.listening = lambda: torch.randn(200, 24, generator=torch.Generator().manual_seed(3)) + 9 * loud
    [way] = directions.sefa(generator, 1)
    assert abs(float(torch.nn.functional.cosine_similarity(way, loud, dim=0))) > 0.99
    length = (generator.samples(directions.SAMPLES) @ (way / way.norm())).std()
    assert torch.isclose(way.norm(), length), "one deviation long"


def test_a_direction_of_a_show_is_a_knob_that_moves_its_zone_alone(generator, show) -> None:
    wishes = (Direction("open", "ganspace 2", "coarse"), Direction("lean", "sefa 1"))
    reaching.reach(generator, dataclasses.replace(show, directions=wishes))
    moved = where(generator, open=2.0) - where(generator)
    rows = moved.norm(dim=1) > 1e-4
    assert rows.tolist() == [True] * 3 + [False] * 5
    assert torch.allclose(moved[0], 2 * directions.ganspace(generator, 2)[1], atol=1e-4)
    assert (where(generator, lean=-1.0) - where(generator)).norm(dim=1).min() > 0.01
    assert (generator.knobs["generator.open"].low, generator.knobs["generator.open"].high) == (-3.0, 3.0)


def test_a_pair_leads_from_this_to_that_and_is_found_again_by_its_name(generator, model, show, tmp_path) -> None:
    words = ["latent", "directions", str(model), "--from", "seed 3", "--to", "seed 9", "--as", "smile"]
    assert main([*words, "--sheet", str(tmp_path / "s.png")]) == 0
    reaching.reach(generator, dataclasses.replace(show, directions=(Direction("grin", "smile"),)))
    way = (where(generator, grin=1.0) - where(generator))[0]
    between = (generator.of_seed(9) - generator.of_seed(3))[0]
    assert float(torch.nn.functional.cosine_similarity(way, between, dim=0)) > 0.9999


def test_directions_are_kept_beside_the_model_with_those_that_were_there(generator, model, tmp_path, capsys) -> None:
    sheet = tmp_path / "sheet.png"
    main(["latent", "directions", str(model), "--count", "3", "--sheet", str(sheet)])
    main(["latent", "directions", str(model), "--count", "2", "--method", "sefa", "--sheet", str(sheet)])
    assert 'from = "sefa 1"' in capsys.readouterr().out
    kept = directions.kept(str(model), generator.weights_sha256)
    assert {name: len(ways) for name, ways in kept.items()} == {"ganspace": 3, "sefa": 2}
    assert (model / directions.FILE).is_file() and Image.open(sheet).width > 7 * 32
    assert directions.kept(str(model), "other weights") == {}, "another training has other directions"


def test_what_comes_with_the_program_is_left_as_it_is(model, own: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "shipped", lambda kind: model.parent if kind == "models" else Path(kind))
    path = directions.keep(str(model), "abc", {"open": torch.ones(1, 1, 24)})
    assert path == own / "directions" / "small.safetensors" and not (model / directions.FILE).exists()
    assert directions.kept(str(model), "abc")["open"].shape == (1, 1, 24)


def write_ganspace(path: Path, **change: object) -> Path:
    comp = np.eye(24, dtype="f4")[:5, None]
    arrays = {"act_comp": comp, "lat_comp": comp, "lat_stdev": np.arange(1, 6, dtype="f4"), "lat_mean": comp[:1]}
    np.savez(path, **{name: value for name, value in (arrays | change).items() if value is not None})
    return path


def test_what_ganspace_wrote_is_taken_over_with_its_lengths(generator, model, show, tmp_path: Path) -> None:
    path = write_ganspace(tmp_path / "theirs.npz")
    words = ["latent", "directions", str(model), "--import", str(path), "--as", "theirs"]
    assert main([*words, "--sheet", str(tmp_path / "s.png")]) == 0
    reaching.reach(generator, dataclasses.replace(show, directions=(Direction("a", "theirs 4"),)))
    moved = where(generator, a=1.0) - where(generator)
    assert torch.allclose(moved, (4 * torch.eye(24)[3]).expand(8, -1), atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"lat_comp": np.zeros((5, 1, 7), "f4")},
        {"lat_comp": np.full((5, 1, 24), np.inf, "f4")},
        {"lat_comp": np.array([print], dtype=object)},
        {"lat_comp": None, "act_comp": None},
        {"lat_comp": np.zeros((0, 1, 24), "f4")},
    ],
)
def test_what_is_not_ganspaces_is_refused_in_one_line(generator, tmp_path: Path, change) -> None:
    path = write_ganspace(tmp_path / "theirs.npz", **change)
    with pytest.raises(SettingsError, match=r"theirs\.npz") as refused:
        directions.imported(path, generator)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("wish", ["ganspace 25", "sefa 0", "nobodys", "smile 2"])
def test_what_a_model_does_not_have_moves_nothing_and_the_show_plays_on(generator, show, caplog, wish: str) -> None:
    directions.keep(str(generator.settings.model), generator.weights_sha256, {"smile": torch.ones(1, 1, 24)})
    before = where(generator)
    with caplog.at_level(logging.WARNING):
        reaching.reach(generator, dataclasses.replace(show, directions=(Direction("open", wish),)))
    assert "direction open" in caplog.text and where(generator, open=3.0).equal(before)


@pytest.mark.parametrize(
    "wish", [Direction("x", "sefa 1"), Direction("a b", "sefa 1"), Direction("a", "sefa 1", "top")]
)
def test_a_direction_that_no_model_could_have_is_refused(generator, show, wish: Direction) -> None:
    with pytest.raises(SettingsError):
        reaching.reach(generator, dataclasses.replace(show, directions=(wish,)))


def test_torn_directions_say_what_to_do(generator, model: Path) -> None:
    (model / directions.FILE).write_bytes(b"torn")
    with pytest.raises(SettingsError, match="find the directions anew"):
        directions.find(generator, "ganspace 1", str(model))


def test_a_pair_without_a_name_or_of_one_point_is_refused(model: Path, capsys) -> None:
    assert main(["latent", "directions", str(model), "--method", "pair", "--from", "seed 1", "--to", "seed 2"]) == 2
    assert "--as" in capsys.readouterr().err
    assert main(["latent", "directions", str(model), "--from", "seed 1", "--to", "seed 1", "--as", "a"]) == 2
    assert "same point" in capsys.readouterr().err


def test_a_model_without_a_latent_space_has_no_directions(tmp_path: Path, own: Path, capsys) -> None:
    folder = save_model(tmp_path / "other")
    card = (folder / "model.toml").read_text().replace('kind = "stylegan2"', 'kind = "esrgan"')
    (folder / "model.toml").write_text(card)
    assert main(["latent", "directions", str(folder)]) == 2
    assert "paints no pictures" in capsys.readouterr().err
