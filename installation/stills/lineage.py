"""A stage or a moment in; a hash of what its pixels depend on beside stills and settings out: code, effects, ..."""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

from installation import plugins, weights
from installation.pictures.listing import below
from installation.signals import Moment

PACKAGE = Path(__file__).resolve().parent.parent


def of_stage(name: str) -> str:
    """A hash of a stage's code and of all of this program that it imports, and the kind of numbers it counts in."""
    module = plugins.load("stages", name)
    return f"{code_of(module.__name__)}:{_device() if getattr(module, 'NEEDS', {}).get('gpu') else 'cpu'}"


def of_moment(moment: Moment) -> str:
    """A hash of the effect files, pictures and weights that paint a moment, and of the code that paints with them."""
    from installation.generators.devices import cpu_has_bfloat16
    from installation.rendering import isf
    from installation.rendering.link import find_file
    from installation.settings import Show, check

    show = check(Show, dict(moment.settings), "moment")
    parts = [code_of("installation.stills.sources"), code_of(f"installation.generators.{show.generator.name}")]
    parts += [_device(), str(cpu_has_bfloat16())]
    for wish in show.effects:
        effect = isf.read(find_file(wish.file))
        read = [effect.path, effect.path.with_suffix(".vs"), *effect.imported.values()]
        parts += [weights.digest(path) for path in read if path.is_file()]
    for model in filter(None, map(show.generator.settings.get, ("model", "enlarge"))):
        folder = weights.find(str(model))
        parts += [weights.digest(path) for path in below(folder) if path.suffix in (".toml", ".safetensors")]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


@functools.cache
def code_of(module: str) -> str:
    """A hash of a module's source and of every module of this program that it imports, however far down."""
    found: dict[str, bytes] = {}
    ahead = [module]
    while ahead:
        name = ahead.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path.read_bytes()
        ahead += _imports(found[name])
        if path.name == "__init__.py" and name == module:  # a stage in a folder: all of it
            ahead += [f"{name}.{inner.stem}" for inner in path.parent.glob("*.py") if inner != path]
    return hashlib.sha256(b"".join(found[name] for name in sorted(found))).hexdigest()


def _imports(source: bytes) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE.name]


def _file_of(module: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def _device() -> str:
    """Whether networks count on a graphics card, in half precision, or on the CPU."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
