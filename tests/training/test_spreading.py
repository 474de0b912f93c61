"""Where pictures are redrawn, a z drawn by chance must not be the mean of them all."""

import torch

from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.training.gan.spreading import spread

CONFIG = {"resolution": 32, "z_dim": 8, "w_dim": 32, "mapping_layers": 3, "channels": {4: 8, 8: 8, 16: 8, 32: 8}}


def generator(**more: int) -> Generator:
    torch.manual_seed(0)
    return Generator(NetworkConfig(**CONFIG | more))


def stations(*shape: int) -> torch.Tensor:
    """Rings of points in w, alike ones beside each other; what the last layer gives is mostly above 0."""
    turn = torch.linspace(0, 6.28, shape[-1] + 1)[:-1]
    ring = torch.stack([turn.cos(), turn.sin(), (2 * turn).cos(), (2 * turn).sin()], 1)
    return (ring @ torch.randn(4, 32, generator=torch.Generator().manual_seed(3))).expand(*shape, 32) + 3.0


def spread_of(w: torch.Tensor) -> float:
    return float(w.var(0).sum())


@torch.no_grad()
def test_a_seed_is_near_a_station_or_two_and_every_station_is_found_by_some() -> None:
    net, there = generator(), stations(6)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    z = torch.randn(500, 8, generator=torch.Generator().manual_seed(1))
    with torch.enable_grad():
        mapping = spread(net, there, 500)
    found, mean = mapping(z), there.mean(0)
    assert spread_of(found) > 0.25 * spread_of(there), "not all the same"
    nearest = torch.cdist(found, there)
    assert nearest.min(1).values.median() < 0.8 * (there - mean).norm(dim=1).median()
    assert set(nearest.argmin(1).tolist()) == set(range(6))
    assert torch.allclose(mapping.w_avg, mean, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items()), "the run's own goes on"


@torch.no_grad()
def test_each_class_is_led_to_its_own_stations_and_one_seed_to_the_same_place_in_all() -> None:
    net, there = generator(classes=2), stations(2, 6).clone()
    there[1] += 5.0
    with torch.enable_grad():
        mapping = spread(net, there, 900)
    z = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
    first, second = (mapping(z, label=torch.eye(2)[klass : klass + 1]) for klass in (0, 1))
    assert torch.cdist(first, there[0]).min(1).values.median() < torch.cdist(first, there[1]).min(1).values.median()
    assert torch.cdist(second, there[1]).min(1).values.median() < torch.cdist(second, there[0]).min(1).values.median()
    same = torch.cdist(first, there[0]).argmin(1) == torch.cdist(second, there[1]).argmin(1)
    assert same.float().mean() > 0.5


def test_a_mapping_without_layers_has_nothing_to_learn_and_stays_as_it_is() -> None:
    net = generator(mapping_layers=0, z_dim=32)
    z = torch.randn(3, 32)
    assert torch.equal(spread(net, stations(6), 3)(z), net.mapping(z))
