"""A generator's pictures in, the net that reads their w out: what an encoder adds to a run."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from installation import weights
from installation.networks.adam import Adam
from installation.networks.encoder import Encoder, EncoderConfig
from installation.training import album
from installation.training.encoder import Settings, read_widths
from installation.training.encoder.samples import Samples
from installation.training.features import load_vgg
from installation.training.losses import laplacian_l1, looks, relative_l1

AVERAGE_STEPS = 60.0  # half-life of the averaged weights
WARM_STEPS = 50
REDRAWN_FROM = 0.25  # part of the run from which on pictures are painted again: before, nothing is like anything
TRIED = 30  # points by chance that the figures are of
SHOWN = 8
WORN = 0.5  # share of the pictures that are seen worn: cameras, bends and effects wear them


class EncoderTrainer:
    """Trainer: the net, its average over time, and points that nothing is learnt from."""

    def __init__(self, settings: Settings, samples: Samples) -> None:
        self.settings, self.bank = settings, samples
        self.device = torch.device(settings.device)
        self.steps, self.seen = 0, 0
        usual = samples.usual()
        config = EncoderConfig(settings.size, read_widths(settings.widths), usual.shape[1])
        self.net = Encoder(config)
        self.net.speak(usual)
        self.spread = float((usual - usual.mean(0)).square().sum(1).mean())
        self.net = self.net.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        nn.init.normal_(self.net.read.weight, 0.0, 0.3 * self.net.read.in_features**-0.5)
        nn.init.zeros_(self.net.read.bias)
        self.average = copy.deepcopy(self.net).requires_grad_(False).eval()
        self.optimizer = Adam(self.net.parameters(), settings.lr, (0.9, 0.99), fused=True)
        self.vgg = load_vgg(self.device) if settings.perceptual else None
        self._eye: list[nn.Module | None] = []
        self.trials = samples.trials(TRIED)

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net, "average": self.average}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.optimizer}

    def state(self) -> dict[str, Any]:
        return {"seen": self.seen, "count": self.bank.count, "network": self.net.config.to_dict(), "of": self._of}

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        for what, found, wanted in (
            ("of another net", state["network"], self.net.config.to_dict()),
            ("of another model's pictures", state["of"], self._of),
        ):
            if found != wanted:
                path = self.settings.checkpoint
                raise ValueError(f"{path} is {what}: expected {wanted}, found {found}; use another --work")
        self.steps, self.seen = int(state["steps"]), int(state["seen"])
        self.bank.count = int(state["count"])

    @property
    def _of(self) -> str:
        sha256: str = self.bank.generator.weights_sha256
        return sha256

    def step(self, progress: float) -> dict[str, float]:
        """One batch: new pictures and some that were seen before."""
        s = self.settings
        batch = self.bank.batch(self.bank.chosen(s.fresh, s.batch))
        points, pictures = (part.to(self.device) for part in batch)
        warm = min(1.0, (self.steps + 1) / WARM_STEPS)
        self.optimizer.param_groups[0]["lr"] = s.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        read = self.net(worn(pictures).contiguous(memory_format=torch.channels_last))
        parts = {"w": (read - points).square().sum(1).mean() / self.spread}
        if s.redrawn and progress >= REDRAWN_FROM:
            parts |= self._redrawn(read[: s.redrawn], pictures[: s.redrawn])
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.seen += s.batch
        self._follow()
        return {name: float(value.detach()) for name, value in parts.items()}

    def _redrawn(self, read: Tensor, pictures: Tensor) -> dict[str, Tensor]:
        """How far what is painted from the w that was read is from the pictures."""
        drawn, s = self.bank.trace(read.cpu()).to(self.device), self.settings  # what is traced is painted on the CPU
        parts = {"pixels": s.pixels * laplacian_l1(drawn, pictures)}
        if self.vgg is not None:
            with torch.no_grad():
                wanted = self.vgg(pictures)
            parts["looks"] = s.perceptual * looks(self.vgg(drawn), wanted)
        return parts

    @torch.no_grad()
    def _follow(self) -> None:
        """The average follows the net, soon at first."""
        weight = 1 - 0.5 ** (1 / min(AVERAGE_STEPS, 0.05 * self.steps + 1))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.net.parameters()), weight)
        for mine, theirs in zip(self.average.buffers(), self.net.buffers(), strict=True):
            mine.copy_(torch.lerp(mine, theirs, weight) if mine.is_floating_point() else theirs)

    def told(self) -> str:
        return f"{self.bank.count:,} pictures"

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Of points by chance that it never saw: how far off w and picture are, beside those of the average w."""
        pictures = self.bank.paint(self.trials)
        read = self._read(pictures)
        far = (read - self.trials).square().sum() / (self.trials - self.trials.mean(0)).square().sum()
        found = {"w_error": round(float(far), 4)}
        if (eye := self._look()) is None:
            return found
        mean = self.bank.paint(self.bank.generator.latent.average[None])
        ours, theirs = (
            torch.stack(
                [self._apart(eye, one[None], picture[None]) for one, picture in zip(drawn, pictures, strict=True)]
            )
            for drawn in (self.bank.paint(read), mean.expand_as(pictures))
        )
        return found | {
            "apart": round(float(ours.mean()), 4),
            "apart_of_the_mean": round(float(theirs.mean()), 4),
            "nearer": round(float((ours < theirs).float().mean()), 3),
        }

    def _read(self, pictures: Tensor) -> Tensor:
        """What the average reads in pictures, (B, D) on the CPU."""
        read: Tensor = self.average(pictures.to(self.device)).cpu()
        return read

    def _apart(self, eye: nn.Module, one: Tensor, other: Tensor) -> Tensor:
        """How unlike two pictures (1, 3, S, S) look: relative differences of features, averaged over layers."""
        seen = zip(eye(one.to(self.device)), eye(other.to(self.device)), strict=True)
        return torch.stack([relative_l1(x, y) for x, y in seen]).mean().cpu()

    def _look(self) -> nn.Module | None:
        """VGG for the figures, opened when it is first needed."""
        if not self._eye:
            self._eye.append(self.vgg or load_vgg(self.device))
        return self._eye[0]

    @torch.no_grad()
    def sheet(self) -> Image.Image:
        """Rows by turns: pictures, and what is painted from the w that was read in them."""
        points = torch.cat([self.trials[:SHOWN], self.bank.generator.latent.styles[:: max(1, self._every)][:SHOWN]])
        pictures = self.bank.paint(points)
        drawn = self.bank.paint(self._read(pictures))
        rows = [part[i : i + SHOWN] for i in range(0, len(points), SHOWN) for part in (pictures, drawn)]
        return album.sheet(torch.cat(rows), SHOWN)

    @property
    def _every(self) -> int:
        return len(self.bank.generator.latent.styles) // SHOWN

    def weights(self) -> dict[str, Tensor]:
        kept = self.average.state_dict().items()
        return {name: tensor for name, tensor in kept if not name.endswith("num_batches_tracked")}

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        return self.sheet()

    def card(self) -> dict[str, Any]:
        model = str(self.settings.folder)
        of = weights.read_config(model)
        name = str(of.get("name", self.settings.folder.name))
        credit = str(of.get("credit", ""))
        return {
            "kind": "encoder",
            "about": f"reads in a picture the w from which {name} paints the likest",
            "of": name,
            "of_sha256": self._of,
            "credit": f"trained on pictures that {name} painted" + (f" ({credit})" if credit else ""),
            "network": self.net.config.to_dict(),
            "training": {"pictures_seen": self.seen},
            "quality": {"of": f"{TRIED} points by chance that were not learnt from, at {self.settings.size} px"},
        }


def worn(pictures: Tensor) -> Tensor:
    """Some of the pictures (B, 3, S, S) as a camera or an effect may leave them: paler, of another cast, with noise."""
    count = len(pictures)
    some = (torch.rand(count, 1, 1, 1, device=pictures.device) < WORN).float()
    gain = 1 + some * 0.25 * (torch.rand(count, 3, 1, 1, device=pictures.device) * 2 - 1)
    shift = some * 0.15 * (torch.rand(count, 3, 1, 1, device=pictures.device) * 2 - 1)
    noise = some * 0.1 * torch.rand(count, 1, 1, 1, device=pictures.device) * torch.randn_like(pictures)
    return (pictures * gain + shift + noise).clamp(-1, 1)
