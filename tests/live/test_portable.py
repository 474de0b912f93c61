"""Another model in an artist's show: it plays unchanged, and what does not fit is said."""

import logging
from pathlib import Path

import pytest

from installation import weights
from installation.live.portable import with_model
from installation.settings import Part, SettingsError


@pytest.fixture
def model(tmp_path: Path):
    def named(kind: str) -> str:
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "model.toml").write_text(f'name = "{kind}"\nkind = "{kind}"\n')
        return str(folder)

    return named


def test_the_stations_of_one_model_are_not_taken_for_those_of_another(model) -> None:
    asked = model("stylegan2")
    part = with_model(Part("stylegan2", {"model": "bloom", "stations": [1, 2, 3, 4], "extend": 1}), asked)
    assert part == Part("stylegan2", {"model": asked, "extend": 1})


def test_what_the_other_kind_does_not_know_is_left_out_and_said(model, caplog: pytest.LogCaptureFixture) -> None:
    asked = model("slomo")  # any other kind of the room
    with caplog.at_level(logging.INFO):
        part = with_model(Part("stylegan2", {"model": "bloom", "extend": 1, "noise": "none"}), asked)
    assert part == Part("slomo", {"model": asked})
    assert "extend, noise: left out" in caplog.text


def test_the_model_goes_to_the_generator_that_paints_behind_a_glitch(model) -> None:
    asked = model("stylegan2")
    behind = Part("slomo", {"amount": 0.2, "generator": {"name": "stylegan2", "settings": {"model": "bloom"}}})
    part = with_model(behind, asked)
    assert part.settings["amount"] == 0.2
    assert part.settings["generator"] == {"name": "stylegan2", "settings": {"model": asked}}


def test_a_model_that_paints_no_show_is_refused_and_those_that_do_are_named(model) -> None:
    with pytest.raises(SettingsError, match=r"esrgan paints no show.*stylegan2"):
        with_model(Part("stylegan2"), model("esrgan"))
    with pytest.raises(weights.WeightsError, match="no model 'nowhere'"):
        with_model(Part("stylegan2"), "nowhere")
