"""Bends at the layers of a network: where they attach, what they leave alone, and what they survive."""

import pytest
import torch

from installation.bending.layers import ENERGY, NOT_FINITE, Bends, bend_knobs
from installation.bending.operations import OPERATIONS, Operation
from installation.settings import Bend, SettingsError

LAYERS = [("b4.conv1", 8, 4), ("b8.conv0", 8, 8), ("b8.conv1", 8, 8), ("b8.torgb", 3, 8), ("b16.conv0", 4, 16)]


def activations(channels: int = 8, size: int = 8, seed: int = 0) -> torch.Tensor:
    x = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=torch.channels_last)


def changed_channels(bends: Bends, layer: str, x: torch.Tensor) -> list[int]:
    y = bends.apply(layer, x)
    return [c for c in range(x.shape[1]) if not y[:, c].equal(x[:, c])]


@pytest.fixture
def broken(monkeypatch) -> str:
    """An operation that fills a NaN and an infinity into every channel, as a network gone wrong does."""

    def fill(x: torch.Tensor, amount: torch.Tensor, site: object) -> torch.Tensor:
        y = x.clone()
        y[..., 0, 0], y[..., 0, 1] = torch.nan, torch.inf
        return y

    monkeypatch.setitem(OPERATIONS, "broken", Operation("broken", fill, "Break the layer."))
    return "broken"


def test_every_bend_has_a_knob_with_the_range_of_its_operation():
    knobs = bend_knobs([Bend("turn", "b8.conv1", "rotate", 0.25), Bend("rest", "b8.conv1", "ablate")])
    assert [(k.name, k.low, k.high, k.default) for k in knobs] == [
        ("bend.turn.amount", -1.0, 1.0, 0.25),
        ("bend.rest.amount", 0.0, 1.0, 0.0),
    ]


def test_a_bend_changes_its_own_layer_only():
    bends, x = Bends([Bend("a", "b8.conv1", "invert", 1.0)], LAYERS), activations()
    assert bends.apply("b8.conv0", x) is x
    assert len(changed_channels(bends, "b8.conv1", x)) == 8


def test_nothing_is_touched_while_every_amount_is_zero():
    bends, x = Bends([Bend(o, "b8.*", o) for o in OPERATIONS], LAYERS), activations()
    y = bends.apply("b8.conv1", x)
    assert y.equal(x)
    assert not bends.active


def test_only_the_listed_channels_are_bent():
    bends = Bends([Bend("a", "b8.conv1", "invert", 1.0, channels=(1, 6))], LAYERS)
    assert changed_channels(bends, "b8.conv1", activations()) == [1, 6]


def test_a_share_is_a_seeded_choice_of_channels():
    def chosen(seed: int, show: int = 0) -> list[int]:
        bends = Bends([Bend("a", "b8.conv1", "invert", 1.0, share=0.5, seed=seed)], LAYERS, seed=show)
        return changed_channels(bends, "b8.conv1", activations())

    assert len(chosen(1)) == 4
    assert chosen(1) == chosen(1)
    assert len({tuple(chosen(seed)) for seed in range(6)}) > 1
    assert len({tuple(chosen(0, show)) for show in range(6)}) > 1


def test_a_star_bends_every_layer_it_matches():
    bends, x = Bends([Bend("a", "b8.*", "invert", 1.0)], LAYERS), activations()
    assert [name for name in bends.places] == ["b8.conv0", "b8.conv1", "b8.torgb"]
    assert bends.apply("b4.conv1", x) is x


def test_random_is_one_seeded_inner_layer():
    found = [list(Bends([Bend("a", "random", "blur", seed=i)], LAYERS).places) for i in range(20)]
    assert all(len(names) == 1 for names in found)
    assert len({names[0] for names in found}) > 1
    assert "b8.torgb" not in {names[0] for names in found}


def test_bends_of_one_layer_follow_each_other():
    bends = Bends([Bend("a", "b8.conv1", "multiply", 1 / 3), Bend("b", "b8.conv1", "ablate", 0.5)], LAYERS)
    x = activations()
    assert torch.allclose(bends.apply("b8.conv1", x), x, atol=1e-5)


def test_amounts_follow_the_controls_and_missing_ones_the_show_file():
    bends = Bends([Bend("a", "b8.conv1", "ablate", 0.25), Bend("b", "b8.conv0", "ablate")], LAYERS)
    x = activations()
    bends.set({"bend.a.amount": 1.0, "something.else": 3.0})
    assert bends.apply("b8.conv1", x).abs().max() == 0
    bends.set({})
    assert torch.allclose(bends.apply("b8.conv1", x), 0.75 * x)
    bends.set({"bend.a.amount": float("nan")})
    assert bends.apply("b8.conv1", x) is x


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_no_operation_raises_a_layers_energy_above_the_limit(name):
    operation = OPERATIONS[name]
    for amount in {operation.low, operation.high} - {0.0}:
        bends, x = Bends([Bend("a", "b8.conv1", name, amount)], LAYERS), activations()
        for _ in range(4):
            y = bends.apply("b8.conv1", x)
            assert y.norm() <= ENERGY * x.norm() * 1.001


def test_a_chain_of_gains_cannot_overflow_half_precision():
    bends = Bends([Bend(f"a{i}", "b8.conv1", "multiply", 1.0) for i in range(3)], LAYERS)
    assert bends.apply("b8.conv1", activations().half()).isfinite().all()


def test_what_is_not_finite_is_taken_from_before_the_bend_and_counted(broken):
    bends, x = Bends([Bend("a", "b8.conv1", broken, 1.0)], LAYERS), activations()
    assert bends.apply("b8.conv1", x).equal(x)
    assert bends.faults[NOT_FINITE] == 1
    bends.set({"bend.a.amount": 0.0})
    bends.apply("b8.conv1", x)
    assert bends.faults[NOT_FINITE] == 1


def test_a_layer_that_is_broken_already_comes_out_finite_and_leaves_no_trace():
    bends, x = Bends([Bend("a", "b8.conv1", "feedback", 0.9)], LAYERS), activations()
    sick = x.clone()
    sick[0, 0, 0, 0] = torch.nan
    bends.apply("b8.conv1", x)
    assert bends.apply("b8.conv1", sick).isfinite().all()
    for _ in range(2):
        assert bends.apply("b8.conv1", x).isfinite().all()
    assert bends.faults[NOT_FINITE] == 1


def test_shed_skips_every_bend_until_it_is_taken_back():
    bends, x = Bends([Bend("a", "b8.conv1", "invert", 1.0)], LAYERS), activations()
    bends.shed(1)
    bends.set({})
    assert bends.apply("b8.conv1", x) is x
    bends.shed(0)
    bends.set({})
    assert not bends.apply("b8.conv1", x).equal(x)


def test_reset_forgets_earlier_frames():
    bends, old, new = Bends([Bend("a", "b8.conv1", "feedback", 0.9)], LAYERS), activations(), activations(seed=1)
    bends.apply("b8.conv1", old)
    bends.reset()
    assert torch.allclose(bends.apply("b8.conv1", new), new, atol=1e-6)


@pytest.mark.parametrize(
    ("bend", "hint"),
    [
        (Bend("a", "b8.conv2", "blur"), "did you mean 'b8.conv1'"),
        (Bend("a", "b8.conv1", "blurr"), "did you mean 'blur'"),
        (Bend("a", "b8.conv1", "blur", 1.5), r"amount of blur is 0.0..1.0, found 1.5"),
        (Bend("a", "b8.conv1", "blur", share=0.0), "share"),
        (Bend("a", "b8.conv1", "blur", channels=(3, 8)), r"channels 0..7, found \[8\]"),
    ],
)
def test_a_wrong_bend_is_refused_with_the_way_out(bend, hint):
    with pytest.raises(SettingsError, match=hint):
        Bends([bend], LAYERS)


def test_two_bends_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="name of its own"):
        Bends([Bend("a", "b8.conv1", "blur"), Bend("a", "b8.conv0", "blur")], LAYERS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_on_an_accelerator_no_bend_waits_for_a_value(name, dtype):
    """On the device "meta" any look at a value raises, so what runs there can be captured in a CUDA graph."""
    bends = Bends([Bend("a", "b8.conv1", name, 0.5, share=0.5), Bend("b", "b8.conv1", name)], LAYERS, device="meta")
    x = torch.empty(1, 8, 8, 14, dtype=dtype, device="meta").contiguous(memory_format=torch.channels_last)
    for _ in range(2):
        y = bends.apply("b8.conv1", x)
        assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, x.device)


@pytest.mark.parametrize(("layer", "name"), [(0.0, "a"), (0.4, "c"), ("coarse", "b"), ("middle", "c"), ("fine", "d")])
def test_a_bend_may_say_how_far_along_the_way_through_any_network_it_sits(layer: str | float, name: str) -> None:
    layers = [("a", 8, 4), ("b", 8, 8), ("rgb", 3, 8), ("c", 8, 16), ("d", 8, 32), ("e", 8, 64)]
    assert list(Bends([Bend("x", layer, "invert")], layers).places) == [name]


def test_a_bend_beyond_the_end_of_the_network_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"0\.\.1, found 1\.5"):
        Bends([Bend("x", 1.5, "invert")], [("a", 8, 4)])
