"""The golden pictures: a strip of tiles for every effect of ours. Run this file to paint them anew, then look at them.

A tile shows the whole frame, shrunk, and below it a piece of that frame pixel for pixel. A strip shows what an effect
does by itself at several instants of a stepped clock that stumbles twice, or walks where the effect hears, as a sound
comes in slowly; then each knob at either end of its range, and all together; and last what it does in a smaller and in
a larger frame than the show's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import moderngl
import numpy as np
from flower import picture, pixels_of, upload
from PIL import Image

from installation import files, settings
from installation.rendering import isf
from installation.rendering.canvas import Canvas
from installation.rendering.effect import SoundView
from installation.rendering.effects import Chain
from installation.rendering.link import AXES

GOLDEN = Path(__file__).parents[1] / "golden"
EFFECTS = files.shipped("shaders/effects")
NAMES = sorted(path.stem for path in EFFECTS.glob("*.fs"))
SHOW, SMALL, LARGE = (512, 288), (128, 72), (1280, 720)
UNSEEN = (64, 36)  # of frames that only have to have been
TILE, WHOLE = 64, 36  # pixels; rows of a tile that show the whole frame
PLACE = (0.68, 0.354)  # of the piece: petals, their edge and the ground
PLACES = {  # in turn
    "sea": ((0.53, 0.58), (0.52, 0.22), (0.47, 0.75), (0.55, 0.05)),  # glitter, lamp, waves, stars
    "marble": (PLACE, (0.94, 0.80)),  # inks, and what lies fine between them
}
GROUNDS: dict[str, dict[str, float]] = {  # other knobs are turned by day, and with other inks
    "sea": {"sky": 1.3, "wind": 0.6},
    "marble": {"inks": 1.5},
}
BETWEEN: dict[str, list[dict[str, float]]] = {  # what no knob's end shows
    "grade": [{"gamma": 1.25}],  # between the tone and its root
}
COLUMNS = 8
SPELL = 8  # frames between two stumbles of the clock
TURNS = 8  # the flower moves fast enough to leave a trail
TIMES_S = tuple(n / 30 + (0.0, 5.3, 19.0)[n // SPELL] for n in range(3 * SPELL))
HEARD_S = tuple(n * 0.45 for n in range(3 * SPELL))  # what is heard takes seconds to come in
MOMENTS = (0, SPELL - 1, SPELL, 2 * SPELL - 1, 3 * SPELL - 1)
LATE = 3  # of the moments, the one at which knobs and sizes are compared
# What a viewer does not see, of 1: the mean difference of a tile; in any 8 x 8 pixels of it that of their light, and of
# their texture. Between CPUs (SSE4 to AVX-512 without and with FMA) they are below 0.0001, 0.0007 and 0.001.
MEAN, LIGHT, TEXTURE = 0.004, 0.006, 0.010


class View(NamedTuple):
    """Knobs that are not at their default, the frames to look at, and the working size."""

    values: dict[str, float]
    frames: tuple[int, ...] = MOMENTS[LATE : LATE + 1]
    size: tuple[int, int] = SHOW


class Easel:
    """One GL context with a moving picture in it, over which effects are drawn again and again."""

    def __init__(self, context: moderngl.Context) -> None:
        self.canvas = Canvas(context)
        self.inputs: dict[tuple[Any, int], moderngl.Texture] = {}

    def input(self, size: tuple[int, int], n: int) -> moderngl.Texture:
        """The moving picture at frame n: a flower, half of it green, beside white and black; the same at any size."""
        if (size, n) not in self.inputs:
            rgb = picture(*SHOW, time_s=TIMES_S[n] * TURNS, crisp=70.0)
            leaves = np.arange(SHOW[0]) / SHOW[0] < 0.35 + 0.3 * np.arange(SHOW[1])[:, None] / SHOW[1]
            rgb[leaves] = rgb[leaves][:, [1, 0, 2]]
            rgb[66:100, 352:392], rgb[100:140, 352:392] = 1.0, 0.0
            made = Image.fromarray((rgb * 255 + 0.5).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
            self.inputs[size, n] = upload(self.canvas.context, np.asarray(made) / np.float32(255))
        return self.inputs[size, n]

    def draw(self, chain: Chain, view: View) -> Iterator[np.ndarray]:
        """The frames that the view looks at [each shape=(H, W, 3), uint8, row 0 on top], of a chain of one effect."""
        (link,) = chain.links
        effect = link.loaded.effect
        times_s = HEARD_S if hears(effect) else TIMES_S
        chain.resize(view.size)
        chain.draw(self.input(view.size, 0), {f"effect.{link.name}.amount": 0.0}, 0.0)  # it forgets
        for n in range(max(view.frames) + 1):
            if n in view.frames or link.loaded.has_history:
                size = view.size if n in view.frames or remembers_frames(effect) else UNSEEN
                chain.resize(size)
                seen = chain.draw(self.input(size, n), view.values, times_s[n], sound(n))
                if n in view.frames:
                    yield pixels_of(seen)[::-1, :, :3]

    def tiles(self, name: str, folder: Path = EFFECTS) -> Iterator[np.ndarray]:
        """The strip's tiles, one by one [each shape=(64, 64, 3), uint8]."""
        chain = Chain(self.canvas, [settings.Effect(name)], SHOW, folder, sheds=False)  # however slow the machine
        try:
            places = itertools.cycle(PLACES.get(name, (PLACE,)))
            for view in views(name):
                yield from map(tile, self.draw(chain, view), places)
        finally:
            chain.release()


def hears(effect: isf.Effect) -> bool:
    return any(image.type != "image" for image in effect.images)


def remembers_frames(effect: isf.Effect) -> bool:
    """Whether what it remembers is as large as the frame."""
    sizes = "".join(one.width + one.height for one in effect.passes if one.persistent)
    return "$" in sizes


def sound(n: int) -> SoundView:
    """Tones that wander from frame to frame."""
    return SoundView(np.zeros(8), 0.4 + 0.4 * np.cos(np.arange(512) / 50 - 0.8 * n))


def views(name: str) -> list[View]:
    """All defaults at five instants; every knob at its ends; all at their ends at once; and other working sizes."""
    amount, found = f"effect.{name}.amount", [View({}, MOMENTS)]
    ground = {f"effect.{name}.{knob}": value for knob, value in GROUNDS.get(name, {}).items()}
    together: dict[str, float] = {}
    for knob in isf.read(EFFECTS / f"{name}.fs").knobs:
        axes = [f".{axis}" for axis in AXES[knob.type]] if knob.type in AXES else [""]
        for value in ends(knob):
            numbers = dict(zip(axes, value if isinstance(value, tuple) else (value,), strict=True))
            turned = {f"effect.{name}.{knob.name}{a}": v for a, v in numbers.items()}
            found.append(View(ground | turned))
        together |= turned
    found += [View({f"effect.{name}.{knob}": at for knob, at in one.items()}) for one in BETWEEN.get(name, [])]
    found += [View(together), View(together | {amount: 0.5}), View(together, size=SMALL)]
    return [*found, View({}, size=SMALL), View({}, size=LARGE)]


def ends(knob: isf.Input) -> list[Any]:
    """What a knob is turned to: its lowest and highest, its other switch, a far place, a foreign colour."""
    if knob.type == "color":
        return [(0.2, 0.9, 0.4, 1.0)]
    if knob.type == "point2d":
        return [(knob.low[0], 0.7 * knob.high[1]), (0.3 * knob.high[0], knob.high[1])]
    if knob.type == "bool":
        return [1.0 - knob.default]
    values = knob.values or ((knob.low, knob.high) if knob.identity is None else (knob.high / 2, knob.high))
    return [value for value in values if value != knob.default]


def tile(seen: np.ndarray, place: tuple[float, float] = PLACE) -> np.ndarray:
    """The whole frame, shrunk, over a piece of it [shape=(64, 64, 3), uint8]."""
    size, piece = np.array(seen.shape[1::-1]), np.array([TILE, TILE - WHOLE])
    x, y = np.minimum((size * np.array(place) - piece / 2).astype(int), size - piece)
    whole = Image.fromarray(np.ascontiguousarray(seen)).reduce(len(seen) // WHOLE)
    return np.vstack([np.asarray(whole), seen[y : y + piece[1], x : x + piece[0]]])


def differ(found: np.ndarray, expected: np.ndarray) -> str:
    """What a viewer would see of the difference of two tiles, or ''."""
    off = (found.astype(float) - expected) / 255
    height, width = off.shape[0] // 8, off.shape[1] // 8
    blocks = off[: height * 8, : width * 8].reshape(height, 8, width, 8, 3)
    seen = np.abs(off).mean(), np.abs(blocks.mean((1, 3))).max(), np.abs(blocks).mean((1, 3, 4)).max()
    if all(one <= most for one, most in zip(seen, (MEAN, LIGHT, TEXTURE), strict=True)):
        return ""
    return "mean difference {:.4f}, worst block {:.4f} in light, {:.4f} in texture".format(*seen)


def complain(tiles: Iterator[np.ndarray], name: str) -> str:
    """The first tile that is not the golden one and how far it is off, or ''."""
    expected = take_down(np.asarray(Image.open(GOLDEN / f"{name}.png").convert("RGB")))
    for i, (found, one) in enumerate(zip(tiles, expected, strict=False)):
        if said := differ(found, one):
            return f"tile {i}: {said}"
    return ""


def hang(tiles: list[np.ndarray]) -> np.ndarray:
    """Tiles side by side, COLUMNS in a row [shape=(H, W, 3), uint8]."""
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.zeros((rows, TILE, COLUMNS, TILE, 3), np.uint8)
    for i, one in enumerate(tiles):
        sheet[i // COLUMNS, :, i % COLUMNS] = one
    return sheet.reshape(rows * TILE, COLUMNS * TILE, 3)


def take_down(sheet: np.ndarray) -> list[np.ndarray]:
    """The tiles of a sheet that was hung [each shape=(64, 64, 3), uint8], and the black ones that filled it up."""
    parts = sheet.reshape(-1, TILE, COLUMNS, TILE, 3).swapaxes(1, 2)
    return list(parts.reshape(-1, TILE, TILE, 3))


if __name__ == "__main__":
    import sys

    from installation.rendering.surfaces import open_headless

    easel, out = Easel(open_headless()), Path(*sys.argv[1:2] or [GOLDEN])
    for one in NAMES:
        Image.fromarray(hang(list(easel.tiles(one)))).save(out / f"{one}.png", optimize=True)
        print(f"wrote {out / one}.png")
