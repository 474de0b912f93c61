"""Pages that lead a show while it runs: a click is on the wall as soon as the painter can have it there."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import Browser
from PIL import Image
from plainshow import as_new, play, words

from installation.__main__ import parser
from installation.control.desk import Desk
from installation.generators import stylegan2
from installation.latent import bred, maps
from installation.latent.atlas import Atlas
from installation.latent.breeding import Family
from installation.latent.door import Door
from installation.live import opening
from installation.live.loop import Live
from installation.pages.server import PageServer

MOST_PICTURES = 2  # that come on the wall once the painter is told: the one in hand, and the one that was asked for
SHOW = """
[generator]
name = "stylegan2"
settings = { model = "bloom" }
[screen]
size = [160, 90]
working_size = [160, 90]
fps = 20.0
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_DATA_HOME", str(folder / "data"))
        yield folder


@pytest.fixture(scope="module")
def bloom(home: Path) -> stylegan2.StyleGAN2:
    return stylegan2.create(stylegan2.Settings("bloom"))


@pytest.fixture(scope="module")
def map_of_bloom(bloom: stylegan2.StyleGAN2) -> maps.Map:
    line = torch.linspace(0, 1, 10)
    places = torch.cartesian_prod(line, line)
    points = torch.stack([bloom.of_seed(seed)[0] for seed in range(100)])
    made = maps.Map(points, places, (places * 9).round().long(), bloom.latent.average)
    maps.keep("bloom", bloom.weights_sha256, made, Image.new("RGB", (640, 640), (200, 40, 90)))
    return made


@pytest.fixture(scope="module")
def opened(home: Path, map_of_bloom: maps.Map) -> Iterator[Live]:
    """The show, from its first picture on, with a map and a place for what is bred."""
    bred.folder_of("bloom").mkdir(parents=True)
    path = home / "bloom show.toml"
    path.write_text(SHOW)
    with ExitStack() as closing:
        show, options = opening.prepare(parser().parse_args(words(path, "--no-panel")))
        live = Live(show, options, closing, sheds=False)
        closing.enter_context(opening.curtain(live.senses, live.studio))
        play(live, lambda heard: live.chronicle._drawing is not None)
        yield live


@pytest.fixture
def live(opened: Live) -> Live:
    return as_new(opened)


def address_of(desk: Desk) -> tuple[str, int]:
    return "127.0.0.1", desk.port


def pictures_until(live: Live, act: Callable[[], object], led: dict[str, float]) -> int:
    """Present frames while somebody acts on a page, until a picture that was made from these values is on the wall.

    Returns how many of the painter's pictures have come on the wall since it was told of the last of them.
    """
    acting = threading.Thread(target=act)
    acting.start()
    missing, came_s, came = set(led), None, dict[int, None]()
    for heard in itertools.islice(live.heard(), 1200):
        live.frame(heard)
        missing -= {command.name for command in heard.commands}
        came_s = heard.now_s if came_s is None and not missing else came_s
        drawing = live.chronicle._drawing  # what is on the wall
        if came_s is not None and drawing is not None and drawing.controls.time_s >= came_s:
            came[drawing.picture] = None  # the first of them was there as the painter was asked anew
            if all(drawing.controls.values[name] == pytest.approx(value, abs=0.01) for name, value in led.items()):
                acting.join()
                return len(came) - 1
        live.pace(heard.now_s)
    raise AssertionError(f"never on the wall: {led}; not heard: {missing}")


@pytest.fixture
def shown(browser: Browser) -> Iterator[Callable[[PageServer], Browser]]:
    browser.complaints.clear()
    with ExitStack() as closing:

        def show(server: PageServer) -> Browser:
            browser.open(closing.enter_context(server).guard.address)
            return browser

        yield show
        complaints = list(browser.complaints)
        browser.call("Page.navigate", url="about:blank")
        browser.until("location.href === 'about:blank'")
    assert not complaints, complaints


def click_at(page: Browser, x: float, y: float) -> None:
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def test_a_click_on_the_map_is_on_the_wall_within_two_pictures_of_the_painter(live, map_of_bloom, shown) -> None:
    page = shown(PageServer({"map": Atlas("bloom", map_of_bloom, address_of(live.desk))}))
    width, height = page.evaluate("[innerWidth, innerHeight]")
    size, counted, moved = min(width, height) * 0.92, [], []
    for x, y in ((0.75, 0.4), (0.2, 0.3), (0.5, 0.9), (0.3, 0.6)):
        before = live.screen.read_now().astype(int)
        spot = width / 2 + (x - 0.5) * size, height / 2 + (y - 0.5) * size
        led = {maps.X: x, maps.Y: y, "generator.to.map": 1.0}
        counted.append(pictures_until(live, lambda spot=spot: click_at(page, *spot), led))
        moved.append(float(np.abs(live.screen.read_now() - before).mean()))
    assert max(counted) <= MOST_PICTURES, counted
    assert min(moved) > 3, moved
    assert not live.faults(), live.faults()


def test_whoever_is_pointed_at_among_the_bred_is_on_the_wall_within_two_pictures(live, bloom, shown) -> None:
    founders = {f"seed {seed}": bloom.of_seed(seed) for seed in range(3)}
    page = shown(PageServer({"breed": Family(bloom, "bloom", founders, door=Door(address_of(live.desk)))}))
    counted, moved = [], []
    for shown, number in ((1, 2), (2, 0), (3, 1)):
        before = live.screen.read_now().astype(int)
        figure = f"document.querySelector('#family [data-number=\"{number}\"]')"
        box = f"{figure}.querySelector('button').getBoundingClientRect()"
        x, y = page.evaluate(f"(({{x, y}}) => [x + 20, y + 20])({box})")
        led = {bred.WHICH: shown, bred.TO: 1.0}
        counted.append(pictures_until(live, lambda x=x, y=y: click_at(page, x, y), led))
        moved.append(float(np.abs(live.screen.read_now() - before).mean()))
    assert max(counted) <= MOST_PICTURES, counted
    assert min(moved) > 3, moved
    assert not live.faults(), live.faults()
