"""FastGAN: a file in the authors' layout is painted as the paper's equations say; noise is told by its knob."""

import numpy as np
import pytest
import small
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from installation.generators import fastgan
from installation.generators.fastgan.network import Generator, NetworkConfig
from installation.generators.folding import without_spectral_norm
from installation.signals import Controls
from installation.weights import WeightsError

CLOSE = 2 / 127.5  # two of 255 steps, of a picture of -1..1


def as_authors_save(net: Generator) -> dict[str, Tensor]:
    """Every convolution under spectral norm, as torch.nn.utils.spectral_norm keeps it."""
    state = dict(net.state_dict())
    for name in [name for name, tensor in state.items() if tensor.ndim == 4]:
        weight = state.pop(name)
        matrix = (weight.transpose(0, 1) if name.startswith("init") else weight).flatten(1).double()
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        state |= {f"{name}_orig": weight * 3, f"{name}_u": left[:, 0].float(), f"{name}_v": right[0].float()}
    return state


def equations(state: dict[str, Tensor], z: np.ndarray, resolution: int, noise: dict[str, Tensor]) -> Tensor:
    """Liu et al. 2021, section 3, in float64, from weights under spectral norm. noise: by the place it is added at."""
    t = {name: tensor.double() for name, tensor in state.items()}

    def weight(name: str) -> Tensor:
        raw = t[f"{name}.weight_orig"]
        matrix = raw.transpose(0, 1) if name == "init.init.0" else raw
        return raw / torch.linalg.svdvals(matrix.flatten(1))[0]

    def normed(x: Tensor, name: str) -> Tensor:
        part = {p: t[f"{name}.{p}"][:, None, None] for p in ("running_mean", "running_var", "weight", "bias")}
        return (x - part["running_mean"]) / (part["running_var"] + 1e-5).sqrt() * part["weight"] + part["bias"]

    def gate(x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        return x[:, :half] / (1 + (-x[:, half:]).exp())

    def convolved(x: Tensor, block: str, at: int, noisy: bool) -> Tensor:
        x = F.conv2d(x, weight(f"{block}.{at}"), padding=1)
        if noisy:
            x = x + t[f"{block}.{at + 1}.weight"] * noise[f"{block}.{at + 1}"]
        return gate(normed(x, f"{block}.{at + 1 + noisy}"))

    def opened(small: Tensor, name: str) -> Tensor:
        side = small.shape[2] // 4
        seen = small.unfold(2, side, side).unfold(3, side, side).mean((4, 5))
        seen = torch.einsum("bcij,ocij->bo", seen, weight(f"{name}.main.1"))
        seen = (seen / (1 + (-seen).exp())) @ weight(f"{name}.main.3")[:, :, 0, 0].T
        return (1 / (1 + (-seen).exp()))[:, :, None, None]

    x = torch.einsum("bc,cokl->bokl", torch.from_numpy(z).double(), weight("init.init.0"))
    size, maps = 4, {}
    maps[4] = x = gate(normed(x, "init.init.1"))
    while size < resolution:
        size *= 2
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        twice = size in (8, 32, 128, 512)
        x = convolved(x, f"feat_{size}", 1, twice)
        x = convolved(x, f"feat_{size}", 5, True) if twice else x
        if 64 <= size <= 512:
            x = x * opened(maps[size // 16], f"se_{size}")
        maps[size] = x
    x = F.conv2d(x, weight("to_big"), padding=1)
    return x.tanh() if resolution == 1024 else x


def converted(state: dict[str, Tensor], config: NetworkConfig) -> Generator:
    net = Generator(config)
    net.load_state_dict(without_spectral_norm(state))
    return net.eval().requires_grad_(False)


def play(net: Generator, dtype: str = "float32") -> fastgan.FastGAN:
    return fastgan.FastGAN(net, fastgan.Settings("", dtype=dtype), (), "cpu", 0)


@pytest.mark.parametrize(
    ("resolution", "planes", "contrast"), [(256, 3, 1.0), (256, 1, 5.0), (512, 4, 20.0), (1024, 3, 20.0)]
)
def test_a_seed_is_painted_as_the_papers_equations_say(resolution: int, planes: int, contrast: float) -> None:
    made = small.small_fastgan(resolution, planes)
    state = as_authors_save(made)
    state[f"feat_{resolution}.{7 if resolution == 512 else 2}.weight"].chunk(2)[0].mul_(contrast)
    net = converted(state, made.config)
    gan = play(net)
    noise = {
        name: small.frozen(name, int(name.removeprefix("feat_").partition(".")[0]))
        for name, part in net.named_modules()
        if type(part).__name__ == "Noise"
    }
    point = gan.of_seed(23, 0.7)
    z = np.random.RandomState(23).randn(1, 24).astype(np.float32) * np.float32(0.7)
    for strength, exact in ((1.0, gan.exact(point)), (0.0, gan.exact(point, "none"))):
        there = equations(state, z, resolution, {name: field * strength for name, field in noise.items()})
        expected = there.clamp(-1, 1)
        assert expected.std() > 0.02
        assert (exact - expected).abs().max() < 1e-4
        gan.tune({"generator.noise": strength})
        assert (gan.fast(point).clamp(-1, 1) - expected).abs().max() < CLOSE
    assert (gan.exact(point, "random") - expected).abs().max() > 1e-4


def test_half_the_digits_paint_the_same_picture() -> None:
    net = small.small_fastgan()
    exact, rough = (play(net, dtype).render(Controls(0, {}, 0.3)).pixels for dtype in ("float32", "bfloat16"))
    assert (exact - rough).abs().mean() < 0.02


def test_parameters_are_named_and_shaped_as_in_the_authors_files() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in Generator(NetworkConfig(1024)).state_dict().items()}
    assert shapes["init.init.0.weight"] == (256, 2048, 4, 4)
    assert shapes["feat_8.1.weight"] == (1024, 1024, 3, 3)
    assert shapes["feat_8.2.weight"] == (1,)
    assert shapes["feat_8.3.running_mean"] == (1024,)
    assert shapes["feat_8.5.weight"] == (1024, 512, 3, 3)
    assert shapes["feat_8.7.bias"] == (1024,)
    assert shapes["feat_16.1.weight"] == (512, 512, 3, 3)
    assert shapes["feat_16.2.weight"] == (512,)
    assert shapes["se_64.main.1.weight"] == (128, 1024, 4, 4)
    assert shapes["se_512.main.3.weight"] == (16, 16, 1, 1)
    assert shapes["feat_1024.1.weight"] == (16, 16, 3, 3)
    assert shapes["to_128.weight"] == (3, 64, 1, 1)
    assert shapes["to_big.weight"] == (3, 8, 3, 3)


def test_a_card_that_lies_about_shapes_is_refused(tmp_path) -> None:
    net = small.small_fastgan()
    path = tmp_path / "weights.safetensors"
    save_file(dict(net.state_dict()), path)
    table = net.config.to_dict()
    assert fastgan.read_model({"network": table}, path).config == net.config
    for lie, why in (
        ({"width": 1024, "z_dim": 8192}, r"asks for far more than"),
        ({"resolution": 512}, "expected"),
        ({"resolution": 300}, "256, 512 or 1024"),
        ({"planes": 2}, "1, 3 or 4 planes"),
        ({"z_dim": "many"}, "expected int"),
    ):
        with pytest.raises(WeightsError, match=why):
            fastgan.read_model({"network": table | lie}, path)
