"""DCGAN: its pictures are those of the paper's equations in float64, its layout is read from a file's tensors alone."""

import numpy as np
import pytest
import small
import torch
from safetensors.torch import save_file

from installation.generators import dcgan
from installation.generators.dcgan.network import EYES, Generator, NetworkConfig, inferred
from installation.generators.folding import without_spectral_norm
from installation.settings import Bend, SettingsError
from installation.signals import Controls
from installation.weights import WeightsError

CLOSE = 2 / 127.5  # two of 255 steps, of a picture of -1..1


def equations(tensors: dict[str, np.ndarray], z: np.ndarray) -> np.ndarray:
    """Radford et al. 2015 as sums: every pixel that goes in lays its kernel over what comes out."""
    x = z[:, None, None]  # (C, H, W)
    for n, norm in ((0, 1), (3, 4), (6, 7), (9, None)):
        kernel = tensors[f"main.{n}.weight"]
        step, cut = (1, 0) if n == 0 else (2, 1)
        rows, columns = ((size - 1) * step + 4 for size in x.shape[1:])
        y = np.zeros((kernel.shape[1], rows, columns))
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                y[:, i * step : i * step + 4, j * step : j * step + 4] += np.einsum("c,cokl->okl", x[:, i, j], kernel)
        y = y[:, cut : rows - cut, cut : columns - cut]
        if f"main.{n}.bias" in tensors:
            y += tensors[f"main.{n}.bias"][:, None, None]
        if norm is None:
            return np.tanh(y)
        mean, variance, gain, shift = (
            tensors[f"main.{norm}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = np.maximum((y - mean) / np.sqrt(variance + 1e-5) * gain + shift, 0)
    raise AssertionError


def numbers(net: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in net.state_dict().items()}


def play(net: Generator, dtype: str = "float32", bends=(), seed: int = 0, **settings) -> dcgan.DCGAN:
    return dcgan.DCGAN(net, dcgan.Settings("", dtype=dtype, **settings), bends, "cpu", seed)


def rest(gan) -> dict[str, float]:
    return {name: knob.default for name, knob in gan.knobs.items()}


@pytest.mark.parametrize(("classes", "planes"), [(0, 3), (0, 1), (0, 4), (5, 3)])
def test_a_seed_is_painted_as_the_papers_equations_say(classes: int, planes: int) -> None:
    net = small.small_dcgan(classes, planes)
    gan = play(net)
    point = gan.of_seed(23, 0.7, 2 if classes else None)
    z = np.random.RandomState(23).randn(1, 20)[0].astype(np.float32) * 0.7
    told = np.eye(5)[2] if classes else np.zeros(0)
    expected = equations(numbers(net), np.concatenate([z, told]))
    assert expected.std() > 0.1
    assert np.abs(gan.exact(point)[0].numpy() - expected).max() < 1e-5
    assert np.abs(gan.fast(gan._told(point, rest(gan), 0.0))[0].numpy() - expected).max() < CLOSE


def test_half_the_digits_paint_the_same_picture() -> None:
    net = small.small_dcgan()
    exact, rough = (play(net, dtype).render(Controls(0, {}, 0.3)).pixels for dtype in ("float32", "bfloat16"))
    assert (exact - rough).abs().mean() < 0.01


def test_a_grey_network_is_shown_grey_and_opacity_lies_over_black() -> None:
    grey = play(small.small_dcgan(planes=1)).render(Controls(0, {}, 0.3)).pixels
    assert grey.shape == (3, 32, 32) and torch.equal(grey[0], grey[2])
    gan = play(small.small_dcgan(planes=4))
    four = gan.exact(gan.latent.at(rest(gan), 0.3))[0]
    over_black = (four[:3] + 1) / 2 * (four[3:] + 1) / 2
    assert torch.allclose((gan.render(Controls(0, {}, 0.3)).pixels + 1) / 2, over_black, atol=1e-4)


def test_the_layout_is_read_from_the_tensors_whatever_they_are_called() -> None:
    net = small.small_dcgan()
    config, tensors = inferred({f"module.net.{n.removeprefix('main.')}": t for n, t in net.state_dict().items()})
    assert config == net.config
    assert NetworkConfig.from_dict(config.to_dict()) == config
    Generator(config).load_state_dict(tensors, strict=False)
    wide = inferred({"0.weight": torch.zeros(100, 8, 3, 5), "2.weight": torch.zeros(8, 3, 4, 4)})[0]
    assert wide.sizes == [(3, 5), (6, 10)] and wide.norms == (-1, -1)


def test_the_eyes_of_omniart_are_known_by_their_shape_to_have_colours() -> None:
    state = {"main.0.weight": torch.zeros(108, 4, 4, 4), "main.4.weight": torch.zeros(4, 3, 4, 4)}
    assert inferred(state)[0].classes == len(EYES) == 8
    assert inferred(state, classes=0)[0].z_dim == 108


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({}, "nothing"),
        ({"a.0.weight": torch.zeros(8, 3, 4, 4), "b.0.weight": torch.zeros(8, 3, 4, 4)}, "one stack"),
        ({"0.weight": torch.zeros(8, 4, 4, 4), "1.weight": torch.zeros(8, 3, 4, 4)}, "do not follow"),
        ({"0.weight": torch.zeros(8, 4, 4, 4), "1.weight": torch.zeros(4, 3, 7, 7)}, "a kernel of"),
        ({"0.bias": torch.zeros(8)}, "missed"),
        ({"0.weight": torch.zeros(8, 2, 4, 4)}, "1, 3 or 4 planes"),
    ],
)
def test_what_is_no_dcgan_is_refused_in_one_line(tensors: dict[str, torch.Tensor], why: str) -> None:
    with pytest.raises((WeightsError, ValueError), match=why) as refused:
        inferred(tensors)
    assert "\n" not in str(refused.value)


def test_a_card_that_lies_about_shapes_is_refused_before_anything_is_made(tmp_path) -> None:
    net = small.small_dcgan()
    path = tmp_path / "weights.safetensors"
    save_file({name: tensor.half() for name, tensor in net.state_dict().items()}, path)
    table = net.config.to_dict()
    again = dcgan.read_model({"network": table}, path)
    assert torch.allclose(again(torch.ones(1, 20)), net(torch.ones(1, 20)), atol=0.02)
    lies = [
        ({"channels": [20, 24, 16, 9, 3]}, "main.6.weight: expected 16 x 9 x 4 x 4, found 16 x 8 x 4 x 4"),
        ({"channels": [8192, 8192, 8192, 8192, 3]}, "asks for far more than"),  # 16 GB
        ({"channels": [10**9, 24, 16, 8, 3]}, "1..8192"),
        ({"biases": [False] * 4}, "main.6.bias: expected nothing, found 8"),
        ({"strides": [2, 2, 8192]}, "px"),
        ({"colour": 3}, "unknown key"),
    ]
    for lie, why in lies:
        with pytest.raises(WeightsError, match=why):
            dcgan.read_model({"network": table | lie}, path)


def test_classes_are_knobs_that_fade() -> None:
    net = small.small_dcgan(classes=5)
    gan = play(net, classes=(4, 1, 0))
    assert gan.knobs["generator.class"].high == 2

    def paint(**knobs: float) -> torch.Tensor:
        values = {"generator.tour": 0.0} | {f"generator.{name}": value for name, value in knobs.items()}
        return gan.render(Controls(0, values, 0.2)).pixels.clone()

    first, between, second = (paint(**{"class": place}) for place in (0.0, 0.5, 1.0))
    z = gan.latent.at(rest(gan), 0.2)[:, :20]
    assert torch.allclose(first, gan.exact(torch.cat([z, torch.eye(5)[4:], torch.ones(1, 1)], 1))[0], atol=1e-4)
    half = torch.tensor([[0.0, 0.5, 0.0, 0.0, 0.5, 1.0]])
    assert torch.allclose(between, gan.exact(torch.cat([z, half], 1))[0], atol=1e-4)
    assert (first - second).abs().mean() > 0.01
    assert (paint(tour=1.0) - first).abs().mean() > 0.01, "the lap leads through the classes"
    assert gan.of_seed(3, klass=4).shape == gan.of_seed(3).shape
    with pytest.raises(SettingsError, match=r"0\.\.4, found 5"):
        gan.of_seed(3, klass=5)


def test_classes_are_chosen_by_name() -> None:
    net, names = small.small_dcgan(classes=5), ["tench, Tinca tinca", "rose", "daisy", "oak", "elm"]

    def stations(*chosen: int | str) -> list[int]:
        gan = dcgan.DCGAN(net, dcgan.Settings("", classes=chosen), names=names)
        assert gan.classes
        return gan.classes.stations

    assert stations("Daisy", "tinca tinca", 3) == [2, 0, 3]
    with pytest.raises(SettingsError, match="did you mean 'daisy'"):
        stations("daisies")


def test_a_point_that_says_its_class_is_faded_to_with_it() -> None:
    gan = play(small.small_dcgan(classes=5), classes=(0,))
    gan.knobs["generator.to.eye"] = gan.latent.add_vector("eye", gan.of_seed(7, klass=3))
    there = gan.render(Controls(0, {"generator.to.eye": 1.0}, 0.4)).pixels
    assert torch.allclose(there, gan.exact(gan.of_seed(7, klass=3))[0], atol=1e-4)


def test_directions_are_those_that_the_first_layer_answers_most() -> None:
    net = small.small_dcgan()
    weight = net.state_dict()["main.0.weight"].flatten(1).T.double()  # (F, z_dim)
    _, _, right = torch.linalg.svd(weight, full_matrices=False)
    found = play(net).latent.directions.double()
    assert torch.allclose((found * right[:4]).sum(1).abs(), torch.ones(4).double(), atol=1e-5)


def test_a_station_is_a_seed() -> None:
    gan = play(small.small_dcgan(), stations=(5, 8, 13, 21))
    anchors = {tuple(a.tolist()) for a in gan.latent.walk.anchors}
    assert anchors == {tuple(gan.of_seed(n)[0].tolist()) for n in (5, 8, 13, 21)}


def test_a_bend_halfway_sits_in_the_middle() -> None:
    gan = play(small.small_dcgan(), bends=[Bend("tear", 0.5, "invert", 1.0)])
    assert list(gan.bends.places) == ["main.3"]


@pytest.mark.parametrize("transposed", [False, True])
def test_spectral_norm_is_folded_as_torch_applies_it(transposed: bool) -> None:
    torch.manual_seed(0)
    kind = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
    layer = torch.nn.utils.spectral_norm(kind(3, 5, 2, bias=False)).train()
    x = torch.randn(1, 3, 6, 6)
    layer(x)
    plain = kind(3, 5, 2, bias=False)
    plain.load_state_dict(without_spectral_norm(layer.state_dict()))
    assert torch.allclose(plain(x), layer.eval()(x), atol=1e-5)
