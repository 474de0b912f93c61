"""Every operation of network bending, one by one: what amount 0 and full amount do to a layer."""

import pytest
import torch
import torch.nn.functional as F

from installation.bending.operations import OPERATIONS, Operation, Site

ALL = sorted(OPERATIONS)
ASKED_FOR = {
    *("ablate", "invert", "multiply", "threshold", "quantise", "noise", "rotate", "translate", "scale", "flip"),
    *("erode", "dilate", "blur", "sort", "shuffle", "feedback", "freeze"),
}
WITH_MEMORY = {"feedback", "freeze"}


def layer(size: int = 32, channels: int = 6, seed: int = 0, wide: float = 1.0) -> torch.Tensor:
    """Smooth activations (1, channels, size, size x wide), as a network's are."""
    source = torch.Generator().manual_seed(seed)
    rough = torch.randn(1, channels, 8, round(8 * wide), generator=source)
    return F.interpolate(rough, (size, round(size * wide)), mode="bicubic", align_corners=False)


def bend(operation: Operation, x: torch.Tensor, amount: float, site: Site | None = None) -> torch.Tensor:
    return operation(x, torch.tensor(amount), site or Site(seed=5))


def test_every_operation_of_the_brief_is_there():
    assert set(OPERATIONS) >= ASKED_FOR


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", ALL)
def test_amount_zero_changes_no_bit(name, dtype, order):
    x = layer().to(dtype).contiguous(memory_format=order)
    before, site = x.clone(), Site()
    for _ in range(3):
        y = bend(OPERATIONS[name], x, 0.0, site)
        assert y.dtype == x.dtype
        assert y.view(torch.uint8).equal(before.view(torch.uint8)) if y.is_contiguous() else y.equal(before)
    assert x.equal(before), "the layer itself must not be written to"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ALL)
def test_full_amount_is_seen_and_keeps_shape_and_format(name, dtype):
    operation, site = OPERATIONS[name], Site(seed=5)
    first, x = layer(seed=1).to(dtype), layer().to(dtype)
    if name in WITH_MEMORY:
        bend(operation, first, 0.0, site)
    before = x.clone()
    y = bend(operation, x, 1.0, site)
    assert y.shape == x.shape
    assert y.dtype == dtype
    assert y.isfinite().all()
    assert (y - x).abs().mean() > 0.02 * x.abs().mean()
    assert x.equal(before), "the layer itself must not be written to"


@pytest.mark.parametrize("name", ALL)
def test_a_small_amount_is_a_small_change(name):
    operation, site = OPERATIONS[name], Site(seed=5)
    x = layer()
    bend(operation, x, 0.0, site)
    y = bend(operation, x, 0.004, site)
    assert (y - x).abs().mean() < 0.06 * x.abs().mean()


@pytest.mark.parametrize("name", [n for n in ALL if OPERATIONS[n].low < 0])
def test_below_zero_bends_the_other_way(name):
    x = layer()
    there, back = bend(OPERATIONS[name], x, 0.2), bend(OPERATIONS[name], x, -0.2)
    assert not torch.allclose(there, back, atol=0.05)


@pytest.mark.parametrize("amount", [0.3, 1.0])
@pytest.mark.parametrize("wide", [1.0, 1.75])
@pytest.mark.parametrize("name", sorted(set(ALL) - WITH_MEMORY - {"noise"}))
def test_a_print_looks_like_the_show(name, wide, amount):
    """Bending a layer of four times the size gives what the show saw, seen from a little distance."""
    shown, printed = (bend(OPERATIONS[name], layer(size, wide=wide), amount) for size in (64, 256))
    far = (16, round(16 * wide))
    shown, printed = F.adaptive_avg_pool2d(shown, far), F.adaptive_avg_pool2d(printed, far)
    assert (shown - printed).abs().mean() < 0.06 * printed.abs().mean() + 1e-6


@pytest.mark.parametrize("wide", [1.0, 1.75])
def test_the_grain_of_noise_is_the_same_at_every_size(wide):
    quiet = [layer(size, wide=wide) for size in (64, 256)]
    shown, printed = (bend(OPERATIONS["noise"], x, 1.0) - x for x in quiet)
    printed = F.adaptive_avg_pool2d(printed, (shown.shape[2], shown.shape[3]))
    assert torch.corrcoef(torch.stack([shown.flatten(), printed.flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("name", ["noise", "shuffle"])
def test_the_seed_decides_what_chance_does(name):
    x = layer()
    one, again, other = (bend(OPERATIONS[name], x, 0.8, Site(seed)) for seed in (1, 1, 2))
    assert one.equal(again)
    assert not one.equal(other)


def test_ablate_at_full_amount_is_silence():
    assert bend(OPERATIONS["ablate"], layer(), 1.0).abs().max() == 0


def test_flip_at_full_amount_is_the_mirror_image():
    x = layer()
    assert bend(OPERATIONS["flip"], x, 1.0).equal(x.flip(3))


def test_rotate_by_half_a_turn_is_both_mirror_images():
    x = layer()
    assert torch.allclose(bend(OPERATIONS["rotate"], x, 1.0), x.flip(2, 3), atol=1e-3)


def test_translate_by_half_moves_the_left_half_to_the_right():
    x = layer()
    assert torch.allclose(bend(OPERATIONS["translate"], x, 0.5)[..., 16:], x[..., :16], atol=1e-5)


def test_translate_by_a_third_of_a_pixel_shows_no_seam():
    x = layer()
    shifted = bend(OPERATIONS["translate"], x, 1 / 96)
    assert (shifted - x).abs().max() < 1.2 * x.diff(dim=3).abs().max()


def test_sort_puts_every_column_in_rising_order():
    y = bend(OPERATIONS["sort"], layer(), 1.0)
    assert (y.diff(dim=2) >= 0).all()


def test_quantise_leaves_few_levels():
    assert len(bend(OPERATIONS["quantise"], layer(), 1.0).unique()) < 8


def test_erode_and_dilate_enclose_the_layer():
    x = layer()
    assert (bend(OPERATIONS["erode"], x, 1.0) <= x).all()
    assert (bend(OPERATIONS["dilate"], x, 1.0) >= x).all()


def test_feedback_keeps_a_trace_of_earlier_frames():
    site, first, second = Site(), layer(seed=1), layer(seed=2)
    bend(OPERATIONS["feedback"], first, 0.8, site)
    y = bend(OPERATIONS["feedback"], second, 0.8, site)
    assert torch.allclose(y, torch.lerp(second, first, 0.8 * 0.96), atol=1e-5)


def test_freeze_holds_the_moment_when_the_amount_left_zero():
    site, frames = Site(), [layer(seed=i) for i in range(4)]
    bend(OPERATIONS["freeze"], frames[0], 0.0, site)
    bend(OPERATIONS["freeze"], frames[1], 0.0, site)
    for frame in frames[2:]:
        assert torch.allclose(bend(OPERATIONS["freeze"], frame, 1.0, site), frames[1])
    assert bend(OPERATIONS["freeze"], frames[3], 0.0, site).equal(frames[3])


def test_memory_survives_a_change_of_the_layers_size():
    for name in WITH_MEMORY:
        site = Site()
        bend(OPERATIONS[name], layer(32), 0.5, site)
        x = layer(64)
        assert torch.allclose(bend(OPERATIONS[name], x, 0.5, site), x, atol=1e-6)
