"""A corpus in, a StyleGAN2 that learns it out, by one of two methods: what the GAN adds to a run."""

from __future__ import annotations

import copy
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from installation.generators.devices import cpu_has_bfloat16
from installation.training import album
from installation.training.corpus import Corpus, names_of
from installation.training.features import load_vgg
from installation.training.gan import Settings
from installation.training.gan.adversarial import Adversarial
from installation.training.gan.beginning import open_start
from installation.training.gan.codes import first_codes, known_codes, rows_of
from installation.training.gan.reconstruction import Reconstruction
from installation.training.gan.spreading import STEPS, spread
from installation.training.gan.stations import draw_samples, find_stations, of_classes
from installation.training.gan.student import Student
from installation.training.labels import fit_tables, read_labels
from installation.training.quality import SAMPLES, Judge, open_judge
from installation.weights import read_config

AVERAGE_IMAGES = 5_000.0  # half-life of the averaged weights
RIM = 0.023  # of a picture that is redrawn after a short training: so far in from its border the zeros beyond show
SHEET_COLUMNS, SHEET_PX = 16, 96


class Method(Protocol):
    """What a method adds to the GAN."""

    def modules(self) -> dict[str, nn.Module]: ...
    def optimizers(self) -> dict[str, torch.optim.Optimizer]: ...
    def size_at(self, progress: float) -> int: ...
    def step(self, progress: float) -> dict[str, float]: ...


class Gan:
    """Trainer: the student, its average over time, and the method by which it learns."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus = settings, corpus
        self.device = torch.device(settings.device)
        self.seen, self.progress = 0, 0.0
        self.redraws, begun = settings.method == "reconstruct", settings.checkpoint.exists()
        vgg = load_vgg(self.device) if self.redraws else None
        self.labels = labels = read_labels(corpus.names) if settings.labels else None
        start = open_start(settings.start, settings.size, labels) if settings.start else None
        self.network = start.net.config if start else settings.network(len(labels.names) if labels else 0)
        codes = torch.zeros(len(corpus) if self.redraws else 0, self.network.z_dim)
        if self.redraws and not begun:
            fresh = (corpus, settings.z_dim, vgg, self.device)
            codes = known_codes(corpus, *start, labels) if start else first_codes(*fresh, labels)
        self.student = Student(self.network, codes, labels).to(self.device)
        if start:
            self.student.generator.load_state_dict(start.net.state_dict())
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.method: Method = (
            Reconstruction(self.student, corpus, vgg, settings.lr, settings.batch, settings.sharpen_from, not start)
            if self.redraws
            else Adversarial(self.student, corpus, settings.lr / 2, settings.batch)
        )
        self.judge: Judge | None = None

    def modules(self) -> dict[str, nn.Module]:
        return {"student": self.student, "average": self.average} | self.method.modules()

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.method.optimizers()

    def state(self) -> dict[str, Any]:
        state = {"images": self.seen, "network": self.network.to_dict(), "names": self.corpus.names}
        return state | ({"classes": list(self.labels.names)} if self.labels else {})

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Also gives each picture the code it had, by its file's name, where pictures came or went since then.

        And each class what was learnt of it, by its name.
        """
        path, wanted = self.settings.checkpoint, self.network.to_dict()
        known_classes, found = state.get("classes", []), state.get("network", wanted)
        if bool(known_classes) != bool(self.labels):
            how = "with" if known_classes else "without"
            raise ValueError(f"{path} was begun {how} --labels; ask for it {how} them, or use another --work")
        if found | {"classes": 0} != wanted | {"classes": 0}:
            raise ValueError(f"{path} is of another network: expected {wanted}, found {found}; use another --work")
        if self.labels and tuple(known_classes) != self.labels.names:
            fit_tables(tensors, self.modules(), self.optimizers(), known_classes, self.labels.names)
        self.seen, self.progress = int(state["images"]), state["progress"]
        count = len(tensors.get("student/codes", ()))
        known = state.get("names") or names_of(self.settings.work, path)
        if not self.redraws or known == self.corpus.names or (not known and count == len(self.corpus)):
            return
        rows, new = rows_of(self.corpus, known)
        if len(known) != count or new.all():
            raise ValueError(f"{path} is of {count} other pictures; bring them back, or use another --work")
        parameters = [p for group in self.optimizers()["optimizer"].param_groups for p in group["params"]]
        place = next(i for i, parameter in enumerate(parameters) if parameter is self.student.codes)
        for name in ("student/codes", "average/codes"):
            tensors[name] = tensors[name][rows]
        for name in [key for key in tensors if key.startswith(f"optimizer/{place}/") and tensors[key].ndim]:
            tensors[name] = tensors[name][rows] * ~new[:, None]

    @property
    def size(self) -> int:
        """Pixels a side of what is drawn now."""
        return self.method.size_at(self.progress)

    def step(self, progress: float) -> dict[str, float]:
        self.progress = progress
        half = self.device.type == "cuda" or cpu_has_bfloat16()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            losses = self.method.step(progress)
        self.seen += self.settings.batch
        self._follow()
        return losses

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged student towards the student; faster in the beginning."""
        half_life = min(AVERAGE_IMAGES, 0.02 * self.seen + 1)
        weight = 1 - 0.5 ** (self.settings.batch / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.student.parameters()), weight)
        self.average.generator.mapping.w_avg.copy_(self.student.generator.mapping.w_avg)

    def told(self) -> str:
        return f"{self.seen:,} images at {self.size} px"

    @torch.no_grad()
    def draw(self, w: Tensor) -> Tensor:
        """w (B, w_dim) -> pictures by the averaged generator at the present size, on the CPU."""
        generator = self.average.generator
        noise: Any = "none" if self.redraws else "frozen"
        parts = [generator.synthesis(generator.broadcast(part), noise, up_to=self.size) for part in w.split(16)]
        return torch.cat([part.float().cpu() for part in parts])

    @torch.no_grad()
    def points(self, count: int, psi: float = 1.0) -> Tensor:
        """w (count, w_dim), the same in every call: points between the corpus' codes, or free where it has none."""
        dice = torch.Generator().manual_seed(1)
        student = self.average
        if not self.redraws:
            z, label = torch.randn(count, self.network.z_dim, generator=dice), student.label_by_chance(count, dice)
            return student.generator.mapping(z.to(self.device), psi, label)
        a, b = torch.randint(len(self.corpus), (2, count), generator=dice)
        there = torch.rand(count, 1, generator=dice).to(self.device)
        return torch.lerp(student.w(a), student.w(b), there)

    @torch.no_grad()
    def sheet(self) -> Image.Image:
        """Rows of the corpus and its redrawing (if the method does that), then samples."""
        rows = [self.draw(self.points(2 * SHEET_COLUMNS, 0.7))]
        if self.redraws:
            chosen = torch.linspace(0, len(self.corpus) - 1, SHEET_COLUMNS).long()
            redrawn = self.draw(self.average.w(chosen))
            z = torch.randn(SHEET_COLUMNS, self.network.z_dim, generator=torch.Generator().manual_seed(1))
            free = self.average.generator.mapping(z.to(self.device), 0.8)
            rows = [self.corpus.batch(chosen, self.size), redrawn, *rows, self.draw(free)]
        if self.labels:  # the same z in every class: a row each
            rows[-1:] = [self.draw(w) for w in of_classes(self.average, SHEET_COLUMNS, 0.8)]
        pictures = F.interpolate(torch.cat(rows), size=(SHEET_PX, SHEET_PX), mode="bilinear", antialias=True)
        return album.sheet(pictures, SHEET_COLUMNS)

    def measure(self) -> dict[str, float]:
        """KID x 1000, lower is better."""
        self.judge = self.judge or open_judge(self.corpus, self.device)
        return {"kid_x1000": round(self.judge(self.draw(self.points(SAMPLES))), 2)} if self.judge else {}

    def weights(self) -> dict[str, Tensor]:
        generator = self.average.generator
        if not self.redraws:
            return generator.state_dict()
        stations = find_stations(self.average, self.corpus, self.size, self.labels)
        told = spread(generator, stations, min(STEPS, self.seen)).state_dict()
        return (
            generator.state_dict() | {f"mapping.{name}": value for name, value in told.items()} | {"anchors": stations}
        )

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        shipped = copy.deepcopy(self.average)
        shipped.generator.load_state_dict({name: value for name, value in weights.items() if name != "anchors"})
        return draw_samples(shipped, weights.get("anchors"), self.device)

    def _of_classes(self) -> str:
        return f" of {len(self.labels.names)} classes" if self.labels else ""

    def card(self) -> dict[str, Any]:
        s = self.settings
        how = "redrawing them" if self.redraws else "generator against discriminator"
        how += ", then sharpened by critics" if self.redraws and s.sharpen_from < self.progress else ""
        training = {"method": s.method, "images_seen": self.seen, "last_px": self.size}
        card: dict[str, Any] = {
            "kind": "stylegan2",
            "about": f"StyleGAN2 of {s.size} px, trained on {len(self.corpus)} pictures{self._of_classes()}: {how}",
            "network": self.network.to_dict(),
            "training": training,
            "quality": {
                "of": "points between two codes" if self.redraws else "free samples",
                "net": "EfficientNet-Lite0",
            },
        }
        if self.labels:
            card["classes"] = [name.encode("utf-8", "replace").decode() for name in self.labels.names]
        if s.start:
            begun = read_config(s.start)
            training["started_from"] = f"{begun.get('name', s.start)}, sha256 {begun['sha256']}"
        if self.redraws:  # pictures of the corpus lie where they lie: pulled towards the average they only fade
            card |= {"rim_px": round(s.size * RIM), "knobs": {"generator.truncation": 1.0}}
        return card
