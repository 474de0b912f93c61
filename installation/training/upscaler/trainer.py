"""Squares of pictures in, the network that enlarges them out: what the upscaler adds to a run."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from installation.networks.adam import Adam
from installation.networks.upscaler import KIND, Upscaler
from installation.training import album
from installation.training.corpus import Corpus
from installation.training.losses import laplacian_l1
from installation.training.upscaler import Settings
from installation.training.upscaler.critic import Critic
from installation.training.upscaler.examples import draw_crops, make_pairs, source_of
from installation.training.upscaler.judging import PLAIN, enlarge_plainly, load_eye, measure

AVERAGE_STEPS = 100.0  # half-life of the averaged weights
MEASURED, SHOWN = 24, 8  # squares of pictures that were kept out
BEGIN = 0.1  # strength of the detail's first weights: at the beginning the picture is nearly the plain enlargement
LEAK_OF_WEIGHTS = 0.05
RAMP = 0.05  # part of the run in which the critic's weight grows
DETAIL = 0.5  # weight of the loss of details, of every size, beside the one of pixels


class UpscalerTrainer:
    """Trainer: the network, its average over time, the critic, and pictures kept out to measure them on."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device, self.config = torch.device(settings.device), settings.network()
        self.steps, self.seen = 0, 0
        self.network = begin(Upscaler(self.config)).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.critic = Critic().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = Adam(self.network.parameters(), settings.lr, (0.9, 0.99), fused=True)
        self.optimizer_of_critic = Adam(self.critic.parameters(), settings.lr / 4, (0.5, 0.99), fused=True)
        sources = list(dict.fromkeys(source_of(name) for name in corpus.names))
        self.kept_out = set(sources[:: settings.keep_out])
        out = np.array([source_of(name) in self.kept_out for name in corpus.names])
        self.learnt, unseen = np.flatnonzero(~out), np.flatnonzero(out)
        self.pictures = len(sources) - len(self.kept_out)
        self.unseen = unseen[np.linspace(0, len(unseen) - 1, min(MEASURED, len(unseen))).astype(int)]

    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average, "critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.optimizer, "optimizer_of_critic": self.optimizer_of_critic}

    def state(self) -> dict[str, Any]:
        return {"crops_seen": self.seen, "network": self.config.to_dict()}

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        found, wanted = state["network"], self.config.to_dict()
        if found != wanted:
            path = self.settings.checkpoint
            raise ValueError(f"{path} is of another network: expected {wanted}, found {found}; use another --work")
        self.steps, self.seen = int(state["steps"]), int(state["crops_seen"])

    def step(self, progress: float) -> dict[str, float]:
        """One batch of new crops: pixels and details, and after a while what the critic misses."""
        s = self.settings
        true = draw_crops(self.corpus.images, self.learnt, s.batch, s.size).to(self.device)
        small, wanted = make_pairs(true, self.network, s.soften)
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
        self.optimizer.param_groups[0]["lr"] = s.lr * min(1.0, (self.steps + 1) / 50) * fall
        drawn = self.network(small)
        parts = {"pixels": (drawn - wanted).abs().mean(), "detail": DETAIL * laplacian_l1(drawn, wanted)}
        heard = s.critic * min(1.0, max(0.0, (progress - s.critic_from) / RAMP))
        told: dict[str, float] = {}
        if heard:
            told["critic"] = self._teach_critic(drawn.detach(), wanted)
            self.critic.requires_grad_(False)
            parts["real"] = heard * (self.critic(drawn) - 1).square().mean()
            self.critic.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.seen += s.batch
        self._follow()
        return {name: float(value.detach()) for name, value in parts.items()} | told

    def _teach_critic(self, drawn: Tensor, real: Tensor) -> float:
        """Least squares (Mao et al. 2017): a critic that is sure pushes no harder than one that is nearly so."""
        loss = self.critic(drawn).square().mean() + (self.critic(real) - 1).square().mean()
        self.optimizer_of_critic.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer_of_critic.step()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        weight = 1 - 0.5 ** (1 / min(AVERAGE_STEPS, 0.05 * self.steps + 1))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), weight)

    def told(self) -> str:
        return f"{self.seen:,} crops"

    @torch.no_grad()
    def _shown(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The middles of squares that are not learnt from, always the same: small, drawn, true."""
        s, at = self.settings, (self.corpus.images.shape[1] - self.settings.size) // 2
        squares = self.corpus.images[self.unseen[np.linspace(0, len(self.unseen) - 1, count).astype(int)]]
        true = torch.from_numpy(squares[:, at : at + s.size, at : at + s.size].copy()).permute(0, 3, 1, 2)
        true = true.float().div(255).to(self.device)
        small = F.avg_pool2d(true, s.scale)
        return small, self.average(small), true

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """See `judging.measure`; of ours, of bicubic and of Lanczos."""
        small, drawn, true = self._shown(len(self.unseen))
        eye = load_eye(self.device)
        ways = {"": drawn} | {f"_{way}": enlarge_plainly(small, self.settings.scale, way) for way in PLAIN}
        found = {way: measure(large, true, small, eye) for way, large in ways.items()}
        names = [name for name in ("psnr", "look", "off") if name in found[""]]
        return {f"{name}{way}": round(found[way][name], 3) for name in names for way in ways}

    @torch.no_grad()
    def sheet(self) -> Image.Image:
        """Rows: low, bicubic, ours, true."""
        small, drawn, true = self._shown(SHOWN)
        low = F.interpolate(small, scale_factor=self.settings.scale, mode="nearest")
        rows = [low, enlarge_plainly(small, self.settings.scale, "bicubic"), drawn, true]
        return album.sheet(torch.cat(rows) * 2 - 1, SHOWN)

    def weights(self) -> dict[str, Tensor]:
        return self.average.state_dict()

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        return self.sheet()

    def card(self) -> dict[str, Any]:
        s = self.settings
        return {
            "kind": KIND,
            "about": f"enlarges pictures {s.scale} times; made small again by area, they are what they were",
            "network": self.config.to_dict(),
            "training": {"pictures": self.pictures, "crops": len(self.learnt), "crops_seen": self.seen},
            "quality": {
                "of": f"{len(self.unseen)} squares of {len(self.kept_out)} pictures that were kept out; psnr in dB, "
                "look: distance of VGG-16 features x 100, off: of the picture made small again, in 1/255"
            },
        }


def begin(network: Upscaler) -> Upscaler:
    """Weights that keep the strength of a signal (He et al. 2015); the detail begins faint."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, LEAK_OF_WEIGHTS)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for block in network.blocks:
        nn.init.dirac_(block.mix.weight)  # type: ignore[union-attr, arg-type]
        block.convs[2].weight.data.mul_(BEGIN)  # type: ignore[union-attr, index, operator]
    network.detail.weight.data.mul_(BEGIN)
    return network
