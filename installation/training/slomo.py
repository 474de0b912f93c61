"""A folder of still pictures in, the two nets of the slo-mo glitch out: `installation train slomo FOLDER`.

The nets learn on synthetic motion of the stills (training/motion.py), where every flow and the frame between are known.
Stop with Ctrl-C or by any other means, and start the same line again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from installation.bending.slomo import LEAK, Motion, NetworkConfig, SloMo, carried, mixed
from installation.training import album, checkpoint
from installation.training.corpus import Corpus, open_corpus
from installation.training.export import to_toml
from installation.training.features import VGG, load_vgg
from installation.training.gan import prepare_machine, stop_request
from installation.training.losses import laplacian_l1, relative_l1
from installation.training.motion import Scenes, make_scenes

PAUSE_S = 30.0  # a step that seems longer was a pause and counts as this much
AVERAGE_STEPS = 200.0  # half-life of the averaged weights
FLOW_ONLY_UNTIL = 0.35  # part of the run in which the second net waits for the first to see something
GROWTH = ((0.35, 4), (0.75, 2), (2.0, 1))  # up to this part of the run scenes are so many times smaller, and more
UNSEEN = 8  # pictures that are kept for the figures
FLOW, FLOW_BETWEEN, WARPING, SMOOTHNESS = 0.1, 0.1, 0.1, 0.002  # weights of the losses; pixels weigh 1

HELP = {
    "size": "px of a scene, a multiple of 32",
    "minutes": "how long to train, in minutes of active time",
    "batch": "scenes in one step; more while they are still small",
    "threads": "CPU threads to use; 0: all",
    "seed": "of everything random",
    "device": "auto | cpu | cuda | cuda:1 ...",
    "widths": "channels of the encoder's six pairs of convolutions; 32,64,128,256,512,512 are the published ones",
    "lr": "learning rate at the start; it falls to a twentieth",
    "perceptual": "weight of the perceptual loss (VGG-16); 0: none",
    "sheet_minutes": "minutes between two sample sheets and checkpoints",
    "licence": "of the model, for its card",
    "credit": "the training set and its makers, for the model's card",
}


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of Settings as an option."""
    parser.add_argument("folder", type=Path, help="still pictures, any sizes, in any sub-folders")
    parser.add_argument("--out", type=Path, default=Path("models/slomo"), help="model folder (default: models/slomo)")
    parser.add_argument(
        "--work", type=Path, help="where the run keeps its state (default: training/<the model's name>)"
    )
    parser.add_argument(
        "--export", action="store_true", help="train no further; write the model of the last checkpoint"
    )
    for item in fields(Settings):
        if item.name in HELP:
            text = f"{HELP[item.name]} (default: {item.default})" if item.default != "" else HELP[item.name]
            name = f"--{item.name.replace('_', '-')}"
            parser.add_argument(name, type=type(item.default), default=item.default, help=text)


def settings_from(args: argparse.Namespace) -> Settings:
    """Resolve what was left out. Raises ValueError for a size or widths there cannot be."""
    values = {item.name: getattr(args, item.name) for item in fields(Settings)}
    values["work"] = args.work or Path("training") / args.out.name
    if args.device == "auto":
        values["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    if args.size < 32 or args.size % 32:
        raise ValueError(f"expected a multiple of 32 as size, found {args.size}")
    read_widths(args.widths)
    return Settings(**values)


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
            found.append((_db(drawn, scenes.middle), _db(fade, scenes.middle), float(_far(motion.forth, scenes.forth))))
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
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {k: v.detach().cpu().half().contiguous() for k, v in self.average.state_dict().items()}
        unfinished = folder / ".weights.partial"
        save_file(tensors, unfinished, {"format": "pt"})
        sha256 = hashlib.sha256(unfinished.read_bytes()).hexdigest()
        os.replace(unfinished, folder / "weights.safetensors")
        (folder / ".model.partial").write_text(to_toml(self.card() | {"sha256": sha256}), "utf-8")
        os.replace(folder / ".model.partial", folder / "model.toml")
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
                "pictures": len(self.corpus) - self.kept_back,
                "scenes_seen": self.scenes_seen,
                "hours": round(self.active_s / 3600, 2),
                "device": str(self.device),
            },
            "quality": self.measure() | {"of": f"16 scenes of {len(self.unseen)} pictures that were not trained on"},
            "network": self.nets.config.to_dict(),
        }


def losses(nets: SloMo, scenes: Scenes, vgg: VGG | None = None, perceptual: float = 0.0) -> dict[str, Tensor]:
    """Super SloMo's losses, and beside them the known flows, which no film could tell; already weighted."""
    first, last, t = scenes.first, scenes.last, scenes.t
    motion: Motion = nets(first, last, t)
    from_first, from_last = carried(first, motion.to_first), carried(last, motion.to_second)
    drawn = mixed(from_first, from_last, motion.visible, t)
    telling = _telling(scenes.middle)
    between = _far(motion.to_first, scenes.to_first, telling) + _far(motion.to_second, scenes.to_second, telling)
    warped = (from_first - scenes.middle).abs().mean() + (from_last - scenes.middle).abs().mean()
    parts = flow_losses(motion.forth, motion.back, scenes) | {
        "pixels": (drawn - scenes.middle).abs().mean() + 0.25 * laplacian_l1(drawn, scenes.middle),
        "between": FLOW_BETWEEN * between / _reach(scenes),
        "warped": WARPING * warped,
    }
    if vgg is not None and perceptual:
        seen, wanted = vgg(drawn * 2 - 1), vgg(scenes.middle * 2 - 1)
        parts["look"] = perceptual * torch.stack([relative_l1(a, b) for a, b in zip(seen, wanted, strict=True)]).mean()
    return parts


def flow_losses(forth: Tensor, back: Tensor, scenes: Scenes) -> dict[str, Tensor]:
    """What the first net alone is taught: the known flows, smooth ones, and pictures that they carry to the other."""
    warped = (carried(scenes.last, forth) - scenes.first).abs().mean()
    warped = warped + (carried(scenes.first, back) - scenes.last).abs().mean()
    wrong = _far(forth, scenes.forth, _telling(scenes.first)) + _far(back, scenes.back, _telling(scenes.last))
    return {
        "flow": FLOW * wrong / _reach(scenes),
        "warping": WARPING * warped,
        "rough": SMOOTHNESS * (_roughness(forth) + _roughness(back)),
    }


def _reach(scenes: Scenes) -> Tensor:
    """How far things go, in px: errors count relative to it."""
    return 0.5 + _far(scenes.forth, torch.zeros_like(scenes.forth))


def _far(flow: Tensor, known: Tensor, weights: float | Tensor = 1.0) -> Tensor:
    """Mean distance of two flows (B, 2, h, w), in px."""
    return ((flow - known).square().sum(1, keepdim=True).add(1e-4).sqrt() * weights).mean()


def _telling(picture: Tensor) -> Tensor:
    """Where a picture shows how it moves: (B, 1, h, w), 1 on average, little on bare paper, where nobody can tell."""
    x = F.pad(picture, (0, 1, 0, 1), mode="replicate")
    edges = ((x[:, :, :-1, 1:] - picture).abs() + (x[:, :, 1:, :-1] - picture).abs()).amax(1, keepdim=True)
    near = F.max_pool2d(edges, 5, 1, 2).clamp(0.02, 0.4)
    return near / near.mean()


def _roughness(flow: Tensor) -> Tensor:
    return flow.diff(dim=2).abs().mean() + flow.diff(dim=3).abs().mean()


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


def run(args: argparse.Namespace) -> int:
    """Train, or export. Returns the exit status."""
    try:
        settings = settings_from(args)
        prepare_machine(settings)  # type: ignore[arg-type]  # reads threads and device only
        corpus = open_corpus(settings.folder, 2 * settings.size, settings.work)
        for name, reason in corpus.skipped.items():
            print(f"skipped {name}: {reason}", file=sys.stderr)
        current = Run(settings, corpus)
    except (ValueError, FileNotFoundError) as error:
        print(f"installation train slomo: {error}", file=sys.stderr)
        return 2
    if args.export:
        print(current.write_model())
        return 0
    bar = tqdm(total=round(settings.minutes * 60), unit="s", desc="training", mininterval=2)
    bar.update(round(current.active_s))
    bar.unpause()

    def tell(current: Run, parts: dict[str, float]) -> None:
        text = " ".join(f"{name} {value:.3g}" for name, value in parts.items())
        bar.set_postfix_str(f"{current.scenes_seen:,} scenes, {text}", refresh=False)
        bar.update(int(current.active_s) - bar.n)

    with stop_request() as asked, bar:
        train(current, lambda: bool(asked), tell)
    print(f"{settings.out}: {current.scenes_seen:,} scenes seen, {current.figures}; sheet in {settings.work}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="installation train slomo", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
