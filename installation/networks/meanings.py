"""The names that torch.save, NumPy and Python itself write into pickles in; tensors, arrays, tables and bytes out.

Each is understood, none is called: a tensor is cut out of its storage here, an array is laid over its bytes here, and
only where both have room for what is claimed. A name that is not known here stays a Record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from installation.networks.pickles import Name, Record, is_key

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
    "UntypedStorage": torch.uint8,
}
NUMPY_KIND = re.compile(r"[<>=|]?(\?|[bhilqBHILQefdFD]|[iu][1248]|f[248]|c8|c16|b1|[SU]\d{1,6})")
MOST_SIDES = 32  # of an array or a tensor
ROOM = 1 << 20  # bytes that even the smallest file may ask for


class Allowance:
    """How many bytes may still be made of a file: a few times its own size, as names may share numbers."""

    def __init__(self, size: int) -> None:
        self.size, self.left = size, 4 * size + ROOM

    def take(self, count: int) -> None:
        """Raises ValueError when more is claimed than there is."""
        self.left -= count
        if count < 0 or self.left < 0:
            raise ValueError(f"it claims {count} bytes of numbers more than its {self.size} hold")


@dataclass(frozen=True)
class Stored:
    """What a persistent id of torch.save says: numbers of a type, under a key, and how many."""

    kind: torch.dtype
    key: str
    count: int


@dataclass
class Kind:
    """A dtype of NumPy's, as a pickle spells it."""

    letters: str
    order: str = "="

    def made(self) -> np.dtype[Any]:
        return np.dtype(self.letters).newbyteorder(self.order)  # type: ignore[arg-type]


class Meanings:
    """A Maker for the pickles of torch and NumPy.

    `find` gives the numbers of a storage, (n,) of its type; `open_inner` reads a torch file that lies in the pickle.
    """

    def __init__(
        self,
        allowance: Allowance,
        find: Callable[[Stored], Tensor] | None = None,
        open_inner: Callable[[bytes], Any] | None = None,
    ) -> None:
        self.allowance, self._find, self._open_inner = allowance, find, open_inner

    def find(self, said: Any) -> Any:
        """The numbers under ("storage", type, key, device, count[, (key, offset, count)]); else a Record."""
        if not (self._find and isinstance(said, tuple) and len(said) >= 5 and said[0] == "storage"):
            return Record("", "persistent", (said,))
        kind = KINDS.get(said[1].name) if isinstance(said[1], Name) else None
        if kind is None:
            raise ValueError(f"numbers of no known type ({getattr(said[1], 'name', '')[:40]})")
        if not isinstance(said[2], str | int) or not isinstance(said[4], int) or said[4] < 0:
            raise ValueError("numbers without a name")
        numbers = self._find(Stored(kind, str(said[2]), said[4]))
        if len(said) < 6 or said[5] is None:
            return numbers
        _, offset, count = said[5]
        return numbers[int(offset) : int(offset) + int(count)]

    def build(self, made: Any, state: Any) -> None:
        if isinstance(made, Record):
            made.state = state
        elif isinstance(made, Kind) and isinstance(state, tuple) and state[1:2] and state[1] in ("<", ">", "=", "|"):
            made.order = state[1]
        elif isinstance(made, np.ndarray):
            self._lay(made, state)

    def call(self, name: Name, args: tuple[Any, ...]) -> Any:
        meaning = MEANINGS.get((name.module, name.name))
        return Record(name.module, name.name, args) if meaning is None else meaning(self, name, args)

    def _lay(self, array: np.ndarray, state: Any) -> None:
        """What NumPy calls the state of an array: version, shape, dtype, whether columns go first, bytes."""
        _, shape, kind, columns_first, raw = state
        self._check(shape, kind, raw)
        array.__setstate__((1, shape, kind.made(), bool(columns_first), _bytes_of(raw)))  # type: ignore[arg-type]

    def _check(self, shape: Any, kind: Any, raw: Any) -> None:
        if not isinstance(kind, Kind) or not isinstance(raw, bytes | bytearray | str):
            raise ValueError("an array of something else than numbers")
        sides = shape if isinstance(shape, tuple) and len(shape) <= MOST_SIDES else (-1,)
        if not all(type(side) is int and side >= 0 for side in sides):
            raise ValueError("an array without a shape")
        if math.prod(shape) * kind.made().itemsize != len(raw):
            raise ValueError(f"an array {shape} over {len(raw)} bytes"[:100])
        self.allowance.take(len(raw))

    def _table(self, name: Name, args: tuple[Any, ...]) -> Any:
        pairs = args[0] if args and isinstance(args[0], dict | list | tuple) else ()
        self.allowance.take(64 * len(pairs))
        listed = pairs.items() if isinstance(pairs, dict) else [p for p in pairs if len(p) == 2]
        return {key: value for key, value in listed if is_key(key)}

    def _same(self, name: Name, args: tuple[Any, ...]) -> Any:
        return args[0] if args else ()

    def _list(self, name: Name, args: tuple[Any, ...]) -> Any:
        return args[0] if args and isinstance(args[0], list) else Record(name.module, name.name, args) if args else []

    def _bytes(self, name: Name, args: tuple[Any, ...]) -> Any:
        """codecs.encode, by which Python 3 writes bytes for Python 2; builtins.bytes and bytearray."""
        if not args:
            return b""
        if isinstance(args[0], bytes | bytearray):
            return args[0]
        if not isinstance(args[0], str):
            return Record(name.module, name.name, args)
        self.allowance.take(len(args[0]))
        return args[0].encode("latin-1")

    def _new(self, name: Name, args: tuple[Any, ...]) -> Any:
        """copyreg._reconstructor(class, base, state): an object as protocols 0 and 1 write it."""
        kind, _, state = (*args, None, None, None)[:3]
        if not isinstance(kind, Name):
            return Record(name.module, name.name, args)
        made = self.call(kind, ())
        if isinstance(made, Record) and isinstance(state, dict):
            made.table.update(self._table(kind, (state,)))
        return made

    def _array(self, name: Name, args: tuple[Any, ...]) -> Any:
        return np.empty(0, np.uint8)  # filled by its state

    def _kind(self, name: Name, args: tuple[Any, ...]) -> Any:
        letters = args[0].decode("latin-1") if args and isinstance(args[0], bytes) else args[0] if args else ""
        if not isinstance(letters, str) or not NUMPY_KIND.fullmatch(letters):
            return Record(name.module, name.name, args)
        return Kind(letters)

    def _array_over(self, name: Name, args: tuple[Any, ...]) -> Any:
        raw, kind, shape, order = args[:4]
        self._check(shape, kind, raw)
        return np.frombuffer(_bytes_of(raw), kind.made()).reshape(shape, order="F" if order == "F" else "C")

    def _one_number(self, name: Name, args: tuple[Any, ...]) -> Any:
        kind, raw = args[:2]
        self._check((1,), kind, raw)
        return np.frombuffer(_bytes_of(raw), kind.made())[0].item()

    def _tensor(self, name: Name, args: tuple[Any, ...]) -> Any:
        numbers, offset, shape, steps = args[:4]
        sizes = (shape, steps)
        if not isinstance(numbers, Tensor) or not all(isinstance(s, tuple) and len(s) <= MOST_SIDES for s in sizes):
            return Record(name.module, name.name, args)
        return self._cut(numbers, int(offset), tuple(map(int, shape)), tuple(map(int, steps)))

    def _cut(self, numbers: Tensor, offset: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> Tensor:
        """A tensor out of its storage. Raises ValueError where it would reach beyond it."""
        if offset < 0 or any(side < 0 for side in shape) or any(step < 0 for step in steps):
            raise ValueError(f"a tensor {shape} that reaches beyond its numbers"[:120])
        if 0 in shape:
            if max(shape) >= 1 << 40:
                raise ValueError("a tensor without numbers claims terabytes")
            return torch.empty(shape, dtype=numbers.dtype)
        self.allowance.take(math.prod(shape) * numbers.dtype.itemsize)
        last = offset + sum((side - 1) * step for side, step in zip(shape, steps, strict=True))
        if last >= numbers.numel():
            raise ValueError(f"a tensor {shape} reaches beyond its {numbers.numel()} numbers"[:120])
        return numbers.as_strided(shape, steps, offset)

    def _typed(self, name: Name, args: tuple[Any, ...]) -> Any:
        inner, _, inner_args = args[:3]
        known = isinstance(inner, Name) and isinstance(inner_args, tuple) and inner.name != name.name
        return self.call(inner, inner_args) if known else Record(name.module, name.name, args)

    def _inner(self, name: Name, args: tuple[Any, ...]) -> Any:
        """torch.storage._load_from_bytes: how a plain pickle holds the numbers of a tensor."""
        raw = args[0] if args else b""
        if self._open_inner is None or not isinstance(raw, bytes | bytearray):
            return Record(name.module, name.name, args)
        self.allowance.take(len(raw))
        return self._open_inner(bytes(raw))


def _bytes_of(raw: bytes | bytearray | str) -> bytes:
    return raw.encode("latin-1") if isinstance(raw, str) else bytes(raw)


Meaning = Callable[[Meanings, Name, tuple[Any, ...]], Any]
PYTHON = ("builtins", "__builtin__")
NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
MEANINGS: dict[tuple[str, str], Meaning] = {
    **{("collections", name): Meanings._table for name in ("OrderedDict", "defaultdict", "Counter")},
    **{(module, "dict"): Meanings._table for module in PYTHON},
    **{(module, name): Meanings._list for module in PYTHON for name in ("list", "set", "frozenset")},
    **{(module, name): Meanings._bytes for module in PYTHON for name in ("bytes", "bytearray")},
    ("_codecs", "encode"): Meanings._bytes,
    **{(module, "_reconstructor"): Meanings._new for module in ("copyreg", "copy_reg")},
    **{(module, "_reconstruct"): Meanings._array for module in NUMPY},
    **{(module, "scalar"): Meanings._one_number for module in NUMPY},
    **{(module, "_frombuffer"): Meanings._array_over for module in ("numpy.core.numeric", "numpy._core.numeric")},
    ("numpy", "dtype"): Meanings._kind,
    **{("torch._utils", name): Meanings._tensor for name in ("_rebuild_tensor", "_rebuild_tensor_v2")},
    **{("torch._utils", name): Meanings._same for name in ("_rebuild_parameter", "_rebuild_parameter_with_state")},
    ("torch", "Size"): Meanings._same,
    ("torch._tensor", "_rebuild_from_type_v2"): Meanings._typed,
    ("torch.storage", "_load_from_bytes"): Meanings._inner,
}
