"""The map on a page: a click leads the show through the desk's door, a drag makes a path that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from browser import Browser
from PIL import Image

from installation import weights
from installation.control.desk import Desk
from installation.latent import lingering, maps, vectors
from installation.latent.atlas import Atlas
from installation.pages.server import PageServer
from installation.settings import Osc
from installation.signals import Command, Knob

KNOBS = {name: Knob(name) for name in (maps.X, maps.Y, "generator.to.map")}


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(Osc(port=0), KNOBS, ())
    made.start()
    yield made
    made.close()


@pytest.fixture
def atlas(desk: Desk, tmp_path: Path, monkeypatch) -> Atlas:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    line = torch.linspace(0, 1, 10)
    places = torch.cartesian_prod(line, line)
    cells = (places * 9).round().long()
    points = torch.randn(100, 24, generator=torch.Generator().manual_seed(0))
    found = maps.Map(points, places, cells, points.mean(0))
    sha256 = str(weights.read_own("bloom")["sha256"])
    maps.keep("bloom", sha256, found, Image.new("RGB", (640, 640), (200, 40, 90)))
    return Atlas("bloom", found, ("127.0.0.1", desk.port))


@pytest.fixture
def page(atlas: Atlas, browser: Browser) -> Iterator[Browser]:
    browser.complaints.clear()
    with PageServer({"map": atlas}) as server:
        browser.open(server.guard.address)
        yield browser
        complaints = list(browser.complaints)
        browser.call("Page.navigate", url="about:blank")
        browser.until("location.href === 'about:blank'")
    assert not complaints, complaints


def mouse(page: Browser, kind: str, x: float, y: float) -> None:
    page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def middle(page: Browser) -> tuple[float, float, float]:
    """The middle of the map in the window, and how wide the map is, in px."""
    width, height = page.evaluate("[innerWidth, innerHeight]")
    return width / 2, height / 2, min(width, height) * 0.92


def heard(desk: Desk, wait_for: Callable[..., object], verb: str = "knob") -> dict[str, float]:
    """What came of the three knobs, once all of them have."""
    told: dict[str, Command] = {}

    def all_three() -> bool:
        told.update({command.name: command for command in desk.poll(0.0) if command.verb == verb})
        return set(told) == set(KNOBS)

    wait_for(all_three)
    return {name: command.value for name, command in told.items()}


def test_a_click_leads_the_show_to_that_place(page: Browser, desk: Desk, wait_for) -> None:
    x, y, size = middle(page)
    for kind in ("mousePressed", "mouseReleased"):
        mouse(page, kind, x + 0.25 * size, y - 0.1 * size)
    values = heard(desk, wait_for)
    assert values == pytest.approx({maps.X: 0.75, maps.Y: 0.4, "generator.to.map": 1.0}, abs=0.01)
    page.until("document.getElementById('where').textContent.startsWith('seed ')")
    page.evaluate("document.getElementById('release').click()")
    assert set(heard(desk, wait_for, "release")) == set(KNOBS)


def test_the_place_under_the_hand_stays_there_as_the_map_comes_nearer(page: Browser, desk: Desk, wait_for) -> None:
    x, y, size = middle(page)
    spot = {"x": x + 0.2 * size, "y": y + 0.2 * size}
    page.call("Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=-600, **spot)
    for kind in ("mousePressed", "mouseReleased"):
        mouse(page, kind, *spot.values())
    values = heard(desk, wait_for)
    assert values == pytest.approx({maps.X: 0.7, maps.Y: 0.7, "generator.to.map": 1.0}, abs=0.01)


def test_a_drag_is_a_path_and_becomes_keyframes_of_a_show(page: Browser, atlas: Atlas, tmp_path: Path) -> None:
    x, y, size = middle(page)
    mouse(page, "mousePressed", x - 0.3 * size, y)
    for i in range(1, 9):
        mouse(page, "mouseMoved", x + (0.075 * i - 0.3) * size, y)
    mouse(page, "mouseReleased", x + 0.3 * size, y)
    page.until("!document.getElementById('path').hidden")
    page.evaluate("document.getElementById('title').value = 'dance'; document.getElementById('save').click()")
    page.until("!document.getElementById('lines').hidden")
    folder = tmp_path / "installation" / "vectors"
    first = vectors.read(folder / "dance-01.npz").w
    assert first is not None and torch.allclose(first, atlas.map.at({maps.X: 0.2, maps.Y: 0.5}), atol=0.2)
    assert len(list(folder.glob("dance-*.npz"))) > 3
    text = (folder / "dance.toml").read_text()
    assert text == page.evaluate("document.getElementById('lines').textContent")
    assert 'name = "dance"' in text and "dance-02.npz" in text and "seconds = 60" in text


def colour(page: Browser, x: float, y: float) -> list[int]:
    pixel = "getImageData(%f * devicePixelRatio, %f * devicePixelRatio, 1, 1).data"
    script = f"[...document.getElementById('map').getContext('2d').{pixel}]"
    found = page.evaluate(script % (x, y))
    return list(found)


def test_pictures_lie_where_they_belong_and_where_visitors_lingered_is_drawn_over_them(
    page: Browser, atlas: Atlas, wait_for
) -> None:
    x, y, size = middle(page)
    spot = (x + (4 / 9 - 0.5) * size, y + (4 / 9 - 0.5) * size)

    def is_red() -> bool:
        red, green, blue, _ = colour(page, *spot)
        return red > 150 and green < 90 and blue < 140

    wait_for(is_red)  # pictures come one after the other
    counted = lingering.Lingering(atlas.folder)
    counted.note(4 / 9, 4 / 9, 30.0)
    counted.save(0.0, at_once=True)
    found = "document.getElementById('map').getContext('2d').getImageData(%f, %f, 1, 1).data[1] > 90"
    page.until(found % spot)


@pytest.mark.parametrize("body", ['{"to": [2, 0]}', '{"to": [0.5]}', '{"to": ["a", 1]}', "[]", '{"to": [true, 0]}'])
def test_what_is_no_place_moves_nothing(atlas: Atlas, desk: Desk, body: str) -> None:
    import http.client

    with PageServer({"map": atlas}) as server:
        port = server.guard.port
        headers = {"Cookie": server.guard.cookie.partition(";")[0], "Origin": f"http://127.0.0.1:{port}"}
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        link.request("POST", "/map/go", body, headers | {"Content-Type": "application/json"})
        assert link.getresponse().status == 400
    assert not desk.poll(0.0)


@pytest.mark.parametrize(
    ("name", "stops"), [("../x", [(0, 0), (1, 1)]), ("a", [(0.0, 0.0)]), ("walk", [(0, 0), (1, 1)])]
)
def test_a_path_that_cannot_be_is_refused_and_nothing_is_written(atlas: Atlas, tmp_path: Path, name, stops) -> None:
    with pytest.raises(ValueError):
        atlas.save_path(name, stops, 60.0)
    assert not (tmp_path / "installation" / "vectors").exists()
