"""A generator in; directions out in which its pictures change, each one deviation of its latent space long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from installation import files, weights
from installation.generators.latent import closed_form, main_directions
from installation.latent.arrays import read_arrays
from installation.settings import SettingsError

SAMPLES = 10_000  # points of which the main directions are those
COUNT = 64
METHODS = ("ganspace", "sefa")
NUMBERED = re.compile(r"(\S+) (\d{1,4})")
FILE = "directions.safetensors"
IMPORTED = ("lat_comp", "lat_stdev", "act_comp", "act_stdev")


class Missing(SettingsError):
    """A direction that this model does not have; another may."""


def ganspace(generator: Any, count: int = COUNT) -> Tensor:
    """The main directions (count, D) of what the mapping makes of chance (Härkönen et al. 2020).

    Where nothing maps chance, none is more of a main one than others: then those of the closed form.
    """
    if generator.isotropic:
        return sefa(generator, count)
    return main_directions(generator.samples(SAMPLES), count)


def sefa(generator: Any, count: int = COUNT) -> Tensor:
    """What the first weights answer to most, (count, D), in closed form (Shen and Zhou 2021)."""
    weight = generator.listening().double()  # (F, D)
    weight = weight / weight.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return deviations(generator, closed_form(weight, count))


def pair(generator: Any, this: Tensor, that: Tensor) -> Tensor:
    """The way from one point (rows, D) to another; one row where every row goes the same way."""
    way = that - this
    if not bool(way.any()):
        raise SettingsError("from and to are the same point: there is no way between them")
    return deviations(generator, way[:1] if bool((way == way[:1]).all()) else way)


def deviations(generator: Any, way: Tensor) -> Tensor:
    """The same ways (K, D), each as long as one deviation of the latent space along it; rows of one way together."""
    unit = way / way.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit * (generator.samples(SAMPLES) @ unit.T).std(0)[:, None]


def imported(path: Path, generator: Any) -> Tensor:
    """GANSpace's own .npz: `lat_comp` (K, 1, D) times `lat_stdev`, where it has them, else `act_comp` and `act_stdev`.

    Raises SettingsError for one that is torn, too large, another's or of another width.
    """
    width = generator.of_seed(0).shape[-1]
    there = read_arrays(path, IMPORTED, "GANSpace's components")
    kind = "lat" if "lat_comp" in there else "act"
    comp, lengths = there.get(f"{kind}_comp"), there.get(f"{kind}_stdev")
    if comp is None or not comp.size or comp.dtype.kind != "f":
        raise SettingsError(f"{path}: expected GANSpace's lat_comp or act_comp, found {', '.join(there) or 'neither'}")
    ways = torch.from_numpy(np.array(comp, np.float32)).reshape(len(comp), -1)
    if ways.shape[1] != width or not bool(ways.isfinite().all()):
        raise SettingsError(f"{path}: expected directions of {width} numbers, found {tuple(ways.shape)}")
    if lengths is None or lengths.size != len(ways) or kind == "act":
        return deviations(generator, ways)
    unit = ways / ways.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit * torch.from_numpy(lengths.astype(np.float32)).reshape(-1, 1)


def place_of(model: str) -> Path:
    """Where a model's directions are kept: beside it where that may be, else among the user's own."""
    folder = weights.find(model)
    own = folder.resolve().parent == files.shipped("models").resolve()
    beside = folder / FILE
    if not own:
        try:
            with files.whole(beside.with_name(f"{FILE}.tried"), lasting=False) as part:
                part.touch()
            beside.with_name(f"{FILE}.tried").unlink()
            return beside
        except OSError:
            pass  # another's folder, or a disk that is read only
    return files.places("models")[1].with_name("directions") / f"{folder.name}.safetensors"


def keep(model: str, sha256: str, found: Mapping[str, Tensor]) -> Path:
    """Add directions (K, 1 or rows, D) by name ("ganspace", or one of the artist's) to what is kept of a model."""
    path = place_of(model)
    there = kept(model, sha256)
    packed = save({**there, **{name: way.contiguous() for name, way in found.items()}}, {"sha256": sha256})
    files.write_bytes(path, packed)
    return path


def kept(model: str, sha256: str) -> dict[str, Tensor]:
    """What was kept of a model with these weights; nothing where there is no file, or it is of other weights."""
    try:
        paths = [weights.find(model) / FILE, files.places("models")[1].with_name("directions")]
        paths[1] /= f"{paths[0].parent.name}.safetensors"
    except weights.WeightsError:
        return {}
    for path in filter(Path.is_file, paths):
        try:
            with safe_open(path, "pt") as file:
                if (file.metadata() or {}).get("sha256", "") == sha256:
                    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise SettingsError(f"{path}: cannot be read: {error}; delete it, and find the directions anew") from error
    return {}


def find(generator: Any, text: str, model: str = "") -> Tensor:
    """A direction (1, D) or (rows, D): "ganspace 3" (counted from 1), "sefa 1", or one kept by its name, "open".

    Raises Missing where this model has none.
    """
    name, number = (found[1], int(found[2])) if (found := NUMBERED.fullmatch(text)) else (text, 1)
    rows, width = generator.of_seed(0).shape
    ways = kept(model, generator.weights_sha256).get(name) if model else None
    if name in METHODS and (ways is None or len(ways) < number <= width):
        try:
            ways = (ganspace if name == "ganspace" else sefa)(generator, max(COUNT, number))[:, None]
        except SettingsError as error:
            raise Missing(str(error)) from error
    if ways is None:
        raise Missing(f'no direction {text!r} is kept of this model; there are "ganspace 1", "sefa 1" and so on')
    if ways.ndim != 3 or ways.shape[1] not in (1, rows) or ways.shape[2] != width:
        raise Missing(f"{text} is of {tuple(ways.shape)} numbers where (N, {rows}, {width}) belong")
    if not 1 <= number <= len(ways):
        raise Missing(f"{name} has directions 1 to {len(ways)} here, not {number}")
    return ways[number - 1]
