"""A generator in; a map of what it paints out: thousands of seeds laid out by likeness, to be looked at and walked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from installation import files, weights
from installation.generators.devices import chosen_device
from installation.latent.layout import spread_out, tidied
from installation.latent.likeness import resized
from installation.latent.pictures import to_bytes
from installation.networks.efficientnet import load_lite0
from installation.settings import SettingsError
from installation.signals import Knob

CELL_PX = 64
LOOKED_PX = 128
BATCH = 16
NEIGHBOURS = 8
FILE, ATLAS = "map.safetensors", "atlas.jpg"
X, Y, TO = "generator.map_x", "generator.map_y", "generator.to.map"
KNOBS = (
    Knob(X, 0.0, 1.0, 0.5, "where on the model's map, from left to right; generator.to.map leads there"),
    Knob(Y, 0.0, 1.0, 0.5, "where on the model's map, from top to bottom"),
)
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Map:
    """points (N, D): one row of each seed 0..N-1; places (N, 2), 0..1, x and y from the top left; cells (N, 2) of the
    atlas. As a place of a latent space it moves with the knobs map_x and map_y."""

    points: Tensor
    places: Tensor
    cells: Tensor
    average: Tensor

    def at(self, knob: Mapping[str, float]) -> Tensor:
        """The point (1, D) of a place: its neighbours, blended by nearness, as far from the average as they are.

        A neighbour that comes or goes does so with no weight at all: there is no jump anywhere.
        """
        here = torch.tensor([knob.get(X, 0.5), knob.get(Y, 0.5)])
        far, index = (self.places - here).norm(dim=1).topk(min(NEIGHBOURS, len(self.places)), largest=False)
        weight = (1.0 - far / far[-1].clamp_min(1e-9)).square() / (far + 1e-3)
        weight = weight / weight.sum() if float(weight.sum()) > 0 else torch.eye(len(far))[0]
        away = self.points[index] - self.average
        blend, length = weight @ away, weight @ away.norm(dim=1)
        return (self.average + blend * (length / blend.norm().clamp_min(1e-6)))[None]

    def nearest(self, x: float, y: float) -> int:
        """The seed that lies nearest to a place."""
        return int((self.places - torch.tensor([x, y])).norm(dim=1).argmin())


def folder_of(model: str) -> Path:
    """Where the map of a model is kept: with the user's own. Raises WeightsError."""
    return files.places("maps")[1] / weights.find(model).name


@torch.inference_mode()
def draw(generator: Any, count: int, truncation: float, tidy: bool, watch: Watch) -> tuple[Map, Image.Image]:
    """The map of seeds 0..count-1 and its atlas. Raises SettingsError for a count that cannot be."""
    if not 100 <= count <= 8000:
        raise SettingsError(f"a map has 100 to 8000 pictures, found {count}")
    points = torch.stack([generator.of_seed(seed, truncation)[0] for seed in range(count)])
    net, rows, looks, small = load_lite0(chosen_device("cpu")), len(generator.of_seed(0)), [], []
    for i, part in enumerate(points.split(BATCH)):
        pictures = torch.cat([generator.painted(p.expand(rows, -1)).cpu() for p in part])
        looks.append(net(resized(pictures.float(), (LOOKED_PX, LOOKED_PX))))
        small += [Image.fromarray(to_bytes(one[None])) for one in resized(pictures.float(), (CELL_PX, CELL_PX))]
        watch("painting", min((i + 1) * BATCH, count), count)
    seen = torch.cat(looks)
    seen = (seen - seen.mean(0)) / seen.std(0).clamp_min(1e-3)
    main = torch.linalg.svd(seen, full_matrices=False)
    seen = main.U[:, :50] * main.S[:50]
    places = spread_out(seen, lambda step, steps: watch("laying out", step, steps))
    cells = tidied(places)
    side = int(cells.max()) + 1
    if tidy:
        places = (cells + 0.5) / side
    atlas = Image.new("RGB", (side * CELL_PX, side * CELL_PX))
    for (x, y), picture in zip(cells.tolist(), small, strict=True):
        atlas.paste(picture, (x * CELL_PX, y * CELL_PX))
    return Map(points, places, cells, generator.latent.average.clone()), atlas


def keep(model: str, sha256: str, made: Map, atlas: Image.Image) -> Path:
    """Write a map into its model's folder of the user's own; returns that. Raises OSError."""
    folder = folder_of(model)
    tensors = {"points": made.points, "places": made.places, "cells": made.cells, "average": made.average}
    with files.whole(folder / ATLAS) as part:
        atlas.save(part, "JPEG", quality=88)
    packed = save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"sha256": sha256})
    files.write_bytes(folder / FILE, packed)
    return folder


def read(model: str, sha256: str) -> Map | None:
    """The map of a model with these weights; None where none was drawn. Raises SettingsError for a torn one."""
    try:
        path = folder_of(model) / FILE
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("sha256") != sha256:
                return None
            parts = {name: file.get_tensor(name) for name in ("points", "places", "cells", "average")}
    except (FileNotFoundError, weights.WeightsError):
        return None
    except (SafetensorError, OSError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}; draw the map anew") from error
    count, width = parts["points"].shape
    if parts["places"].shape != (count, 2) or parts["cells"].shape != (count, 2) or parts["average"].shape != (width,):
        raise SettingsError(f"{path}: its parts do not fit each other; draw the map anew")
    return Map(**parts)
