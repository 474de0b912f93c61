"""The slo-mo glitch as a live effect on another generator's pictures."""

from dataclasses import asdict

import pytest
import torch

from installation import plugins
from installation.generators import pattern, slomo
from installation.settings import Bend, Part, SettingsError, check
from installation.signals import Controls

TEAR = Bend("tear", "blend.up3.conv2", "multiply", 0.8)


def make(bends=(), seed: int = 3, **settings) -> slomo.Slomo:
    table = {"generator": Part("pattern"), "net_px": 64} | settings
    return slomo.create(slomo.Settings(**table), bends, (96, 64), "cpu", seed)


def paint(generator, turns: float = 0.2, **values: float) -> torch.Tensor:
    knobs = {name.replace("__", "."): value for name, value in values.items()}
    return generator.render(Controls(0.0, knobs, turns)).pixels


def inner(seed: int = 3):
    return pattern.create(pattern.Settings(), (), (96, 64), "cpu", seed)


def test_without_amount_the_inner_picture_is_untouched_bit_for_bit():
    assert paint(make(), slomo__amount=0.0).equal(paint(inner()))
    assert not paint(make()).equal(paint(inner()))


def test_a_small_amount_changes_little_and_a_large_one_more():
    generator, plain = make(), paint(inner())
    little, much = (float((paint(generator, slomo__amount=a) - plain).abs().mean()) for a in (0.02, 1.0))
    assert 0 < little < 0.02 < much


def test_it_offers_its_knobs_on_top_of_the_inner_ones():
    knobs = make([TEAR]).knobs
    assert set(knobs) > set(inner().knobs) | {"slomo.amount", "slomo.t", "slomo.span", "bend.tear.amount"}
    assert knobs["slomo.amount"].default == 0.5


def test_bends_of_a_show_go_to_the_net_or_the_generator_that_has_the_layer():
    petals = Bend("melt", "hidden1", "invert", 1.0)
    plain = make()
    assert not paint(make([petals]), slomo__amount=0.0).equal(paint(plain, slomo__amount=0.0))
    bent = make([TEAR, petals])
    assert not paint(bent).equal(paint(make([petals])))
    bent.shed(1)
    assert paint(bent).equal(paint(plain)), "the show's bends go first"
    bent.shed(2)
    assert paint(bent).equal(paint(inner())), "then the effect"
    bent.shed(0)
    assert not paint(bent).equal(paint(plain))


def test_time_leads_from_the_picture_to_the_one_ahead():
    unbent = slomo.Settings(Part("pattern"), bends=(), net_px=64)
    generator = slomo.create(unbent, (), (96, 64), "cpu", 3)
    here, ahead = paint(inner(), 0.2), paint(inner(), 0.23)
    early, late = (paint(generator, slomo__amount=1.0, slomo__t=t) for t in (0.02, 0.98))
    assert (early - here).abs().mean() < (early - ahead).abs().mean()
    assert (late - ahead).abs().mean() < (late - here).abs().mean()


def test_nets_that_break_are_counted_and_the_picture_stays_finite():
    generator = make()
    for parameter in generator.nets.blend.conv3.parameters():
        parameter.fill_(float("nan"))
    assert paint(generator).isfinite().all()
    assert generator.faults["bend not finite"] == 1


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(SettingsError, match="cannot stand behind"):
        slomo.create(slomo.Settings(Part("slomo")))
    with pytest.raises(SettingsError, match="no layer"):
        make([Bend("tear", "flow.down9.conv1", "invert")])
    with pytest.raises(SettingsError, match="name of its own"):
        make([Bend(slomo.GLITCHES[0].name, "flow.conv3", "invert")])
    with pytest.raises(SettingsError, match="detial"):
        make(generator=Part("pattern", {"detial": 3}))


def test_a_show_file_can_name_it():
    module = plugins.load("generators", "slomo")
    table = {"generator": {"name": "pattern", "settings": {"detail": 32}}, "amount": 0.8, "bends": [asdict(TEAR)]}
    generator = module.create(check(module.Settings, table, "show"), (), (64, 64), "cpu")
    assert generator.now.settings.detail == 32
    assert generator.knobs["slomo.amount"].default == 0.8
