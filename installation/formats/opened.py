"""Paths in; what lies there, read safely, out: what every format looks at, and what every format gives back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from installation import plugins, weight_files
from installation.networks.pickles import Record
from installation.networks.reading import READ_ERRORS, read_table, unwrap
from installation.weight_files import WeightsError

EXPECTED = "a generator's weights"
LONGEST_SETTINGS = 1 << 20  # bytes
LARGEST_PX = 4096  # of a picture; beyond it a small file could ask for all memory
MOST_SHARED = 4  # times a file's size: what its tensors are, when some lie in each other
ROOM = 1 << 20  # bytes beside
FOLDER = "a model's folder"
SETTINGS = "settings in JSON"
CONVERT_ERRORS = (*READ_ERRORS, AttributeError, AssertionError, RecursionError, ArithmeticError)


@dataclass(frozen=True)
class Opened:
    """One model as it was found: the file of its weights (or a folder), what that is, what was read from it.

    settings: what a JSON file said that was given along, else {}.
    """

    path: Path
    kind: str
    found: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The best table of tensors in it, out of its wrappers; {} for none."""
        return unwrap(self.found)

    def refuse(self, found: str, what_to_do: str) -> WeightsError:
        """The one line for what this file is and why it does not play."""
        return WeightsError(f"{self.path}: expected {EXPECTED} that can be played here, found {found}; {what_to_do}")


@dataclass(frozen=True)
class Converted:
    """A model under our names: `kind` is the module of generators/ that plays it, config its [network].

    notes: what a person should know of the conversion. card: what else model.toml shall say; texts: by name, small
    files beside it. as_it_is: under which name the file itself is kept, instead of tensors.
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)
    card: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    as_it_is: str = ""


def open_files(paths: Sequence[Path]) -> Opened:
    """What lies at these paths: a model's folder, or one file of weights and perhaps one of settings, in any order.

    Raises WeightsError in one line.
    """
    files = list(paths)
    if len(files) == 1 and files[0].is_dir():
        if (files[0] / "model.toml").is_file():
            return Opened(files[0], FOLDER)
        files = _inside(files[0])
    kinds = {path: _kind(path) for path in files}
    settings = [path for path, kind in kinds.items() if kind == SETTINGS]
    weights = [path for path in kinds if path not in settings]
    if len(weights) != 1 or len(settings) > 1:
        names = ", ".join(path.name for path in files) or "nothing"
        raise WeightsError(f"expected one file of weights (and perhaps one of settings), found {names}; name them")
    (path,) = weights
    said = _read_settings(settings[0]) if settings else {}
    found = None if kinds[path] == weight_files.ONNX else read_table(path, EXPECTED)
    return Opened(path, kinds[path], found, said)


def _inside(folder: Path) -> list[Path]:
    """The files of a folder that may belong to a model."""
    kinds = {path: _kind(path) for path in sorted(folder.iterdir()) if path.is_file()}
    return [path for path, kind in kinds.items() if kind not in (weight_files.TEXT, weight_files.UNKNOWN)]


def _kind(path: Path) -> str:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    kind = weight_files.recognise(path)
    if kind == weight_files.TEXT and path.stat().st_size <= LONGEST_SETTINGS:
        with path.open("rb") as file:
            return SETTINGS if file.read(64).lstrip()[:1] == b"{" else kind
    return kind


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: expected settings, found JSON that is torn ({error})") from error
    return said if isinstance(said, dict) else {}


def format_of(opened: Opened) -> tuple[ModuleType, str]:
    """The format of what was opened, and in words what it is. Raises WeightsError for one that none knows."""
    formats = [plugins.load("formats", name) for name in plugins.available("formats")]
    try:
        for one in formats:
            if said := one.recognise(opened):
                return one, said
        raise opened.refuse(_describe(opened), "formats that are known: " + ", ".join(plugins.available("formats")))
    except CONVERT_ERRORS as error:
        raise _as_refusal(opened, error) from error


def convert_by(opened: Opened, by: ModuleType) -> Converted:
    """What a format makes of it. Raises WeightsError, one line, for what cannot be played, or is torn within."""
    try:
        made: Converted = by.convert(opened)
        _check(made)
        return made
    except CONVERT_ERRORS as error:
        raise _as_refusal(opened, error) from error


def _as_refusal(opened: Opened, error: BaseException) -> WeightsError:
    if isinstance(error, WeightsError):
        return error
    why = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else weight_files.first_line(error)
    return WeightsError(f"{opened.path}: expected {EXPECTED}, found {opened.kind} that does not hold together ({why})")


def _check(made: Converted) -> None:
    """Raises ValueError for weights of which no picture can come."""
    for name, tensor in made.tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(f"{name} is not of numbers with a fraction, but {tensor.dtype}")
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name} holds numbers without an end")


def _describe(opened: Opened) -> str:
    """What lies in a file that no format knows: its kind, and the first names in it."""
    found = opened.found
    if isinstance(found, Record):
        return f"{opened.kind} of {found!r}"
    names = list(opened.tensors) or [str(name)[:60] for name in table_of(found)]
    return f"{opened.kind} that holds {', '.join(names[:4])}, ..." if names else f"{opened.kind} without a table"


def table_of(thing: Any) -> dict[Any, Any]:
    """A dict, or what a pickle says of a subclass of dict; {} for anything else."""
    if isinstance(thing, Record):
        return thing.table
    return thing if isinstance(thing, dict) else {}


def plain_tensors(opened: Opened, given: Mapping[str, Any]) -> dict[str, Tensor]:
    """All of a table as plain tensors. Raises ValueError where names share so few numbers that copies would be huge."""
    wanted = sum(value.nbytes for value in given.values() if isinstance(value, Tensor | np.ndarray))
    if wanted > MOST_SHARED * opened.path.stat().st_size + ROOM:
        raise ValueError(f"its {len(given)} tensors are {wanted} bytes, the file is not")
    return {name: as_tensor(value) for name, value in given.items()}


def said_plainly(value: Any) -> str:
    """A value of somebody else's file in a few letters: words and numbers as they are, all else by its type."""
    return str(value)[:40] if isinstance(value, str | int | float) else type(value).__name__


def as_tensor(value: Any) -> Tensor:
    """A tensor of float16 or float32 that is laid out plainly. Raises ValueError for what is no array of numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        value = torch.from_numpy(np.ascontiguousarray(value, value.dtype.newbyteorder("=")))
    if not isinstance(value, Tensor):
        raise ValueError(f"{type(value).__name__} where an array of numbers belongs")
    value = value.detach()
    return (value if value.dtype == torch.float16 else value.float()).contiguous()
