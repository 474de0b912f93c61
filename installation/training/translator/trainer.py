"""Pictures in, a translator that paints them from what is seen of them out: what `train translator` adds to a run."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from installation.generators.translator.palette import find_palettes
from installation.networks.unet import CODE, NetworkConfig, UNet
from installation.training import album
from installation.training.corpus import Corpus
from installation.training.features import load_vgg
from installation.training.quality import Judge, open_judge
from installation.training.settings import NONE
from installation.training.translator import Settings, read_widths
from installation.training.translator.paired import SHAPES_UNTIL, Paired
from installation.training.translator.pairs import Pairs, channels, open_source, usable
from installation.training.translator.unpaired import Unpaired

AVERAGE_STEPS = 150.0  # half-life of the averaged weights
UNSEEN = 24  # pictures that are kept for the figures, at most a quarter
SHEET_COLUMNS = 8
SMALL = 0.75  # share of the steps that are made at half the size, once shapes are there


class TranslatorTrainer:
    """Trainer: the network, its average over time, and pictures kept back to measure it on."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.steps, self.seen = 0, 0
        paired = settings.unpaired == NONE
        self.source = open_source(settings.shown, corpus, self._inputs(), paired)
        there = usable(self.source)
        kept_back = min(UNSEEN, max(1, len(there) // 4))
        spread = np.linspace(0, len(there) - 1, kept_back).round().astype(int)  # of every folder some
        self.unseen, self.learnt = there[spread], np.delete(there, spread)
        widths = read_widths(settings.widths)
        self.config = NetworkConfig(channels(settings.shown), widths, code=CODE if paired else 0)
        self.net = self._net()
        self.average = copy.deepcopy(self.net).requires_grad_(False).eval()
        self.method: Paired | Unpaired = (
            Paired(self.net, load_vgg(self.device), settings.lr, settings.critic, settings.critic_from)
            if paired
            else Unpaired(self.net, self._net(), settings.lr / 4)
        )
        self.judge: Judge | None = None

    def _net(self) -> UNet:
        net: UNet = UNet(self.config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def _inputs(self) -> Corpus | None:
        from installation.training.corpus import open_corpus

        s = self.settings
        folder = s.inputs if s.unpaired == NONE else s.unpaired
        if folder == NONE:
            return None
        return open_corpus(folder, 2 * s.size, s.work, crop=s.crop, frames=s.frames)

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net, "average": self.average} | self.method.modules()

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.method.optimizers()

    def state(self) -> dict[str, Any]:
        return {"examples": self.seen, "network": self.config.to_dict(), "sight": self.settings.shown}

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        wanted = (self.config.to_dict(), self.settings.shown)
        if (found := (state["network"], state["sight"])) != wanted:
            path = self.settings.checkpoint
            raise ValueError(f"{path} is of another translator: expected {wanted}, found {found}; use another --work")
        self.steps, self.seen = int(state["steps"]), int(state["examples"])

    def step(self, progress: float) -> dict[str, float]:
        size, step_px = self.settings.size, self.config.step_px
        if size >= 2 * step_px and (progress < SHAPES_UNTIL or float(torch.rand(())) < SMALL):
            size = size // 2 // step_px * step_px
        pairs = self._put(self.source.draw(self.learnt, self.settings.batch, size))
        self.net.train()
        parts = self.method.step(pairs, progress)
        self.steps += 1
        self.seen += self.settings.batch
        self._follow()
        return parts

    def _put(self, pairs: Pairs) -> Pairs:
        return Pairs(pairs.shown.to(self.device), pairs.target.to(self.device), pairs.code.to(self.device))

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged network towards the one that learns; faster in the beginning."""
        weight = 1 - 0.5 ** (1 / min(AVERAGE_STEPS, 0.05 * self.steps + 1))
        mine, theirs = (dict(net.state_dict()) for net in (self.average, self.net))
        names = [name for name, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[name] for name in names], [theirs[name] for name in names], weight)

    def told(self) -> str:
        return f"{self.seen:,} pairs"

    @torch.no_grad()
    def draw(self, pairs: Pairs) -> Tensor:
        """What the averaged network paints of what is shown (B, C, S, S), on the CPU."""
        parts = zip(pairs.shown.split(8), pairs.code.split(8), strict=True)
        return torch.cat([self.average(shown.to(self.device), code.to(self.device)).cpu() for shown, code in parts])

    def sheet(self) -> Image.Image:
        """Rows of three: what is shown, what is painted of it, what it is; all of pictures that were kept back."""
        return self._rows(3)

    def _rows(self, of: int) -> Image.Image:
        pairs = self.source.plainly(self.unseen[: 2 * SHEET_COLUMNS], self.settings.size)
        drawn, rows = self.draw(pairs), list[Tensor]()
        for at in range(0, len(drawn), SHEET_COLUMNS):
            part = slice(at, at + SHEET_COLUMNS)
            lines = [_visible(pairs.shown[part], self.settings.shown), drawn[part], pairs.target[part]]
            lines = [F.pad(line, (0, 0, 0, 0, 0, 0, 0, SHEET_COLUMNS - len(line))) for line in lines]
            rows += lines[:of]
        return album.sheet(torch.cat(rows), SHEET_COLUMNS)

    def measure(self) -> dict[str, float]:
        """On pictures that were kept back: dB (more is better), KID x 1000 of what is painted (lower is better)."""
        pairs = self.source.plainly(self.unseen, self.settings.size)
        drawn = self.draw(pairs)
        found = {"psnr_db": round(_db(drawn, pairs.target), 2)} if self.source.paired else {}
        self.judge = self.judge or open_judge(self.corpus, self.device)
        if self.judge and len(drawn) > 1:
            found["kid_x1000"] = round(self.judge(drawn), 2)
        return found

    def weights(self) -> dict[str, Tensor]:
        if not self.config.code:
            return self.average.state_dict()
        many = self.source.plainly(self.learnt[:: max(1, len(self.learnt) // 400)], 64).code
        return self.average.state_dict() | {"palettes": find_palettes(many)}

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        """Rows of two: what is shown and what is painted of it; the pictures themselves stay with whoever has them."""
        return self._rows(2)

    def card(self) -> dict[str, Any]:
        s = self.settings
        shown = s.shown if self.source.paired else f"pictures like those in {s.unpaired.resolve().name}"
        return {
            "kind": "translator",
            "about": f"translator of {shown} into pictures, trained on {len(self.learnt)} of them at {s.size} px",
            "sight": s.shown,
            "size_px": s.size,
            "network": self.config.to_dict(),
            "training": {"pairs_seen": self.seen},
            "quality": {"of": f"{len(self.unseen)} pictures that were not trained on", "net": "EfficientNet-Lite0"},
        }


def _visible(shown: Tensor, sight: str) -> Tensor:
    """What is shown (B, C, H, W) as a picture (B, 3, H, W) in -1..1; lines as ink on paper."""
    if shown.shape[1] == 3:
        return shown * 2 - 1
    if shown.shape[1] == 2:
        return torch.cat([shown, torch.zeros_like(shown[:, :1])], 1)
    return (1 - 2 * shown if sight == "edges" else shown * 2 - 1).expand(-1, 3, -1, -1)


def _db(a: Tensor, b: Tensor) -> float:
    """Peak signal to noise ratio of each picture, averaged; -1..1."""
    return float(-10 * ((a - b) / 2).square().mean((1, 2, 3)).clamp(min=1e-6).log10().mean())
