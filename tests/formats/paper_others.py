"""State dicts of the originals and a z in; pictures in float64 as the papers' figures and equations have them out.

DCGAN: Radford et al. 2015, arXiv:1511.06434. FastGAN: Liu et al. 2021, arXiv:2101.04775. BigGAN-deep: Brock et al.
2018, arXiv:1809.11096, appendix B. Spectral norm: Miyato et al. 2018, arXiv:1802.05957.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def weight_of(t: State, stem: str) -> Tensor:
    """A weight over its largest singular value, as the power iteration of training left it."""
    if f"{stem}.weight" in t:
        return t[f"{stem}.weight"].double()
    w, u, v = (t[f"{stem}.weight{end}"].double() for end in ("_orig", "_u", "_v"))
    turned = w.transpose(0, 1) if len(u) != w.shape[0] or w[0].numel() != len(v) else w
    return w / torch.einsum("i,ij,j->", u, turned.flatten(1), v)


def norm(t: State, stem: str, x: Tensor) -> Tensor:
    mean, var, gain, shift = (
        t[f"{stem}.{n}"].double()[:, None, None] for n in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * gain + shift


def dcgan(t: State, z: Tensor) -> Tensor:
    """Transposed convolutions, batch norm and ReLU between them, tanh at the end."""
    x = z.double()[:, :, None, None]
    stems = sorted({name.rpartition(".")[0] for name in t}, key=lambda stem: int(stem.split(".")[-1]))
    convolutions = [stem for stem in stems if t[f"{stem}.weight"].ndim == 4]
    for stem in stems:
        if stem in convolutions:
            first = stem == convolutions[0]
            x = F.conv_transpose2d(x, t[f"{stem}.weight"].double(), stride=1 if first else 2, padding=0 if first else 1)
        else:
            x = norm(t, stem, x).relu()
    return x.tanh()


def fastgan(t: State, z: Tensor, resolution: int) -> Tensor:
    """Without its noise."""

    def gated(x: Tensor) -> Tensor:
        one, other = x.chunk(2, 1)
        return one * other.sigmoid()

    def block(name: str, x: Tensor, numbers: tuple[int, ...]) -> Tensor:
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        for number in numbers:
            behind = number + (2 if len(numbers) > 1 else 1)
            x = gated(norm(t, f"{name}.{behind}", F.conv2d(x, weight_of(t, f"{name}.{number}"), padding=1)))
        return x

    def excited(name: str, small: Tensor, big: Tensor) -> Tensor:
        seen = F.conv2d(F.adaptive_avg_pool2d(small, 4), weight_of(t, f"{name}.main.1"))
        return big * F.conv2d(seen * seen.sigmoid(), weight_of(t, f"{name}.main.3")).sigmoid()

    x = F.conv_transpose2d(z.double()[:, :, None, None], weight_of(t, "init.init.0"))
    seen = {4: gated(norm(t, "init.init.1", x))}
    size = 4
    while size < resolution:
        size *= 2
        twice = size in (8, 32, 128, 512)
        seen[size] = block(f"feat_{size}", seen[size // 2], (1, 5) if twice else (1,))
        if 64 <= size <= 512:
            seen[size] = excited(f"se_{size}", seen[size // 16], seen[size])
    x = F.conv2d(seen[size], weight_of(t, "to_big"), padding=1)
    return x.tanh() if resolution == 1024 else x


def biggan(t: State, config: dict, z: Tensor, klass: int, place: int) -> Tensor:
    """place: which of the tables of statistics, one for each truncation, is taken."""
    told = torch.cat([z.double(), t["embeddings.weight"].double()[:, klass][None]], 1)

    def linear(stem: str) -> Tensor:
        y = told @ weight_of(t, stem).T
        return y + t[f"{stem}.bias"].double() if f"{stem}.bias" in t else y

    def conv(stem: str, x: Tensor) -> Tensor:
        weight, bias = weight_of(t, stem), t.get(f"{stem}.bias")
        return F.conv2d(x, weight, None if bias is None else bias.double(), padding=weight.shape[2] // 2)

    def scaled(stem: str, x: Tensor) -> Tensor:
        mean, var = t[f"{stem}.running_means"][place].double(), t[f"{stem}.running_vars"][place].double()
        x = (x - mean[:, None, None]) / (var + config["eps"]).sqrt()[:, None, None]
        if f"{stem}.weight" in t:
            return x * t[f"{stem}.weight"].double()[:, None, None] + t[f"{stem}.bias"].double()[:, None, None]
        return x * (1 + linear(f"{stem}.scale"))[:, :, None, None] + linear(f"{stem}.offset")[:, :, None, None]

    def enlarged(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    x = linear("generator.gen_z").view(1, 4, 4, -1).permute(0, 3, 1, 2)
    index = 0
    for number, (up, _, out) in enumerate(config["layers"]):
        stem = f"generator.layers.{index}"
        if number == config["attention_layer_position"]:
            theta = conv(f"{stem}.snconv1x1_theta", x).flatten(2)
            phi = F.max_pool2d(conv(f"{stem}.snconv1x1_phi", x), 2).flatten(2)
            g = F.max_pool2d(conv(f"{stem}.snconv1x1_g", x), 2).flatten(2)
            looks = torch.softmax(theta.transpose(1, 2) @ phi, 2)
            found = (g @ looks.transpose(1, 2)).view(1, -1, *x.shape[2:])
            x = x + t[f"{stem}.gamma"].double() * conv(f"{stem}.snconv1x1_o_conv", found)
            index += 1
            stem = f"generator.layers.{index}"
        kept = x[:, : out * config["channel_width"]]
        y = conv(f"{stem}.conv_0", scaled(f"{stem}.bn_0", x).relu())
        y = scaled(f"{stem}.bn_1", y).relu()
        y, kept = (enlarged(y), enlarged(kept)) if up else (y, kept)
        y = conv(f"{stem}.conv_1", y)
        y = conv(f"{stem}.conv_2", scaled(f"{stem}.bn_2", y).relu())
        x = conv(f"{stem}.conv_3", scaled(f"{stem}.bn_3", y).relu()) + kept
        index += 1
    return conv("generator.conv_to_rgb", scaled("generator.bn", x).relu())[:, :3].tanh()
