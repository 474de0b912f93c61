"""A layer's name and activations in, bent activations out: where bends attach, and what keeps them safe."""

from __future__ import annotations

import difflib
import fnmatch
import math
import random
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from installation.bending.operations import OPERATIONS, Operation, Site
from installation.bending.sampling import replace, select
from installation.settings import Bend, SettingsError
from installation.signals import Knob

Layer = tuple[str, int, int]  # name, channels, rows
ENERGY = 4.0  # a bend may raise a layer's root mean square by at most this much
NOT_FINITE = "bend not finite"
COLOURS = 4  # a layer of so few channels is a picture already
SHARES = {"coarse": 1 / 6, "middle": 1 / 2, "fine": 5 / 6}  # of the way through a network


def bend_knobs(bends: Sequence[Bend]) -> list[Knob]:
    """The knob 'bend.<name>.amount' of every bend. Raises SettingsError for an operation that does not exist."""
    knobs = []
    for bend in bends:
        operation = _operation(bend)
        about = f"{operation.about} At {_named(bend.layer)}."
        knobs.append(Knob(f"bend.{bend.name}.amount", operation.low, operation.high, bend.amount, about))
    return knobs


@dataclass(eq=False)
class _Place:
    """One bend at one layer: index is its place among the amounts; channels is None when all are bent."""

    index: int
    operation: Operation
    channels: Tensor | None
    site: Site


class Bends:
    """All bends of a show at their layers; `apply` is the callback of a network's forward pass."""

    def __init__(
        self, bends: Sequence[Bend], layers: Sequence[Layer], seed: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        """layers are all that the network has, in their order. Raises SettingsError naming the nearest one."""
        self.device = torch.device(device)
        self.faults = Counter[str]()
        self.names = [f"bend.{bend.name}.amount" for bend in bends]
        if len(set(self.names)) < len(self.names):
            raise SettingsError(f"bends: every bend needs a name of its own, found {[b.name for b in bends]}")
        self.places: dict[str, list[_Place]] = {}
        for index, bend in enumerate(bends):
            for layer in _layers(bend, layers, seed):
                self.places.setdefault(layer[0], []).append(_place(index, bend, layer, seed, self.device))
        self.defaults = [bend.amount for bend in bends]
        self.amounts_now = list(self.defaults)
        self.amounts = torch.tensor(self.defaults, dtype=torch.float32, device=self.device)
        self._columns = list(self.amounts.unbind())  # views: 0-dim tensors that a captured graph reads
        self._level = self._wanted = 0
        self._broken = torch.zeros((), dtype=torch.int32, device=self.device)
        self._pinned: list[Tensor] = []
        if self.device.type == "cuda":
            self._pinned = [torch.zeros(max(1, len(bends))).pin_memory() for _ in range(4)]
            self._seen = torch.zeros((), dtype=torch.int32).pin_memory()

    @property
    def active(self) -> bool:
        """Whether any bend would do something now."""
        return self._level == 0 and any(self.amounts_now)

    @property
    def remembers(self) -> bool:
        """Whether what a layer is bent to depends on earlier frames."""
        return any(place.operation.remembers for places in self.places.values() for place in places)

    @property
    def attached(self) -> bool:
        """Whether bends run at all; this decides what a CUDA graph contains, the amounts do not."""
        return self._level == 0 and bool(self.places)

    def set(self, values: Mapping[str, float]) -> None:
        """Begin a frame with these amounts; a name that is missing keeps the amount of the show file."""
        if self._level and not self._wanted and self.device.type == "cpu":
            self.reset()  # elsewhere a captured graph holds this memory
        self._level = self._wanted
        now = [values.get(name, default) for name, default in zip(self.names, self.defaults, strict=True)]
        self.amounts_now = [value if math.isfinite(value) else 0.0 for value in now]
        if not self._pinned:
            self.amounts.copy_(torch.tensor(self.amounts_now))
            return
        self._pinned.append(self._pinned.pop(0))  # a copy may still read the other ones
        self._pinned[0][: len(now)] = torch.tensor(self.amounts_now)
        self.amounts.copy_(self._pinned[0][: len(now)], non_blocking=True)
        self._count_broken()

    def shed(self, level: int) -> None:
        """From the next frame on: level 1 and above skip every bend; 0 brings them back without their memories."""
        self._wanted = level

    def reset(self) -> None:
        """Forget earlier frames (feedback, freeze)."""
        for places in self.places.values():
            for place in places:
                place.site.history.clear()

    def apply(self, name: str, x: Tensor) -> Tensor:
        """x (B, C, H, W), output of layer `name` -> the same shape, bent, finite, at most ENERGY times as strong."""
        if self._level:
            return x
        for place in self.places.get(name, ()):
            if self.amounts_now[place.index] or place.operation.remembers or self.device.type != "cpu":
                x = self._bend(place, x)
        return x

    def _bend(self, place: _Place, x: Tensor) -> Tensor:
        if place.channels is None:
            return self._held(place, x, place.operation(x, self._columns[place.index], place.site))
        part = select(x, 1, place.channels)
        part = self._held(place, part, place.operation(part, self._columns[place.index], place.site))
        return replace(x, 1, place.channels, part)

    def _held(self, place: _Place, x: Tensor, y: Tensor) -> Tensor:
        """y, with what is not finite taken from x, and no more than ENERGY times the root mean square of x."""
        energy = torch.linalg.vector_norm(y, dtype=torch.float32)
        if self.device.type != "cpu":
            broken = ~y.isfinite()
            self._broken.add_(broken.any())
            y = torch.where(broken, x, y).nan_to_num(0.0, 0.0, 0.0)
            energy = torch.linalg.vector_norm(y, dtype=torch.float32)
        elif not math.isfinite(float(energy)):
            self.faults[NOT_FINITE] += 1
            place.site.history.clear()
            y = torch.where(y.isfinite(), y, x).nan_to_num(0.0, 0.0, 0.0)
            energy = torch.linalg.vector_norm(y, dtype=torch.float32)
        elif not place.operation.amplifies:
            return y
        limit = ENERGY * torch.linalg.vector_norm(x.nan_to_num(0.0, 0.0, 0.0), dtype=torch.float32)
        return y * (limit / energy.clamp(min=1e-12)).clamp(max=1.0).to(y.dtype)

    def _count_broken(self) -> None:
        """Add to the faults what the device counted up to an earlier frame, without waiting for it."""
        count = int(self._seen)
        if count > self.faults[NOT_FINITE]:
            self.faults[NOT_FINITE] = count
        self._seen.copy_(self._broken, non_blocking=True)


def _operation(bend: Bend) -> Operation:
    if bend.operation not in OPERATIONS:
        near = difflib.get_close_matches(bend.operation, OPERATIONS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(OPERATIONS))}"
        raise SettingsError(f"bend {bend.name!r}: unknown operation {bend.operation!r}; {hint}")
    operation = OPERATIONS[bend.operation]
    if not operation.low <= bend.amount <= operation.high:
        raise SettingsError(
            f"bend {bend.name!r}: amount of {operation.name} is {operation.low}..{operation.high}, found {bend.amount}"
        )
    if not 0 < bend.share <= 1:
        raise SettingsError(f"bend {bend.name!r}: share is above 0 and at most 1, found {bend.share}")
    return operation


def _layers(bend: Bend, layers: Sequence[Layer], seed: int) -> list[Layer]:
    """The layers that a bend names: one, a pattern such as 'b32.*', 'random' for a seeded one of them, or the one that
    lies so far along the way through any network: a share 0..1, coarse, middle, fine."""
    names = [layer[0] for layer in layers]
    inner = [layer for layer in layers if layer[1] > COLOURS] or list(layers)
    if bend.layer == "random":
        return [random.Random(_seed(seed, bend, "random")).choice(inner)]
    share = SHARES.get(bend.layer) if isinstance(bend.layer, str) else bend.layer
    if share is not None:
        if not 0 <= share <= 1:
            raise SettingsError(f"bend {bend.name!r}: layer: a share of the way is 0..1, found {share:g}")
        return [inner[round(share * (len(inner) - 1))]]
    assert isinstance(bend.layer, str)
    found = [layer for layer in layers if fnmatch.fnmatchcase(layer[0], bend.layer)]
    if not found:
        near = difflib.get_close_matches(bend.layer, names, 1, 0.3)
        hint = f"did you mean {near[0]!r}?" if near else ""
        raise SettingsError(
            f"bend {bend.name!r}: no layer {bend.layer!r}; {hint} there are: {', '.join(names)}; "
            "in any network: a share 0..1 of the way, coarse, middle, fine"
        )
    return found


def _named(layer: str | float) -> str:
    return layer if isinstance(layer, str) else f"{layer:.0%} of the way"


def _place(index: int, bend: Bend, layer: Layer, seed: int, device: torch.device) -> _Place:
    name, count, _ = layer
    site = Site(_seed(seed, bend, name))
    if bend.channels:
        wrong = [c for c in bend.channels if not 0 <= c < count]
        if wrong:
            raise SettingsError(f"bend {bend.name!r}: {name} has channels 0..{count - 1}, found {wrong}")
        chosen = sorted(set(bend.channels))
    else:
        chosen = sorted(random.Random(site.seed).sample(range(count), max(1, round(bend.share * count))))
    channels = None if len(chosen) == count else torch.tensor(chosen, device=device)
    return _Place(index, _operation(bend), channels, site)


def _seed(seed: int, bend: Bend, layer: str) -> int:
    """The same number on every machine for the same show, bend and layer."""
    return zlib.crc32(f"{seed} {bend.seed} {bend.name} {layer}".encode())
