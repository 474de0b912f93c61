"""An Interactive Shader Format file (ISF 1 or 2) in; its inputs, passes and images, and GLSL 330 out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.rendering import glsl
from installation.rendering.expressions import ExpressionError, compile_size
from installation.settings import SettingsError

HEADER = re.compile(r"/\*\s*(\{.*?\})\s*\*/", re.DOTALL)
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
    text = _read_text(path)
    found = HEADER.search(text)
    if not found:
        raise EffectError(
            f"{path.name}: expected an ISF header (a comment holding a JSON object) at its top, found none"
        )
    header = _parse_header(found[1], path, text[: found.start(1)].count("\n") + 1)
    blank = "\n" * found[0].count("\n")
    body = text[: found.start()] + blank + " " + text[found.end() :]
    inputs = tuple(_read_input(entry, path) for entry in _entries(header.get("INPUTS")))
    passes = _read_passes(header, path)
    imported = _read_imported(header, path)
    buffers = tuple(dict.fromkeys(p.target for p in passes if p.target))
    one_size = not imported and all(i.type not in ("audio", "audiofft") for i in inputs)
    one_size = one_size and all(p.width == "$WIDTH" and p.height == "$HEIGHT" for p in passes)
    images = [*(i.name for i in inputs if i.type in IMAGE_TYPES), *buffers, *imported]
    uniforms = glsl.THIS_PIXEL[one_size] + glsl.declare([(i.name, i.type) for i in inputs], images, body)
    companion = path.with_suffix(".vs")
    vertex = _read_text(companion) if companion.is_file() else "void main() { isf_vertShaderInit(); }"
    return Effect(
        path=path,
        about=str(header.get("DESCRIPTION", "")).strip(),
        credit=str(header.get("CREDIT", "")).strip(),
        inputs=inputs,
        passes=passes,
        imported=imported,
        fragment=glsl.translate(glsl.FRAGMENT, body, uniforms, "in"),
        vertex=glsl.translate(
            glsl.VERTEX, vertex, uniforms.replace(glsl.THIS_PIXEL[True], glsl.THIS_PIXEL[False]), "out"
        ),
        buffers=buffers,
    )


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


def _parse_header(text: str, path: Path, line: int) -> dict[str, Any]:
    """JSON as people write it: control characters inside strings and trailing commas are let through."""
    try:
        header = json.loads(text, strict=False)
    except json.JSONDecodeError:
        try:
            header = json.loads(re.sub(r",(\s*[\]}])", r"\1", text), strict=False)
        except json.JSONDecodeError as error:
            raise EffectError(f"{path.name}:{line + error.lineno - 1}: the header is not JSON: {error.msg}") from error
    if not isinstance(header, dict):
        raise EffectError(f"{path.name}: expected the header to be a JSON object, found {type(header).__name__}")
    return header


def _entries(value: Any) -> list[dict[str, Any]]:
    """A list of objects, or the older dict of NAME -> object, as a list."""
    if isinstance(value, dict):
        return [{"NAME": name} | (entry if isinstance(entry, dict) else {}) for name, entry in value.items()]
    return [entry for entry in value or [] if isinstance(entry, dict)]


def _read_input(entry: Mapping[str, Any], path: Path) -> Input:
    name, kind = str(entry.get("NAME", "")), str(entry.get("TYPE", "")).lower()
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise EffectError(f"{path.name}: expected an input NAME that is a GLSL word, found {name!r}")
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
        return Input(
            name, kind, float(bool(default)) if kind == "bool" else 0.0, identity=_identity(entry), about=about
        )
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
    default = entry.get("DEFAULT")
    point = (float(default[0]), float(default[1])) if isinstance(default, list) else None
    if "MIN" in entry and "MAX" in entry:
        low, high = tuple(map(float, entry["MIN"][:2])), tuple(map(float, entry["MAX"][:2]))
        middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        return Input(name, "point2d", point or middle, low, high, about=about)
    normalised = point is not None and point != (0.0, 0.0) and max(map(abs, point)) <= 1.0
    start = point if normalised and point else (0.5, 0.5) if point is None else (0.0, 0.0)
    return Input(name, "point2d", start, (0.0, 0.0), (1.0, 1.0), about=about, in_pixels=not normalised)


def _identity(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("IDENTITY")
    return float(value) if isinstance(value, int | float) else None


def _read_passes(header: Mapping[str, Any], path: Path) -> tuple[Pass, ...]:
    """PASSES, joined with the older PERSISTENT_BUFFERS in both of its styles (a list of names, or a dict by name)."""
    old = header.get("PERSISTENT_BUFFERS")
    kept: dict[str, dict[str, Any]] = {}
    if isinstance(old, dict):
        kept = {name: entry if isinstance(entry, dict) else {} for name, entry in old.items()}
    elif isinstance(old, list):
        for item in old:
            entry = item if isinstance(item, dict) else {"NAME": str(item)}
            kept[str(entry.get("NAME", entry.get("TARGET", "")))] = entry
    passes: list[Pass] = []
    for entry in _entries(header.get("PASSES")) or [{}]:
        target = str(entry.get("TARGET", ""))
        both = kept.get(target, {}) | entry
        one = Pass(
            target,
            str(both.get("WIDTH", "$WIDTH")),
            str(both.get("HEIGHT", "$HEIGHT")),
            _truth(entry.get("PERSISTENT")) or target in kept,
            _truth(both.get("FLOAT")),
        )
        for size in (one.width, one.height):
            try:
                compile_size(size)
            except ExpressionError as error:
                raise EffectError(f"{path.name}: pass {target or len(passes)}: {error}") from error
        passes.append(one)
    return tuple(passes)


def _truth(value: Any) -> bool:
    return value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else bool(value)


def _read_imported(header: Mapping[str, Any], path: Path) -> dict[str, Path]:
    imported = {}
    for entry in _entries(header.get("IMPORTED")):
        name = str(entry.get("NAME", ""))
        if str(entry.get("TYPE", "image")).lower() == "cube":
            raise EffectError(f"{path.name}: IMPORTED {name!r} is a cube map, which is unsupported here")
        where = path.parent / str(entry.get("PATH", ""))
        if not where.is_file():
            raise EffectError(f"{path.name}: IMPORTED {name!r}: expected an image at {where}, found none; put it there")
        imported[name] = where
    return imported
