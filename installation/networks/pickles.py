"""The bytes of a pickle in; what it describes, as plain tables, texts, numbers and outlines of tensors, out.

A pickle is a program. This reads it as a description: whatever it would call is never called, whatever it would import
is never imported, and only the shapes that torch.save writes mean anything. What is left is a Thing with a name.
Opcodes: Python's pickletools, protocols 2 to 5.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

MOST_STEPS = 5_000_000  # a checkpoint of ten thousand tensors takes half a million
TABLES = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("builtins", "dict"), ("__builtin__", "dict")}
TENSOR = ("torch._utils", "_rebuild_tensor_v2")
WRAPPED = {("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state")}
TYPED = ("torch._tensor", "_rebuild_from_type_v2")


@dataclass(frozen=True)
class Thing:
    """What a pickle would import, or make of that: module and name, and nothing behind them."""

    module: str
    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers in a file: their type ("FloatStorage"), the name of the record that holds them, and how many."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class Outline:
    """A tensor as a pickle describes it; offset and steps count numbers of its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class _Mark:
    """Where a list of things begins on the stack."""


MARK = _Mark()


def read_pickle(file: IO[bytes]) -> Any:
    """The next pickle of a file, as far as it describes tables of tensors. Raises ValueError for a torn one."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if opcode.name == "STOP":
                return stack.pop()
            if step > MOST_STEPS:
                raise ValueError("it goes on and on")
            _take(opcode.name, argument, stack, memo)
    except (IndexError, KeyError, TypeError, AttributeError, UnicodeError, OverflowError, MemoryError) as error:
        raise ValueError(f"its pickle is torn ({type(error).__name__})") from error
    raise ValueError("its pickle has no end")


def _take(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    if name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in EMPTY:
        stack.append(EMPTY[name]())
    elif name in STEPS:
        STEPS[name](stack)
    elif "PUT" in name or name == "MEMOIZE":
        memo[len(memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
    elif "GET" in name:
        stack.append(memo[int(argument)])
    elif name == "GLOBAL":
        module, _, called = argument.partition(" ")
        stack.append(Thing(module, called))
    elif name not in ("PROTO", "FRAME"):
        if argument is None:
            raise ValueError(f"{name} in its pickle is none of torch.save's")
        stack.append(argument)  # a text, a number or bytes


def _marked(stack: list[Any]) -> list[Any]:
    """Everything above the last mark, which goes too."""
    at = len(stack) - 1
    while stack[at] is not MARK:
        at -= 1
        if at < 0:
            raise IndexError("no mark")
    taken = stack[at + 1 :]
    del stack[at:]
    return taken


def _put(table: Any, pairs: list[Any]) -> None:
    if isinstance(table, dict):
        table.update((k, v) for k, v in zip(pairs[::2], pairs[1::2], strict=True) if isinstance(k, str | int))


def _extend(values: Any, more: list[Any]) -> None:
    if isinstance(values, list):
        values.extend(more)


def _join(stack: list[Any], count: int) -> None:
    taken = tuple(stack[len(stack) - count :])
    if len(taken) != count:
        raise IndexError("too few")
    del stack[len(stack) - count :]
    stack.append(taken)


def _set_items(stack: list[Any]) -> None:
    pairs = _marked(stack)
    _put(stack[-1], pairs)


def _set_item(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _put(stack[-1], [key, value])


def _appends(stack: list[Any]) -> None:
    more = _marked(stack)
    _extend(stack[-1], more)


def _append(stack: list[Any]) -> None:
    value = stack.pop()
    _extend(stack[-1], [value])


def _drop_state(stack: list[Any]) -> None:
    """BUILD: what else an object knows of itself (_metadata of a state dict) is of no use here."""
    stack.pop()
    if not stack:
        raise IndexError("nothing to build")


def _name(stack: list[Any]) -> None:
    called, module = stack.pop(), stack.pop()
    stack.append(Thing(str(module), str(called)))


def _describe(stack: list[Any]) -> None:
    """REDUCE and NEWOBJ: a call, of which only what torch.save writes is understood; nothing is called."""
    arguments, called = stack.pop(), stack.pop()
    stack.append(_understand(called, arguments if isinstance(arguments, tuple) else ()))


def _understand(called: Any, arguments: tuple[Any, ...]) -> Any:
    if not isinstance(called, Thing):
        return Thing("", "something")
    key = (called.module, called.name)
    if key in TABLES:
        return {}
    if key in WRAPPED and arguments:
        return arguments[0]
    if key == TYPED and len(arguments) >= 3 and isinstance(arguments[2], tuple):
        return _understand(arguments[0], arguments[2])
    if key == TENSOR and len(arguments) >= 4 and isinstance(arguments[0], Storage):
        storage, offset, shape, steps = arguments[:4]
        if isinstance(shape, tuple) and isinstance(steps, tuple):
            return Outline(storage, int(offset), tuple(map(int, shape)), tuple(map(int, steps)))
    return called


def _find_storage(stack: list[Any]) -> None:
    """BINPERSID: ("storage", type, name of the record, device, count of numbers)."""
    said = stack.pop()
    if isinstance(said, tuple) and len(said) >= 5 and said[0] == "storage" and isinstance(said[1], Thing):
        stack.append(Storage(said[1].name, str(said[2]), int(said[4])))
    else:
        stack.append(Thing("", "something"))


def _pop(stack: list[Any]) -> None:
    stack.pop()


def _pop_mark(stack: list[Any]) -> None:
    _marked(stack)


def _tuple(stack: list[Any]) -> None:
    stack.append(tuple(_marked(stack)))


def _list(stack: list[Any]) -> None:
    stack.append(_marked(stack))


def _dict(stack: list[Any]) -> None:
    pairs = _marked(stack)
    stack.append({})
    _put(stack[-1], pairs)


CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": MARK}
EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list}
STEPS: dict[str, Callable[[list[Any]], None]] = {
    "TUPLE": _tuple,
    "TUPLE1": lambda stack: _join(stack, 1),
    "TUPLE2": lambda stack: _join(stack, 2),
    "TUPLE3": lambda stack: _join(stack, 3),
    "LIST": _list,
    "DICT": _dict,
    "FROZENSET": _list,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _appends,
    "BUILD": _drop_state,
    "STACK_GLOBAL": _name,
    "REDUCE": _describe,
    "NEWOBJ": _describe,
    "BINPERSID": _find_storage,
    "POP": _pop,
    "POP_MARK": _pop_mark,
}
