"""Two networks of one shape: layer by layer between both, live and as a model; noise that is played by zones."""

from __future__ import annotations

import itertools

import pytest
import torch
from test_generators import make, paint

from installation.generators import blend
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.settings import SettingsError
from installation.signals import Controls

ALL_FIRST = {"blend.coarse": 0.0, "blend.middle": 0.0, "blend.fine": 0.0}


def test_at_its_ends_a_blend_paints_with_one_network_or_with_the_other() -> None:
    mixed = make("blend", dtype="float32")
    first, second = mixed.ends
    point = mixed.where(Controls(0.0, {}, 0.2))[None]
    for share, net in ((0.0, first), (1.0, second), (0.0, first)):
        found = paint(mixed, **dict.fromkeys(ALL_FIRST, share))
        assert torch.allclose(found, net.synthesis(point)[0].clamp(-1, 1), atol=2e-3)


def test_between_them_it_is_the_network_whose_weights_lie_between() -> None:
    mixed = make("blend", dtype="float32")
    net = make("stylegan2").net
    shares = {"coarse": 0.25, "middle": 0.5, "fine": 0.75}
    blend.mix(net, *mixed.ends, shares)
    point = mixed.where(Controls(0.0, {}, 0.2))[None]
    found = paint(mixed, **{f"blend.{zone}": share for zone, share in shares.items()})
    assert torch.allclose(found, net.synthesis(point)[0].clamp(-1, 1), atol=2e-3)


def test_a_zones_share_changes_the_layers_of_that_zone_alone() -> None:
    mixed = make("blend", dtype="float32")
    paint(mixed, **ALL_FIRST)
    before = {layer.name: layer.weight.clone() for layer in mixed.synthesis.layers}
    paint(mixed, **{**ALL_FIRST, "blend.middle": 0.4})
    changed = [layer.name for layer in mixed.synthesis.layers if not layer.weight.equal(before[layer.name])]
    assert changed == ["b8.torgb", "b16.conv0", "b16.conv1"]


def test_noise_that_is_turned_down_stays_so_when_the_shares_change() -> None:
    mixed, fresh = make("blend", dtype="float32"), make("blend", dtype="float32")
    quiet = {"noise": 0.5}
    paint(mixed, **ALL_FIRST, **quiet)
    there = dict.fromkeys(ALL_FIRST, 1.0)
    paint(fresh, **there)
    assert torch.allclose(paint(mixed, **there, **quiet), paint(fresh, **there, **quiet), atol=1e-5)


def test_two_networks_of_another_shape_are_refused_by_what_differs() -> None:
    other = Generator(NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 8}))
    with pytest.raises(SettingsError, match=r"b32\.\S+ is \(12"):
        blend.check_alike(make("stylegan2").net, other)


def test_shares_beyond_0_and_1_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"0\.\.1"):
        make("blend", middle=1.5)


def test_a_zones_noise_has_a_strength_and_a_seed_of_its_own() -> None:
    generator = make("stylegan2", dtype="float32")
    full = paint(generator)
    none = paint(generator, noise=0.0)
    parts = [paint(generator, **{f"noise.{zone}": 0.0}) for zone in ("coarse", "middle", "fine")]
    assert len({float(part.sum()) for part in (full, none, *parts)}) == 5
    assert paint(generator, **{f"noise.{zone}": 0.0 for zone in ("coarse", "middle", "fine")}).equal(none)
    one, other = (paint(generator, **{"noise.fine_seed": seed}) for seed in (1.0, 2.0))
    assert not one.equal(full) and not one.equal(other)
    assert paint(generator, **{"noise.fine_seed": 1.0}).equal(one), "a seed is the same noise again"
    assert paint(generator).equal(full), "0 is the model's own"


def test_noise_goes_round_and_closes_with_the_walk() -> None:
    generator = make("stylegan2")

    def noise(turns: float) -> torch.Tensor:
        paint(generator, turns, **{"noise.loops": 3.0})
        return torch.cat([layer.noise.flatten() for layer in generator.synthesis.layers if layer.noise is not None])

    start = noise(0.0)
    lap = [noise(i / 90) for i in range(31)]
    assert torch.allclose(noise(1.0), start) and torch.allclose(lap[30], start, atol=1e-5), "three times a lap"
    assert not torch.allclose(lap[10], start, atol=0.05)
    assert max(float((a - b).norm()) for a, b in itertools.pairwise(lap)) < 0.35 * float(start.norm())
    lengths = torch.stack([frame.std() for frame in lap])
    assert lengths.min() > 0.8 * lengths.max(), "as strong all the way"
