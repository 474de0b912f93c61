"""The chain: order, identity, history, hot reload."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flower import picture, pixels_of, upload

from installation import files, settings
from installation.rendering import isf, link
from installation.rendering.effects import Chain

SIZE = (64, 36)
EFFECTS = files.shipped("shaders/effects")
OURS = sorted(path.stem for path in EFFECTS.glob("*.fs"))
RED = '/*{"INPUTS": []}*/\nvoid main() { gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0); }'


@pytest.mark.parametrize("name", OURS)
def test_at_amount_0_an_effect_changes_nothing_even_when_it_is_drawn(context, flower, name: str, monkeypatch) -> None:
    monkeypatch.setattr(link.LoadedEffect, "is_identity", lambda *_: False)
    chain = Chain(context, [settings.Effect(name)], SIZE)
    for n in range(8):
        seen = pixels_of(chain.draw(flower, {f"effect.{name}.amount": 0.0}, n / 30))
    assert np.abs(seen[..., :3].astype(int) - pixels_of(flower)[..., :3]).max() <= 1


@pytest.mark.parametrize("name", OURS)
def test_an_effect_of_ours_says_what_it_is_and_shows_it(context, name: str) -> None:
    effect = isf.read(EFFECTS / f"{name}.fs")
    assert effect.credit == "installation" and len(effect.about) > 20
    assert all(knob.about for knob in effect.knobs)
    size = (256, 144)  # much below, the finest grain is too fine
    chain = Chain(context, [settings.Effect(name)], size)
    for n in range(12):
        texture = upload(context, picture(*size, time_s=n / 10))
        seen = pixels_of(chain.draw(texture, {}, n / 30))
    assert np.abs(seen[..., :3].astype(int) - pixels_of(texture)[..., :3]).mean() > 1


def test_an_effect_at_amount_0_is_not_drawn_at_all(context, flower) -> None:
    chain = Chain(context, [settings.Effect("grain", knobs={"amount": 0.0})], SIZE)
    assert chain.draw(flower, {}, 0.0) is flower and chain.last is None


def test_effects_are_drawn_in_their_order(context, flower, tmp_path: Path) -> None:
    (tmp_path / "red.fs").write_text(RED)
    (tmp_path / "swap.fs").write_text(
        '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\n'
        "void main() { gl_FragColor = IMG_THIS_PIXEL(inputImage).gbra; }",
    )
    chain = Chain(context, [settings.Effect("red"), settings.Effect("swap")], SIZE, tmp_path)
    assert pixels_of(chain.draw(flower, {}, 0.0))[0, 0].tolist() == [0, 0, 255, 255]


def test_what_an_echo_remembered_is_forgotten_while_it_is_off(context, flower) -> None:
    chain = Chain(context, [settings.Effect("echo")], SIZE)
    white = upload(context, np.ones((36, 64, 3), "f4"))
    black = upload(context, np.zeros((36, 64, 3), "f4"))
    for n in range(4):
        chain.draw(white, {}, n / 30)
    chain.draw(black, {"effect.echo.amount": 0.0}, 1.0)
    assert pixels_of(chain.draw(black, {"effect.echo.amount": 1.0}, 1.1))[..., :3].max() <= 1


def test_the_working_size_may_change_at_any_frame(context, flower) -> None:
    chain = Chain(context, [settings.Effect(name) for name in ("datamosh", "bloom", "wilt")], SIZE)
    for n, size in enumerate([(64, 36), (32, 18), (96, 54), (64, 36)]):
        chain.resize(size)
        assert chain.draw(flower, {}, n / 30).size == size


def test_a_show_that_names_what_is_not_there_is_told_the_nearest(context) -> None:
    with pytest.raises(settings.SettingsError, match="did you mean 'kaleidoscope'"):
        Chain(context, [settings.Effect("kaleidescope")], SIZE)
    with pytest.raises(settings.SettingsError, match="did you mean 'amount'"):
        Chain(context, [settings.Effect("grain", knobs={"amonut": 0.1})], SIZE)
    with pytest.raises(settings.SettingsError, match="from 0 to 1"):
        Chain(context, [settings.Effect("grain", knobs={"amount": 3.0})], SIZE)
    with pytest.raises(settings.SettingsError, match="two effects"):
        Chain(context, [settings.Effect("grain"), settings.Effect("grain")], SIZE)


def test_the_same_effect_may_hang_twice_under_two_names(context, flower) -> None:
    chain = Chain(
        context, [settings.Effect("grade"), settings.Effect("grade", "again", {"shadow": [0, 0, 1, 1]})], SIZE
    )
    chain.draw(flower, {}, 0.0)
    assert chain.knobs["effect.again.shadow.b"].default == 1.0


def test_an_effect_without_a_clock_is_drawn_once_for_a_picture_and_its_values(context, flower, monkeypatch) -> None:
    chain = Chain(context, [settings.Effect("oil"), settings.Effect("grain")], SIZE)
    drawn: list[str] = []
    real = Chain._draw_link
    monkeypatch.setattr(
        Chain, "_draw_link", lambda self, link, *rest: drawn.append(link.name) or real(self, link, *rest)
    )
    assert chain.links[0].loaded.is_still and not chain.links[1].loaded.is_still
    chain.version = 1
    chain.draw(flower, {}, 0.0)
    once = pixels_of(chain.links[0].own[0].texture)
    chain.draw(flower, {}, 0.1)
    assert drawn == ["oil", "grain", "grain"]
    chain.draw(flower, {"effect.oil.relief": 0.9}, 0.2)  # another value
    chain.version = 2
    chain.draw(flower, {}, 0.3)  # another picture
    assert drawn[3:] == ["oil", "grain"] * 2
    assert np.array_equal(pixels_of(chain.links[0].own[0].texture), once)
    chain.version = 0  # nobody counts: drawn each time
    chain.draw(flower, {}, 0.4)
    chain.draw(flower, {}, 0.5)
    assert drawn[7:] == ["oil", "grain"] * 2
