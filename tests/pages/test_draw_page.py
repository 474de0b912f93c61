"""The page to draw on: what a hand draws there is what the show is handed, and what the show answers is seen there."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from browser import Browser
from PIL import Image

from installation.live.paper import MOST_AT_ONCE, MOST_POINTS, MOST_STROKES, Paper
from installation.pages.server import PageServer


def answer() -> str:
    """What the show paints: JPEG, base64."""
    out = io.BytesIO()
    Image.new("RGB", (32, 16), (200, 40, 90)).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


class Show:
    """Who is handed the drawings."""

    def __init__(self) -> None:
        self.drawings: list[np.ndarray] = []
        self.paper = Paper((320, 160), self.drawings.append, answer)

    @property
    def dark(self) -> np.ndarray:
        """Where the newest drawing is inked (H, W)."""
        self.paper.news()
        return self.drawings[-1][:, :, 0] < 128


@pytest.fixture
def show() -> Show:
    return Show()


def stroke(name: str, *points: tuple[float, float], width: float = 0.02, **more: object) -> str:
    return json.dumps({"stroke": name, "points": points, "width": width, **more})


def test_a_hand_draws_erases_takes_back_and_begins_anew_and_sees_the_answer(
    show: Show, browser: Browser, wait_for: Callable[..., object]
) -> None:
    browser.complaints.clear()

    def drag(*way: tuple[float, float]) -> None:
        box = browser.evaluate(
            "(() => { const b = paper.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        kinds = ["mousePressed", *["mouseMoved"] * (len(way) - 2), "mouseReleased"]
        for kind, (x, y) in zip(kinds, way, strict=True):
            spot = {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}
            browser.call("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **spot)

    with PageServer({"draw": show.paper}) as server:
        browser.open(server.guard.address)
        browser.until("Number(wall.dataset.pictures) > 0 && wall.width === 32")
        red, green, _, _ = browser.evaluate("[...wall.getContext('2d').getImageData(9, 9, 1, 1).data]")
        assert red > 150 and green < 90, "what the show makes of it stands beside the paper"
        drag((0.2, 0.5), (0.5, 0.5), (0.8, 0.5), (0.8, 0.5))
        browser.until("paper.dataset.strokes === '1'")
        wait_for(lambda: show.dark[:, 100:400].any(0).all())
        rows = np.flatnonzero(show.dark[:, 256])
        assert abs(rows.mean() - 128) < 3 and 2 <= len(rows) < 10, "a line of its width, where the hand was"
        browser.evaluate("document.getElementById('eraser').click()")
        drag((0.5, 0.2), (0.5, 0.5), (0.5, 0.8), (0.5, 0.8))
        wait_for(lambda: not show.dark[:, 256].any())
        assert show.dark[:, 120].any()
        browser.evaluate("document.getElementById('undo').click()")
        wait_for(lambda: show.dark[:, 256].any())
        browser.evaluate("document.getElementById('clear').click()")
        browser.until("paper.dataset.strokes === '0'")
        wait_for(lambda: not show.dark.any())
        complaints = list(browser.complaints)
        browser.call("Page.navigate", url="about:blank")
        browser.until("location.href === 'about:blank'")
    assert not complaints, complaints


def test_more_of_a_stroke_joins_on_and_two_people_draw_on_one_sheet(show: Show) -> None:
    for said in (stroke("a", (0.1, 0.5)), stroke("b", (0.5, 0.1), (0.5, 0.9)), stroke("a", (0.9, 0.5))):
        show.paper.hear(said)
    assert show.dark[:, 60:450].any(0).all() and show.dark[30:220].any(1).all()
    show.paper.hear('{"undo": true}')
    assert not show.dark[40].any() and show.dark[:, 60:450].any(0).all(), "the stroke that was begun last"


@pytest.mark.parametrize(
    ("beyond", "corner"),
    [((9.0, -9.0), (slice(0, 20), slice(-20, None))), ((-9.0, 9.0), (slice(-20, None), slice(0, 20)))],
)
def test_a_stroke_that_leaves_the_sheet_ends_at_its_border(show: Show, beyond: tuple, corner: tuple) -> None:
    show.paper.hear(stroke("a", (0.5, 0.5), beyond))
    assert show.dark[corner].any() and show.dark[130:160, 240:270].any()


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        "[" * 100_000,
        "[1]",
        '{"undo": 1}',
        stroke("", (0.1, 0.1), (0.9, 0.9)),
        stroke("n" * 41, (0.1, 0.1), (0.9, 0.9)),
        stroke("a"),
        stroke("a", *[(0.1, 0.5), (0.9, 0.5)] * MOST_AT_ONCE),
        '{"stroke": "a", "points": [[0.1, 0.5], [NaN, 0.5]], "width": 0.02}',
        '{"stroke": "a", "points": [[0.1, 0.5], [true, 0.5]], "width": 0.02}',
        '{"stroke": "a", "points": [[0.1, 0.5], [0.9, 0.5, 0.5]], "width": 0.02}',
        '{"stroke": "a", "points": [[0.1, 0.5], [0.9, 0.5]], "width": "wide"}',
        '{"stroke": ["a"], "points": [[0.1, 0.5], [0.9, 0.5]], "width": 0.02}',
    ],
)
def test_what_is_no_stroke_leaves_the_sheet_as_it_is(show: Show, said: str) -> None:
    show.paper.hear(said)
    assert not show.dark.any()


def test_a_sheet_holds_so_much_and_no_more_however_long_somebody_draws(show: Show) -> None:
    for n in range(MOST_STROKES + 3):
        show.paper.hear(stroke(f"s{n}", (0.5, 0.5), (9.0, -9.0)))
    for n in range(2 + MOST_POINTS // MOST_AT_ONCE):
        show.paper.hear(stroke("long", *[(0.4, 0.4 + n % 2 / 9)] * MOST_AT_ONCE))
    strokes = show.paper._strokes
    assert len(strokes) <= MOST_STROKES and sum(len(one["points"]) for one in strokes.values()) <= MOST_POINTS
