"""A file of weights in, whoever saved it and however; a table of tensors out: the one reader that the networks share.

What a file is, its bytes say (weight_files.recognise), not its name. Nothing of it is ever run; every size that it
claims is held against the bytes that are there before anything is made of that size; and what cannot be read is
refused in one line: what was expected, what was found, what to do.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from installation import weight_files
from installation.networks.pickles import Outline, Storage, Thing, read_pickle
from installation.weight_files import WeightsError

WRAPPERS = (  # under which programs keep the weights in a checkpoint, the best of several first
    *("params_ema", "params-ema", "params", "g_ema", "state_dict", "model_state_dict", "model", "net", "netG"),
    *("generator", "weights"),
)
PREFIXES = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.", "model.", "net.")
KINDS = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
LARGEST_PICKLE = 64_000_000  # bytes: a table, not the numbers
READABLE = (weight_files.SAFETENSORS, weight_files.TORCH, weight_files.TORCH_OLD)
READ_ERRORS = (
    *(ValueError, RuntimeError, OSError, EOFError, LookupError, MemoryError, TypeError, OverflowError),
    zipfile.BadZipFile,
)


def read_tensors(path: Path, expected: str) -> dict[str, Tensor]:
    """Every tensor of a .safetensors, .pth, .pt or .ckpt file by name, out of its wrappers and without prefixes.

    `expected` says whose weights are wanted. Raises WeightsError in one line.
    """
    found = read_table(path, expected)
    table = unwrap(found)
    if not table:
        what = f"a whole {found.module}.{found.name}"[:100] if isinstance(found, Thing) else "no table of tensors in it"
        raise WeightsError(f"{path}: expected {expected}, found {what}; choose a file that holds a state_dict")
    return table


def read_table(path: Path, expected: str) -> Any:
    """What a file holds, as it was saved: tables in tables, with tensors in them. Raises WeightsError in one line."""
    if not path.is_file():
        raise WeightsError(f"{path}: expected {expected}, found no such file; fetch it, or choose another")
    try:
        kind = weight_files.recognise(path)
        if kind not in READABLE:
            raise weight_files.refuse(path, expected)
        if kind == weight_files.SAFETENSORS:
            return _read_safetensors(path)
        return _read_zip(path) if kind == weight_files.TORCH else _read_old(path)
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
        said = read_pickle(io.BytesIO(archive.read(records["data.pkl"])))
        return _fill(said, lambda storage: archive.read(records[f"data/{storage.key}"]), size)


def _read_old(path: Path) -> Any:
    """torch.save before 1.6: pickles one after another (a number, a version, the machine, the table, the storages'
    names), then for each storage its count and its numbers."""
    file = io.BytesIO(path.read_bytes())
    size = len(file.getbuffer())
    for _ in range(3):
        read_pickle(file)
    said, names = read_pickle(file), read_pickle(file)
    if isinstance(said, Thing):
        return said
    sizes = {one.key: one for one in _storages(said)}
    found = {str(name): _take_storage(file, sizes.get(str(name)), size) for name in names}
    return _fill(said, lambda storage: found[storage.key], size)


def _take_storage(file: IO[bytes], storage: Storage | None, size: int) -> bytes:
    count = int.from_bytes(file.read(8), "little")
    if storage is None:  # without its type nobody knows how long it is, nor where the next one begins
        raise ValueError("it holds numbers that its table does not name")
    return file.read(min(count * KINDS[storage.kind].itemsize, size))


def _storages(said: Any) -> list[Storage]:
    return [one.storage for one in _walk(said) if isinstance(one, Outline)]


def _walk(said: Any) -> list[Any]:
    """Everything in tables and lists, each table once, however often a pickle names it."""
    found, waiting, seen = [], [said], set[int]()
    while waiting:
        one = waiting.pop()
        found.append(one)
        if isinstance(one, dict | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting += one.values() if isinstance(one, dict) else one
    return found


def _fill(said: Any, read: Callable[[Storage], bytes], size: int) -> Any:
    """The same tables with tensors in the outlines' places. All of them together claim no more than the file has."""
    outlines = {id(one): one for one in _walk(said) if isinstance(one, Outline)}
    claimed = sum(_bytes_of(one) for one in outlines.values())
    if claimed > 2 * size:  # two names for one tensor are usual, a tensor out of nothing is not
        raise ValueError(f"it claims {claimed} bytes of numbers out of {size}")
    held: dict[str, Tensor] = {}
    made: dict[int, Tensor] = {}
    for key, one in outlines.items():
        if one.storage.key not in held:
            numbers, kind = bytearray(read(one.storage)), KINDS[one.storage.kind]
            held[one.storage.key] = torch.frombuffer(numbers, dtype=kind) if numbers else torch.empty(0, dtype=kind)
        made[key] = _cut(held[one.storage.key], one)
    for table in [one for one in _walk(said) if isinstance(one, dict)]:
        table.update({k: made[id(v)] for k, v in table.items() if id(v) in made})
    return said


def _bytes_of(one: Outline) -> int:
    count = KINDS[one.storage.kind].itemsize
    for side in one.shape:
        if side < 0:
            raise ValueError("a shape below 0")
        count *= side
    return count


def _cut(numbers: Tensor, one: Outline) -> Tensor:
    """The tensor out of its storage. Raises ValueError where it would reach beyond it."""
    last = one.offset + sum((side - 1) * step for side, step in zip(one.shape, one.steps, strict=True))
    empty = 0 in one.shape
    if one.offset < 0 or any(step < 0 for step in one.steps) or (not empty and last >= numbers.numel()):
        raise ValueError(f"a tensor {one.shape} reaches beyond its {numbers.numel()} numbers")
    return (
        torch.empty(one.shape, dtype=numbers.dtype) if empty else numbers.as_strided(one.shape, one.steps, one.offset)
    )


def unwrap(found: Any) -> dict[str, Tensor]:
    """The table of tensors in what a program saved, without what stands before all of its names; empty for none."""
    for _ in range(4):
        inner = next((found[key] for key in WRAPPERS if isinstance(found, dict) and _has_tensors(found.get(key))), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping):
        return {}
    return strip({str(name): value for name, value in found.items() if isinstance(value, Tensor)})


def _has_tensors(table: Any) -> bool:
    """Whether a table holds tensors, or another wrapper."""
    return isinstance(table, dict) and any(isinstance(v, Tensor) or k in WRAPPERS for k, v in table.items())


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
