"""StyleGAN3: the paper's arithmetic in three forms, its equivariance as knobs, cards that lie refused."""

import math
import re

import numpy as np
import pytest
import scipy  # its parts are loaded when they are asked for
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from installation.generators import stylegan3
from installation.generators.stylegan2 import onednn
from installation.generators.stylegan3 import Settings, StyleGAN3, moved, read_model, reference
from installation.generators.stylegan3.fast import FastSynthesis
from installation.generators.stylegan3.network import Generator, NetworkConfig, SynthesisLayer, layer_names
from installation.generators.stylegan3.products import Products
from installation.generators.stylegan3.resampling import Resampling
from installation.generators.stylegan3.shape import layer_shapes
from installation.settings import Bend, SettingsError
from installation.signals import Controls
from installation.weights import WeightsError

SMALL = {"resolution": 32, "z_dim": 16, "w_dim": 24, "num_layers": 6, "margin_size": 4}
T = NetworkConfig(**SMALL, channel_base=512, channel_max=24)
R = NetworkConfig.r(**SMALL, channel_base=768, channel_max=32)
STEP = 2 / 255  # what an 8-bit picture can tell apart, in -1..1
MOVE = torch.tensor([*moved(0.1, -0.2, 0.09), 0, 0, 1]).view(3, 3)


def lively(config: NetworkConfig) -> Generator:
    """A generator in which every number matters; a fresh one has zero biases and a plane that no w moves."""
    torch.manual_seed(7)
    net = Generator(config).eval().requires_grad_(False)
    for name, value in [*net.named_parameters(), *net.named_buffers()]:
        if name.endswith("bias") and "affine" not in name:
            value.normal_()
        elif "input.affine" in name:
            value.add_(torch.randn_like(value) * 0.3)
        elif name.endswith("magnitude_ema"):
            value.fill_(0.7)
        elif name.endswith("_filter"):  # a file's own filters need not be symmetric
            value.add_(torch.randn_like(value) * 0.02 * value.abs().max())
    return net


# The paper's equations once more, in numpy and float64, as plainly as they can be written.


def by_the_paper(net: Generator, ws: Tensor, move: Tensor) -> np.ndarray:
    """ws (num_ws, w_dim), move (3, 3) -> picture (C, R, R)."""
    state = {name: value.double().numpy() for name, value in net.state_dict().items()}
    w, config = ws.double().numpy(), net.config
    x = the_input(state, w[0], move.double().numpy(), layer_shapes(config)[0])
    for number, shape in enumerate(layer_shapes(config)):
        own = {k.removeprefix(p): v for k, v in state.items() if k.startswith(p := f"synthesis.{shape.name}.")}
        x = one_layer(own, x, w[number + 1], shape, config.conv_clamp)
    return x * config.output_scale


def the_input(state, w, move, first) -> np.ndarray:
    own = {k.removeprefix("synthesis.input."): v for k, v in state.items() if k.startswith("synthesis.input.")}
    rc, rs, tx, ty = (t := own["affine.weight"] @ w / math.sqrt(len(w)) + own["affine.bias"]) / math.hypot(*t[:2])
    place = np.array([[rc, -rs, 0], [rs, rc, 0], [0, 0, 1]]) @ np.array([[1, 0, -tx], [0, 1, -ty], [0, 0, 1]]) @ move
    freqs, phases = own["freqs"] @ place[:2, :2], own["phases"] + own["freqs"] @ place[:2, 2]
    fade = (np.hypot(*freqs.T) - first.in_cutoff) / (first.in_rate / 2 - first.in_cutoff)
    line = (np.arange(first.in_size) - (first.in_size - 1) / 2) / first.in_rate
    waves = freqs[:, 0, None, None] * line[None, None, :] + freqs[:, 1, None, None] * line[None, :, None]
    waves = np.sin(2 * np.pi * (waves + phases[:, None, None])) * np.clip(1 - fade, 0, 1)[:, None, None]
    return np.einsum("oc,chw->ohw", own["weight"] / math.sqrt(len(phases)), waves)


def one_layer(own, x, w, shape, clamp) -> np.ndarray:
    style = own["affine.weight"] @ w / math.sqrt(len(w)) + own["affine.bias"]
    weight = own["weight"] * style[None, :, None, None]
    if shape.colours:
        weight = weight / math.sqrt(own["weight"][0].size)
    else:
        weight = weight / np.sqrt((weight**2).sum((1, 2, 3), keepdims=True))
    k = shape.kernel - 1
    x = np.pad(x / math.sqrt(own["magnitude_ema"]), ((0, 0), (k, k), (k, k)))
    rows, columns = x.shape[1] - k, x.shape[2] - k
    parts = [
        np.einsum("oc,chw->ohw", weight[:, :, i, j], x[:, i : i + rows, j : j + columns])
        for i in range(k + 1)
        for j in range(k + 1)
    ]
    x = sum(parts) + own["bias"][:, None, None]
    x = up_fir_down(x, own.get("up_filter"), shape.up, 1, shape.padding)
    x = x if shape.colours else np.where(x < 0, 0.2 * x, x) * math.sqrt(2)
    x = x if clamp is None else np.clip(x, -clamp, clamp)
    return up_fir_down(x, own.get("down_filter"), 1, shape.down, (0, 0))


def up_fir_down(x, fir, up, down, padding) -> np.ndarray:
    stuffed = np.zeros((len(x), x.shape[1] * up, x.shape[2] * up))
    stuffed[:, ::up, ::up] = x
    before, behind = padding
    stuffed = np.pad(stuffed, ((0, 0), *[(max(0, before), max(0, behind))] * 2))
    cut = [slice(max(0, -before), size - max(0, -behind)) for size in stuffed.shape[1:]]
    x = stuffed[:, cut[0], cut[1]]
    if fir is not None:
        kernel = (np.outer(fir, fir) if fir.ndim == 1 else fir) * up**2
        x = np.stack([scipy.signal.convolve2d(plane, kernel, mode="valid") for plane in x])
    return x[:, ::down, ::down]


@pytest.mark.parametrize("colours", [1, 3, 4])
@pytest.mark.parametrize("kind", [T, R], ids="TR")
@torch.no_grad()
def test_the_textbook_form_follows_the_papers_equations(kind: NetworkConfig, colours: int) -> None:
    clamp = {1: None, 3: 256.0, 4: 2.0}[colours]
    net = lively(NetworkConfig(**{**vars(kind), "rgb_channels": colours, "conv_clamp": clamp}))
    ws = torch.randn(1, kind.num_ws, kind.w_dim)
    expected = by_the_paper(net, ws[0], MOVE)
    drawn = reference.synthesize(net.synthesis, ws, MOVE)[0]
    assert expected.shape == (colours, 32, 32) and expected.std() > 0.1
    assert np.abs(drawn.numpy() - expected).max() < 1e-4
    assert np.abs(drawn.clamp(-1, 1).numpy() - expected.clip(-1, 1)).max() <= 2 * STEP


@pytest.mark.parametrize("clamp", [None, 0.5, 256.0])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kind", [T, R], ids="TR")
@torch.no_grad()
def test_what_is_played_is_what_the_textbook_form_draws(kind: NetworkConfig, batch: int, clamp: float | None) -> None:
    net = lively(NetworkConfig(**{**vars(kind), "conv_clamp": clamp}))
    ws = torch.randn(batch, kind.num_ws, kind.w_dim)
    expected = reference.synthesize(net.synthesis, ws, MOVE)
    assert expected.std() > 0.05
    assert (FastSynthesis(net.synthesis)(ws, MOVE) - expected).abs().max() < 1e-3
    rough = FastSynthesis(net.synthesis, dtype=torch.bfloat16)(ws, MOVE)
    assert (rough.clamp(-1, 1) - expected.clamp(-1, 1)).abs().mean() < STEP, "no viewer could tell them apart"


@torch.no_grad()
def test_many_channels_in_float32_are_what_the_textbook_form_draws_too() -> None:
    net = lively(NetworkConfig(**SMALL, channel_base=1 << 14, channel_max=384))
    ws = torch.randn(1, T.num_ws, T.w_dim)
    play = FastSynthesis(net.synthesis)
    assert not onednn.available() or any(layer.winograd for layer in play.layers)
    expected = reference.synthesize(net.synthesis, ws, MOVE)
    assert expected.std() > 0.05
    assert (play(ws, MOVE) - expected).abs().max() < 1e-3


@pytest.mark.parametrize("number", range(13))
@pytest.mark.parametrize("clamp", [None, 0.3])
@torch.no_grad()
def test_both_ways_of_filtering_make_the_same_of_every_layer_of_a_real_size(number: int, clamp: float | None) -> None:
    shape = layer_shapes(NetworkConfig.r(resolution=128, channel_max=40))[number]
    layer, size = SynthesisLayer(NetworkConfig(), shape), shape.in_size + shape.kernel - 1
    x = torch.randn(1, shape.outputs, size, size).contiguous(memory_format=torch.channels_last)
    assert layer.up_filter is not None and layer.down_filter is not None
    filters = layer.up_filter, layer.down_filter
    made = []
    for way in (
        Products(shape, *filters, clamp, torch.float32),
        Resampling(shape, *filters, clamp, torch.device("cpu"), torch.float32),
    ):
        out = torch.full((1, shape.out_size, shape.out_size, shape.outputs), math.nan).permute(0, 3, 1, 2)
        for at in range(0, shape.outputs, way.group):
            part = slice(at, at + way.group)
            way(x[:, part].contiguous(memory_format=torch.channels_last), out[:, part])
        made.append(out)
    before, behind = shape.padding
    y = reference._resampled(x, filters[0], shape.up, 1, before, behind, shape.up)
    y = F.leaky_relu(y, 0.2) * math.sqrt(2)
    expected = reference._resampled(y if clamp is None else y.clamp(-clamp, clamp), filters[1], 1, shape.down, 0, 0, 1)
    for out in made:
        assert (out - expected).abs().max() < 1e-4


@torch.no_grad()
def test_a_bend_sees_every_named_layer_in_order_and_can_change_the_picture() -> None:
    net, seen = lively(T), []
    ws = torch.randn(1, T.num_ws, T.w_dim)

    def watch(name: str, x: Tensor) -> Tensor:
        seen.append((name, x.shape[1], x.shape[2]))
        return -x if name.startswith("L2_") else x

    play = FastSynthesis(net.synthesis)
    assert (play(ws, bend=watch) - play(ws)).abs().mean() > 0.01
    assert seen == layer_names(T)


def test_sizes_and_channels_are_those_of_the_published_networks() -> None:
    names = "L0_36_512 L1_36_512 L2_36_512 L3_52_512 L4_52_512 L5_84_512 L6_84_512 L7_148_512 L8_148_512 L9_148_362"
    names += " L10_276_256 L11_276_181 L12_276_128 L13_256_128 L14_256_3"
    assert [name for name, _, _ in layer_names(NetworkConfig(256))] == ["input", *names.split()]
    names = "L0_36_1024 L1_36_1024 L2_52_1024 L3_52_1024 L4_84_1024 L5_148_1024 L6_148_1024 L7_276_645 L8_276_406"
    names += " L9_532_256 L10_1044_161 L11_1044_102 L12_1044_64 L13_1024_64 L14_1024_3"
    assert [name for name, _, _ in layer_names(NetworkConfig.r(resolution=1024))] == ["input", *names.split()]


def test_a_stopband_that_pow_rounds_up_a_little_keeps_its_rate() -> None:
    nudged = NetworkConfig(256, first_stopband=2**2.1 * (1 + 1e-12))
    assert layer_names(nudged) == layer_names(NetworkConfig(256))


def test_parameters_are_named_and_shaped_as_in_nvidias_files() -> None:
    shapes = {name: tuple(v.shape) for name, v in Generator(NetworkConfig.r(classes=5)).state_dict().items()}
    assert shapes["mapping.embed.weight"] == (512, 5) and shapes["mapping.fc0.weight"] == (512, 1024)
    assert shapes["mapping.w_avg"] == (512,) and "mapping.fc2.weight" not in shapes
    assert shapes["synthesis.input.freqs"] == (1024, 2) and shapes["synthesis.input.affine.weight"] == (4, 512)
    assert shapes["synthesis.input.transform"] == (3, 3)
    layer = {"weight": (512, 724, 1, 1), "bias": (512,), "affine.weight": (724, 512), "affine.bias": (724,)}
    layer |= {"magnitude_ema": (), "up_filter": (24,), "down_filter": (12, 12)}
    assert {n.split(".", 2)[2]: s for n, s in shapes.items() if n.startswith("synthesis.L10_")} == layer
    assert shapes["synthesis.L12_276_256.down_filter"] == (12,), "critical sampling has no room for round filters"
    assert "synthesis.L14_256_3.up_filter" not in shapes


def test_designed_filters_are_those_of_the_paper() -> None:
    layer, shape = Generator(NetworkConfig.r()).synthesis.layers[10], layer_shapes(NetworkConfig.r())[10]
    up = scipy.signal.firwin(24, shape.in_cutoff, width=2 * shape.in_width, fs=shape.rate)
    assert np.allclose(layer.up_filter, up, atol=1e-6)
    radius = np.hypot(*np.meshgrid(*[(np.arange(12) - 5.5) / shape.rate] * 2))
    jinc = scipy.special.j1(2 * np.pi * shape.out_cutoff * radius) / (np.pi * radius)
    beta = scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(12, 2 * shape.out_width / (shape.rate / 2)))
    round_one = jinc * np.outer(np.kaiser(12, beta), np.kaiser(12, beta))
    assert np.allclose(layer.down_filter, round_one / round_one.sum(), atol=1e-6)


@torch.no_grad()
def test_shifting_the_plane_shifts_the_picture_and_nothing_else() -> None:
    config = NetworkConfig(64, 16, 24, channel_base=1024, channel_max=32, num_layers=8)
    play, ws = FastSynthesis(Generator(config).synthesis), torch.randn(1, config.num_ws, 24)
    still, shifted = play(ws)[0], play(ws, moved(6 / 64, -3 / 64, 0).view(2, 3))[0]
    assert still.std() > 0.05
    error = (shifted[:, 8:50, 14:56] - still[:, 11:53, 8:50]).square().mean()
    assert 10 * math.log10(float(still.square().mean() / error)) > 40, "decibels, as the paper's EQ-T"


@torch.no_grad()
def test_turning_the_plane_turns_the_picture_of_an_r_and_not_of_a_t() -> None:
    shared = {"resolution": 64, "z_dim": 16, "w_dim": 24, "num_layers": 8}
    kinds = NetworkConfig.r(**shared, channel_base=2048, channel_max=64), NetworkConfig(**shared, channel_base=1024)
    decibels = []
    for config in kinds:
        torch.manual_seed(2)
        play, ws = FastSynthesis(Generator(config).synthesis), torch.randn(1, config.num_ws, 24)
        move = moved(0, 0, 1 / 12)
        grid = F.affine_grid(move.view(1, 2, 3), [1, 3, 64, 64], align_corners=False)
        still, turned = play(ws), play(ws, move.view(2, 3))
        expected = F.grid_sample(still, grid, "bicubic", align_corners=False)
        inner = (..., slice(16, 48), slice(16, 48))
        error = (turned[inner] - expected[inner]).square().mean()
        decibels.append(10 * math.log10(float(expected[inner].var() / error)))
    assert decibels[0] > 20 > 10 > decibels[1], "the paper's EQ-R, of random weights"


@pytest.mark.parametrize(
    "knob, slices",
    [
        ("shift_x", ((slice(None), slice(0, 24)), (slice(None), slice(8, 32)))),
        ("shift_y", ((slice(0, 24),), (slice(8, 32),))),
    ],
)
def test_a_hand_that_shifts_carries_the_picture_right_and_down(knob: str, slices) -> None:
    torch.manual_seed(0)
    config = NetworkConfig(32, 16, 24, channel_base=512, channel_max=24, num_layers=6, output_scale=0.5)
    generator = StyleGAN3(Generator(config), Settings(dtype="float32"), device="cpu")
    still = generator.render(Controls(0.0, {}, 0.2)).pixels
    moved_ = generator.render(Controls(0.0, {f"generator.{knob}": 8 / 32}, 0.2)).pixels
    there, here = (..., *slices[1]), (..., *slices[0])
    if knob == "shift_y":
        there, here = (..., slices[1][0], slice(None)), (..., slices[0][0], slice(None))
    assert torch.corrcoef(torch.stack([moved_[there].flatten(), still[here].flatten()]))[0, 1] > 0.95
    assert generator.render(Controls(0.0, {f"generator.{knob}": 0.0}, 0.2)).pixels.equal(still)


def test_a_seed_is_nvidias_and_its_exact_picture_the_textbooks() -> None:
    net = lively(T)
    net.mapping.w_avg.normal_()
    generator = StyleGAN3(net, Settings(dtype="bfloat16"), [Bend("b", "input", "invert", 1.0)], device="cpu")
    z = torch.from_numpy(np.random.RandomState(5).randn(1, 16)).float()
    w = net.mapping.w_avg + 0.7 * (net.mapping(z) - net.mapping.w_avg)
    point = generator.of_seed(5, 0.7)
    assert torch.allclose(point, w.expand(T.num_ws, -1), atol=1e-5)
    with torch.no_grad():
        expected = reference.synthesize(net.synthesis, point[None])
    assert (generator.exact(point) - expected).abs().max() < 1e-3


@pytest.mark.parametrize("colours", [1, 4])
def test_networks_of_one_or_four_channels_and_of_classes_play(colours: int) -> None:
    net = lively(NetworkConfig(**{**vars(T), "rgb_channels": colours, "classes": 3}))
    generator = StyleGAN3(net, Settings(dtype="float32"), device="cpu")
    one, two, between = (
        generator.render(Controls(0.0, {"generator.class": place}, 0.2)).pixels for place in (0.0, 2.0, 0.5)
    )
    assert one.shape == (3, 32, 32) and not one.equal(two) and not one.equal(between)
    assert (colours == 1) == one[0].equal(one[1])
    assert not generator.of_seed(1, klass=0).equal(generator.of_seed(1, klass=2))


def test_what_it_cannot_do_is_said_in_one_line(caplog) -> None:
    with caplog.at_level("INFO", "installation"):
        StyleGAN3(lively(T), device="cpu")
    assert [r.getMessage() for r in caplog.records if "generator.noise" in r.getMessage()] == [
        "StyleGAN3: nothing here for generator.noise to move: left out"
    ]


def test_a_model_is_opened_from_its_folder_and_a_file_s_filters_win(tmp_path) -> None:
    net = lively(R)
    path = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, path)
    again, anchors = read_model({"network": R.to_dict()}, path)
    assert anchors is None and again.config == R
    layer = again.synthesis.layers[2]
    assert torch.equal(layer.down_filter, net.synthesis.layers[2].down_filter)
    assert not torch.allclose(layer.down_filter, Generator(R).synthesis.layers[2].down_filter, atol=1e-6)


@pytest.mark.parametrize(
    "lie",
    [
        {"channel_max": 16384, "channel_base": 1 << 24},
        {"w_dim": 16384},
        {"classes": 1 << 17},
        {"num_layers": 64},
        {"num_layers": 1 << 40},
        {"resolution": 48},
        {"resolution": 1 << 30},
        {"margin_size": -5},
        {"filter_size": 1 << 20},
        {"first_stopband": float("nan")},
        {"rates": [3] * 7},
        {"rates": [16]},
        {"conv_kernel": 2},
        {"z_dim": "many"},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_card_that_lies_is_refused_in_one_line_before_anything_is_made(tmp_path, lie) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in Generator(T).state_dict().items()}, path)
    with pytest.raises(WeightsError, match=re.escape(str(path))) as refused:
        read_model({"network": T.to_dict() | lie}, path)
    assert "\n" not in str(refused.value)


def test_a_file_s_layer_names_win_over_a_rule_that_rounds() -> None:
    names = [f"synthesis.{name}.weight" for name, _, _ in layer_names(NetworkConfig(256))]
    assert NetworkConfig(256).fitted(names) == NetworkConfig(256)
    other = NetworkConfig(256).fitted([name.replace("L9_148", "L9_276") for name in names])
    assert [name for name, _, _ in layer_names(other)][10] == "L9_276_362"
    assert NetworkConfig.from_dict(other.to_dict()) == other


def test_another_kind_of_model_and_wrong_settings_are_refused() -> None:
    with pytest.raises(WeightsError, match="expected a model of kind stylegan3, found stylegan2"):
        stylegan3.create(Settings(model="bloom"))
    with pytest.raises(SettingsError, match="anchors"):
        StyleGAN3(lively(T), Settings(anchors=2), device="cpu")
