"""Two points of a latent space in; their children, and of each where it comes from, out."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from installation import files
from installation.generators.places import in_zone
from installation.latent import bred, vectors
from installation.latent.door import Door
from installation.latent.pictures import painted
from installation.settings import SettingsError

ZONES = ("coarse", "middle", "fine")
SHARES = {"first": 0.0, "both": 0.5, "second": 1.0}  # how much of a zone the second parent gives
CHILDREN = 8
MOST = 4096  # individuals of one sitting
CACHED = 256  # pictures


@dataclass(frozen=True, eq=False)
class Individual:
    """A point (rows, D), its parents (none of a founder), what each zone has of them, and how far it mutated."""

    point: Tensor
    parents: tuple[int, ...] = ()
    zones: tuple[str, ...] = ()
    mutation: float = 0.0
    name: str = ""


class Family:
    """Everybody that was bred in one sitting, by number. Safe to call from several threads."""

    def __init__(
        self, generator: Any, model: str, founders: dict[str, Tensor], seed: int = 0, door: Door | None = None
    ) -> None:
        """door: of the show that is led to whom somebody points at."""
        self.generator, self.model, self.door = generator, model, door
        self._shown: dict[int, int] = {}  # by what number a show knows them
        self.all = [Individual(point, name=name) for name, point in founders.items()]
        self._source = torch.Generator().manual_seed(seed)
        self._deviation = generator.samples(1000).std(0)
        self._lock = threading.Lock()
        self._drawn: OrderedDict[int, bytes] = OrderedDict()

    def state(self) -> dict[str, Any]:
        """Everybody's descent: plain JSON values."""
        with self._lock:
            return {"model": self.model, "all": [self._described(i) for i in range(len(self.all))]}

    def breed(self, first: int, second: int, mutation: float) -> dict[str, Any]:
        """Children of two, each zone from the one, the other or both, and changed by `mutation` deviations.

        Raises KeyError for a parent that is not there, SettingsError when the family has grown too large.
        """
        with self._lock:
            parents = [self._find(first), self._find(second)]
            if len(self.all) + CHILDREN > MOST:
                raise SettingsError(f"{MOST} are bred in one sitting: keep some, and begin anew from them")
            born = []
            for _ in range(CHILDREN):
                self.all.append(self._child(parents, (first, second), mutation))
                born.append(len(self.all) - 1)
            return {"born": [self._described(i) for i in born]}

    def picture(self, number: int) -> bytes:
        """Somebody as JPEG. Raises KeyError."""
        with self._lock:
            one = self._find(number)
            if number not in self._drawn:
                file = io.BytesIO()
                Image.fromarray(painted(self.generator, one.point)).save(file, "JPEG", quality=90)
                self._drawn[number] = file.getvalue()
                if len(self._drawn) > CACHED:
                    self._drawn.popitem(last=False)
            return self._drawn[number]

    def lead(self, number: int) -> dict[str, Any]:
        """Lead the show to somebody. Raises KeyError, SettingsError or OSError when nothing can be written or sent."""
        if self.door is None:
            raise SettingsError("there is no show to lead")
        with self._lock:
            point = self._find(number).point
            if number not in self._shown:
                self._shown[number] = bred.keep(self.model, self.generator.weights_sha256, point)
            self.door.lead({bred.WHICH: self._shown[number], bred.TO: 1.0})
            return {"shown": self._shown[number]}

    def release(self) -> dict[str, Any]:
        """Give the show back to its cues."""
        if self.door is not None:
            self.door.release((bred.WHICH, bred.TO))
        return {}

    def keep(self, number: int, name: str) -> dict[str, Any]:
        """Write somebody as a vector, under a name that is free. Raises KeyError, SettingsError or OSError."""
        if not files.is_one_name(name):
            raise SettingsError(f"{name!r} is no file's name")
        path = vectors.folder() / f"{name}.npz"
        if path.exists():
            raise SettingsError(f"{path.name} is there already; choose another name")
        with self._lock:
            vectors.write(path, self._find(number).point, self.model, self.generator.weights_sha256)
        return {"file": path.name, "lines": f'[[vectors]]\nname = "{name}"\nfile = "{path.name}"\n'}

    def _child(self, parents: list[Individual], numbers: tuple[int, int], mutation: float) -> Individual:
        first, second = (parent.point for parent in parents)
        words = list(SHARES)
        chosen = [words[int(torch.randint(len(words), (), generator=self._source))] for _ in ZONES]
        if len(set(chosen)) == 1 and chosen[0] != "both" and len(first) > 1:
            chosen[int(torch.randint(len(ZONES), (), generator=self._source))] = "both"  # a child, not a copy
        share = torch.zeros(len(first), 1)
        for zone, word in zip(ZONES, chosen, strict=True):
            share[in_zone(zone, len(first))] = SHARES[word]
        if len(first) == 1:
            chosen, share = ["both"], torch.rand(1, 1, generator=self._source)
        point = torch.lerp(first, second, share)
        change = torch.randn(1, first.shape[1], generator=self._source) * self._deviation * mutation
        return Individual(point + change, numbers, tuple(chosen), mutation)

    def _find(self, number: int) -> Individual:
        if not 0 <= number < len(self.all):
            raise KeyError(number)
        return self.all[number]

    def _described(self, number: int) -> dict[str, Any]:
        one = self.all[number]
        zones = dict(zip(ZONES, one.zones, strict=False))
        told = {"number": number, "parents": list(one.parents), "zones": zones, "mutation": one.mutation}
        return told | {"name": one.name}
