"""One training run from start to end, whatever the method: steps, average, checkpoints, sheets, figures, export."""

import copy
import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.devices import cpu_has_bfloat16
from installation.generators.stylegan2 import read_model
from installation.training import album, checkpoint
from installation.training.gan.adversarial import Adversarial
from installation.training.gan.codes import first_codes, known_codes, rows_of
from installation.training.corpus import Corpus, names_of
from installation.training.gan.export import anchors, export
from installation.training.features import load_vgg
from installation.training.quality import SAMPLES, Judge, open_judge
from installation.training.gan.reconstruction import Reconstruction
from installation.training.gan.settings import Settings
from installation.training.gan.student import Student
from installation.weights import open_model, read_config

PAUSE_S = 30.0  # a step that seems longer was a pause (a stopped process, a sleeping laptop) and counts as this much
AVERAGE_IMAGES = 5_000.0  # half-life of the averaged weights
RIM = 0.023  # of a picture that is redrawn after a short training: so far in from its border the zeros beyond show
SHEET_COLUMNS, SHEET_PX = 16, 96


class Method(Protocol):
    """What a method adds to a run."""

    def modules(self) -> dict[str, nn.Module]: ...
    def optimizers(self) -> dict[str, torch.optim.Optimizer]: ...
    def size_at(self, progress: float) -> int: ...
    def step(self, progress: float) -> dict[str, float]: ...


class Run:
    """The state of one run. Opens the checkpoint in settings.work if there is one, and goes on from it."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.path = settings.work / "checkpoint.safetensors"
        self.images, self.steps, self.active_s, self.sheets = 0, 0, 0.0, 0
        torch.manual_seed(settings.seed)
        redraws = settings.method == "reconstruct"
        vgg = load_vgg(self.device) if redraws else None
        start = read_model(*open_model(settings.start)) if settings.start else None
        self.network = start[0].config if start else settings.network()
        if self.network.resolution != settings.size:
            size = self.network.resolution
            raise ValueError(f"expected --size {size}, which is what {settings.start} draws, found {settings.size}")
        codes = torch.zeros(len(corpus) if redraws else 0, self.network.z_dim)
        if redraws and not self.path.exists():
            codes = known_codes(corpus, *start) if start else first_codes(corpus, settings.z_dim, vgg, self.device)
        self.student = Student(self.network, codes).to(self.device)
        if start:
            self.student.generator.load_state_dict(start[0].state_dict())
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.method: Method = (
            Reconstruction(self.student, corpus, vgg, settings.lr, settings.batch, settings.sharpen_from, not start)
            if redraws
            else Adversarial(self.student, corpus, settings.lr / 2, settings.batch)
        )
        self.judge: Judge | None = None
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        state = checkpoint.load(self.path, self.modules(), self.method.optimizers(), self._know_again)
        found, wanted = state.get("network", self.network.to_dict()), self.network.to_dict()
        if found != wanted:
            raise ValueError(f"{self.path} is of another network: expected {wanted}, found {found}; use another --work")
        self.images, self.active_s, self.sheets = state["images"], state["active_s"], state.get("sheets", 0)
        self.steps = state.get("steps", self.images // self.settings.batch)

    def _know_again(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Give each picture the code it had, by its file's name, where pictures came or went since the run was saved.

        Raises ValueError when nobody knows whose codes they are.
        """
        count = len(tensors.get("student/codes", ()))
        known = state.get("names") or names_of(self.settings.work, self.path)
        if not len(self.student.codes) or known == self.corpus.names or (not known and count == len(self.corpus)):
            return
        rows, new = rows_of(self.corpus, known)
        if len(known) != count or new.all():
            raise ValueError(f"{self.path} is of {count} other pictures; bring them back, or use another --work")
        parameters = [p for group in self.method.optimizers()["optimizer"].param_groups for p in group["params"]]
        place = next(i for i, parameter in enumerate(parameters) if parameter is self.student.codes)
        for name in ("student/codes", "average/codes"):
            tensors[name] = tensors[name][rows]
        for name in [key for key in tensors if key.startswith(f"optimizer/{place}/") and tensors[key].ndim]:
            tensors[name] = tensors[name][rows] * ~new[:, None]

    def modules(self) -> dict[str, nn.Module]:
        return {"student": self.student, "average": self.average} | self.method.modules()

    @property
    def progress(self) -> float:
        """0..1; made of active time, so that stopping, pausing and resuming change nothing."""
        return min(1.0, self.active_s / (self.settings.minutes * 60))

    @property
    def size(self) -> int:
        return self.method.size_at(self.progress)

    def step(self) -> dict[str, float]:
        """Train on one batch. Returns the losses by name."""
        start_s = time.perf_counter()
        half = self.device.type == "cuda" or cpu_has_bfloat16()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            parts = self.method.step(self.progress)
        self.images += self.settings.batch
        self.steps += 1
        self._follow()
        self.active_s += min(time.perf_counter() - start_s, PAUSE_S)
        return parts

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged student towards the student; faster in the beginning."""
        half_life = min(AVERAGE_IMAGES, 0.02 * self.images + 1)
        weight = 1 - 0.5 ** (self.settings.batch / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.student.parameters()), weight)
        self.average.generator.mapping.w_avg.copy_(self.student.generator.mapping.w_avg)

    def save(self) -> None:
        """Checkpoint everything, atomically."""
        state: dict[str, Any] = {name: getattr(self, name) for name in ("images", "steps", "active_s", "sheets")}
        state |= {"network": self.network.to_dict(), "names": self.corpus.names}
        checkpoint.save(self.path, self.modules(), self.method.optimizers(), state)

    @torch.no_grad()
    def draw(self, w: Tensor) -> Tensor:
        """w (B, w_dim) -> pictures by the averaged generator at the present size, on the CPU."""
        generator = self.average.generator
        noise: Any = "none" if len(self.student.codes) else "frozen"
        parts = [generator.synthesis(generator.broadcast(part), noise, up_to=self.size) for part in w.split(16)]
        return torch.cat([part.float().cpu() for part in parts])

    @torch.no_grad()
    def samples(self, count: int, psi: float = 1.0) -> Tensor:
        """w (count, w_dim), the same in every call: points between the corpus' codes, or free where it has none."""
        dice = torch.Generator().manual_seed(1)
        mapping = self.average.generator.mapping
        if not len(self.average.codes):
            return mapping(torch.randn(count, self.network.z_dim, generator=dice).to(self.device), psi)
        a, b = torch.randint(len(self.corpus), (2, count), generator=dice)
        there = torch.rand(count, 1, generator=dice).to(self.device)
        return torch.lerp(mapping(self.average.codes[a]), mapping(self.average.codes[b]), there)

    def sheet(self) -> None:
        """Rows of the corpus, its redrawing (if the method does that), samples; the quality curve below; checkpoint."""
        rows = [self.draw(self.samples(2 * SHEET_COLUMNS, 0.7))]
        if len(self.average.codes):
            chosen = torch.linspace(0, len(self.corpus) - 1, SHEET_COLUMNS).long()
            with torch.no_grad():
                redrawn = self.draw(self.average.generator.mapping(self.average.codes[chosen]))
                free = self.average.generator.mapping(_dice(SHEET_COLUMNS, self.network.z_dim).to(self.device), 0.8)
            rows = [self.corpus.batch(chosen, self.size), redrawn, *rows, self.draw(free)]
        pictures = F.interpolate(torch.cat(rows), size=(SHEET_PX, SHEET_PX), mode="bilinear", antialias=True)
        page = album.under(album.sheet(pictures, SHEET_COLUMNS), album.curve(self.figures(), SHEET_COLUMNS * SHEET_PX))
        album.save_picture(page, self.settings.work / "sheets" / f"{self.sheets:05d}.png")
        self.sheets += 1
        self.save()

    def measure(self) -> float | None:
        """Add the quality figure of now to quality.csv; None where the net for it is not installed."""
        self.judge = self.judge or open_judge(self.corpus, self.device)
        if self.judge is None:
            return None
        found = self.judge(self.draw(self.samples(SAMPLES)))
        path = self.settings.work / "quality.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["images", "active_s", "px", "kid"])
            writer.writerow([self.images, round(self.active_s), self.size, round(found, 2)])
        return found

    def figures(self) -> list[dict[str, float]]:
        """What quality.csv holds: images, active_s, px, kid (KID x 1000)."""
        path = self.settings.work / "quality.csv"
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]

    def film(self) -> None:
        """The sheets so far as evolution.mp4."""
        album.film(sorted((self.settings.work / "sheets").glob("*.png")), self.settings.work / "evolution.mp4")

    def write_model(self) -> Path:
        """The model folder of now."""
        stations = anchors(self.average, self.corpus, self.size) if len(self.average.codes) else None
        return export(self.average, self.settings.out, stations, self._card())

    def _card(self) -> dict[str, Any]:
        s, figures, redraws = self.settings, self.figures(), len(self.average.codes) > 0
        how = "redrawing them" if redraws else "generator against discriminator"
        how += ", then sharpened by critics" if redraws and s.sharpen_from < self.progress else ""
        card: dict[str, Any] = {
            "name": s.out.name,
            "about": f"StyleGAN2 of {s.size} px, trained on {len(self.corpus)} pictures: {how}",
            "licence": s.licence,
            "credit": s.credit or f"{len(self.corpus)} images from {s.folder.name}",
        }
        if s.attribution:
            card["attribution"] = s.attribution
        card["training"] = {
            "method": s.method,
            "pictures": len(self.corpus),
            "images_seen": self.images,
            "hours": round(self.active_s / 3600, 2),
            "device": str(self.device),
            "last_px": self.size,
        }
        if s.start:
            begun = read_config(s.start)
            card["training"]["started_from"] = f"{begun.get('name', s.start)}, sha256 {begun['sha256']}"
        if redraws:  # pictures of the corpus lie where they lie: pulled towards the average they only fade
            card["rim_px"] = round(s.size * RIM)
            card["knobs"] = {"generator.truncation": 1.0}
        if figures:
            of = "points between two codes" if redraws else "free samples"
            card["quality"] = {"kid_x1000": figures[-1]["kid"], "of": of, "net": "EfficientNet-Lite0"}
        return card


def _dice(count: int, z_dim: int) -> Tensor:
    return torch.randn(count, z_dim, generator=torch.Generator().manual_seed(1))


def train(run: Run, stop: Callable[[], bool], tell: Callable[[Run, dict[str, float]], None]) -> None:
    """Step until the minutes are used up or stop() says so, with sheets and figures on the way; write the model."""
    next_sheet_s = run.active_s + min(20.0, run.settings.sheet_minutes * 60)
    next_judge_s = run.active_s + run.settings.judge_minutes * 60
    while run.progress < 1 and not stop():
        tell(run, run.step())
        if run.active_s >= next_judge_s:
            run.measure()
            next_judge_s = run.active_s + run.settings.judge_minutes * 60
        if run.active_s >= next_sheet_s:
            run.sheet()
            next_sheet_s = run.active_s + run.settings.sheet_minutes * 60
    if run.progress >= 1:
        run.measure()
    run.sheet()
    run.film()
    run.write_model()
