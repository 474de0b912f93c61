"""Every effect of ours looks as it looked when somebody last looked at it, and the same at every working size."""

from __future__ import annotations

from collections.abc import Iterator

import golden
import numpy as np
import pytest
from golden import LARGE, SHOW, SMALL, WHOLE, Easel, View, views
from PIL import Image

from installation import settings
from installation.rendering.effects import Chain
from installation.rendering.surfaces import close_headless, open_headless

COARSE = {"datamosh": 0.18}  # it drags whole pixels: in the smallest frame each is four of the show's
# Their lines are finer than a pixel of the smallest frame: what their mean may differ by, smaller and larger.
FINE = {"engrave": (0.032, 0.008), "marble": (0.045, 0.005)}
ADVICE = "run tests/rendering/golden.py if the new look is meant, and look at what it wrote"


@pytest.fixture(scope="module")
def easel() -> Iterator[Easel]:
    context = open_headless()
    yield Easel(context)
    close_headless(context)


@pytest.fixture(scope="module")
def strips() -> dict[str, list[np.ndarray]]:
    return {}


def strip(easel: Easel, strips: dict[str, list[np.ndarray]], name: str) -> list[np.ndarray]:
    """An effect's tiles, drawn once for all tests."""
    if name not in strips:
        strips[name] = list(easel.tiles(name))
    return strips[name]


@pytest.mark.parametrize("name", golden.NAMES)
def test_an_effect_looks_like_its_golden_picture_in_every_tile(easel, strips, name: str) -> None:
    found = golden.hang(strip(easel, strips, name))
    with Image.open(golden.GOLDEN / f"{name}.png") as hung:
        assert hung.size == found.shape[1::-1], ADVICE
    assert not golden.complain(iter(strip(easel, strips, name)), name), ADVICE


@pytest.mark.parametrize("name", golden.NAMES)
def test_an_effect_looks_the_same_at_every_working_size(easel, strips, name: str) -> None:
    tiles = [one[:WHOLE] / 255 for one in strip(easel, strips, name)]
    smaller, larger = FINE.get(name, (0.028, 0.003))
    chain = Chain(easel.canvas, [settings.Effect(name)], SHOW, sheds=False)
    (show,) = easel.draw(chain, View({}))
    alike(golden.tile(show)[:WHOLE] / 255, tiles[-1], larger, 0.012, LARGE)
    for view, expected in zip(views(name)[1:-3], tiles[len(golden.MOMENTS) :], strict=False):
        (small,) = easel.draw(chain, view._replace(size=SMALL))
        alike(golden.tile(small)[:WHOLE] / 255, expected, smaller, COARSE.get(name, 0.09), view.values)
    chain.release()


def alike(one: np.ndarray, other: np.ndarray, mean: float, block: float, where: object) -> None:
    """Both frames brought down to 64 x 36: so near in the mean, and in the light of any 8 x 8 of it."""
    off = one - other
    blocks = off[:32].reshape(4, 8, 8, 8, 3).mean((1, 3))
    assert np.abs(off).mean() < mean and np.abs(blocks).max() < block, (where, np.abs(off).mean(), np.abs(blocks).max())


@pytest.mark.parametrize(("name", "knobs"), [("grain", {"amount": 0.8}), ("film", {"grain": 0.8, "amount": 1.0})])
def test_grain_is_as_strong_and_as_large_at_every_working_size(easel, name: str, knobs: dict[str, float]) -> None:
    """Over even grey: what is left of it where 4 x 4 of the show's pixels are one, and how alike neighbours are."""
    chain = Chain(easel.canvas, [settings.Effect(name, knobs=knobs)], SHOW)
    seen = {}
    for size in (SHOW, SMALL, LARGE, (2048, 1152)):
        chain.resize(size)
        grey = easel.canvas.context.texture(size, 4, bytes([100, 100, 100, 255]) * (size[0] * size[1]))
        frame = golden.pixels_of(chain.draw(grey, {}, 1.0))[..., 1].astype(float)
        middle = frame[frame.shape[0] // 4 : frame.shape[0] * 3 // 4, frame.shape[1] // 4 : frame.shape[1] * 3 // 4]
        times = max(1, size[1] // 72)
        coarse = middle.reshape(middle.shape[0] // times, times, -1, times).mean((1, 3))
        seen[size] = coarse.std()
    chain.release()
    assert seen[SHOW] > 1, "there is grain"
    assert all(found == pytest.approx(seen[SHOW], rel=0.2) for found in seen.values()), seen
