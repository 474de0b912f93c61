"""An Interactive Shader Format file (ISF 1 or 2) in; its inputs, passes and images, and GLSL 330 out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.rendering import glsl, header
from installation.rendering.expressions import ExpressionError, compile_size
from installation.settings import SettingsError

IMAGE_TYPES = {"image", "audio", "audiofft"}
VALUE_TYPES = {"float", "bool", "long", "event", "color", "point2d"}
IMAGE_NAMES = ("inputImage", "startImage")


class EffectError(SettingsError):
    """An effect file that cannot be drawn; the text names the file, the line where known, and what to mend."""


@dataclass(frozen=True)
class Input:
    """One INPUTS entry. default, low and high are floats, or tuples for color and point2d; values belong to a long."""

    name: str
    type: str
    default: Any = 0.0
    low: Any = 0.0
    high: Any = 1.0
    values: tuple[int, ...] = ()
    identity: float | None = None
    about: str = ""
    longest: int = 0  # audio and audioFFT: how many samples the file asks for
    in_pixels: bool = False  # a point2d without a range counts pixels; its knob stays 0..1


@dataclass(frozen=True)
class Pass:
    """One PASSES entry: where it draws, how large, and whether that buffer outlives the frame or holds floats."""

    target: str = ""
    width: str = "$WIDTH"
    height: str = "$HEIGHT"
    persistent: bool = False
    float: bool = False


@dataclass(frozen=True)
class Effect:
    """A parsed file, ready to compile: `fragment` and `vertex` are GLSL 330 whose lines are the artist's lines."""

    path: Path
    about: str
    credit: str
    inputs: tuple[Input, ...]
    passes: tuple[Pass, ...]
    imported: Mapping[str, Path]
    fragment: str
    vertex: str
    buffers: tuple[str, ...] = ()

    def sources(self, index: int) -> tuple[str, str]:
        """Fragment and vertex shader of one pass: each is compiled for itself, without the others' branches."""
        return tuple(s.replace("@PASS@", str(index)) for s in (self.fragment, self.vertex))  # type: ignore[return-value]

    @property
    def images(self) -> list[Input]:
        return [i for i in self.inputs if i.type in IMAGE_TYPES]

    @property
    def knobs(self) -> list[Input]:
        return [i for i in self.inputs if i.type in VALUE_TYPES]


def read(path: Path) -> Effect:
    """Read and translate one .fs file (and the .vs beside it). Raises EffectError saying why it cannot be drawn."""
    found = header.split(_read_text(path))
    if not found:
        raise EffectError(
            f"{path.name}: expected an ISF header (a comment holding a JSON object) at its top, found none"
        )
    said = _parse_header(found, path)
    # A name that is declared twice is one knob: GLSL knows each name once.
    inputs = tuple(
        {i.name: i for i in (_read_input(entry, path) for entry in header.entries(said.get("INPUTS")))}.values()
    )
    passes = _read_passes(said, path)
    imported = _read_imported(said, path)
    buffers = tuple(dict.fromkeys(p.target for p in passes if p.target))
    companion = path.with_suffix(".vs")
    vertex = _read_text(companion) if companion.is_file() else ""
    one_size = not imported and not vertex and all(i.type not in ("audio", "audiofft") for i in inputs)
    one_size = one_size and all(p.width == "$WIDTH" and p.height == "$HEIGHT" for p in passes)
    _refuse_includes({path: found.body, companion: vertex})
    images = [*(i.name for i in inputs if i.type in IMAGE_TYPES), *buffers, *imported]
    uniforms = glsl.declare([(i.name, i.type) for i in inputs], images, found.body + vertex)
    clashing = glsl.find_clashes(found.body + vertex, uniforms)
    return Effect(
        path=path,
        about=str(said.get("DESCRIPTION", "")).strip(),
        credit=str(said.get("CREDIT", "")).strip(),
        inputs=inputs,
        passes=passes,
        imported=imported,
        fragment=glsl.translate(glsl.FRAGMENT, found.body, glsl.THIS_PIXEL[one_size] + uniforms, clashing),
        vertex=glsl.translate(glsl.VERTEX, vertex or glsl.NO_VERTEX, glsl.THIS_PIXEL[False] + uniforms, clashing),
        buffers=buffers,
    )


def _refuse_includes(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        found = re.search(r"^[ \t]*#[ \t]*include\b[^\n]*", text, re.MULTILINE)
        if found:
            line = text[: found.start()].count("\n") + 1
            raise EffectError(f"{path.name}:{line}: {found[0].strip()} is unsupported here; put that file's text there")


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EffectError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_header(found: header.Split, path: Path) -> dict[str, Any]:
    try:
        said = header.parse(found.json)
    except json.JSONDecodeError as error:
        line = found.line + error.lineno - 1
        raise EffectError(f"{path.name}:{line}: the header is not JSON: {error.msg}") from error
    if not isinstance(said, dict):
        raise EffectError(f"{path.name}: expected the header to be a JSON object, found {type(said).__name__}")
    return said


def _read_input(entry: Mapping[str, Any], path: Path) -> Input:
    entry = {key: value for key, value in entry.items() if value is not None}
    name, kind = str(entry.get("NAME", "")).strip(), str(entry.get("TYPE", "")).lower()
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise EffectError(f"{path.name}: expected an input NAME that is a GLSL word, found {name!r}")
    if name in glsl.OWN_NAMES:
        raise EffectError(f"{path.name}: input {name!r} has the name of one of ISF's own values; call it otherwise")
    if kind not in IMAGE_TYPES | VALUE_TYPES:
        raise EffectError(
            f"{path.name}: input {name!r} has TYPE {entry.get('TYPE')!r}, which is unsupported here; supported: "
            "float bool long event color point2D image audio audioFFT"
        )
    about = str(entry.get("LABEL", ""))
    try:
        if kind in IMAGE_TYPES:
            return Input(name, kind, about=about, longest=int(entry.get("MAX") or 0))
        return _read_range(name, kind, entry, about)
    except (TypeError, ValueError, IndexError) as error:
        raise EffectError(
            f"{path.name}: input {name!r}: DEFAULT, MIN, MAX or VALUES do not fit its TYPE: {error}"
        ) from error


def _read_range(name: str, kind: str, entry: Mapping[str, Any], about: str) -> Input:
    default = entry.get("DEFAULT")
    if kind in ("bool", "event"):
        on = kind == "bool" and header.truth(default)
        return Input(name, kind, float(on), identity=_identity(entry), about=about)
    if kind == "color":
        rgba = [float(c) for c in default] if isinstance(default, list) else [1.0, 1.0, 1.0, 1.0]
        return Input(name, kind, tuple((rgba + [1.0] * 4)[:4]), (0.0,) * 4, (1.0,) * 4, about=about)
    if kind == "point2d":
        return _read_point(name, entry, about)
    if kind == "long":
        values = tuple(int(v) for v in entry.get("VALUES") or ())
        low, high = (min(values), max(values)) if values else (int(entry.get("MIN", 0)), int(entry.get("MAX", 10)))
        first = int(default) if default is not None else (values[0] if values else low)
        return Input(
            name, kind, float(first), float(min(low, first)), float(max(high, first)), values, _identity(entry), about
        )
    low_f, high_f = float(entry.get("MIN", 0.0)), float(entry.get("MAX", 1.0))
    low_f, high_f = min(low_f, high_f), max(low_f, high_f)
    value = float(default) if default is not None else min(max(0.0, low_f), high_f)
    # Some files' defaults lie outside their own range: the artist meant them, so the range gives way.
    return Input(name, kind, value, min(low_f, value), max(high_f, value), identity=_identity(entry), about=about)


def _read_point(name: str, entry: Mapping[str, Any], about: str) -> Input:
    """A point with MIN and MAX is in their unit; one without counts pixels unless its default shows otherwise."""
    point, low, high = (header.pair(entry.get(key)) for key in ("DEFAULT", "MIN", "MAX"))
    if low and high:
        middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        return Input(name, "point2d", point or middle, low, high, about=about)
    normalised = point is not None and point != (0.0, 0.0) and max(map(abs, point)) <= 1.0
    start = point if normalised and point else (0.5, 0.5) if point is None else (0.0, 0.0)
    return Input(name, "point2d", start, (0.0, 0.0), (1.0, 1.0), about=about, in_pixels=not normalised)


def _identity(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("IDENTITY")
    return float(value) if isinstance(value, int | float) else None


def _read_passes(said: Mapping[str, Any], path: Path) -> tuple[Pass, ...]:
    """PASSES, joined with the older PERSISTENT_BUFFERS in both of its styles (a list of names, or a dict by name)."""
    old = said.get("PERSISTENT_BUFFERS")
    kept: dict[str, dict[str, Any]] = {}
    if isinstance(old, dict):
        kept = {name: entry if isinstance(entry, dict) else {} for name, entry in old.items()}
    elif isinstance(old, list):
        for item in old:
            entry = item if isinstance(item, dict) else {"NAME": str(item)}
            kept[str(entry.get("NAME", entry.get("TARGET", "")))] = entry
    passes: list[Pass] = []
    for entry in header.entries(said.get("PASSES")) or [{}]:
        target = str(entry.get("TARGET", ""))
        both = kept.get(target, {}) | entry
        one = Pass(
            target,
            str(both.get("WIDTH") or "$WIDTH"),
            str(both.get("HEIGHT") or "$HEIGHT"),
            header.truth(entry.get("PERSISTENT")) or target in kept,
            header.truth(both.get("FLOAT")),
        )
        for size in (one.width, one.height):
            try:
                compile_size(size)
            except ExpressionError as error:
                raise EffectError(f"{path.name}: pass {target or len(passes)}: {error}") from error
        passes.append(one)
    return tuple(passes)


def _read_imported(said: Mapping[str, Any], path: Path) -> dict[str, Path]:
    imported = {}
    for entry in header.entries(said.get("IMPORTED")):
        name = str(entry.get("NAME", ""))
        if str(entry.get("TYPE", "image")).lower() == "cube" or isinstance(entry.get("PATH"), list):
            raise EffectError(f"{path.name}: IMPORTED {name!r} is a cube map, which is unsupported here")
        where = path.parent / str(entry.get("PATH", ""))
        if not where.is_file():
            raise EffectError(f"{path.name}: IMPORTED {name!r}: expected an image at {where}, found none; put it there")
        imported[name] = where
    return imported
