"""Stills in, the two nets of the slo-mo glitch that learn their motion out: what slo-mo adds to a run."""

from __future__ import annotations

import copy
import math
from dataclasses import fields
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from installation.bending.carrying import carried, mixed
from installation.bending.slomo import LEAK, NetworkConfig, SloMo
from installation.networks.adam import Adam
from installation.training import album
from installation.training.corpus import Corpus
from installation.training.features import load_vgg
from installation.training.slomo import Settings, read_widths
from installation.training.slomo.flow_losses import far, flow_losses, losses
from installation.training.slomo.motion import Scenes, make_scenes

AVERAGE_STEPS = 200.0  # half-life of the averaged weights
FLOW_ONLY_UNTIL = 0.4  # part of the run in which the second net waits for the first to see something
GROWTH = ((0.4, 4), (0.75, 2), (2.0, 1))  # up to this part of the run scenes are so many times smaller, and more
UNSEEN = 8  # pictures that are kept for the figures
MEASURED = 16  # scenes that they are of


def begin(nets: SloMo) -> SloMo:
    """Weights that keep the strength of a signal through all layers (He et al. 2015); flows begin near zero."""
    for name, module in nets.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, LEAK)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
            if name.endswith("conv3"):
                module.weight.data.mul_(0.1)
    return nets


class SloMoTrainer:
    """Trainer: the nets, their average over time, and pictures kept back to measure them on."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.steps, self.seen = 0, 0
        self.nets = begin(SloMo(NetworkConfig(read_widths(settings.widths)))).to(self.device)
        self.nets = self.nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.nets).requires_grad_(False)
        self.optimizer = Adam(self.nets.parameters(), settings.lr, (0.9, 0.99), fused=True)
        self.vgg = load_vgg(self.device) if settings.perceptual else None
        self.kept_back = min(UNSEEN, max(1, len(corpus) // 4))
        self.unseen = corpus.at(2 * settings.size)[: self.kept_back]

    def modules(self) -> dict[str, nn.Module]:
        return {"nets": self.nets, "average": self.average}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.optimizer}

    def state(self) -> dict[str, Any]:
        return {"scenes_seen": self.seen, "network": self.nets.config.to_dict()}

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        found, wanted = state["network"], self.nets.config.to_dict()
        if found != wanted:
            path = self.settings.checkpoint
            raise ValueError(f"{path} is of other nets: expected {wanted}, found {found}; use another --work")
        self.steps, self.seen = int(state["steps"]), int(state["scenes_seen"])

    def step(self, progress: float) -> dict[str, float]:
        """One batch of new scenes."""
        times = next(times for until, times in GROWTH if progress < until)
        size, batch = max(32, self.settings.size // times), self.settings.batch * times
        scenes = self._put(make_scenes(self.corpus.at(2 * size)[self.kept_back :], batch, size))
        warm = min(1.0, (self.steps + 1) / 50)
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
        self.optimizer.param_groups[0]["lr"] = self.settings.lr * warm * fall
        if progress < FLOW_ONLY_UNTIL:
            parts = flow_losses(*self.nets.flows(scenes.first, scenes.last), scenes)
        else:
            parts = losses(self.nets, scenes, self.vgg, self.settings.perceptual)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.seen += batch
        weight = 1 - 0.5 ** (1 / min(AVERAGE_STEPS, 0.05 * self.steps + 1))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.nets.parameters()), weight)
        return {name: float(value.detach()) for name, value in parts.items()}

    def _put(self, scenes: Scenes) -> Scenes:
        return Scenes(**{item.name: getattr(scenes, item.name).to(self.device) for item in fields(Scenes)})

    def told(self) -> str:
        return f"{self.seen:,} scenes"

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """On scenes of pictures that were kept back, always the same ones: dB (more is better), px."""
        dice = torch.Generator().manual_seed(7)
        found: list[tuple[float, float, float]] = []
        for _ in range(MEASURED // 8):
            scenes = self._put(make_scenes(self.unseen, 8, self.settings.size, dice))
            motion = self.average(scenes.first, scenes.last, scenes.t)
            drawn = mixed(
                carried(scenes.first, motion.to_first), carried(scenes.last, motion.to_second), motion.visible, scenes.t
            )
            fade = torch.lerp(scenes.first, scenes.last, scenes.t)
            found.append((_db(drawn, scenes.middle), _db(fade, scenes.middle), float(far(motion.forth, scenes.forth))))
        ours, fade_db, flow_px = (sum(column) / len(found) for column in zip(*found, strict=True))
        return {
            "psnr_db": round(ours, 2),
            "psnr_of_a_fade_db": round(fade_db, 2),
            "flow_error_px": round(flow_px, 2),
        }

    @torch.no_grad()
    def sheet(self) -> Image.Image:
        """Rows: first, middle as it is, middle as drawn, last, visibility."""
        scenes = self._put(make_scenes(self.unseen, 8, self.settings.size, torch.Generator().manual_seed(11)))
        motion = self.average(scenes.first, scenes.last, scenes.t)
        drawn = mixed(
            carried(scenes.first, motion.to_first), carried(scenes.last, motion.to_second), motion.visible, scenes.t
        )
        rows = [scenes.first, scenes.middle, drawn, scenes.last, motion.visible.expand(-1, 3, -1, -1)]
        return album.sheet(torch.cat(rows) * 2 - 1, 8)

    def weights(self) -> dict[str, Tensor]:
        return self.average.state_dict()

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        return self.sheet()

    def card(self) -> dict[str, Any]:
        learnt = len({picture.tobytes() for picture in self.corpus.images[self.kept_back :]})
        return {
            "kind": "slomo",
            "about": "the two nets of the slo-mo glitch, trained on synthetic motion of stills",
            "network": self.nets.config.to_dict(),
            "training": {"pictures": learnt, "scenes_seen": self.seen},
            "quality": {"of": f"{MEASURED} scenes of {len(self.unseen)} pictures that were not trained on"},
        }


def _db(a: Tensor, b: Tensor) -> float:
    """Peak signal to noise ratio of each picture, averaged."""
    return float(-10 * (a - b).square().mean((1, 2, 3)).clamp(min=1e-6).log10().mean())
