"""Pictures and parameters in, one run out: trained, judged, on the disk; and every run found there again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from installation import files
from installation.training.autoencoder import judging, network, span
from installation.training.autoencoder.settings import Parameters, Settings, fingerprint


@dataclass(frozen=True, eq=False)
class Run:
    """One that is finished: pictures (n,) are those it was given, mixtures (n, N) what its squares are of all of them.

    energies (n, 2): of squares that mixtures do not say all of (judging.judge).
    """

    number: int
    parameters: Parameters
    pictures: list[int]
    mixtures: np.ndarray
    told: dict[str, Any]
    energies: np.ndarray | None = None

    @property
    def name(self) -> str:
        return f"{self.number:04d}"


@dataclass(eq=False)
class Studio:
    """The pictures of one line, and the runs that were made of them; runs of other inputs are left alone."""

    settings: Settings
    squares: span.Squares
    made: dict[int, Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.settings.work / "runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        files.sweep(self.folder)
        self.inputs = fingerprint(self.settings.inputs, self.squares.corpus.names)
        self.made = {run.number: run for run in self._found()}

    @cached_property
    def products(self) -> np.ndarray:
        """Inner products of the pictures, kept beside the runs."""
        path = self.settings.work / f"products-{self.inputs}.npy"
        if not path.is_file():
            found = span.gram(self.squares)
            with files.whole(path) as part, part.open("wb") as file:
                np.save(file, found)
        return np.load(path)

    @cached_property
    def small(self) -> Tensor:
        """The pictures as a convolutional network is given them, -1..1."""
        return self.squares.at(network.CONV_PX) * 2 - 1

    @cached_property
    def known(self) -> judging.Known:
        return judging.Known(span.fine_gram(self.squares.small), span.tone_gram(self.squares.small))

    def next_number(self) -> int:
        """The first number that no run has, whatever it was given."""
        taken = {int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdigit()}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def named(self) -> list[int]:
        """The pictures that must be among those of every run. Raises ValueError for a name that fits none."""
        names = self.squares.corpus.names
        found = {
            part: [i for i, name in enumerate(names) if part.lower() in name.lower()] for part in self.settings.named
        }
        if missing := [part for part, there in found.items() if not there]:
            raise ValueError(f"--with: no picture whose name has {missing[0]!r} in it, of {len(names)}")
        return sorted({i for there in found.values() for i in there})

    def run(self, number: int, parameters: Parameters, stop: Callable[[], bool]) -> Run | None:
        """Make a run and put it on the disk; None where it was asked to stop."""
        found = self.train(parameters, stop)
        if found is None:
            return None
        trained, pictures, seconds = found
        run, painted = self._judged(number, parameters, pictures, trained, seconds)
        self._write(run, painted)
        self.made[number] = run
        return run

    def train(
        self, parameters: Parameters, stop: Callable[[], bool] = lambda: False
    ) -> tuple[network.Trained, list[int], float] | None:
        """The network of a run, the pictures it was given, and its seconds: the same for the same parameters."""
        began_s = time.perf_counter()
        pictures = self._drawn(parameters)
        torch.manual_seed(parameters.seed)
        if parameters.kind == "dense":
            there = self.span(pictures)
            net, inputs = network.dense(there.coordinates.shape[1], parameters), there.coordinates
        else:
            inputs = self.small[pictures]
            net = network.conv(inputs, parameters)
        trained = network.train(net, inputs, parameters, self.settings.steps, stop)
        return None if trained is None else (trained, pictures, time.perf_counter() - began_s)

    def span(self, pictures: list[int]) -> span.Span:
        return span.span_of(self.products[np.ix_(pictures, pictures)])

    def stop_at(self, parameters: Parameters) -> float:
        """The share of the variance at which --error is reached."""
        variance = self.span(self._drawn(parameters)).variance
        return min(0.99, self.settings.error / variance)

    def painted(self, run: Run) -> Tensor:
        """The squares of a convolutional run as it painted them, (n, planes, s, s) uint8, from the disk."""
        with safe_open(self.folder / f"{run.name}.safetensors", "pt") as held:
            painted: Tensor = held.get_tensor("painted")
        return painted

    def judge(self, run: Run) -> judging.Judged:
        return judging.judge(run.mixtures, self.known, run.energies)

    def _drawn(self, parameters: Parameters) -> list[int]:
        """The pictures of a run, by its seed; those that were named are always among them."""
        count = len(self.squares)
        wanted = min(parameters.pictures or count, count)
        named = self.named()
        others = [i for i in np.random.default_rng(parameters.seed).permutation(count).tolist() if i not in named]
        return sorted([*named, *others][: max(wanted, len(named), 3)])

    def _judged(
        self, number: int, parameters: Parameters, pictures: list[int], trained: network.Trained, seconds: float
    ) -> tuple[Run, Tensor | None]:
        mixtures = np.zeros((len(pictures), len(self.squares)))
        energies = painted = None
        if parameters.kind == "dense":
            mixtures[:, pictures] = self.span(pictures).mixture(trained.made).numpy()
        else:
            painted = trained.made.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
            mixtures, energies = self._looked_at(painted)
        told = {"share": round(trained.share, 4), "steps": trained.steps, "seconds": round(seconds, 2)}
        run = Run(number, parameters, pictures, mixtures, told, energies)
        judged = self.judge(run)
        best = np.sort(judged.score)[-5:]
        run.told.update(judged.count() | {"best": round(float(best.mean()), 4)})
        return run, painted

    def _looked_at(self, painted: Tensor) -> tuple[np.ndarray, np.ndarray]:
        seen = torch.nn.functional.interpolate(painted.float() / 255, (span.SEEN_PX,) * 2, mode="bicubic")
        made, pictures = (span.drawn(some).flatten(1).double().numpy() for some in (seen, self.squares.small))
        energies = np.stack([(made**2).mean(1), seen.flatten(1).var(1, correction=0).numpy()], 1)
        return judging.mixture_of(made, pictures), energies

    def _write(self, run: Run, painted: Tensor | None) -> None:
        """The squares first, then the table that vouches for them, each whole."""
        tensors = {"mixtures": torch.from_numpy(run.mixtures).float()}
        if painted is not None and run.energies is not None:
            tensors |= {"painted": painted, "energies": torch.from_numpy(run.energies).float()}
        with files.whole(self.folder / f"{run.name}.safetensors") as part:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part)
        told = {"inputs": self.inputs, "parameters": run.parameters.to_dict(), "pictures": run.pictures, **run.told}
        files.write_json(self.folder / f"{run.name}.json", told)

    def _found(self) -> Iterator[Run]:
        """Every run of these inputs that is whole."""
        for path in sorted(self.folder.glob("*.json")):
            told = files.read_json(path)
            if not (path.stem.isdigit() and isinstance(told, dict) and told.pop("inputs", "") == self.inputs):
                continue
            try:
                parameters, pictures = Parameters.read(told.pop("parameters")), list(told.pop("pictures"))
                with safe_open(path.with_suffix(".safetensors"), "np") as held:
                    mixtures = held.get_tensor("mixtures")
                    energies = held.get_tensor("energies") if "energies" in held.keys() else None  # noqa: SIM118
            except (OSError, LookupError, TypeError, ValueError, SafetensorError):
                continue  # something else, or written in since
            yield Run(int(path.stem), parameters, pictures, mixtures, told, energies)
