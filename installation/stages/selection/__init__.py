"""Takes in, the same takes with their figures out; those that the artist kept go on, or else the best."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from installation import weights
from installation.networks import nima
from installation.signals import Still
from installation.stages.pixels import fit, flatten, resize
from installation.stages.selection import figures, taste
from installation.stages.selection.ranking import Limits, figures_of, rank, select
from installation.stages.work import Made, Stage, Work
from installation.weights import WeightsError

NEEDS = {"gpu": 0.1}
SEEN_PX = 224  # what the networks look at
log = logging.getLogger("installation.stages")


@dataclass(frozen=True)
class Settings:
    """How many takes go on, what is a failure, and what the taste is learnt from."""

    keep: int = 1  # takes of each composition that go on; what the artist kept always does
    limits: Limits = field(default_factory=Limits)  # beyond these a take is a failure: it comes last
    taste: str = ""  # a taste file written by `installation select --taste FILE`; "" learns from this job alone
    nima: str = ""  # NIMA's weights; "" looks in the user's cache


def create(settings: Settings) -> Stage:
    """The stage. Raises ValueError for a number of takes below 1, or when a named file of weights is missing."""
    if settings.keep < 1:
        raise ValueError(f"selection: keep: expected 1 or more takes of each composition, found {settings.keep}")
    if settings.nima and not Path(settings.nima).is_file():
        raise ValueError(f"selection: nima: no such file {settings.nima!r}; {nima.how_to_get()}")
    return Selection(settings)


class Selection(Stage):
    """Measures each take by itself; `choose` then sees all of them."""

    gathers = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fingerprint = "+".join(filter(None, (_eye_sha256(), _judge_sha256(settings.nima))))

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Figures of one take in its notes, and what a network sees of it in maps["embedding"] (1280,)."""
        (still,) = stills
        found = figures.measure(still.pixels, still.maps.get("before"), still.notes)
        maps = {}
        views = look_at(still.pixels)
        if (net := _eye()) is not None:
            maps["embedding"] = embed(net, views["whole"])
        if (judge := _judge(self.settings.nima)) is not None:
            found["nima"] = round((judge_picture(judge, views["square"]) - 1) / 9, 6)
        return Made(still.pixels, maps, {"take": still.key, "figures": found})

    def choose(self, stills: Sequence[Still], choices: Mapping[str, str]) -> list[Still]:
        """All that were kept; then the best of those not judged until each composition has `keep` of them."""
        path = Path(self.settings.taste).expanduser() if self.settings.taste else None
        if not any("nima" in figures_of(still) for still in stills):
            _say_how_to_get_nima()
        ranks = rank(stills, choices, self.settings.limits, taste.recall(path))
        return select(stills, [r.overall for r in ranks], choices, self.settings.keep)


def look_at(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The picture on white paper (224, 224, 3), float32 0..1: "whole" keeps its shape, "square" is pressed to it."""
    flat = flatten(resize(figures.thin(pixels), fit((pixels.shape[1], pixels.shape[0]), SEEN_PX)))
    height, width = flat.shape[:2]
    whole = np.ones((SEEN_PX, SEEN_PX, 3), np.float32)
    top, left = (SEEN_PX - height) // 2, (SEEN_PX - width) // 2
    whole[top : top + height, left : left + width] = flat
    square = cv2.resize(flat, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_LINEAR)
    return {"whole": whole, "square": square}


def embed(net: torch.nn.Module, view: np.ndarray) -> np.ndarray:
    """What the network sees of a view (224, 224, 3), 0..1 -> (1280,) float32 of length 1."""
    with torch.inference_mode():
        seen = net(_tensor(view, net))[0].float().cpu().numpy()
    return (seen / max(float(np.linalg.norm(seen)), 1e-9)).astype(np.float32)


def judge_picture(net: torch.nn.Module, view: np.ndarray) -> float:
    """NIMA's mean score of a view (224, 224, 3), 0..1 -> 1..10."""
    with torch.inference_mode():
        return float(nima.mean_score(net(_tensor(view, net)).float())[0])


def _tensor(view: np.ndarray, net: torch.nn.Module) -> torch.Tensor:
    device = next(net.parameters()).device
    return torch.from_numpy(view).permute(2, 0, 1)[None].to(device) * 2 - 1  # (1, 3, 224, 224)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@lru_cache(maxsize=1)
def _eye() -> Any:
    """EfficientNet-Lite0, or None, said once, where its weights are missing: taste then learns from figures alone."""
    from installation.networks.efficientnet import load_lite0

    try:
        return load_lite0(_device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    except WeightsError as error:
        log.warning("taste learns from figures alone: %s", error)
        return None


@lru_cache(maxsize=4)
def _judge(path: str) -> Any:
    """NIMA, or None where its weights are missing or, in the cache, broken; those that a job names must be whole."""
    file = Path(path) if path else nima.where()
    if not file.is_file():
        return None
    try:
        return nima.load_nima(file, _device())
    except WeightsError as error:
        if path:
            raise
        log.warning("no figure of NIMA's: %s", error)
        return None


@lru_cache(maxsize=1)
def _say_how_to_get_nima() -> None:
    log.warning("takes are ranked without NIMA, whose weights no package brings; %s", nima.how_to_get())


def _eye_sha256() -> str:
    from installation.networks.efficientnet import MODEL

    return str(weights.read_own(MODEL)["source"][0]["sha256"])


def _judge_sha256(path: str) -> str:
    file = Path(path) if path else nima.where()
    return weights.digest(file) if file.is_file() else ""
