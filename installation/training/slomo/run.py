"""One training run of the slo-mo nets from start to end: scenes, losses, average, checkpoints, figures, export."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from installation import files, weights
from installation.bending.carrying import carried, mixed
from installation.bending.slomo import LEAK, NetworkConfig, SloMo
from installation.training import album, checkpoint
from installation.training.corpus import Corpus
from installation.training.gan.export import write_weights
from installation.training.features import load_vgg
from installation.training.slomo.flow_losses import far, flow_losses, losses
from installation.training.slomo.motion import Scenes, make_scenes

PAUSE_S = 30.0  # a step that seems longer was a pause and counts as this much
AVERAGE_STEPS = 200.0  # half-life of the averaged weights
FLOW_ONLY_UNTIL = 0.4  # part of the run in which the second net waits for the first to see something
GROWTH = ((0.4, 4), (0.75, 2), (2.0, 1))  # up to this part of the run scenes are so many times smaller, and more
UNSEEN = 8  # pictures that are kept for the figures


@dataclass(frozen=True)
class Settings:
    """One training run, as asked for on the command line."""

    folder: Path
    out: Path
    work: Path
    size: int = 128  # px
    minutes: float = 60.0  # of active time
    batch: int = 4
    threads: int = 0
    seed: int = 0
    device: str = "auto"
    widths: str = "8,16,32,64,128,128"
    lr: float = 0.002
    perceptual: float = 0.0
    sheet_minutes: float = 2.0
    licence: str = "yours"
    credit: str = ""


def read_widths(text: str) -> tuple[int, ...]:
    """'8,16,32,64,128,128' -> six channel counts. Raises ValueError."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = ()
    if len(widths) != 6 or min(widths) < 1:
        raise ValueError(f"expected six channel counts such as 8,16,32,64,128,128 as widths, found {text!r}")
    return widths


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


class Run:
    """The state of one run. Opens the checkpoint in settings.work if there is one, and goes on from it."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.path = settings.work / "checkpoint.safetensors"
        self.steps, self.scenes_seen, self.active_s = 0, 0, 0.0
        self.figures: dict[str, float] = {}
        torch.manual_seed(settings.seed)
        self.nets = begin(SloMo(NetworkConfig(read_widths(settings.widths)))).to(self.device)
        self.nets = self.nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.nets).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.nets.parameters(), settings.lr, (0.9, 0.99), fused=True)
        self.vgg = load_vgg(self.device) if settings.perceptual else None
        self.kept_back = min(UNSEEN, len(corpus) // 4)
        self.unseen = corpus.at(2 * settings.size)[: self.kept_back]
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        state = checkpoint.load(self.path, self.modules(), {"optimizer": self.optimizer})
        if state["network"] != self.nets.config.to_dict():
            found, wanted = state["network"], self.nets.config.to_dict()
            raise ValueError(f"{self.path} is of other nets: expected {wanted}, found {found}; use another --work")
        self.steps, self.scenes_seen, self.active_s = state["steps"], state["scenes_seen"], state["active_s"]

    def modules(self) -> dict[str, nn.Module]:
        return {"nets": self.nets, "average": self.average}

    @property
    def progress(self) -> float:
        """0..1; made of active time, so that stopping, pausing and resuming change nothing."""
        return min(1.0, self.active_s / (self.settings.minutes * 60))

    def step(self) -> dict[str, float]:
        """Train on one batch of new scenes. Returns the losses by name."""
        start_s = time.perf_counter()
        times = next(times for until, times in GROWTH if self.progress < until)
        size, batch = max(32, self.settings.size // times), self.settings.batch * times
        scenes = self._put(make_scenes(self.corpus.at(2 * size)[self.kept_back :], batch, size))
        warm = min(1.0, (self.steps + 1) / 50)
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * self.progress))
        self.optimizer.param_groups[0]["lr"] = self.settings.lr * warm * fall
        if self.progress < FLOW_ONLY_UNTIL:
            parts = flow_losses(*self.nets.flows(scenes.first, scenes.last), scenes)
        else:
            parts = losses(self.nets, scenes, self.vgg, self.settings.perceptual)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.scenes_seen += batch
        weight = 1 - 0.5 ** (1 / min(AVERAGE_STEPS, 0.05 * self.steps + 1))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.nets.parameters()), weight)
        self.active_s += min(time.perf_counter() - start_s, PAUSE_S)
        return {name: float(value.detach()) for name, value in parts.items()}

    def _put(self, scenes: Scenes) -> Scenes:
        return Scenes(**{item.name: getattr(scenes, item.name).to(self.device) for item in fields(Scenes)})

    def save(self) -> None:
        """Checkpoint everything, atomically."""
        state = {name: getattr(self, name) for name in ("steps", "scenes_seen", "active_s")}
        state["network"] = self.nets.config.to_dict()
        checkpoint.save(self.path, self.modules(), {"optimizer": self.optimizer}, state)

    @torch.no_grad()
    def measure(self, count: int = 16) -> dict[str, float]:
        """Figures on scenes of pictures that were kept back, always the same ones: dB (more is better), px."""
        dice = torch.Generator().manual_seed(7)
        found: list[tuple[float, float, float]] = []
        for _ in range(count // 8):
            scenes = self._put(make_scenes(self.unseen, 8, self.settings.size, dice))
            motion = self.average(scenes.first, scenes.last, scenes.t)
            drawn = mixed(
                carried(scenes.first, motion.to_first), carried(scenes.last, motion.to_second), motion.visible, scenes.t
            )
            fade = torch.lerp(scenes.first, scenes.last, scenes.t)
            found.append((_db(drawn, scenes.middle), _db(fade, scenes.middle), float(far(motion.forth, scenes.forth))))
        ours, fade_db, flow_px = (sum(column) / len(found) for column in zip(*found, strict=True))
        self.figures = {
            "psnr_db": round(ours, 2),
            "psnr_of_a_fade_db": round(fade_db, 2),
            "flow_error_px": round(flow_px, 2),
        }
        return self.figures

    @torch.no_grad()
    def sheet(self) -> None:
        """Rows: first, middle as it is, middle as drawn, last, visibility. Then the checkpoint."""
        scenes = self._put(make_scenes(self.unseen, 8, self.settings.size, torch.Generator().manual_seed(11)))
        motion = self.average(scenes.first, scenes.last, scenes.t)
        drawn = mixed(
            carried(scenes.first, motion.to_first), carried(scenes.last, motion.to_second), motion.visible, scenes.t
        )
        rows = [scenes.first, scenes.middle, drawn, scenes.last, motion.visible.expand(-1, 3, -1, -1)]
        album.save_picture(album.sheet(torch.cat(rows) * 2 - 1, 8), self.settings.work / "sheet.png")
        self.save()

    def write_model(self) -> Path:
        """Write the model folder: the averaged weights in half precision, then the card that vouches for them."""
        folder = self.settings.out
        sha256 = write_weights(folder, self.average.state_dict())
        files.write_text(folder / "model.toml", weights.to_toml(self.card() | {"sha256": sha256}))
        return folder

    def card(self) -> dict[str, Any]:
        """What model.toml says."""
        s = self.settings
        return {
            "name": s.out.name,
            "about": "the two nets of the slo-mo glitch, trained on synthetic motion of stills",
            "licence": s.licence,
            "credit": s.credit,
            "kind": "slomo",
            "file": "weights.safetensors",
            "training": {
                "pictures": len({picture.tobytes() for picture in self.corpus.images[self.kept_back :]}),
                "scenes_seen": self.scenes_seen,
                "hours": round(self.active_s / 3600, 2),
                "device": str(self.device),
            },
            "quality": self.measure() | {"of": f"16 scenes of {len(self.unseen)} pictures that were not trained on"},
            "network": self.nets.config.to_dict(),
        }


def _db(a: Tensor, b: Tensor) -> float:
    """Peak signal to noise ratio of each picture, averaged."""
    return float(-10 * (a - b).square().mean((1, 2, 3)).clamp(min=1e-6).log10().mean())


def train(run: Run, stop: Callable[[], bool], tell: Callable[[Run, dict[str, float]], None]) -> None:
    """Step until the minutes are used up or stop() says so, with sheets and figures on the way; write the model."""
    next_sheet_s = run.active_s + min(20.0, run.settings.sheet_minutes * 60)
    while run.progress < 1 and not stop():
        tell(run, run.step())
        if run.active_s >= next_sheet_s:
            run.sheet()
            tqdm.write(f"{run.steps} steps, {run.scenes_seen:,} scenes: {run.measure()}", file=sys.stderr)
            next_sheet_s = run.active_s + run.settings.sheet_minutes * 60
    run.sheet()
    run.write_model()
