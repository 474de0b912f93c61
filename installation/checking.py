"""A table of plain values in, a frozen dataclass out; an unknown key is an error that names the nearest one."""

from __future__ import annotations

import dataclasses
import difflib
import keyword
import math
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from installation.files import shown

T = TypeVar("T")


class SettingsError(ValueError):
    """A file says something that cannot be; the text names the place, what was expected and what was found."""


def to_table(settings: Any) -> dict[str, Any]:
    """The dataclass as plain values that `check` reads back: what a moment or a print writes down."""
    values = dataclasses.asdict(settings)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def check(kind: type[T], table: Any, where: str) -> T:
    """Make the dataclass `kind` from a TOML table. Raises SettingsError naming `where`, what was expected and found.

    A key that is a word of Python's is a field with an underscore behind it: `from` is from_.
    """
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: expected a table, found {shown(table)}")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    table = {f"{key}_" if keyword.iskeyword(key) else key: value for key, value in table.items()}
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(fields)}"
            raise SettingsError(f"{where}: unknown key {shown(key)}; {hint}")
    for name, f in fields.items():
        if name not in table and f.default is f.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{where}: {name!r} is missing")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """One TOML value as the type that a field asks for."""
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise SettingsError(f"{where}: expected a table, found {shown(value)}")
        return {key: _value(arguments[1], item, f"{where}.{key[:80]}") for key, item in value.items()}
    if origin in (tuple, list):
        return _sequence(origin, arguments, value, where)
    if dataclasses.is_dataclass(hint):
        return check(hint, value, where)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023:
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, float) and not math.isfinite(value):  # TOML has nan and inf, and no knob survives them
        raise SettingsError(f"{where}: expected a finite number, found {value}")
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise SettingsError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {shown(value)}")


def _sequence(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{where}: expected a list, found {shown(value)}")
    if origin is tuple and arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise SettingsError(f"{where}: expected {len(arguments)} values, found {shown(value)}")
    kinds = arguments if origin is tuple and arguments[-1] is not Ellipsis else (arguments[0],) * len(value)
    return origin(_value(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            return _value(kind, value, where)  # a table is meant: what is wrong in it is what has to be said
        if kind is type(None) and value is None:
            return None
        try:
            return _value(kind, value, where)
        except SettingsError:
            continue
    names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    raise SettingsError(f"{where}: expected {names}, found {shown(value)}")


def refuse_twins(named: Mapping[str, Sequence[str]], where: str) -> None:
    """Two of one name would silently replace each other. Raises SettingsError naming them."""
    mends = {"inputs": "keep one of them", "features": "keep one of them", "cues": "give one of them another number"}
    for kind, names in named.items():
        for name in names:
            if names.count(name) > 1:
                mend = mends.get(kind, "give one of them a name of its own")
                raise SettingsError(f"{where}: {kind}: {shown(name)} is there {names.count(name)} times; {mend}")


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a TOML file. Raises SettingsError saying where it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {str(error)[:200]}") from error
