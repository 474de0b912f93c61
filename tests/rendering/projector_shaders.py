"""What each of the projector's shaders draws from pictures of chance, beside what numpy says it should have drawn.

The test card alone has golden pictures. Run this file to paint them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import golden
import moderngl
import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image

from installation.rendering import canvas as room
from installation.rendering.canvas import SHADERS, Canvas, Target
from installation.rendering.limiter import GRID
from installation.rendering.upload import Uploader
from installation.rendering.wall import light, mesh
from installation.rendering.wall.cloth import Cloth, places
from installation.rendering.wall.venue import Blend, Edge, Mesh, Output

Pair = tuple[np.ndarray, np.ndarray]  # found and expected [each shape=(H, W, C), 0..1]
OFF = 2.6 / 255  # two roundings to eight bits, and the eight bits of a bilinear weight
CARDS = [((512, 288), 0.6, 1.0), ((360, 480), 3.1, 0.6)]  # size, time_s, master


def complain(canvas: Canvas, name: str, folder: Path = SHADERS) -> str:
    """How far a shader is off what it should draw, or ''."""
    for found, expected in _pairs(canvas, name, folder, 0):
        off = np.abs(found - expected).max()
        said = golden.differ(found * 255, expected * 255) if name == "card" else off > OFF and f"off by {off:.4f}"
        if said or not np.isfinite(found).all():
            return f"{name}: {said}"
    return ""


def draw(canvas: Canvas, name: str, folder: Path, seed: int) -> Iterator[np.ndarray]:
    """What a shader draws where chance, by seed, sets everything."""
    for found, _ in _pairs(canvas, name, folder, seed):
        yield found


def _pairs(canvas: Canvas, name: str, folder: Path, seed: int) -> list[Pair]:
    kept, room.SHADERS = room.SHADERS, folder
    canvas._copying = None
    try:
        return list(TRIALS[name](canvas, default_rng(seed)))
    finally:
        room.SHADERS, canvas._copying = kept, None


def noise(chance: Generator, width: int, height: int) -> np.ndarray:
    """Colours of chance [shape=(H, W, 4), uint8]."""
    return chance.integers(0, 256, (height, width, 4), np.uint8)


def _show(
    canvas: Canvas, program: room.Program, size: tuple[int, int], draw: Callable | None = None, **textures: np.ndarray
) -> np.ndarray:
    """Draw over these textures and read it [shape=(H, W, 3), 0..1, row 0 at the bottom]."""
    for name, pixels in textures.items():
        texture = canvas.context.texture(pixels.shape[1::-1], 4, np.ascontiguousarray(pixels).tobytes())
        texture.repeat_x = texture.repeat_y = False
        program.bind(name, texture)
    target = Target(canvas.context, size)
    (draw or program.draw)(target.framebuffer)
    return np.frombuffer(target.texture.read(), "u1").reshape(size[1], size[0], 4)[..., :3] / 255


def copy(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    pixels = noise(chance, 26, 14)
    yield _show(canvas, canvas.own_program("copy"), (26, 14), picture=pixels), pixels[..., :3] / 255
    half = pixels[..., :3].reshape(7, 2, 13, 2, 3).mean((1, 3)) / 255
    yield _show(canvas, canvas.own_program("copy"), (13, 7), picture=pixels), half


def window(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    pixels = noise(chance, 26, 14)
    yield _show(canvas, canvas.own_program("window"), (26, 14), picture=pixels), pixels[::-1, :, :3] / 255


def overlay(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    """Over what is there already; where its alpha is low that stays."""
    pixels, below, program = noise(chance, 26, 14), noise(chance, 26, 14), canvas.own_program("overlay")
    program.set("master", master := chance.uniform(0.3, 1.0))

    def draw(framebuffer: moderngl.Framebuffer) -> None:
        framebuffer.color_attachments[0].write(below.tobytes())
        program.draw(framebuffer)

    expected = np.where(pixels[..., 3:] >= 128, pixels[..., :3] * master, below[..., :3])
    yield _show(canvas, program, (26, 14), draw, picture=pixels), expected / 255


def mix(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    before, picture, program = noise(chance, 20, 12), noise(chance, 20, 12), canvas.own_program("mix")
    for share in (0.125, chance.random()):
        program.set("share", share)
        expected = (before * (1 - share) + picture * share)[..., :3] / 255
        yield _show(canvas, program, (20, 12), before=before, picture=picture), expected


def unpack(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    pixels = chance.uniform(-1.3, 1.3, (3, 10, 22)).astype("f4")
    pixels[:, 2, 3:6] = np.array([np.nan, np.inf, -np.inf])
    expected = np.nan_to_num(np.clip(pixels * 0.5 + 0.5, 0, 1)).transpose(1, 2, 0)[::-1]
    for planar in (pixels, np.ascontiguousarray(pixels.transpose(1, 2, 0)).transpose(2, 0, 1)):
        texture = Uploader(canvas).upload(planar)
        yield np.frombuffer(texture.read(), "u1").reshape(10, 22, 4)[..., :3] / 255, expected


def measure(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    """A hundred pixels a cell: all that the shader looks at. Some cells are dark, some red."""
    pixels = noise(chance, GRID[1] * 10, GRID[0] * 10)
    pixels[:40] //= 16
    pixels[20:70, :, 1:3] //= chance.integers(1, 9, (50, 160, 2), np.uint8)
    cells, program = Target(canvas.context, GRID[::-1], "f4", components=2), canvas.own_program("measure")
    program.set("cells", (float(GRID[1]), float(GRID[0])))
    texture = canvas.context.texture(pixels.shape[1::-1], 4, pixels.tobytes())
    program.bind("picture", texture)
    program.draw(cells.framebuffer)
    c = pixels[..., :3] / 255
    r, g, b = np.moveaxis(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4), -1, 0)
    red = np.where(r >= 0.8 * (r + g + b), np.maximum(r - g - b, 0), 0)
    light = np.stack([0.2126 * r + 0.7152 * g + 0.0722 * b, red], -1)
    found = np.frombuffer(cells.texture.read(), "f4").reshape(*GRID, 2)
    yield found * 10, light.reshape(GRID[0], 10, GRID[1], 10, 2).mean((1, 3)) * 10  # means: a tenth of the roundings


def keys(t: np.ndarray) -> np.ndarray:
    """The weight of a texel at this distance (Keys 1981, a = -1/2)."""
    t = np.abs(t)
    return np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0.0))


def stretch(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    """Along either axis; with more than one span the picture is seen with its mirror images."""
    for span in (1.0, 0.55, 5.4, chance.uniform(0.3, 3.0)):
        for words, axis in ((("ACROSS",), 1), ((), 0)):
            pixels, size = noise(chance, 17, 13), [17, 13]
            n, size[1 - axis] = (13, 17)[axis], 31
            program = canvas.own_program("stretch", *words)
            program.set("span", span)
            x = (((np.arange(31) + 0.5) / 31 - 0.5) * span + 0.5) * n - 0.5
            weights = keys(x[:, None] - np.arange(-8 * n, 9 * n))  # 17 pictures side by side, every other mirrored
            weights = weights.reshape(31, 17, n)
            weights[:, 1::2] = weights[:, 1::2, ::-1]
            expected = np.clip(np.moveaxis(np.tensordot(weights.sum(1), pixels[..., :3], (1, axis)), 0, axis), 0, 255)
            yield _show(canvas, program, (size[0], size[1]), picture=pixels), expected / 255


def present(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    pixels, master = noise(chance, 16, 9) // 2 + 60, chance.uniform(0.5, 1.0)
    rgb, even = pixels[::-1, :, :3] / 255, mesh.middles((80, 46))
    program = canvas.own_program("present")
    program.set("master", master)
    yield _show(canvas, program, (80, 46), picture=pixels), _look_up(rgb, even, keys) * master
    for output in (_pinned(chance), _shaded(_pinned(chance))):
        shaded, mask = light.is_shaded(output), noise(chance, 80, 46)
        cloth = Cloth(canvas, *["SHADED"] * shaded)
        cloth.hang(output)
        cloth.program.set("master", master)
        seen = _show(canvas, cloth.program, (80, 46), cloth.draw, picture=pixels, mask=mask)
        within = mesh.through(np.linalg.inv(mesh.base_of(output.mesh)), even)
        expected = _look_up(rgb, light.in_picture(within, output), keys)
        if shaded:
            gain, lift = light.shade(light.turn(within, output), output)
            assert lift is not None
            expected = (expected * gain + lift) * mask[..., :1] / 255
        yield seen, expected * _edge(within)[..., None] * master
        at, covered = places(canvas, output, (80, 46))
        lit = (covered > 0)[..., None]
        yield np.where(lit, at, 0), np.where(lit, light.in_picture(within, output), 0)
        yield covered[..., None], _edge(within)[..., None]


def _pinned(chance: Generator) -> Output:
    """A piece of the picture between corner pins of chance, turned and mirrored."""
    pins = mesh.SQUARE + chance.uniform(0.02, 0.3, (4, 2)) * [[1, 1], [-1, 1], [1, -1], [-1, -1]]
    source, turn = (0.1, 0.2, 0.8, 0.7), int(chance.integers(4)) * 90
    return Output(mesh=Mesh(points=mesh.as_points(pins)), source=source, rotation=turn, mirror_x=chance.random() < 0.5)


def _shaded(output: Output) -> Output:
    blend = Blend(Edge(0.3, (1.8, 2.2, 2.6)), Edge(0.2, (2.4, 2.0, 2.2)), bottom=Edge(0.35))
    return replace(output, blend=blend, black=(0.2, 0.1, 0.3), colour=(0.7, 1.0, 0.4), mask_file="m.png")


def _edge(at: np.ndarray) -> np.ndarray:
    """How much of each place lies in the mesh: soft at its edge, by the differences within two by two pixels."""
    across, down = at[:, 1::2] - at[:, ::2], at[1::2] - at[::2]
    width = np.abs(across[::2].repeat(2, 0)).repeat(2, 1) + np.abs(down[:, ::2].repeat(2, 1)).repeat(2, 0)
    return np.clip(np.minimum(at, 1 - at) / width + 0.5, 0, 1).prod(-1)


def _look_up(rgb: np.ndarray, at: np.ndarray, kernel: Callable) -> np.ndarray:
    """A picture (row 0 on top) between its pixels, clamped at its edges, without the kernel's four far corners."""
    height, width = rgb.shape[:2]
    near = [np.floor(at[..., i] * n - 0.5).astype(int) for i, n in enumerate((width, height))]
    total, sum_ = 0.0, 0.0
    for i in range(-1, 3):
        for k in range(-1, 3):
            if i in (-1, 2) and k in (-1, 2):
                continue
            x, y = near[0] + i, near[1] + k
            w = kernel(at[..., 0] * width - 0.5 - x) * kernel(at[..., 1] * height - 0.5 - y)
            sum_ = sum_ + w[..., None] * rgb[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
            total = total + w
    return np.clip(sum_ / total[..., None], 0, 1)


def card(canvas: Canvas, chance: Generator) -> Iterator[Pair]:
    program = canvas.own_program("card")
    for i, (size, time_s, master) in enumerate([*CARDS, ((300, 200), chance.uniform(0, 4), chance.random())]):
        for name, value in (("size", tuple(map(float, size))), ("time_s", time_s), ("master", master)):
            program.set(name, value)
        found, path = _show(canvas, program, size)[::-1], golden.GOLDEN / f"card-{i}.png"
        yield found, np.asarray(Image.open(path).convert("RGB")) / 255 if path.is_file() else found


TRIALS: dict[str, Callable[[Canvas, Generator], Iterator[Pair]]] = {
    trial.__name__: trial for trial in (card, copy, measure, mix, overlay, present, stretch, unpack, window)
}

if __name__ == "__main__":
    from installation.rendering.surfaces import open_headless

    for n, seen in enumerate(list(draw(Canvas(open_headless()), "card", SHADERS, 0))[: len(CARDS)]):
        Image.fromarray((seen * 255 + 0.5).astype(np.uint8)).save(golden.GOLDEN / f"card-{n}.png", optimize=True)
        print(f"wrote card-{n}.png")
