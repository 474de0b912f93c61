"""A mapping and the stations of a walk in; a mapping that leads every z to what lies between a few of them out.

Where pictures are redrawn each has a code, and a z drawn by chance lies as far from one code as from all the others:
what it paints is a little of everything. So at the end, when the generator is done, its mapping is taught anew. The
stations are laid onto a sphere of few dimensions, alike ones side by side; a z belongs to those whose directions are
nearest to its own there, so that chance finds flowers, and a walk through z goes from one to the next.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from installation.generators.stylegan2.network import Generator, Mapping, unit
from installation.networks.adam import Adam

DIMENSIONS = 6  # of z say where: in more of them a small mapping learns the borders slowly
SHARPNESS = 12.0  # of bloom's 83 stations the nearest one has two thirds of the say, the next one a fifth
EVENNESS = 0.75  # power of the spread along each axis: below 1 it makes room where stations are much alike
STEPS, BATCH, LR = 6000, 256, 0.2


def spread(generator: Generator, stations: Tensor, steps: int = STEPS) -> Mapping:
    """The generator's mapping taught anew, in so many steps of about 10 ms; its average is that of the stations.

    stations (K, w_dim), or (classes, K, w_dim), those of one place alike.
    """
    dice, z_dim = torch.Generator().manual_seed(0), generator.config.z_dim
    mapping = copy.deepcopy(generator.mapping).cpu().float().requires_grad_(True)
    if not mapping.layers:  # z is w: there is nothing to teach
        return mapping.requires_grad_(False)
    every = stations.cpu().float().view(-1, *stations.shape[-2:])
    places, size = _places(every.mean(0), z_dim, dice), every.var((0, 1)).sum().clamp_min(1e-12)
    adam = Adam(mapping.parameters(), lr=LR, betas=(0.9, 0.99))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # products so small wait longer for a second one than they take
    for step in tqdm(range(steps), desc="every z a picture", disable=None, leave=False):
        adam.param_groups[0]["lr"] = LR * min(1.0, 2 * (1 - step / steps) + 0.02)
        z = torch.randn(BATCH, z_dim, generator=dice)
        klass = step % len(every)
        wanted = _shares(z, places) @ every[klass]
        label = torch.eye(len(every))[klass : klass + 1] if mapping.classes else None
        loss = (mapping(z, label=label) - wanted).square().sum(1).mean() / size
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    torch.set_num_threads(threads)
    mapping.w_avg.copy_(every.mean((0, 1)))
    return mapping.requires_grad_(False)


def _places(stations: Tensor, z_dim: int, dice: torch.Generator) -> Tensor:
    """Directions (K, z_dim) of length 1: alike stations' are near each other."""
    u, length, _ = torch.linalg.svd(stations - stations.mean(0), full_matrices=False)
    few = (u * length**EVENNESS)[:, : min(DIMENSIONS, z_dim)]
    turn = torch.linalg.qr(torch.randn(z_dim, z_dim, generator=dice)).Q  # every number of z has its part in it
    return F.normalize(few, dim=1) @ turn[: few.shape[1]]


def _shares(z: Tensor, places: Tensor) -> Tensor:
    """How much each station has to say, (B, K), in what z (B, z_dim) paints."""
    return torch.softmax(SHARPNESS * unit(z) @ places.T, 1)
