"""The INPUTS, PASSES and IMPORTED of an ISF header in; checked values that can be drawn with out.

All raise ValueError saying which entry is meant, what was expected and what was found; isf.read adds the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.rendering import glsl, header
from installation.rendering.expressions import compile_size

IMAGE_TYPES = {"image", "audio", "audiofft"}
VALUE_TYPES = {"float", "bool", "long", "event", "color", "point2d"}
MOST_INPUTS, MOST_PASSES = 256, 64
USUAL_SIZE = {"WIDTH": 1280.0, "HEIGHT": 720.0}  # what pass sizes are tried at when a file is read
MOST_BUFFER_PX = 1 << 26  # of all passes together at that size: at 16 bytes and twice, 2 GB


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


def read_inputs(said: Mapping[str, Any]) -> tuple[Input, ...]:
    """INPUTS in their order. A name that is declared twice is one knob: GLSL knows each name once."""
    found = [_read_input(entry) for entry in header.entries("INPUTS", said.get("INPUTS"), MOST_INPUTS)]
    return tuple({one.name: one for one in found}.values())


def _check_name(what: str, name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in glsl.WORDS or name.startswith("gl_"):
        raise ValueError(f"{what}: expected a name that is a GLSL word of its own, found {header.show(name)}")
    if name in glsl.OWN_NAMES:
        raise ValueError(f"{what} {name!r} has the name of one of ISF's own values; call it otherwise")


def _read_input(entry: Mapping[str, Any]) -> Input:
    entry = {key: value for key, value in entry.items() if value is not None}
    name, kind = str(entry.get("NAME", "")).strip(), str(entry.get("TYPE", "")).lower()
    _check_name("input", name)
    if kind not in IMAGE_TYPES | VALUE_TYPES:
        raise ValueError(
            f"input {name!r} has TYPE {header.show(entry.get('TYPE'))}, which is unsupported here; supported: "
            "float bool long event color point2D image audio audioFFT"
        )
    about = header.words(entry.get("LABEL"))
    try:
        if kind in IMAGE_TYPES:
            return Input(name, kind, about=about, longest=header.whole(entry.get("MAX") or 0))
        return _read_range(name, kind, entry, about)
    except ValueError as error:
        raise ValueError(f"input {name!r}: DEFAULT, MIN, MAX or VALUES do not fit its TYPE: {error}") from error


def _read_range(name: str, kind: str, entry: Mapping[str, Any], about: str) -> Input:
    if kind in ("bool", "event"):
        on = kind == "bool" and header.truth(entry.get("DEFAULT"))
        return Input(name, kind, float(on), identity=_identity(entry), about=about)
    if kind == "color":
        return _read_color(name, entry, about)
    if kind == "point2d":
        return _read_point(name, entry, about)
    if kind == "long":
        return _read_long(name, entry, about)
    low, high = header.number(entry.get("MIN", 0.0)), header.number(entry.get("MAX", 1.0))
    low, high = min(low, high), max(low, high)
    value = header.number(entry["DEFAULT"]) if "DEFAULT" in entry else min(max(0.0, low), high)
    # Some files' defaults lie outside their own range: the artist meant them, so the range gives way.
    return Input(name, kind, value, min(low, value), max(high, value), identity=_identity(entry), about=about)


def _read_color(name: str, entry: Mapping[str, Any], about: str) -> Input:
    default = entry.get("DEFAULT")
    rgba = [header.number(c) for c in default[:4]] if isinstance(default, list) else []
    rgba += [1.0] * (4 - len(rgba))
    low, high = (tuple(edge(c, limit) for c in rgba) for edge, limit in ((min, 0.0), (max, 1.0)))
    return Input(name, "color", tuple(rgba), low, high, about=about)


def _read_long(name: str, entry: Mapping[str, Any], about: str) -> Input:
    said = entry.get("VALUES") or []
    if not isinstance(said, list):
        raise ValueError(f"expected VALUES as a list, found {header.show(said)}")
    values = tuple(header.whole(value) for value in said)
    ends = values or (header.whole(entry.get("MIN", 0)), header.whole(entry.get("MAX", 10)))
    first = header.whole(entry["DEFAULT"]) if "DEFAULT" in entry else ends[0]
    low, high = float(min(*ends, first)), float(max(*ends, first))
    return Input(name, "long", float(first), low, high, values, _identity(entry), about)


def _read_point(name: str, entry: Mapping[str, Any], about: str) -> Input:
    """A point with MIN and MAX is in their unit; one without counts pixels unless its default shows otherwise."""
    point, low, high = (header.pair(entry.get(key)) for key in ("DEFAULT", "MIN", "MAX"))
    if low and high:
        point = point or ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        ends = list(zip(low, high, point, strict=True))
        return Input(name, "point2d", point, tuple(map(min, ends)), tuple(map(max, ends)), about=about)
    normalised = point is not None and point != (0.0, 0.0) and max(map(abs, point)) <= 1.0
    start = point if normalised and point else (0.5, 0.5) if point is None else (0.0, 0.0)
    ends = [(0.0, 1.0, value) for value in start]
    return Input(
        name, "point2d", start, tuple(map(min, ends)), tuple(map(max, ends)), about=about, in_pixels=not normalised
    )


def _identity(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("IDENTITY")
    return header.number(value) if isinstance(value, int | float) else None


def read_passes(said: Mapping[str, Any], inputs: tuple[Input, ...]) -> tuple[Pass, ...]:
    """PASSES, joined with the older PERSISTENT_BUFFERS in both of its styles (a list of names, or a dict by name)."""
    kept = _read_kept(said.get("PERSISTENT_BUFFERS"))
    passes: list[Pass] = []
    for entry in header.entries("PASSES", said.get("PASSES"), MOST_PASSES) or [{}]:
        target = str(entry.get("TARGET") or "")
        if target:
            _check_name("pass TARGET", target)
        if any(one.name == target and one.type in VALUE_TYPES for one in inputs):
            raise ValueError(f"a pass TARGET {target!r} has the name of a knob; call one of them otherwise")
        both = kept.get(target, {}) | entry
        one = Pass(
            target,
            str(both.get("WIDTH") or "$WIDTH"),
            str(both.get("HEIGHT") or "$HEIGHT"),
            header.truth(entry.get("PERSISTENT")) or target in kept,
            header.truth(both.get("FLOAT")),
        )
        passes.append(one)
    _check_sizes(passes, inputs)
    return tuple(passes)


def _read_kept(old: Any) -> dict[str, dict[str, Any]]:
    if isinstance(old, dict):
        return {name: entry if isinstance(entry, dict) else {} for name, entry in old.items()}
    named = [item if isinstance(item, dict) else {"NAME": str(item)} for item in old] if isinstance(old, list) else []
    return {str(entry.get("NAME", entry.get("TARGET", ""))): entry for entry in named}


def _check_sizes(passes: list[Pass], inputs: tuple[Input, ...]) -> None:
    """Every size has a value at the knobs' defaults, and all buffers together have room."""
    names = USUAL_SIZE | {one.name: one.default for one in inputs if isinstance(one.default, float)}
    buffers: dict[str, int] = {}
    for number, one in enumerate(passes):
        try:
            buffers[one.target] = compile_size(one.width)(names) * compile_size(one.height)(names)
        except ValueError as error:
            raise ValueError(f"pass {one.target or number}: {error}") from error
    if (px := sum(buffers.values())) > MOST_BUFFER_PX:
        raise ValueError(f"PASSES: expected at most {MOST_BUFFER_PX / 1e6:.0f} megapixels, found {px / 1e6:.0f}")


def read_imported(said: Mapping[str, Any], folder: Path, buffers: tuple[str, ...]) -> dict[str, Path]:
    """IMPORTED images by name. An entry without a file that names a pass says nothing new."""
    imported = {}
    for entry in header.entries("IMPORTED", said.get("IMPORTED"), MOST_INPUTS):
        name, path = str(entry.get("NAME", "")), entry.get("PATH", "")
        if name in buffers and not path:
            continue
        _check_name("IMPORTED", name)
        if str(entry.get("TYPE", "image")).lower() == "cube" or isinstance(path, list):
            raise ValueError(f"IMPORTED {name!r} is a cube map, which is unsupported here")
        where = folder / header.words(path)
        try:
            there = where.is_file()
        except OSError:  # a name that no file can have
            there = False
        if not there:
            shown = str(where)[:300]
            raise ValueError(f"IMPORTED {name!r}: expected an image at {shown}, found none; put it there")
        imported[name] = where
    return imported
