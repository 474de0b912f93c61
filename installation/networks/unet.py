"""What is seen and a colour code in, a picture out: a U-Net that translates one kind of picture into another.

After Isola et al., Image-to-Image Translation with Conditional Adversarial Networks (2017), with narrow outer layers so
that a CPU keeps up. Edges do not say the colour: a code of three colours does, the subject's, the ground's and the
heart's. It is added in every layer of the way back, and what leaves the network says where each lies and what is
added to them: shapes are there after minutes of training, and colours are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.2
CODE = 9  # red, green and blue of the subject, of the ground, of the heart, -1..1
RARE = -3.0  # where the heart begins: nearly nowhere
LEAST_LAYERS, MOST_LAYERS = 2, 8
Bend = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class NetworkConfig:
    """inputs: channels of what is seen. widths: channels of the halvings, from the outermost inwards; sides of pictures
    are multiples of 2 ** len(widths). outer: channels at full size. code: numbers of the colour code, CODE or 0: none.
    """

    inputs: int = 1
    widths: tuple[int, ...] = (24, 48, 96, 160, 192)
    outer: int = 16
    code: int = CODE

    def __post_init__(self) -> None:
        counts = [self.inputs, *self.widths, self.outer]
        if not (LEAST_LAYERS <= len(self.widths) <= MOST_LAYERS and min(counts) >= 1 and max(counts) <= 4096):
            raise ValueError(f"expected {LEAST_LAYERS} to {MOST_LAYERS} widths of 1..4096 channels, found {counts}")
        if self.code not in (0, CODE):
            raise ValueError(f"expected a code of {CODE} numbers or none, found {self.code}")

    @property
    def step_px(self) -> int:
        """Sides of pictures are multiples of this."""
        return 1 << len(self.widths)

    @property
    def back(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the layers of the way back, from the innermost outwards."""
        w = self.widths
        outs = [*w[-2::-1], self.outer]
        ins = [w[-1], *(2 * count for count in w[-2::-1])]
        return list(zip(ins, outs, strict=True))

    def to_dict(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "widths": list(self.widths), "outer": self.outer, "code": self.code}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> NetworkConfig:
        """Raises LookupError, TypeError or ValueError for what no network has."""
        return cls(int(table["inputs"]), tuple(map(int, table["widths"])), int(table["outer"]), int(table["code"]))


def plain(name: str, x: Tensor) -> Tensor:
    """No bend."""
    return x


class Halving(nn.Module):
    """(B, in, H, W) -> (B, out, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.03) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.leaky_relu(x if self.norm is None else self.norm(x), LEAK)


class Doubling(nn.Module):
    """(B, in, H, W) -> (B, out, 2H, 2W); the code says by how much each channel is raised."""

    def __init__(self, inputs: int, outputs: int, code: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.03) if norm else None
        self.told = nn.Linear(code, outputs, bias=False) if code else None

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        x = x if self.norm is None else self.norm(x)
        if self.told is not None:
            x = x + self.told(code)[:, :, None, None].to(x.dtype)
        return F.leaky_relu(x, LEAK)


class UNet(nn.Module):
    """Halvings `in1`, `in2`, ... and back by doublings ..., `out2`, `out1`, beside what had their sizes on the way in;
    `rgb` at the end."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or NetworkConfig()
        steps = list(zip((c.inputs, *c.widths), c.widths, strict=False))
        self.inward = nn.ModuleList(Halving(i, o, at > 0) for at, (i, o) in enumerate(steps))
        self.outward = nn.ModuleList(Doubling(i, o, c.code, at < len(c.back) - 1) for at, (i, o) in enumerate(c.back))
        self.rgb = nn.Conv2d(c.outer, 5 if c.code else 3, 3, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, LEAK)
        self.rgb.weight.data.mul_(0.3)
        if c.code:
            self.rgb.bias.data[4] = RARE  # type: ignore[union-attr]

    def forward(self, seen: Tensor, code: Tensor, bend: Bend = plain) -> Tensor:
        """seen (B, inputs, H, W), sides multiples of step_px; code (B, code) -> (B, 3, H, W), about -1..1."""
        return bend("rgb", coloured(self.raw(seen, code, bend), code))

    def raw(self, seen: Tensor, code: Tensor, bend: Bend = plain) -> Tensor:
        """The same before it is coloured: (B, 5 or 3, H, W)."""
        depth, kept, x = len(self.inward), list[Tensor](), seen
        for at, layer in enumerate(self.inward):
            x = bend(f"in{at + 1}", layer(x))
            kept.append(x)
        for at, layer in enumerate(self.outward):
            x = x if at == 0 else torch.cat([x, kept[depth - 1 - at]], 1)
            x = bend(f"out{depth - at}", layer(x, code))
        raw: Tensor = self.rgb(x)
        return raw


def coloured(x: Tensor, code: Tensor) -> Tensor:
    """What the last convolution says (B, 5 or 3, H, W) and codes (B, CODE or 0) -> pictures (B, 3, H, W), -1.2..1.2.

    The fourth channel says how much is of the subject's colour and how much of the ground's, the fifth how much of both
    is covered by the heart's; the others are added.
    """
    if x.shape[1] == 3:
        return torch.tanh(x)
    subject, ground, heart = code[:, :, None, None].to(x.dtype).chunk(3, 1)
    masks = torch.sigmoid(x[:, 3:])
    flat = ground + (subject - ground) * masks[:, :1]
    return F.hardtanh(flat + (heart - flat) * masks[:, 1:] + x[:, :3], -1.2, 1.2)


def layer_names(config: NetworkConfig, rows: int) -> list[tuple[str, int, int]]:
    """Every layer that can be bent: (name, channels, rows) in the order in which they are passed."""
    depth = len(config.widths)
    inward = [(f"in{at + 1}", width, rows >> (at + 1)) for at, width in enumerate(config.widths)]
    outward = [(f"out{depth - at}", width, rows >> (depth - 1 - at)) for at, (_, width) in enumerate(config.back)]
    return [*inward, *outward, ("rgb", 3, rows)]


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the normalisation behind it inside, as it stands after training."""
    bias = conv.bias.clone() if conv.bias is not None else conv.weight.new_zeros(conv.out_channels)
    if norm is None:
        return conv.weight, bias
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * gain[:, None, None, None], (bias - norm.running_mean) * gain + norm.bias


def nearest_size(size: Sequence[int], config: NetworkConfig) -> tuple[int, int]:
    """The (width, height) nearest to size at which the network paints."""
    step = config.step_px
    return max(1, round(size[0] / step)) * step, max(1, round(size[1] / step)) * step
