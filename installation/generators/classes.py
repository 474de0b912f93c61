"""A knob and a place on the lap in, shares of a network's classes out: neighbouring stations fade into each other."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from installation import weights
from installation.generators.walk import linger
from installation.settings import SettingsError
from installation.signals import Knob

if TYPE_CHECKING:
    from torch import Tensor

NAMES = "classes.txt"  # beside a model: one name a line, in the order of the classes; commas part other names of one
MOST_TOLD = 10  # stations that a knob names one by one


class Classes:
    """The classes that one show goes through, in its order."""

    def __init__(self, count: int, chosen: Sequence[int | str] = (), names: Sequence[str] = ()) -> None:
        """count: classes of the network; chosen: its stations, by number or name; all of them where none is chosen.

        Raises SettingsError for one that is not there.
        """
        self.count, self.names = count, tuple(names)
        self.stations = [self._number(one) for one in chosen] or list(range(count))
        about = f"class: {self._stations_told()}; what is between two numbers is between two classes"
        self.knobs = (
            Knob("generator.class", 0.0, float(max(0, len(self.stations) - 1)), 0.0, about),
            Knob(
                "generator.tour",
                0.0,
                1.0,
                float(len(chosen) > 1),
                "how far a lap leads through the classes and back: 1 all of them, 0 the knob's alone",
            ),
        )

    def shares(self, knob: Mapping[str, float], turns: float) -> dict[int, float]:
        """Class numbers and their shares, which make 1: one, or the two neighbours that the place lies between."""
        there = len(self.stations)
        led = knob["generator.tour"] * there * (1 - math.cos(2 * math.pi * turns)) / 2
        place = (knob["generator.class"] + led) % there
        first, t = int(place), linger(place % 1.0, knob["generator.dwell"])
        shares = {self.stations[first]: 1 - t}
        if t > 0:
            after = self.stations[(first + 1) % there]
            shares[after] = shares.get(after, 0.0) + t
        return shares

    def between(self, place: float) -> dict[int, float]:
        """Shares of a class by the network's own number, or of the two that a place between them blends."""
        first, t = int(place), place % 1.0
        return {self.check(first): 1 - t} | ({self.check(first + 1): t} if t else {})

    def told(self, shares: Mapping[int, float]) -> Tensor:
        """What a network hears of classes: the share of each, (count,)."""
        import torch

        heard = torch.zeros(self.count)
        for number, share in shares.items():
            heard[number] = share
        return heard

    def name_of(self, number: int) -> str:
        """What a class is called, or its number where it has no name."""
        return self.names[number] if number < len(self.names) else f"class {number}"

    def check(self, number: int) -> int:
        """The number. Raises SettingsError where the network has no such class."""
        if not 0 <= number < self.count:
            raise SettingsError(f"classes: there are 0..{self.count - 1}, found {number}")
        return number

    def _number(self, one: int | str) -> int:
        if isinstance(one, int):
            return self.check(one)
        known = {
            name.strip().casefold(): n
            for n, line in reversed(list(enumerate(self.names)))
            for name in (line, *line.split(","))
        }
        if one.strip().casefold() in known:
            return known[one.strip().casefold()]
        near = difflib.get_close_matches(one.casefold(), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"names are read from {NAMES} beside the model"
        raise SettingsError(f"classes: no class {one!r}; {hint}")

    def _stations_told(self) -> str:
        """Which class each number of the knob is; of many the first and the last."""
        named = [f"{place} {self.name_of(number)}" for place, number in enumerate(self.stations)]
        return ", ".join(named) if len(named) <= MOST_TOLD else f"{named[0]} to {named[-1]}"


def names_beside(folder: Path, count: int) -> list[str]:
    """The names of a model's classes: its card's `classes`, or a list that lies beside it; at most `count`."""
    said = weights.read_config(folder).get("classes", [])
    if isinstance(said, list) and said and all(isinstance(one, str) for one in said):
        return said[:count]
    path = folder / NAMES
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace") as lines:
        return [line.strip() for _, line in zip(range(count), lines, strict=False)]
