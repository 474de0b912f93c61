"""Pictures, or their coordinates, and a run's parameters in; what a network too small for them makes of them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.autoencoder.network import Decoder, NetworkConfig
from installation.generators.devices import cpu_has_bfloat16
from installation.networks.adam import Adam
from installation.training.autoencoder.settings import Parameters

LOOK_EVERY = {"dense": 10, "conv": 40}  # steps between two looks at the error
PATIENCE, LEAST_GAIN = 250, 0.03  # steps without so much gain, after which a run is left as it is
CONV_PX = 96  # a convolutional one is trained at this size, whatever its squares' size


@dataclass(frozen=True, eq=False)
class Trained:
    """A network as it was stopped: what it makes of its inputs, and the share of their variance that is wrong."""

    net: Autoencoder
    made: Tensor
    share: float
    steps: int


class Autoencoder(nn.Module):
    """An encoder down to the middle, and a decoder of the kind that a show can play."""

    def __init__(self, encoder: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder.forward(self.encoder(x))


def dense(dimensions: int, parameters: Parameters) -> Autoencoder:
    """From coordinates (B, D) to themselves."""
    hidden = [parameters.units] * parameters.layers
    widths = [dimensions, *hidden, parameters.middle]
    encoder = nn.Sequential()
    for i, (before, after) in enumerate(pairwise(widths)):
        encoder.append(nn.Linear(before, after))
        if i + 2 < len(widths):
            encoder.extend([nn.ReLU(), nn.Dropout(parameters.dropout)])
    config = NetworkConfig("dense", 1, 1, (parameters.middle, *hidden, dimensions))
    return Autoencoder(encoder, Decoder(config, parameters.dropout))


def conv(pictures: Tensor, parameters: Parameters) -> Autoencoder:
    """From pictures (B, planes, CONV_PX, CONV_PX) to themselves; every layer halves or doubles their size."""
    planes = pictures.shape[1]
    channels = [min(parameters.units << i, 96) for i in range(parameters.layers)]
    start = CONV_PX >> parameters.layers
    encoder = nn.Sequential()
    for before, after in zip([planes, *channels], channels, strict=False):
        encoder.extend([nn.Conv2d(before, after, 4, 2, 1), nn.ReLU(), nn.Dropout2d(parameters.dropout)])
    encoder.extend([nn.Flatten(), nn.Linear(channels[-1] * start**2, parameters.middle)])
    config = NetworkConfig("conv", CONV_PX, planes, (parameters.middle, *reversed(channels)), start)
    decoder = Decoder(config, parameters.dropout)
    decoder.layers[-1].get_parameter("bias").data.copy_(pictures.mean((0, 2, 3)))  # the paper need not be learnt
    return Autoencoder(encoder, decoder)


def train(
    net: Autoencoder,
    inputs: Tensor,
    parameters: Parameters,
    most_steps: int,
    stop: Callable[[], bool] = lambda: False,
) -> Trained | None:
    """Train from scratch until the share of the variance that is wrong is down to parameters.stop, or for most_steps.

    inputs (n, ...): of which the mean is taken away by nobody but the network. None where it was asked to stop.
    """
    chance = torch.Generator().manual_seed(parameters.seed)
    variance = float((inputs - inputs.mean(0)).square().mean())
    optimiser = Adam(net.parameters(), lr=parameters.lr, betas=(0.9, 0.99), fused=True)
    batch = min(parameters.batch, len(inputs))
    order, best, gained = torch.empty(0, dtype=torch.long), 1e9, 0
    quick = parameters.kind == "conv" and cpu_has_bfloat16()  # convolutions in half the numbers, twice as fast
    for step in range(1, most_steps + 1):
        if len(order) < batch:
            order = torch.randperm(len(inputs), generator=chance)
        chosen, order = order[:batch], order[batch:]
        part = inputs[chosen]
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=quick):
            made = net(part)
        F.mse_loss(made.float(), part).backward()
        optimiser.step()
        if step % LOOK_EVERY[parameters.kind] and step < most_steps:
            continue
        if stop():
            return None
        made, share = _look(net, inputs, variance)
        if share < (1 - LEAST_GAIN) * best:
            best, gained = share, step
        if share <= parameters.stop or step - gained >= PATIENCE:
            break
    return Trained(net, made, share, step)


@torch.no_grad()
def _look(net: Autoencoder, inputs: Tensor, variance: float) -> tuple[Tensor, float]:
    net.eval()
    made = torch.cat([net(part) for part in inputs.split(256)])
    net.train()
    return made, float((made - inputs).square().mean()) / variance
