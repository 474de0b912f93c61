"""The bytes of a pickle in; what it describes, as plain values and inert records, out.

A pickle is a program. This reads it as a description: nothing that it names is ever imported, nothing that it would
call is ever called. What it would make becomes a Record that keeps the name, the arguments and the state; a Maker may
know better what a few of the names mean. Opcodes: Python's pickletools, protocols 0 to 5.

No step makes more than the bytes in the file that belong to it, and steps are counted: a pickle can ask for work and
memory only as large as itself. Nothing here calls itself, however deep a pickle nests.
"""

from __future__ import annotations

import codecs
import pickletools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

MOST_STEPS = 1_000_000  # a checkpoint of ten thousand tensors takes half a million
LONGEST_NUMBER = 256  # bytes
LARGEST_KEY = 1 << 60  # below it no two whole numbers share a hash: tables stay quick
LONGEST_KEY = 4096  # letters: two equal ones are compared letter by letter, each time
TORN = (IndexError, KeyError, TypeError, AttributeError, UnicodeError, OverflowError, MemoryError, RecursionError)


@dataclass(frozen=True)
class Name:
    """What a pickle would import: module and name, and nothing behind them."""

    module: str
    name: str


@dataclass(eq=False, repr=False, slots=True)  # a Record of Records of the same few would be told for ever
class Record:
    """An object that a pickle would make: called by this name with these arguments, then given a state, items, keys."""

    module: str
    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    table: dict[Any, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.module}.{self.name}>"[:100]


class Maker(Protocol):
    """Who knows what some of the names mean. A ValueError of theirs refuses the whole pickle."""

    def call(self, name: Name, args: tuple[Any, ...]) -> Any:
        """What comes of a call; a Record of it where the name means nothing here."""

    def build(self, made: Any, state: Any) -> None:
        """Give a state to what was made."""

    def find(self, said: Any) -> Any:
        """What lies outside the pickle under a persistent id."""


class _Mark:
    """Where a list of things begins on the stack."""


MARK = _Mark()


def read_pickle(file: IO[bytes], maker: Maker) -> Any:
    """The next pickle of a file. Sets come as lists. Raises ValueError for one that is torn or goes on and on."""
    machine = _Machine(maker)
    try:
        for _ in range(MOST_STEPS):
            code = file.read(1)
            if code == b".":
                return machine.stack.pop()
            if code not in STEPS:
                raise ValueError("its pickle has no end" if not code else f"its pickle is torn (no step {code!r})")
            read, act = STEPS[code]
            act(machine, read(file) if read else None)
    except TORN as error:
        raise ValueError(f"its pickle is torn ({type(error).__name__})") from error
    raise ValueError("its pickle goes on and on")


class _Machine:
    """The stack and the memo of a pickle, and what each step does to them."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def marked(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        at = len(self.stack) - 1
        while self.stack[at] is not MARK:
            at -= 1
            if at < 0:
                raise IndexError("no mark")
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def join(self, count: int) -> None:
        taken = tuple(self.stack[len(self.stack) - count :])
        if len(taken) != count:
            raise IndexError("too few")
        del self.stack[len(self.stack) - count :]
        self.push(taken)

    def remember(self, index: Any) -> None:
        self.memo[len(self.memo) if index is None else int(index)] = self.stack[-1]

    def extend(self, more: list[Any]) -> None:
        found = self.stack[-1]
        values = found.items if isinstance(found, Record) else found
        if isinstance(values, list):
            values.extend(more)

    def put(self, pairs: list[Any]) -> None:
        found = self.stack[-1]
        table = found.table if isinstance(found, Record) else found
        if isinstance(table, dict):
            table.update((k, v) for k, v in zip(pairs[::2], pairs[1::2], strict=True) if is_key(k))

    def make_table(self) -> None:
        pairs = self.marked()
        self.push({})
        self.put(pairs)

    def call(self, called: Any, args: Any) -> None:
        args = args if isinstance(args, tuple) else (args,)
        self.push(self.maker.call(called, args) if isinstance(called, Name) else Record("", "unnamed", (called, args)))

    def reduce(self) -> None:
        args, called = self.stack.pop(), self.stack.pop()
        self.call(called, args)

    def new_with_words(self) -> None:
        words, args, called = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.call(called, (args, words))

    def new_of_marked(self) -> None:
        called, *args = self.marked()
        self.call(called, tuple(args))

    def instance(self, words: str) -> None:
        args = tuple(self.marked())
        self.call(_split(words), args)

    def name(self) -> None:
        called, module = self.stack.pop(), self.stack.pop()
        if not isinstance(called, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self.push(Name(module, called))

    def build(self) -> None:
        state = self.stack.pop()
        self.maker.build(self.stack[-1], state)

    def pair(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.put([key, value])

    def append(self) -> None:
        value = self.stack.pop()
        self.extend([value])


def is_key(key: Any) -> bool:
    """Whether something can be the key of a table without any work hidden in it; pairs of other keys are left out."""
    if isinstance(key, int):
        return abs(key) < LARGEST_KEY
    if isinstance(key, str | bytes):
        return len(key) <= LONGEST_KEY
    if isinstance(key, tuple):
        return len(key) <= 16 and all(isinstance(one, str | bytes | int) and is_key(one) for one in key)
    return key is not MARK and isinstance(key, Hashable)


def _split(words: str) -> Name:
    module, _, called = words.partition(" ")
    return Name(module, called)


def _read_line(file: IO[bytes]) -> str:
    """A text of protocol 0, as Python 2 wrote it: quoted, one letter for each byte."""
    line = file.readline().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        raise ValueError("its pickle is torn (a text without quotes)")
    return codecs.escape_decode(line[1:-1])[0].decode("latin-1")  # type: ignore[attr-defined, no-any-return]


def _read_long(file: IO[bytes]) -> int:
    length = int.from_bytes(file.read(4), "little", signed=True)
    if not 0 <= length <= LONGEST_NUMBER:
        raise ValueError("its pickle holds a number of more digits than any has")
    return int.from_bytes(file.read(length), "little", signed=True)


Act = Callable[[_Machine, Any], Any]
READ = {"STRING": _read_line, "LONG4": _read_long}  # where Python's own would be too strict, or too patient
ACTS: dict[str, Act] = {
    **{name: lambda m, _: None for name in ("PROTO", "FRAME", "READONLY_BUFFER")},
    **{name: _Machine.push for name in ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")},
    **{name: _Machine.push for name in ("FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE", "BINUNICODE8")},
    **{name: _Machine.push for name in ("SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING")},
    **{name: _Machine.push for name in ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")},
    **{name: _Machine.remember for name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")},
    **{name: lambda m, index: m.push(m.memo[int(index)]) for name in ("GET", "BINGET", "LONG_BINGET")},
    **{name: lambda m, _: m.push([]) for name in ("EMPTY_LIST", "EMPTY_SET")},
    **{name: lambda m, _: m.push(m.marked()) for name in ("LIST", "FROZENSET")},
    **{name: lambda m, _: m.extend(m.marked()) for name in ("APPENDS", "ADDITEMS")},
    **{name: lambda m, _: m.reduce() for name in ("REDUCE", "NEWOBJ")},
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "MARK": lambda m, _: m.push(MARK),
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.marked(),
    "TUPLE": lambda m, _: m.push(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.join(1),
    "TUPLE2": lambda m, _: m.join(2),
    "TUPLE3": lambda m, _: m.join(3),
    "DICT": lambda m, _: m.make_table(),
    "SETITEM": lambda m, _: m.pair(),
    "SETITEMS": lambda m, _: m.put(m.marked()),
    "APPEND": lambda m, _: m.append(),
    "GLOBAL": lambda m, words: m.push(_split(words)),
    "STACK_GLOBAL": lambda m, _: m.name(),
    "INST": _Machine.instance,
    "OBJ": lambda m, _: m.new_of_marked(),
    "NEWOBJ_EX": lambda m, _: m.new_with_words(),
    "BUILD": lambda m, _: m.build(),
    "PERSID": lambda m, said: m.push(m.maker.find(said)),
    "BINPERSID": lambda m, _: m.push(m.maker.find(m.stack.pop())),
}  # not here: EXT1, EXT2, EXT4 and NEXT_BUFFER, which speak of what lies outside every file
STEPS = {
    one.code.encode("latin-1"): (READ.get(one.name, one.arg and one.arg.reader), ACTS[one.name])
    for one in pickletools.opcodes
    if one.name in ACTS
}
