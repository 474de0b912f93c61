"""A file of weights in, whoever saved it and however; a table of tensors out: the one reader that the networks share.

What a file is, its bytes say (weight_files.recognise), not its name. Nothing of it is ever run; every size that it
claims is held against the bytes that are there before anything is made of that size; and what cannot be read is
refused in one line: what was expected, what was found, what to do.
"""

from __future__ import annotations

import io
import mmap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from installation import weight_files
from installation.networks.meanings import Allowance, Meanings, Stored
from installation.networks.modules import is_module, state_of
from installation.networks.pickles import Name, Record, read_pickle
from installation.weight_files import WeightsError

WRAPPERS = (  # under which programs keep the weights in a checkpoint, the best of several first
    *("params_ema", "params-ema", "params", "g_ema", "G_ema", "state_dict", "model_state_dict", "model", "net", "netG"),
    *("generator", "weights"),
)
PREFIXES = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.", "model.", "net.")
LARGEST_PICKLE = 64_000_000  # bytes: a table, not the numbers
READABLE = (weight_files.SAFETENSORS, weight_files.TORCH, weight_files.TORCH_OLD, weight_files.PICKLE)
TORCH_BEGINS = 0x1950A86A20F9469CFC6C  # the number in the first pickle of an old torch file
READ_ERRORS = (
    *(ValueError, RuntimeError, OSError, EOFError, LookupError, MemoryError, TypeError, OverflowError),
    zipfile.BadZipFile,
)


def read_tensors(path: Path, expected: str) -> dict[str, Tensor]:
    """Every tensor of a .safetensors, .pth, .pt, .ckpt or .pkl file by name, out of its wrappers and without prefixes.

    `expected` says whose weights are wanted. Raises WeightsError in one line.
    """
    found = read_table(path, expected)
    try:
        table = unwrap(found)
    except ValueError as error:
        raise WeightsError(f"{path}: expected {expected}, found a network that is torn ({error})") from error
    if not table:
        whole = f"a {found.module}.{found.name}"[:100] if isinstance(found, Record | Name) else ""
        what = whole or "no table of tensors in it"
        raise WeightsError(f"{path}: expected {expected}, found {what}; choose a file that holds a state_dict")
    return table


def read_table(path: Path, expected: str) -> Any:
    """What a file holds, as it was saved: plain values, lists, tables; tensors, NumPy arrays; Records of all else.

    It may name one thing many times, and hold itself. Raises WeightsError in one line.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: expected {expected}, found no such file; fetch it, or choose another")
    try:
        kind = weight_files.recognise(path)
        if kind not in READABLE and not (kind in (weight_files.TEXT, weight_files.UNKNOWN) and path.suffix == ".pkl"):
            raise weight_files.refuse(path, expected)
        if kind == weight_files.SAFETENSORS:
            return _read_safetensors(path)
        return _read_zip(path) if kind == weight_files.TORCH else _read_pickled(path)
    except WeightsError:
        raise
    except READ_ERRORS as error:
        why = weight_files.first_line(error)
        raise WeightsError(f"{path}: expected {expected}, found {kind} that is torn ({why}); fetch it again") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:  # it holds every size against the file's own before it makes anything
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(weight_files.first_line(error)) from error


def _read_zip(path: Path) -> Any:
    """torch.save of 1.6 and later: data.pkl, and the numbers of each storage as data/<name>, all stored as they are."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        records = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        claimed = sum(info.file_size for info in archive.infolist())
        if claimed > size or any(info.compress_type != zipfile.ZIP_STORED for info in records.values()):
            raise ValueError(f"it unpacks to {claimed} bytes out of {size}")
        if records["data.pkl"].file_size > LARGEST_PICKLE:
            raise ValueError("its table is larger than any table of weights")
        if "byteorder" in records and archive.read(records["byteorder"]) != b"little":
            raise ValueError("its numbers lie in the order of another kind of machine")
        held: dict[str, Tensor] = {}

        def find(stored: Stored) -> Tensor:
            if stored.key not in held:
                held[stored.key] = _numbers(archive.read(records[f"data/{stored.key}"]), stored)
            return held[stored.key].view(stored.kind)

        allowance = Allowance(size)
        meanings = Meanings(allowance, find, lambda raw: _read_sequence(io.BytesIO(raw), allowance))
        return read_pickle(io.BytesIO(archive.read(records["data.pkl"])), meanings)


def _numbers(raw: bytes, stored: Stored) -> Tensor:
    return torch.frombuffer(bytearray(raw), dtype=stored.kind) if raw else torch.empty(0, dtype=stored.kind)


def _read_pickled(path: Path) -> Any:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _read_sequence(content, Allowance(path.stat().st_size), inner=True)  # type: ignore[arg-type]


def _read_sequence(file: IO[bytes], allowance: Allowance, inner: bool = False) -> Any:
    """A pickle; or torch.save before 1.6: pickles one after another (a number, a version, the machine, the table, the
    storages' names), then for each storage its count and its numbers.

    A pickle may hold torch files (`inner`), and those hold no others.
    """
    open_inner = (lambda raw: _read_sequence(io.BytesIO(raw), allowance)) if inner else None
    said = read_pickle(file, Meanings(allowance, None, open_inner))
    if type(said) is not int or said != TORCH_BEGINS:
        return said
    for _ in range(2):
        read_pickle(file, Meanings(allowance))
    held: dict[str, Tensor] = {}

    def find(stored: Stored) -> Tensor:
        if stored.key not in held:  # filled when its numbers come, after the table
            allowance.take(stored.count * stored.kind.itemsize)
            held[stored.key] = torch.zeros(stored.count, dtype=stored.kind)
        return held[stored.key].view(stored.kind)

    said = read_pickle(file, Meanings(allowance, find, open_inner))
    for name in read_pickle(file, Meanings(allowance)):
        _take_storage(file, held.pop(str(name), None))
    if held:
        raise ValueError("its numbers are not there")
    return said


def _take_storage(file: IO[bytes], storage: Tensor | None) -> None:
    count = int.from_bytes(file.read(8), "little")
    if storage is None or count != storage.numel():  # nobody would know where the next one begins
        raise ValueError("it holds numbers that its table does not name")
    raw = file.read(count * storage.dtype.itemsize)
    if len(raw) != count * storage.dtype.itemsize:
        raise ValueError("its numbers end too early")
    if count:
        storage.copy_(_numbers(raw, Stored(storage.dtype, "", count)))


def unwrap(found: Any) -> dict[str, Tensor]:
    """The table of tensors in what a program saved, without what stands before all of its names; empty for none.

    Raises ValueError for a whole network whose modules nest without end.
    """
    for _ in range(4):
        inner = next((found[key] for key in WRAPPERS if isinstance(found, dict) and _has_tensors(found.get(key))), None)
        if inner is None:
            break
        found = inner
    if is_module(found):
        return strip(state_of(found))
    if not isinstance(found, Mapping):
        return {}
    return strip({str(name): value for name, value in found.items() if isinstance(value, Tensor)})


def _has_tensors(table: Any) -> bool:
    """Whether a table holds tensors, or another wrapper; or a whole network was saved."""
    inside = table.items() if isinstance(table, dict) else ()
    return is_module(table) or any(isinstance(value, Tensor) or key in WRAPPERS for key, value in inside)


def strip(table: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the prefixes that all of them have; layers that are only numbered keep what stands before them."""
    while prefix := next((p for p in PREFIXES if table and all(_may_lose(name, p) for name in table)), ""):
        table = {name.removeprefix(prefix): value for name, value in table.items()}
    return table


def _may_lose(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and not name[len(prefix) : len(prefix) + 1].isdigit()


def fill(net: torch.nn.Module, table: Mapping[str, Tensor], path: Path, expected: str) -> torch.nn.Module:
    """A network with these weights in it. Raises WeightsError naming the first thing that does not fit."""
    own = net.state_dict()
    for name, value in own.items():
        if name not in table:
            if name.endswith("num_batches_tracked"):
                continue
            raise WeightsError(_does_not_fit(path, expected, f"no {name}, but {', '.join(list(table)[:3])}, ..."))
        if table[name].shape != value.shape:
            wanted, shape = tuple(value.shape), tuple(table[name].shape)
            raise WeightsError(_does_not_fit(path, expected, f"{name} of {shape} where {wanted} belongs"))
    if more := [name for name in table if name not in own]:
        raise WeightsError(_does_not_fit(path, expected, f"{more[0]}, which it does not have"))
    net.load_state_dict(dict(table), strict=False)
    return net


def _does_not_fit(path: Path, expected: str, found: str) -> str:
    return f"{path}: expected {expected}, found {found[:200]}; choose the file that was published for it"
