"""A cue that names another model: it is opened behind the show's back, and the pictures fade into each other."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import Counter
from pathlib import Path

import pytest
import torch

from installation.control.cues import Board
from installation.generators import crossfade, opener
from installation.generators.crossfade import Crossfade, fit
from installation.live import opening
from installation.live.leading import led_by
from installation.settings import Cue, Part, SettingsError, Show, check, to_table
from installation.signals import Command, Controls, Knob, Picture

SIZE = (8, 6)


class Plain:
    """Paints one grey."""

    def __init__(self, grey: float, size: tuple[int, int] = SIZE) -> None:
        self.grey, self.size, self.painted = grey, size, 0
        self.device, self.layers, self.weights_sha256 = torch.device("cpu"), [], str(grey)
        self.knobs: dict[str, Knob] = {}
        self.faults: Counter[str] = Counter()
        self.level = 0

    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        self.painted += 1
        return Picture(torch.full((3, *reversed(self.size)), self.grey), controls, self.painted)

    def where(self, controls: Controls) -> torch.Tensor:
        return torch.full((1, 1), self.grey)

    def shed(self, level: int) -> None:
        self.level = level

    def reset(self) -> None: ...


class Opening:
    """Opens plain models when it is let."""

    def __init__(self, free: bool = True) -> None:
        self.let, self.opened = threading.Event(), list[str]()
        if free:
            self.let.set()

    def __call__(self, part: Part) -> Plain:
        assert self.let.wait(20)
        self.opened.append(part.name)
        if part.name == "broken":
            raise RuntimeError("torn")
        return Plain(float(part.name), (16, 16))


def make(*models: str, free: bool = True, mb: float = 100.0, monkeypatch=None, needs: float = 1.0):
    monkeypatch.setattr(opener, "needed_mb", lambda part: needs)
    opening_one = Opening(free)
    made = Crossfade(Plain(-1.0), {f"m{i}": Part(name) for i, name in enumerate(models)}, mb, opening_one)
    made.each(lambda one: None)
    return made, opening_one


def at(time_s: float, **shares: float) -> Controls:
    return Controls(time_s, {f"generator.model.{name}": share for name, share in shares.items()})


def grey(made: Crossfade, controls: Controls) -> float:
    pixels = made.render(controls).pixels
    assert pixels.shape == (3, 6, 8), "of the show's own size, whatever the other model's is"
    assert pixels.std() < 1e-6
    return float(pixels.mean())


def test_pictures_fade_by_their_shares_and_only_what_is_seen_is_painted(monkeypatch) -> None:
    made, _ = make("1.0", "0.0", monkeypatch=monkeypatch)
    assert made.settle(at(0.0, m0=1.0, m1=1.0))
    assert grey(made, at(0.0)) == -1.0
    assert grey(made, at(0.1, m0=0.25)) == pytest.approx(-0.5)
    painted = made.now.painted
    assert grey(made, at(0.2, m0=1.0)) == 1.0 and made.now.painted == painted
    assert grey(made, at(0.3, m0=1.0, m1=1.0)) == pytest.approx(0.5), "shares that make more than 1 are shared out"
    assert grey(made, at(0.4)) == -1.0


def test_a_model_that_is_not_there_yet_keeps_nobody_waiting_and_then_appears_slowly(monkeypatch) -> None:
    made, opening_one = make("1.0", free=False, monkeypatch=monkeypatch)
    assert grey(made, at(10.0, m0=1.0)) == -1.0, "the opener still waits, the picture does not"
    opening_one.let.set()
    assert made.settle(at(10.0, m0=1.0))
    seen = [grey(made, at(11.0 + t, m0=1.0)) for t in (0.0, crossfade.LATE_FADE_S / 2, crossfade.LATE_FADE_S)]
    assert seen == pytest.approx([-1.0, 0.0, 1.0])


def test_one_that_was_opened_ahead_is_there_at_once(monkeypatch) -> None:
    made, opening_one = make("1.0", monkeypatch=monkeypatch)
    assert made.settle(at(0.0)) and opening_one.opened == ["1.0"]
    assert grey(made, at(5.0, m0=1.0)) == 1.0


def test_what_was_not_shown_for_longest_makes_room_never_what_is_seen(monkeypatch) -> None:
    made, opening_one = make("0.1", "0.2", "0.3", mb=2.5, monkeypatch=monkeypatch)
    assert made.settle(at(0.0))
    assert opening_one.opened == ["0.1", "0.2"], "the third would be too much, and was not asked for"
    grey(made, at(1.0, m0=0.5))
    assert made.settle(at(2.0, m2=1.0))
    assert opening_one.opened == ["0.1", "0.2", "0.3"]
    grey(made, at(2.5, m0=0.5, m2=0.5))
    assert set(made.opener._open) == {"m0", "m2"}
    assert made.settle(at(3.0, m1=1.0))
    assert set(made.opener._open) == {"m0", "m2"}, "both are on the wall"
    grey(made, at(4.0, m2=1.0))
    assert made.settle(at(4.0, m1=1.0)) and set(made.opener._open) == {"m2", "m1"}


def test_a_model_that_is_too_large_or_torn_is_said_once_and_the_show_goes_on(monkeypatch, caplog) -> None:
    made, _ = make("1.0", needs=200.0, monkeypatch=monkeypatch)
    assert made.settle(at(0.0)) and grey(made, at(1.0, m0=1.0)) == -1.0
    assert "needs about 200 MB" in caplog.text and made.faults == {"model": 1}
    made, opening_one = make("broken", monkeypatch=monkeypatch)
    assert made.settle(at(0.0, m0=1.0)) and grey(made, at(1.0, m0=1.0)) == -1.0
    assert made.settle(at(0.0, m0=1.0)) and opening_one.opened == ["broken"], "tried once"
    assert "cannot be opened: torn" in caplog.text


def test_what_is_done_to_the_generator_is_done_to_those_that_come_later(monkeypatch) -> None:
    made, opening_one = make("1.0", free=False, monkeypatch=monkeypatch)
    made.shed(2)
    made.each(lambda one: one.knobs.update(reached=Knob("reached")))
    opening_one.let.set()
    made.settle(at(0.0, m0=1.0))
    other = made.opener._open["m0"]
    assert other.level == 2 and "reached" in other.knobs and "reached" in made.knobs


def test_a_picture_of_another_shape_fills_the_wall_with_its_middle() -> None:
    wide = torch.linspace(-1, 1, 32).expand(3, 8, 32)
    shown = fit(wide, (8, 8))
    assert shown.shape == (3, 8, 8) and shown.mean().abs() < 1e-6 and shown.max() < 0.3
    assert fit(torch.ones(3, 5, 7), (20, 30)).shape == (3, 30, 20)


PATTERN = Show("small", generator=Part("pattern", {"size": [48, 32]}), screen=Show("").screen)


@pytest.fixture
def other(tmp_path: Path) -> str:
    folder = tmp_path / "my model"
    folder.mkdir()
    (folder / "model.toml").write_text('name = "my model"\nkind = "pattern"\n')
    return str(folder)


def test_a_cue_that_names_a_model_fades_to_it_and_the_next_one_back(other: str, monkeypatch) -> None:
    monkeypatch.setattr(opener, "needed_mb", lambda part: 1.0)
    own = {"model": "own"}
    cues = (Cue("1", model="own"), Cue("2", fade_s=4.0, model=other), Cue("3", fade_s=4.0, model="own"))
    monkeypatch.setattr("installation.live.leading.with_model", lambda part, model: Part("pattern", {"anchors": 5}))
    show = dataclasses.replace(PATTERN, cues=cues)
    monkeypatch.setattr("installation.live.leading.own_model", lambda part: own["model"])
    show = check(Show, to_table(show), "show")
    generator = opening.open_generator(show)
    assert isinstance(generator, Crossfade)
    board = Board(generator.knobs, led_by(show))
    knob = "generator.model.my_model"
    board.apply(Command("cue", "2"), 0.0)
    assert [board.levels(s).base[knob] for s in (0.0, 2.0, 4.0)] == [0.0, 0.5, 1.0]
    controls = Controls(4.0, board.levels(4.0).base, 0.3)
    assert generator.settle(controls)
    assert not generator.render(controls).pixels.equal(generator.now.render(controls).pixels)
    board.apply(Command("cue", "3"), 5.0)
    assert board.levels(9.0).base[knob] == 0.0


def test_a_show_whose_cues_name_no_model_is_played_without_this_in_between() -> None:
    assert not isinstance(opening.open_generator(PATTERN), Crossfade)


def test_two_models_of_one_name_are_refused() -> None:
    show = dataclasses.replace(PATTERN, cues=(Cue("1", model="a/rose"), Cue("2", model="b/rose")))
    with pytest.raises(SettingsError, match="both called rose"):
        led_by(show)


def test_a_cue_whose_model_is_not_there_is_refused_when_the_show_opens() -> None:
    show = dataclasses.replace(PATTERN, cues=(Cue("1", model="nowhere"),))
    with pytest.raises(RuntimeError, match="no model 'nowhere'"):
        opening.open_generator(show)


def test_bends_at_layers_that_the_other_model_does_not_have_are_left_out(monkeypatch, caplog) -> None:
    from installation.settings import Bend

    bends = [Bend("named", "hidden1", "multiply"), Bend("anywhere", 0.5, "multiply")]
    models = {"other": Part("slomo", {"generator": {"name": "pattern"}})}
    monkeypatch.setattr(opener, "needed_mb", lambda part: 1.0)
    settings = crossfade.Settings(Part("pattern"), models)
    with caplog.at_level(logging.INFO):
        made = crossfade.create(settings, bends, (48, 32), "cpu", 1)
        made.each(lambda one: None)
        assert made.settle(at(0.0, other=1.0))
    assert "other" in made.opener._open
