"""What a stage is and what it is given: stills and a piece of work in, one made picture out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from installation.signals import Still


@dataclass(frozen=True)
class Made:
    """What one run of a stage made.

    pixels [shape=(H, W, 3 or 4)]: uint16 sRGB-encoded, or float 0..1 (then rounded to 16 bit), or `Work.canvas` itself.
    maps and notes are added to the still's; notes are plain JSON values.
    """

    pixels: np.ndarray
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One run to come: which stills go in together, the seed its chance is drawn from, the name of the result."""

    stills: tuple[Still, ...]
    seed: int
    name: str


def _silent(fraction: float, note: str = "") -> None:
    """Progress that nobody watches."""


def _unseen(rgb: np.ndarray) -> None:
    """A preview that nobody watches."""


@dataclass(frozen=True)
class Work:
    """Where one run draws its chance from, leaves its files and says how far it is.

    folder becomes the result's own when the run is whole; files that the stage leaves there stay beside the pixels.
    progress(fraction 0..1, note) may be called as often as one likes; preview(rgb [uint8 or float 0..1]) is shown.
    """

    seed: int
    folder: Path
    progress: Callable[..., None] = _silent
    preview: Callable[[np.ndarray], None] = _unseen

    def canvas(self, height: int, width: int, channels: int) -> np.ndarray:
        """A uint16 picture that lives on disk, for what must never be wholly in memory: fill it, return it in Made."""
        shape = (height, width, channels)
        return np.lib.format.open_memmap(self.folder / "pixels.npy", mode="w+", dtype=np.uint16, shape=shape)

    def leave(self, name: str, text: str) -> dict[str, Any]:
        """Write a file that goes to the artist beside the print; what it is, to be listed in notes["files"]."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return {"name": name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(text.encode()).hexdigest()}

    def chance(self, *purpose: str | int) -> np.random.Generator:
        """Random numbers for one purpose, the same whenever the seed is."""
        return np.random.default_rng(derive_seed(self.seed, *purpose))


class Stage(ABC):
    """The steps that every stage has; most only write `run`.

    fingerprint is a hash of all that the stage reads beyond stills and settings (weights, style pictures, profiles).
    gathers says that it has to see all stills of the stage before it at once (composition, selection).
    files names what each run leaves in its folder for the artist to have, and lists in notes["files"].
    """

    fingerprint: str = ""
    gathers: bool = False
    files: tuple[str, ...] = ()

    def plan(self, stills: Sequence[Still]) -> list[Plan]:
        """Which runs there will be. By default one for each still, with its own seed and name."""
        return [Plan((still,), still.seed, still.name) for still in stills]

    @abstractmethod
    def run(self, stills: Sequence[Still], work: Work) -> Made:
        """Make one result. Raises an error whose text says what is wrong with the still; others go on without it."""

    def choose(self, stills: Sequence[Still], choices: Mapping[str, str]) -> list[Still]:
        """Which of the results go on; choices are the artist's: {key: "keep" | "reject"}. By default all."""
        return list(stills)


def derive_seed(*parts: Any) -> int:
    """A seed for one purpose: the first 63 bits of a hash of all parts, so that neighbours have nothing in common."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1
