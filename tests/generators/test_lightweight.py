"""lightweight-gan: a file in its layout is painted as its equations say in float64; what is not played is named."""

import numpy as np
import pytest
import small
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from installation.generators import lightweight
from installation.generators.lightweight.network import Generator, NetworkConfig
from installation.signals import Controls
from installation.weights import WeightsError

CLOSE = 2 / 127.5  # two of 255 steps, of a picture of -1..1


def equations(state: dict[str, Tensor], z: np.ndarray, attended: tuple[int, ...], noise: float) -> Tensor:
    """Every layer of the network written out in float64: a picture of 0..1."""
    t = {name: tensor.double() for name, tensor in state.items()}

    def convolved(x: Tensor, name: str, **how) -> Tensor:
        return F.conv2d(x, t[f"{name}.weight"], t.get(f"{name}.bias"), **how)

    def gated(x: Tensor, name: str) -> Tensor:
        mean, variance, gain, shift = (
            t[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        value, gate = ((x - mean) / (variance + 1e-5).sqrt() * gain + shift).chunk(2, 1)
        return value / (1 + (-gate).exp())

    def parted(x: Tensor) -> Tensor:
        return x[0].reshape(8, 64, -1)  # (heads, c, places)

    def attention(x: Tensor, name: str) -> Tensor:
        side = x.shape[2]
        mean, spread = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
        x = (x - mean) / (spread + 1e-5).sqrt() * t[f"{name}.norm.g"] + t[f"{name}.norm.b"]
        kv = convolved(
            convolved(x, f"{name}.fn.to_lin_kv.net.0", padding=1, groups=x.shape[1]), f"{name}.fn.to_lin_kv.net.1"
        )
        q, k, v = parted(convolved(x, f"{name}.fn.to_lin_q")), *map(parted, kv.chunk(2, 1))
        told = torch.einsum("hdn,hen->hde", k.softmax(2), v)
        far = torch.einsum("hdn,hde->hen", q.softmax(1) / 8, told).reshape(1, 512, side, side)
        kv = convolved(x, f"{name}.fn.to_kv")
        q = parted(convolved(x, f"{name}.fn.to_q")).reshape(8, 64, side, side) / 8
        k, v = (F.pad(part, (1, 1, 1, 1))[0].reshape(8, 64, side + 2, side + 2) for part in kv.chunk(2, 1))
        near = torch.zeros(8, 64, side, side, dtype=torch.float64)
        for i in range(side):
            for j in range(side):
                keys, values = (part[:, :, i : i + 3, j : j + 3].reshape(8, 64, 9) for part in (k, v))
                looks = torch.einsum("hc,hcn->hn", q[:, :, i, j], keys).softmax(1)
                near[:, :, i, j] = torch.einsum("hn,hcn->hc", looks, values)
        bell = 0.5 * far * (1 + torch.erf(far / 2**0.5))
        return convolved(torch.cat([bell, near.reshape(1, 512, side, side)], 1), f"{name}.fn.to_out")

    def context(x: Tensor, name: str) -> Tensor:
        where = convolved(x, f"{name}.to_k").flatten().softmax(0)
        x = (x.flatten(2) @ where)[:, :, None, None]
        x = convolved(x, f"{name}.net.0")
        x = torch.where(x > 0, x, 0.1 * x)
        return torch.sigmoid(convolved(x, f"{name}.net.2"))

    x = torch.einsum("bc,cokl->bokl", torch.from_numpy(z).double(), t["initial_conv.0.weight"])
    x = gated(x + t["initial_conv.0.bias"][:, None, None], "initial_conv.1")
    x = x / (x**2).sum(1, keepdim=True).sqrt()
    opened: dict[int, Tensor] = {}
    layers = 1 + max(int(name.split(".")[1]) for name in t if name.startswith("layers."))
    for i in range(layers):
        name, side = f"layers.{i}", 2 ** (i + 2)
        if side in attended:
            x = attention(x, f"{name}.2") + x
        x = convolved(x, f"{name}.0.0.net.0")
        x = x / (1 + (-x).exp())
        x = x.reshape(1, -1, 2, 2, side, side).permute(0, 1, 4, 2, 5, 3).reshape(1, -1, side * 2, side * 2)
        x = torch.cat([x[:, :, 1:2], x, x[:, :, -2:-1]], 2)
        x = torch.cat([x[..., 1:2], x, x[..., -2:-1]], 3)
        x = (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4
        x = (x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]) / 4
        x = convolved(F.pad(x, (2, 1, 2, 1)), f"{name}.0.2.1")
        x = gated(x + t[f"{name}.0.3.weight"] * small.frozen(name, side * 2) * noise, f"{name}.0.4")
        if f"{name}.1.to_k.weight" in t:
            opened[i + 3] = context(x, f"{name}.1")
        x = x * opened[i] if i in opened else x
    return convolved(x, "out_conv", padding=1)


def play(net: Generator, dtype: str = "float32") -> lightweight.Lightweight:
    return lightweight.Lightweight(net, lightweight.Settings("", dtype=dtype), (), "cpu", 0)


@pytest.mark.parametrize(("size", "planes", "attended"), [(128, 3, (8, 16)), (64, 4, ()), (512, 1, ())])
def test_a_seed_is_painted_as_the_equations_say(size: int, planes: int, attended: tuple[int, ...]) -> None:
    net = small.small_lightweight(size, planes, attended)
    gan, state = play(net), dict(net.state_dict())
    if size == 512:
        net.out_conv.weight.mul_(20)  # a picture that is seen, through three channels
        gan = play(net)
    z = np.random.RandomState(23).randn(1, 20).astype(np.float32) * np.float32(0.7)
    point = gan.of_seed(23, 0.7)
    for strength, exact in ((1.0, gan.exact(point)), (0.0, gan.exact(point, "none"))):
        expected = (equations(state, z, attended, strength) * 2 - 1).clamp(-1, 1)
        assert expected.std() > 0.02
        assert (exact - expected).abs().max() < 1e-4
        gan.tune({"generator.noise": strength})
        assert (gan.fast(point).clamp(-1, 1) - expected).abs().max() < CLOSE


def test_half_the_digits_paint_the_same_picture() -> None:
    net = small.small_lightweight()
    exact, rough = (play(net, dtype).render(Controls(0, {}, 0.3)).pixels for dtype in ("float32", "bfloat16"))
    assert (exact - rough).abs().mean() < 0.03


def test_parameters_are_named_and_shaped_as_in_the_files() -> None:
    with torch.device("meta"):
        net = Generator(NetworkConfig(512, attn_res_layers=(32,)))
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes["initial_conv.0.weight"] == (256, 512, 4, 4)
    assert shapes["initial_conv.1.running_var"] == (512,)
    assert shapes["layers.0.0.0.net.0.weight"] == (1024, 256, 1, 1)
    assert shapes["layers.0.0.1.f"] == (3,)
    assert shapes["layers.0.0.2.1.weight"] == (1024, 256, 4, 4)
    assert shapes["layers.2.0.3.weight"] == (1,)
    assert shapes["layers.1.1.to_k.weight"] == (1, 512, 1, 1)
    assert shapes["layers.3.1.net.2.weight"] == (3, 3, 1, 1)
    assert shapes["layers.3.2.fn.to_lin_kv.net.0.weight"] == (256, 1, 3, 3)
    assert shapes["layers.3.2.fn.to_out.bias"] == (256,)
    assert shapes["layers.3.2.norm.g"] == (1, 256, 1, 1)
    assert shapes["out_conv.weight"] == (3, 3, 3, 3)
    assert not any(name.startswith("layers.4.1") for name in shapes), "1024 px, which it would excite, is not there"


def test_a_card_that_lies_or_asks_for_more_is_refused_by_name(tmp_path) -> None:
    net = small.small_lightweight(32, attended=())
    path = tmp_path / "weights.safetensors"
    save_file(dict(net.state_dict()), path)
    table = net.config.to_dict()
    assert lightweight.read_model({"network": table}, path).config == net.config
    for lie, why in (
        ({"freq_chan_attn": True}, "freq_chan_attn .* is not played"),
        ({"image_size": 48}, "power of two"),
        ({"image_size": 64}, "layers.3"),
        ({"attn_res_layers": [8]}, r"layers.1.2.*expected .*, found nothing"),
        ({"latent_dim": 8192}, "asks for far more than"),
    ):
        with pytest.raises(WeightsError, match=why):
            lightweight.read_model({"network": table | lie}, path)
