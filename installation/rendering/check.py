"""Effect files in; for each one line that says ok, or why it cannot be drawn, out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


def describe(canvas: Canvas, path: Path) -> str:
    """Draw the effect and say what it has. Raises EffectError saying why it cannot be drawn."""
    effect = isf.read(path)
    loaded = LoadedEffect(canvas, effect)
    picture, output = Target(canvas.context, SIZE), Target(canvas.context, SIZE)
    values = {
        i.name: i.default
        if i.type in ("float", "color", "point2d")
        else int(i.default)
        if i.type == "long"
        else bool(i.default)
        for i in effect.knobs
    }
    for n in range(2):
        frame = Frame(picture.texture, n / 30, 1 / 30, (2000.0, 1.0, 1.0, 0.0), None)
        loaded.draw(picture.texture, output, values, frame)
    for item in (loaded, picture, output):
        item.release()
    passes = len(effect.passes)
    return f"{len(effect.knobs)} knobs, {passes} pass{'es' if passes > 1 else ''}" + (
        f", {len(effect.buffers)} buffers" if effect.buffers else ""
    )
