"""A folder of an artist's images in, a StyleGAN2 that a live show can play out: `installation train gan FOLDER`."""

import argparse
import copy
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor
from tqdm import tqdm

from installation.generators.stylegan2.network import NetworkConfig
from installation.training import album, checkpoint, reconstruction
from installation.training.codes import first_codes
from installation.training.corpus import Corpus, open_corpus
from installation.training.features import load_vgg

PAUSE_S = 30.0  # a step that seems longer was a pause (a stopped process, a sleeping laptop) and counts as this much
ALLOCATOR = {  # large blocks stay with the process: without this glibc maps and unmaps pages at every convolution
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True)
class Settings:
    """One training run, as asked for on the command line."""

    folder: Path
    out: Path
    work: Path
    size: int = 256
    method: str = "auto"
    minutes: float = 120.0
    batch: int = 16
    threads: int = 0
    seed: int = 0
    device: str = "auto"
    z_dim: int = 128
    w_dim: int = 256
    mapping_layers: int = 4
    channel_base: int = 3072
    channel_max: int = 256
    channel_min: int = 16
    lr: float = 0.004
    snapshot_s: float = 120.0

    def network(self) -> NetworkConfig:
        sizes = [2**i for i in range(2, self.size.bit_length())]
        channels = {r: max(self.channel_min, min(self.channel_max, self.channel_base // r)) for r in sizes}
        return NetworkConfig(self.size, self.z_dim, self.w_dim, self.mapping_layers, channels)


class Run:
    """The state of one run: what is trained, how far it is, and how to write it down."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.vgg = load_vgg(self.device)
        self.images, self.active_s, self.snapshots = 0, 0.0, 0
        self.path = settings.work / "checkpoint.safetensors"
        torch.manual_seed(settings.seed)
        codes = torch.zeros(len(corpus), settings.z_dim) if self.path.exists() else first_codes(corpus, settings.z_dim, self.vgg, self.device)
        self.student = reconstruction.Student(settings.network(), codes).to(self.device)
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = reconstruction.optimizer(self.student, settings.lr)
        if self.path.exists():
            state = checkpoint.load(self.path, self.modules(), self.optimizers())
            self.images, self.active_s, self.snapshots = state["images"], state["active_s"], state["snapshots"]

    def modules(self) -> dict[str, torch.nn.Module]:
        return {"student": self.student, "average": self.average}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.optimizer}

    @property
    def progress(self) -> float:
        return min(1.0, self.active_s / (self.settings.minutes * 60))

    def step(self) -> dict[str, float]:
        size = reconstruction.size_at(self.progress, self.settings.size)
        indices = torch.randint(len(self.corpus), (self.settings.batch,))
        total, _, parts = reconstruction.loss(self.student, self.corpus, indices, size, self.vgg)
        lr = self.settings.lr * min(1.0, (1.0 - self.progress) / 0.2 + 0.05)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["speed"]
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self.images += self.settings.batch
        self.follow()
        return parts | {"px": size}

    @torch.no_grad()
    def follow(self) -> None:
        """Move the averaged student towards the student; half-life 10,000 images, shorter at the beginning."""
        half_life = min(10_000.0, 0.05 * self.images + 1)
        weight = 1 - 0.5 ** (self.settings.batch / half_life)
        averages, currents = list(self.average.parameters()), list(self.student.parameters())
        torch._foreach_lerp_(averages, currents, weight)
        self.average.generator.mapping.w_avg.copy_(self.student.generator.mapping.w_avg)

    def save(self) -> None:
        state = {"images": self.images, "active_s": self.active_s, "snapshots": self.snapshots}
        checkpoint.save(self.path, self.modules(), self.optimizers(), state)

    @torch.no_grad()
    def pictures(self, z: Tensor, size: int, psi: float = 1.0) -> Tensor:
        parts = [self.average.generator(part.to(self.device), psi, "none", size).cpu() for part in z.split(16)]
        return torch.cat(parts)

    def snapshot(self) -> None:
        """Sheet of four rows: corpus, its redrawing, half-way between neighbours, free samples."""
        size = reconstruction.size_at(self.progress, self.settings.size)
        chosen = torch.linspace(0, len(self.corpus) - 1, 20).long()
        codes = self.average.codes.detach().cpu()
        free = torch.randn(20, self.settings.z_dim, generator=torch.Generator().manual_seed(1))
        rows = [self.corpus.batch(chosen, size), self.pictures(codes[chosen], size)]
        rows += [self.pictures((codes[chosen] + codes[chosen.roll(1)]) / 2, size), self.pictures(free, size, 0.7)]
        page = album.sheet(torch.cat([torch.nn.functional.interpolate(row, size=(128, 128), mode="bilinear", antialias=True) for row in rows]), 20)
        album.save_picture(page, self.settings.work / "sheets" / f"{self.snapshots:05d}.png")
        self.snapshots += 1
        self.save()


@contextmanager
def stop_request() -> Iterator[list[int]]:
    """A list that becomes non-empty when Ctrl-C or a polite kill asks to stop: the step in hand is finished first."""
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, what in before.items():
            signal.signal(number, what)


def train(settings: Settings) -> Run:
    """Train until the minutes are used up or someone asks to stop; goes on from the last checkpoint in settings.work."""
    corpus = open_corpus(settings.folder, settings.size, settings.work)
    for name, reason in corpus.skipped.items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    run = Run(settings, corpus)
    next_s = run.active_s + 20.0
    bar = tqdm(total=int(settings.minutes * 60), initial=int(run.active_s), unit="s", desc="training", mininterval=5)
    with stop_request() as asked, bar:
        while not asked and run.progress < 1:
            start_s = time.perf_counter()
            parts = run.step()
            run.active_s += min(time.perf_counter() - start_s, PAUSE_S)
            bar.set_postfix_str(f"{run.images:,} images " + " ".join(f"{k} {v:.3g}" for k, v in parts.items()), refresh=False)
            bar.update(int(run.active_s) - bar.n)
            if run.active_s >= next_s:
                run.snapshot()
                next_s = run.active_s + settings.snapshot_s
    run.snapshot()
    return run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="your images, any sizes, in any sub-folders")
    parser.add_argument("--out", type=Path, help="the model folder to write (default models/<name of the folder>)")
    parser.add_argument("--work", type=Path, help="where the run keeps its state (default training/<name>)")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)


def settings_from(args: argparse.Namespace) -> Settings:
    given = {k: v for k, v in vars(args).items() if v is not None and k in Settings.__dataclass_fields__}
    name = args.folder.resolve().name
    defaults = {"out": Path("models") / name, "work": Path("training") / name}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Settings(**{**defaults, "device": device, **given})


def run(args: argparse.Namespace) -> int:
    settings = settings_from(args)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    train(settings)
    return 0


def main() -> int:
    if sys.platform == "linux" and "MALLOC_TOP_PAD_" not in os.environ:
        os.execve(sys.executable, [sys.executable, "-m", "installation.training.gan", *sys.argv[1:]], {**os.environ, **ALLOCATOR})
    parser = argparse.ArgumentParser(prog="installation train gan", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
