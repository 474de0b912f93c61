"""Effect files in; for each one line that says ok, or why it cannot be drawn, out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from installation.rendering import isf
from installation.rendering.canvas import Canvas, Target
from installation.rendering.effect import Frame, LoadedEffect
from installation.rendering.surfaces import DisplayError, close_headless, open_headless

SIZE = (64, 36)


def check_files(paths: Sequence[str | Path]) -> int:
    """Load each file in a real GL context and draw two frames of it. Prints a line each; returns 1 if any fails."""
    try:
        canvas = Canvas(open_headless())
    except DisplayError as error:
        print(f"cannot check: {error}")
        return 1
    failed = 0
    for path in map(Path, paths):
        try:
            print(f"{path}: ok, {describe(canvas, path)}")
        except (isf.EffectError, ValueError) as error:
            failed += 1
            print(f"{path}: not usable: {error}")
    close_headless(canvas.context)
    return 1 if failed else 0


def rest_of(effect: isf.Effect) -> dict[str, Any]:
    """Every knob of an effect at its default, as GLSL wants it."""
    kinds: dict[str, Any] = {"long": int, "bool": bool, "event": bool}
    return {i.name: kinds.get(i.type, lambda value: value)(i.default) for i in effect.knobs}


def describe(canvas: Canvas, path: Path) -> str:
    """Draw the effect and say what it has. Raises EffectError saying why it cannot be drawn."""
    effect = isf.read(path)
    loaded = LoadedEffect(canvas, effect)
    picture, output = Target(canvas.context, SIZE), Target(canvas.context, SIZE)
    values = rest_of(effect)
    for n in range(2):
        frame = Frame(picture.texture, n / 30, 1 / 30, (2000.0, 1.0, 1.0, 0.0), None)
        loaded.draw(picture.texture, output, values, frame)
    for item in (loaded, picture, output):
        item.release()
    passes = len(effect.passes)
    return f"{len(effect.knobs)} knobs, {passes} pass{'es' if passes > 1 else ''}" + (
        f", {len(effect.buffers)} buffers" if effect.buffers else ""
    )
