"""An Interactive Shader Format file (ISF 1 or 2) in; its inputs, passes and images, and GLSL 330 out."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.rendering import declared, glsl, header
from installation.rendering.declared import IMAGE_TYPES, VALUE_TYPES, Input, Pass
from installation.settings import SettingsError

__all__ = ["Effect", "EffectError", "Input", "Pass", "read"]
LARGEST_BYTES = 2_000_000
IMAGE_NAMES = ("inputImage", "startImage")


class EffectError(SettingsError):
    """An effect file that cannot be drawn; the text names the file, the line where known, and what to mend."""


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
    """Read and translate one .fs file (and the .vs beside it). Raises EffectError saying why it cannot be drawn,
    whatever the files hold."""
    try:
        return _read(path)
    except EffectError:
        raise
    except (ValueError, ArithmeticError, LookupError, TypeError, OSError) as error:
        raise EffectError(f"{path.name}: {error}") from error
    except RecursionError as error:
        raise EffectError(
            f"{path.name}: expected a header as people write it, found lists in lists in lists"
        ) from error


def _read(path: Path) -> Effect:
    text = _read_text(path)
    found = header.split(text)
    if not found:
        what = "a web page" if text.lstrip()[:100].lower().startswith(("<!doctype html", "<html")) else "none"
        raise EffectError(
            f"{path.name}: expected an ISF header (a comment holding a JSON object) at its top, found {what}"
        )
    said = _parse_header(found, path)
    inputs = declared.read_inputs(said)
    passes = declared.read_passes(said, inputs)
    buffers = tuple(dict.fromkeys(p.target for p in passes if p.target))
    imported = declared.read_imported(said, path.parent, buffers)
    companion = path.with_suffix(".vs")
    vertex = glsl.plain(_read_text(companion)) if companion.is_file() else ""
    body = glsl.plain(found.body)
    one_size = not imported and not vertex and all(i.type not in ("audio", "audiofft") for i in inputs)
    one_size = one_size and all(p.width == "$WIDTH" and p.height == "$HEIGHT" for p in passes)
    _refuse_includes({path: body, companion: vertex})
    images = [*(i.name for i in inputs if i.type in IMAGE_TYPES), *buffers, *imported]
    uniforms = glsl.declare([(i.name, i.type) for i in inputs], images, body + vertex)
    clashing = glsl.find_clashes(body + vertex, uniforms)
    return Effect(
        path=path,
        about=header.words(said.get("DESCRIPTION")),
        credit=header.words(said.get("CREDIT")),
        inputs=inputs,
        passes=passes,
        imported=imported,
        fragment=glsl.translate(glsl.FRAGMENT, body, glsl.THIS_PIXEL[one_size] + uniforms, clashing),
        vertex=glsl.translate(glsl.VERTEX, vertex or glsl.NO_VERTEX, glsl.THIS_PIXEL[False] + uniforms, clashing),
        buffers=buffers,
    )


def _refuse_includes(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        found = re.search(r"^[ \t]*#[ \t]*include\b[^\n]*", text, re.MULTILINE)
        if found:
            line = text[: found.start()].count("\n") + 1
            raise EffectError(
                f"{path.name}:{line}: {found[0].strip()[:80]} is unsupported here; put that file's text there"
            )


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise EffectError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > LARGEST_BYTES:
        raise EffectError(f"{path.name}: expected a text of at most {LARGEST_BYTES / 1e6:.0f} MB, found a longer file")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = raw.decode("utf-16", "replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
    if "\0" in text:
        raise EffectError(f"{path.name}: expected a text, found zero bytes in it; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_header(found: header.Split, path: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = header.parse(found.json)  # what begins with a brace is one
    except json.JSONDecodeError as error:
        line = found.line + error.lineno - 1
        raise EffectError(f"{path.name}:{line}: the header is not JSON: {error.msg}") from error
    return said
