"""Another model in an artist's show: it plays unchanged, and what does not fit is said."""

import dataclasses
import logging
from pathlib import Path

import pytest

from installation import weights
from installation.__main__ import parser
from installation.live import opening
from installation.live.portable import fitted, with_model
from installation.settings import Bend, Cue, Dmx, Midi, Osc, Part, Route, SettingsError, Show
from installation.signals import Controls


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
    own = model("slomo")
    assert with_model(behind, own) == Part("slomo", behind.settings | {"model": own}), "one of its own kind is its own"
    assert part.settings["amount"] == 0.2
    assert part.settings["generator"] == {"name": "stylegan2", "settings": {"model": asked}}


def test_a_model_that_paints_no_show_is_refused_and_those_that_do_are_named(model) -> None:
    with pytest.raises(SettingsError, match=r"esrgan paints no show.*stylegan2"):
        with_model(Part("stylegan2"), model("esrgan"))
    with pytest.raises(weights.WeightsError, match="no model 'nowhere'"):
        with_model(Part("stylegan2"), "nowhere")


OWN = Show(
    "led",
    generator=Part("stylegan2", {"model": "bloom"}),
    routes=(Route("sound.bass", "generator.noise.fine"), Route("sound.bass", "generator.kick")),
    bends=(Bend("named", "b32.conv1", "multiply"), Bend("anywhere", 0.5, "multiply")),
    cues=(Cue("1", values={"generator.noise.fine": 0.5, "generator.x": 0.5, "bend.named.amount": 0.2}),),
)


def played(show: Show, *words: str) -> Show:
    """The show as the command line has it, up to the running order."""
    show, _ = opening.prepare(parser().parse_args(["live", "--headless", "--camera", "none", *words]), show)
    knobs = opening.open_generator(show).knobs
    show = fitted(show, knobs)
    opening.open_board(show, knobs)
    return show


def test_what_a_show_moves_that_another_model_lacks_is_left_out_and_said(negative: Path, caplog) -> None:
    show = played(OWN, "--model", str(negative))
    assert [route.target for route in show.routes] == ["generator.kick"]
    assert show.cues[0].values == {"generator.x": 0.5}
    [said] = [line for line in caplog.messages if "has no" in line]
    assert said == f"{negative} has no generator.noise.fine, bend.named.amount: left out"
    midi = Midi(map={"cc 1/1": "generator.x", "cc 1/2": {"to": "generator.noise.fine"}, "note 1/3": "blackout"})
    wired = played(dataclasses.replace(OWN, midi=midi), "--model", str(negative)).midi
    assert wired is not None and list(wired.map) == ["cc 1/1", "note 1/3"]
    there = {
        "/a": "/installation/generator/x/percent",
        "/b": "/installation/generator/noise/fine",
        "/c": "generator.kick",
    }
    odd = {"/d": "/installation/effect/tear", "/e": ["generator.x", "generator.noise.fine"]}
    desks = dataclasses.replace(
        OWN, osc=Osc(aliases=there | odd), dmx=Dmx(knobs=("generator.noise.fine", "generator.x"))
    )
    wired = played(desks, "--model", str(negative))
    assert list(wired.osc.aliases) == ["/a", "/c", "/d"], "what is no model's is refused later, by its name"
    assert wired.dmx is not None and wired.dmx.knobs == ("", "generator.x"), "the others stay on their channels"
    beyond = dataclasses.replace(OWN, cues=(Cue("1", values={"generator.truncation": 9.0}),))
    assert played(beyond, "--model", str(negative)).cues[0].values == {}, "further than its knob goes"


def test_a_slip_of_the_pen_is_refused_as_ever(negative: Path) -> None:
    slips = (
        dataclasses.replace(OWN, cues=(Cue("1", values={"generator.noise.fin": 0.5}),)),
        dataclasses.replace(OWN, routes=(Route("sound.bass", "generator.kik"),)),
    )
    for show in slips:
        with pytest.raises(SettingsError, match="did you mean"):
            played(show)
        with pytest.raises(SettingsError, match="did you mean"):
            played(show, "--model", "bloom")
    with pytest.raises(SettingsError, match=r"effect\.grain"):
        played(dataclasses.replace(OWN, routes=(Route("x", "effect.grain.amont"),)), "--model", str(negative))
    with pytest.raises(SettingsError, match="wavy"):
        played(dataclasses.replace(OWN, routes=(Route("x", "generator.x", curve="wavy"),)), "--model", str(negative))


def test_what_the_model_of_a_cue_lacks_is_said_when_it_is_opened(negative: Path, caplog) -> None:
    show = dataclasses.replace(OWN, cues=(*OWN.cues, Cue("2", model=str(negative))))
    generator = opening.open_generator(show)
    controls = Controls(0.0, {"generator.model.negative": 1.0, "generator.noise.fine": 0.5})
    assert generator.settle(controls) and generator.render(controls).pixels.isfinite().all()
    assert f"{negative} has no generator.noise.fine, bend.named.amount: left out" in caplog.text


def test_what_a_cue_says_to_its_own_model_is_accepted_and_checked_when_that_opens(negative: Path, caplog) -> None:
    values = {"generator.feedback": 0.5, "generator.camera": 9.0, "generator.feedbck": 0.5}
    show = dataclasses.replace(OWN, cues=(*OWN.cues, Cue("2", model=str(negative)), Cue("3", values=values)))
    generator = opening.open_generator(show)
    opening.open_board(show, generator.knobs)
    assert generator.settle(Controls(0.0, {"generator.model.negative": 1.0}))
    assert "bend.named.amount, generator.camera of 9, generator.feedbck: left out" in caplog.text
    slip = Cue("4", model="bloom", values={"generator.feedbac": 0.5})
    with pytest.raises(SettingsError, match=r"generator\.feedbac"):
        played(dataclasses.replace(show, cues=(*show.cues, slip)))
