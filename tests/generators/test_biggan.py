"""BigGAN-deep: a file in its layout is painted as the paper's equations say; classes and truncation are knobs."""

import numpy as np
import pytest
import scipy  # its parts are loaded when they are asked for
import small
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from installation.generators import biggan
from installation.generators.biggan.network import Generator, NetworkConfig, shares_of
from installation.signals import Controls
from installation.weights import WeightsError

CLOSE = 2 / 127.5  # two of 255 steps, of a picture of -1..1
WIDTH, Z = 8, 12


def equations(net: Generator, z: Tensor, klass: Tensor, truncation: float) -> Tensor:
    """Brock et al. 2019, appendix B (deep), in float64; between two tables of statistics as the files' makers."""
    t = {name: tensor.double() for name, tensor in net.state_dict().items()}
    told = torch.cat([z.double(), t["embeddings.weight"] @ klass.double()])
    place = truncation / (1 / 50)
    low = int(place)

    def table(name: str) -> Tensor:
        if place == low:
            return t[name][low]
        return t[name][low] * (place - low) + t[name][low + 1] * (1 - (place - low))

    def normed(x: Tensor, name: str) -> Tensor:
        mean, variance = table(f"{name}.running_means"), table(f"{name}.running_vars")
        if f"{name}.weight" in t:
            scale, shift = t[f"{name}.weight"], t[f"{name}.bias"]
        else:
            scale, shift = 1 + t[f"{name}.scale.weight"] @ told, t[f"{name}.offset.weight"] @ told
        mean, variance, scale, shift = (part[:, None, None] for part in (mean, variance, scale, shift))
        return ((x - mean) / (variance + net.config.eps).sqrt() * scale + shift).clamp(min=0)

    def convolved(x: Tensor, name: str) -> Tensor:
        weight = t[f"{name}.weight"]
        bias = t.get(f"{name}.bias")
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2)

    def enlarged(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def looked(x: Tensor, name: str) -> Tensor:
        theta, phi, g = (convolved(x, f"{name}.snconv1x1_{part}") for part in ("theta", "phi", "g"))
        half = x.shape[2] // 2
        phi, g = (part.reshape(-1, half, 2, half, 2).amax((2, 4)).flatten(1) for part in (phi, g))
        likeness = torch.einsum("cn,cm->nm", theta[0].flatten(1), phi).exp()
        likeness = likeness / likeness.sum(1, keepdim=True)
        found = torch.einsum("nm,cm->cn", likeness, g).reshape(1, -1, *x.shape[2:])
        return x + t[f"{name}.gamma"] * convolved(found, f"{name}.snconv1x1_o_conv")

    x = (t["generator.gen_z.weight"] @ told + t["generator.gen_z.bias"]).reshape(4, 4, 16 * WIDTH)
    x = x.permute(2, 0, 1)[None]
    number = 0
    for i, (up, _, out) in enumerate(net.config.layers):
        if i == net.config.attention_layer_position:
            x = looked(x, f"generator.layers.{number}")
            number += 1
        name = f"generator.layers.{number}"
        y = convolved(normed(x, f"{name}.bn_0"), f"{name}.conv_0")
        y = normed(y, f"{name}.bn_1")
        kept = x[:, : out * WIDTH]
        y, kept = (enlarged(y), enlarged(kept)) if up else (y, kept)
        y = convolved(normed(convolved(y, f"{name}.conv_1"), f"{name}.bn_2"), f"{name}.conv_2")
        x = convolved(normed(y, f"{name}.bn_3"), f"{name}.conv_3") + kept
        number += 1
    return convolved(normed(x, "generator.bn"), "generator.conv_to_rgb")[:, :3].tanh()


def play(dtype: str = "float32", **settings) -> biggan.BigGAN:
    return biggan.BigGAN(small.small_biggan(WIDTH), biggan.Settings("", dtype=dtype, **settings), (), "cpu", 0)


@pytest.mark.parametrize(("truncation", "klass"), [(0.4, 2), (0.337, 0), (1.0, 6), (0.0, 3)])
def test_a_seed_is_painted_as_the_papers_equations_say(truncation: float, klass: int) -> None:
    gan = play()
    z = scipy.stats.truncnorm.rvs(-2, 2, size=(1, Z), random_state=np.random.RandomState(23))[0] * truncation
    expected = equations(gan.net, torch.from_numpy(z), torch.eye(7)[klass], truncation)
    assert expected.std() > 0.1
    point = gan.of_seed(23, truncation, klass)
    assert (gan.exact(point) - expected).abs().max() < 1e-4
    rest = {name: knob.default for name, knob in gan.knobs.items()}
    assert (gan.paint(gan._told(point, rest, 0.0)) - expected).abs().max() < CLOSE


def test_the_knobs_choose_class_and_truncation_and_fade_between_classes() -> None:
    gan = play(classes=(5, 1, 3), stations=(4, 9, 17, 2))
    values = {"generator.class": 1.25, "generator.tour": 0.0, "generator.truncation": 0.43}
    painted = gan.render(Controls(0, values, 0.0)).pixels
    z = gan.latent.walk.at(0.0)[:Z] * 0.43
    klass = torch.eye(7)[1] * 0.75 + torch.eye(7)[3] * 0.25
    assert (painted - equations(gan.net, z, klass, 0.43)[0]).abs().max() < CLOSE


def test_beyond_its_statistics_truncation_stays_at_one() -> None:
    gan = play()
    one, more = (gan.render(Controls(0, {"generator.truncation": t}, 0.3)).pixels for t in (1.0, 1.5))
    assert one.equal(more)


def test_statistics_between_two_tables_are_taken_the_way_round_of_the_files_makers() -> None:
    for truncation in (0.0, 0.02, 0.35, 0.4, 0.999, 1.0):
        assert float(shares_of(truncation, 51).sum()) == pytest.approx(1)
    assert shares_of(0.105, 51)[5:7].tolist() == pytest.approx([0.25, 0.75])
    assert shares_of(1.0, 51)[50] == 1


def test_half_the_digits_paint_the_same_picture() -> None:
    exact, rough = (play(dtype).render(Controls(0, {}, 0.3)).pixels for dtype in ("float32", "bfloat16"))
    assert (exact - rough).abs().mean() < 0.02


def test_parameters_are_named_and_shaped_as_in_the_files() -> None:
    layers = (
        (0, 16, 16),
        (1, 16, 16),
        (0, 16, 16),
        (1, 16, 8),
        (0, 8, 8),
        (1, 8, 4),
        (0, 4, 4),
        (1, 4, 2),
        (0, 2, 2),
        (1, 2, 1),
    )
    with torch.device("meta"):
        net = Generator(NetworkConfig(128, layers))
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes["embeddings.weight"] == (128, 1000)
    assert shapes["generator.gen_z.weight"] == (32768, 256)
    assert shapes["generator.layers.0.bn_0.running_means"] == (51, 2048)
    assert shapes["generator.layers.0.bn_0.scale.weight"] == (2048, 256)
    assert shapes["generator.layers.0.conv_1.weight"] == (512, 512, 3, 3)
    assert shapes["generator.layers.8.snconv1x1_phi.weight"] == (32, 256, 1, 1)
    assert shapes["generator.layers.8.gamma"] == (1,)
    assert shapes["generator.layers.10.conv_3.bias"] == (128,)
    assert shapes["generator.bn.weight"] == (128,)
    assert shapes["generator.conv_to_rgb.weight"] == (128, 128, 3, 3)
    assert len(shapes) == 3 + 10 * (4 * 4 + 4 * 2) + 5 + 4 + 2


def test_a_card_that_lies_about_shapes_is_refused(tmp_path) -> None:
    net = small.small_biggan(WIDTH)
    path = tmp_path / "weights.safetensors"
    save_file(dict(net.state_dict()), path)
    table = net.config.to_dict()
    assert biggan.read_model({"network": table}, path).config == net.config
    for lie, why in (
        ({"channel_width": 1024, "num_classes": 65536}, "asks for far more than"),
        ({"output_dim": 64}, "output_dim, found 32 px"),
        ({"layers": [[0, 16, 15]]}, "does not follow 16"),
        ({"layers": [[1, 16, 8]] * 3}, "does not follow 8"),
        ({"layers": []}, r"1\.\.64 layers"),
        ({"attention_layer_position": 2}, "expected"),
        ({"n_stats": 10**9}, "n_stats"),
    ):
        with pytest.raises(WeightsError, match=why):
            biggan.read_model({"network": table | lie}, path)
