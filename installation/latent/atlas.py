"""A map and a desk's door in; what the map's page shows, and what is done on it as messages and keyframes, out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installation import files
from installation.latent import lingering, maps, naming, vectors
from installation.latent.door import Door
from installation.latent.maps import Map
from installation.settings import SettingsError

MOST_STOPS = 64


class Atlas:
    """One model's map on a page. The show hears of it as of any desk: over OSC."""

    def __init__(self, model: str, found: Map, desk: tuple[str, int]) -> None:
        self.model, self.map, self.door = model, found, Door(desk)
        self.folder = maps.folder_of(model)
        self._lingered: tuple[Any, list[list[float]]] = (None, [])

    def state(self) -> dict[str, Any]:
        """What the page draws: the atlas's cells and where each lies on the map, by seed."""
        side = int(self.map.cells.max()) + 1
        places = [[round(x, 4), round(y, 4)] for x, y in self.map.places.tolist()]
        name = Path(self.model).name
        return {"name": name, "side": side, "px": maps.CELL_PX, "cells": self.map.cells.tolist(), "places": places}

    def picture(self) -> bytes:
        """The atlas as JPEG. Raises OSError."""
        return (self.folder / maps.ATLAS).read_bytes()

    def news(self) -> dict[str, Any]:
        """{"lingered": seconds in every cell, by rows}; the same object while nothing has changed."""
        try:
            mark = (self.folder / lingering.FILE).stat().st_mtime_ns
        except OSError:
            mark = None
        if mark != self._lingered[0] or not self._lingered[1]:
            self._lingered = mark, lingering.read(self.folder).tolist()
        return {"lingered": self._lingered[1]}

    def go(self, x: float, y: float) -> dict[str, Any]:
        """Lead the show to a place 0..1. Raises OSError when nothing can be sent."""
        self.door.lead({maps.X: x, maps.Y: y, maps.TO: 1.0})
        return {"seed": self.map.nearest(x, y)}

    def release(self) -> dict[str, Any]:
        """Give the show back to its cues."""
        self.door.release((maps.X, maps.Y, maps.TO))
        return {}

    def save_path(self, name: str, stops: list[tuple[float, float]], seconds: float) -> dict[str, Any]:
        """A way over the map as vectors and keyframes: files in the user's folder, and the lines for a show file.

        Raises SettingsError for a name or a way that cannot be, OSError for a full disk.
        """
        naming.checked(name, "path")
        if not 2 <= len(stops) <= MOST_STOPS or not 0 < seconds <= 86_400:
            raise SettingsError(f"a path has 2 to {MOST_STOPS} stops and takes up to a day")
        names = []
        for i, (x, y) in enumerate(stops):
            point = self.map.at({maps.X: x, maps.Y: y})
            path = vectors.folder() / f"{name}-{i + 1:02}.npz"
            vectors.write(path, point, self.model)
            names.append(path.name)
        text = f"[[keyframes]]\nname = {json.dumps(name)}\nvectors = {json.dumps(names)}\nseconds = {seconds:g}\n"
        files.write_text(vectors.folder() / f"{name}.toml", text)
        return {"lines": text, "files": names}
