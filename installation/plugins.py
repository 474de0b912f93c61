"""A room's name in, what it offers out: a plug-in is a module with a `Settings` dataclass and `create(settings)`."""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
from pathlib import Path
from types import ModuleType

MAKES = {"formats": "convert"}  # what a room's plug-ins have in place of `create`


def available(room: str) -> list[str]:
    """Names of the modules in installation/<room>/ that define `create` (see MAKES), found by reading them.

    A shelf of a room is named with a dot: "machine.kits".
    """
    folder, made_by = Path(__file__).parent.joinpath(*room.split(".")), MAKES.get(room, "create")
    files = {path.stem: path for path in folder.glob("*.py")} | {p.parent.name: p for p in folder.glob("*/__init__.py")}
    return sorted(name for name, path in files.items() if made_by in _functions(path, path.stat().st_mtime_ns))


def load(room: str, name: str) -> ModuleType:
    """Import installation.<room>.<name>. Raises LookupError naming the nearest one that exists."""
    names = available(room)
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise LookupError(f"no {room.rpartition('.')[2]} called {name[:80]!r}; {hint}")
    return importlib.import_module(f"installation.{room}.{name}")


@functools.cache
def _functions(path: Path, written_ns: int) -> set[str]:
    """Names of the functions of a file as it was written then: a room is read once, not for every look-up."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}
