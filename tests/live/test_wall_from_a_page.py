"""The wall fitted from a page while the show plays: on the wall in the next frame, on every page, saved when asked."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from plainshow import play
from test_panel import Page, begin, panel_of, show_file  # noqa: F401 (a fixture)

from installation import files
from installation.control.places import Refused
from installation.live.fitting import Fitting
from installation.live.loop import Live
from installation.rendering.wall.keeping import read_venue

CORNER = {"output": 0, "mask": -1, "columns": 2, "rows": 2, "point": 0}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lent: None) -> None:
    """A folder of one's own, where walls are kept; what paints is lent."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "calibration").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def live(show_file: Path) -> Iterator[Live]:  # noqa: F811
    with ExitStack() as closing:
        yield begin(show_file, closing)


@pytest.fixture
def page(live: Live) -> Iterator[Page]:
    made = Page(live)
    made.hears(lambda told: told.get("wall", {}).get("outputs"))
    yield made
    made.socket.close()


def say(page: Page, act: str, **more: object) -> None:
    page.say(wall=act, **more)


def points(told: dict[str, Any]) -> list[list[float]]:
    found: list[list[float]] = told["wall"]["outputs"][0]["points"]
    return found


def drag(page: Page, x: float, y: float, stroke: int = 1, **more: object) -> None:
    say(page, "move", **CORNER | {"x": x, "y": y, "stroke": stroke} | more)


def versions() -> list[str]:
    return sorted(path.name for path in Path("calibration").rglob("*.toml"))


def test_a_corner_that_is_dragged_is_on_the_wall_in_the_frame_that_hears_of_it(live: Live, page: Page) -> None:
    say(page, "begin", pattern="greys")
    page.hears(lambda told: told["wall"]["on"])
    frames: list[np.ndarray] = []
    drag(page, 0.4, 0.4)

    def look(_: Any) -> bool:
        assert live.screen.calibrating and live.screen.calibrating.venue == live.screen.venue
        frames.append(live.screen.read_now())
        return live.screen.venue.outputs[0].mesh.points[0] == (0.4, 0.4)

    play(live, look)
    corner = (slice(20, 60), slice(20, 60))  # handles lie elsewhere
    assert frames[-1][corner].max() == 0, "the picture has left this part of the frame"
    assert len(frames) == 1 or frames[-2][30:, 100:].max() > 100
    page.hears(lambda told: points(told)[0] == [0.4, 0.4])
    assert versions() == []


def test_two_pages_see_each_others_strokes_and_one_takes_back_what_the_other_did(live: Live, page: Page) -> None:
    other = Page(live)
    say(page, "begin", pattern="grid")
    other.hears(lambda told: told["wall"]["on"] and told["wall"]["pattern"] == "grid")
    for x in (0.05, 0.1, 0.15):
        drag(page, x, x)
        other.hears(lambda told, x=x: points(told)[0] == [x, x])  # type: ignore[misc]
    say(other, "undo")
    page.hears(lambda told: points(told)[0] == [0.0, 0.0] and told["wall"]["redo"] == 1)
    say(page, "redo")
    other.hears(lambda told: points(told)[0] == [0.15, 0.15])
    say(other, "finer", output=0)
    page.hears(lambda told: told["wall"]["outputs"][0]["columns"] == 3 and len(points(told)) == 9)
    drag(page, 0.9, 0.9)  # of a mesh that is there no more
    say(page, "end")
    other.hears(lambda told: not told["wall"]["on"])
    assert live.screen.venue.outputs[0].mesh.points[0] == (0.15, 0.15)
    assert panel_of(live).faults == {"bad argument": 1}
    other.socket.close()


def test_nothing_is_written_until_it_is_saved_and_the_next_show_is_shown_by_it(
    live: Live,
    page: Page,
    show_file: Path,  # noqa: F811
) -> None:
    say(page, "begin", pattern="")
    drag(page, 0.2, 0.1)
    page.hears(lambda told: points(told)[0] == [0.2, 0.1])
    say(page, "end")
    page.hears(lambda told: not told["wall"]["on"])
    say(page, "begin", pattern="grid")
    page.hears(lambda told: told["wall"]["on"] and not told["wall"]["saved"] and told["wall"]["undo"] == 1)
    assert versions() == []
    say(page, "save")
    page.hears(lambda told: told["wall"]["saved"] and told["wall"]["said"] == "saved: here, version 1")
    say(page, "save")  # pressed twice: no version more
    drag(page, 0.3, 0.1, stroke=2)
    page.hears(lambda told: points(told)[0] == [0.3, 0.1] and not told["wall"]["saved"])
    assert read_venue("").outputs[0].mesh.points[0] == (0.2, 0.1)
    assert versions() == ["here.1.toml", "here.toml"]
    with ExitStack() as closing:
        after = begin(show_file, closing)
        assert after.screen.venue.outputs[0].mesh.points[0] == (0.2, 0.1)
        late = Page(after)
        late.hears(lambda told: told.get("wall") and points(told)[0] == [0.2, 0.1] and told["wall"]["saved"])
        late.socket.close()


def turn(page: Page, dial: str, value: float, stroke: int = 1) -> None:
    say(page, "dial", output=0, dial=dial, value=value, stroke=stroke)


def test_masks_blends_colours_and_turns_are_a_page_s_too_and_on_the_wall_at_once(live: Live, page: Page) -> None:
    other, black = Page(live), np.zeros((40, 40), np.uint8)
    files.write_bytes(Path("calibration/door.png"), cv2.imencode(".png", black)[1].tobytes())
    say(page, "begin", pattern="bars")
    other.hears(lambda told: told["wall"]["painted"] == ["door.png"])

    def is_on_the_wall(question: Callable[[Any], bool]) -> None:
        other.hears(lambda told: question(told["wall"]["outputs"][0]))
        play(live, lambda heard: True)

    middle = (slice(85, 95), slice(150, 170))  # no handle lies there
    say(page, "mask", output=0)
    is_on_the_wall(lambda output: len(output["masks"]) == 1)
    assert live.screen.read_now()[middle].max() == 0
    say(page, "insert", output=0, mask=0, columns=4, rows=1, point=1)
    is_on_the_wall(lambda output: len(output["masks"][0]["points"]) == 5)
    turn(page, "masks.0.keep", 1)
    is_on_the_wall(lambda output: output["masks"][0]["keep"])
    assert live.screen.read_now()[middle].max() > 200 and live.screen.read_now()[40:60, 20:60].max() == 0
    for stroke, (dial, values) in enumerate(
        {"masks.0.softness": (0.05, 0.2), "blend.left.gamma.g": (1.8, 3.0), "colour": (0.5, 0.25)}.items(), 2
    ):
        for value in values:
            turn(page, dial, value, stroke)
    is_on_the_wall(lambda output: output["colour"] == [0.25] * 3)
    assert 60 < live.screen.read_now()[middle].max() < 160
    assert live.screen.venue.outputs[0].blend.left.gamma == (2.2, 3.0, 2.2)
    say(other, "undo")
    is_on_the_wall(lambda output: output["colour"] == [1.0] * 3)
    turn(other, "rotation", 180)
    is_on_the_wall(lambda output: output["rotation"] == 180)
    say(other, "paint", output=0, file="door.png")
    is_on_the_wall(lambda output: output["mask_file"] == "door.png")
    assert live.screen.read_now()[middle].max() == 0
    say(other, "unmask", output=0, mask=0)
    is_on_the_wall(lambda output: output["masks"] == [])
    say(page, "save")
    page.hears(lambda told: told["wall"]["saved"])
    saved = read_venue("").outputs[0]
    assert (saved.mask_file, saved.rotation, saved.blend.left.gamma[1]) == ("door.png", 180, 3.0)
    assert panel_of(live).faults == {}
    other.socket.close()


BAD: list[dict[str, object]] = [
    {"wall": "move"},
    {"wall": "move", **CORNER, "x": "0.1", "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "x": 1e300, "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "x": math.nan, "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "x": 0.1, "y": 0.1, "stroke": True},
    {"wall": "move", **CORNER, "point": 4, "x": 0.1, "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "point": -1, "x": 0.1, "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "output": 1, "x": 0.1, "y": 0.1, "stroke": 1},
    {"wall": "move", **CORNER, "output": 10**80, "x": 0.1, "y": 0.1, "stroke": 1},
    {"wall": "choose", **CORNER, "x": 0.1},
    {"wall": "begin", "pattern": "none such"},
    {"wall": "finer", "output": -1},
    {"wall": "undo", "output": 0},
    {"wall": "choose", **CORNER, "mask": 0},
    {"wall": "unmask", "output": 0, "mask": 0},
    {"wall": "paint", "output": 0, "file": "../here.toml"},
    {"wall": "dial", "output": 0, "dial": "masks.0.softness", "value": 0.1, "stroke": 1},
    {"wall": "dial", "output": 0, "dial": "colour.r", "value": 1.5, "stroke": 1},
    {"wall": "dial", "output": 0, "dial": "rotation", "value": 45, "stroke": 1},
    {"wall": "dial", "output": 0, "dial": "version", "value": 7, "stroke": 1},
    {"wall": "dial", "output": 9, "dial": "black", "value": 0.1, "stroke": 1},
    {"wall": "fold"},
]


def test_a_wish_that_says_something_else_changes_nothing_and_costs_itself_alone(live: Live, page: Page) -> None:
    say(page, "begin", pattern="grid")
    page.hears(lambda told: told["wall"]["on"])
    for number, bad in enumerate(BAD, 1):
        page.socket.send(json.dumps(bad))
        play(live, lambda _, n=number: sum(panel_of(live).faults.values()) == n)  # type: ignore[misc]
        assert not live.screen.calibrating or live.screen.calibrating.venue.outputs[0].mesh.points[0] == (0.0, 0.0)
    assert panel_of(live).faults == {"bad argument": len(BAD)}
    drag(page, 5.0, 5.0)  # folded over: the point stays where it was
    drag(page, 0.25, 0.25, stroke=2)
    page.hears(lambda told: points(told)[0] == [0.25, 0.25] and told["wall"]["undo"] == 1)
    assert live.survived == {}


def test_hostile_wishes_leave_a_wall_that_can_be_shown(live: Live) -> None:
    panel, dice = panel_of(live), random.Random(5)
    good = [{"wall": "move", **CORNER, "x": 0.1, "y": 0.2, "stroke": 3}, {"wall": "finer", "output": 0}]
    good += [{"wall": "begin", "pattern": "grid"}, {"wall": "undo"}, {"wall": "curves", "output": 0}]
    good += [
        {"wall": "mask", "output": 0},
        {"wall": "dial", "output": 0, "dial": "blend.left.width", "value": 0.1, "stroke": 1},
    ]
    for _ in range(2000):
        said = bytearray(json.dumps(dice.choice(good)).encode())
        for _ in range(dice.randrange(3)):
            said[dice.randrange(len(said))] = dice.choice(b'0123456789-.e,"{}[]: xy')
        panel._pairs[1][1].send(said)
        for command in panel.poll(0.0):
            assert command.verb
    frames = iter(range(3))
    play(live, lambda heard: next(frames, None) is None)
    assert live.survived == {} and versions() == []
    assert set(panel.faults) <= {"bad argument", "malformed"}


def test_a_wall_that_is_as_it_was_is_not_told_again() -> None:
    fitting = Fitting()
    fitting.wall = SimpleNamespace(look=lambda: {"on": True})  # type: ignore[assignment]
    assert fitting.news() == {"on": True} and fitting.news() == {}


def test_whoever_saves_again_and_again_fills_no_disk_with_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    fitting, acts, now_s = Fitting(), list[str](), [100.0]
    fitting.wall = SimpleNamespace(hear=lambda act, more: acts.append(act))  # type: ignore[assignment]
    monkeypatch.setattr("installation.live.fitting.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    for _ in range(3):
        fitting.hear({"wall": "save"})
    with pytest.raises(Refused, match="saved just before") as refused:
        fitting.hear({"wall": "save"})
    fitting.hear({"wall": "undo"})
    now_s[0] += 2.0
    fitting.hear({"wall": "save"})
    assert refused.value.kind == "save dropped" and acts == ["save"] * 3 + ["undo", "save"]


def test_the_code_to_scan_is_on_the_pattern_of_names_too(show_file: Path) -> None:  # noqa: F811
    with ExitStack() as closing:
        live = begin(show_file, closing, "--panel-host", "0.0.0.0", "--panel-port", "0")
        play(live, lambda heard: live.screen._code is not None)
        live.screen.calibrate("names")
        assert live.screen.calibrating is not None
        rgba = live.screen.calibrating.picture((1280, 720))
        assert rgba is not None
        found = cv2.QRCodeDetector().detectAndDecode(np.ascontiguousarray(rgba[::-1, :, :3]))[0]
        assert found == panel_of(live).page["addresses"][0]
