"""A trainer in one file: it learns the mean colour of its pictures, in no time."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from installation.training import settings
from installation.training.corpus import Corpus
from installation.training.settings import option


@dataclass(frozen=True)
class Settings(settings.Settings):
    """With one field of its own."""

    size: int = option(16, "px of a picture")
    device: str = option("cpu", "cpu")
    momentum: float = option(0.9, "of the optimizer")


class Means:
    """Trainer: three numbers."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self.settings, self.corpus, self.seen = settings, corpus, 0
        self.net = nn.Linear(1, 3)
        self.sgd = torch.optim.SGD(self.net.parameters(), settings.lr, settings.momentum)

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.sgd}

    def state(self) -> dict[str, Any]:
        return {"pictures": self.seen}

    def put_back(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.seen = state["pictures"]

    def step(self, progress: float) -> dict[str, float]:
        chosen = torch.randint(len(self.corpus), (4,))
        wanted = self.corpus.batch(chosen, 16).mean((2, 3))
        loss = (self.net(torch.ones(4, 1)) - wanted).square().mean()
        self.sgd.zero_grad()
        loss.backward()
        self.sgd.step()
        self.seen += 4
        return {"off": float(loss.detach())}

    def told(self) -> str:
        return f"{self.seen} pictures"

    def sheet(self) -> Image.Image:
        red, green, blue = (round(127.5 * (1 + v)) for v in self.colour())
        return Image.new("RGB", (64, 32), (red, green, blue))

    def colour(self) -> list[float]:
        with torch.no_grad():
            return self.net(torch.ones(1, 1))[0].clamp(-1, 1).tolist()

    def measure(self) -> dict[str, float]:
        everything = self.corpus.batch(torch.arange(len(self.corpus)), 16).mean((0, 2, 3))
        return {"off": float((torch.tensor(self.colour()) - everything).abs().max())}

    def weights(self) -> dict[str, Tensor]:
        return self.net.state_dict()

    def samples(self, weights: dict[str, Tensor]) -> Image.Image:
        return self.sheet()

    def card(self) -> dict[str, Any]:
        return {
            "kind": "mean",
            "about": "a colour",
            "training": {"pictures_seen": self.seen},
            "quality": {"of": "all pictures"},
            "network": {"outputs": 3},
        }


def quick(settings: Settings, **more: Any) -> Settings:
    """The same, for a run of a few seconds of a clock."""
    return dataclasses.replace(settings, minutes=0.5, sheet_minutes=0.07, judge_minutes=0.15, **more)
