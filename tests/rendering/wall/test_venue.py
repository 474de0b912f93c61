"""What a venue's file says, and that no version of it is ever lost."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from installation import files
from installation.rendering.wall import keeping
from installation.rendering.wall.keeping import path_of, read_venue, redo, undo, write_venue
from installation.rendering.wall.venue import Blend, Edge, Mask, Mesh, Output, Venue
from installation.settings import SettingsError

OLD = """# Corner pins of one venue, as version 0.1.0 wrote them.
corners = [[0.1, 0.05], [0.92, 0.0], [1.0, 0.95], [0.03, 0.9]]
"""
FULL = Venue(
    (
        Output(
            'left "1"',
            "DP-1",
            "EPS 0A12 7",
            (1920, 1080),
            (0.0, 0.0, 0.6, 1.0),
            90,
            True,
            False,
            Mesh(3, 2, ((0, 0), (0.5, -0.02), (1, 0), (0, 1), (0.5, 1), (1, 1.25)), True),
            Blend(right=Edge(1 / 3, (2.2, 2.1, 2.3))),
            (0.02, 0.01, 0.03),
            (1.0, 0.95, 0.9),
            (Mask(((0.1, 0.1), (0.2, 0.1), (0.2, 0.3)), 0.02, True), Mask(((0, 0), (1, 0), (1, 1), (0, 1)))),
            "door\x7f\n.png",
        ),
        Output("right", source=(0.4, 0.0, 0.6, 1.0), blend=Blend(left=Edge(1 / 3))),
    )
)


def corners(venue: Venue) -> tuple:
    return venue.outputs[0].mesh.points


def pinned(x: float) -> Venue:
    return Venue((Output(mesh=Mesh(points=((x, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)))),))


def test_an_old_file_of_corner_pins_still_opens(tmp_path: Path) -> None:
    (tmp_path / "hall.toml").write_text(OLD)
    (output,) = read_venue("hall", tmp_path).outputs
    assert output == Output(mesh=Mesh(points=((0.1, 0.05), (0.92, 0.0), (0.03, 0.9), (1.0, 0.95))))


def test_everything_that_a_venue_can_be_is_read_as_it_was_written(tmp_path: Path) -> None:
    saved = write_venue("hall", FULL, tmp_path)
    assert read_venue("hall", tmp_path) == saved
    assert saved.outputs == FULL.outputs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("corners = [[0, 0], [1, 0]]", "hall.toml: expected 4 corners of 2 numbers, found"),
        ("corners = 'x'", "hall.toml: expected corners = .* found 'x'"),
        ("corners = [[0,0],[1,1],[1,0],[0,1]]", "convex"),
        ("corners = [[0,0],[1,0],[0.3,0.3],[0,1]]", "convex"),
        ("corners = [[0,0],[1,0],[1,inf],[0,1]]", "expected a finite number, found inf"),
        ("corners = [", "not TOML"),
        ("[[outputs]]\nsauce = [0, 0, 1, 1]", "outputs.0.: unknown key 'sauce'; did you mean 'source'"),
        ("outputs = []", "outputs: expected 1 to 16, found 0"),
        ("[[outputs]]\nrotation = 45", r"outputs\[0\]: rotation: expected 0, 90, 180 or 270, found 45"),
        ("[[outputs]]\nsource = [0.5, 0, 0.6, 1]", r"outputs\[0\]: source: expected x, y, width, height within 0..1"),
        ("[[outputs]]\nsize = [0, 720]", "size: expected 16 to 16384 px"),
        ("[[outputs]]\nblend = { left = { width = 0.6 } }", "blend.left.width: expected 0 to 0.5, found 0.6"),
        ("[[outputs]]\nblend = { top = { gamma = [0, 2, 2] } }", "blend.top.gamma: expected three numbers from 1 to 4"),
        ("[[outputs]]\nblack = [0.6, 0, 0]", "black: expected three numbers from 0 to 0.5"),
        ("[[outputs]]\ncolour = [1.5, 1, 1]", "colour: expected three numbers from 0 to 1"),
        ("[[outputs]]\nmesh = { columns = 17 }", "mesh: columns: expected 2 to 16, found 17"),
        ("[[outputs]]\nmesh = { columns = 3 }", "mesh: points: expected 3 x 2, found 4"),
        ("[[outputs]]\nmesh = { points = [[0,0],[1,0],[0,99],[1,1]] }", "mesh: points: expected all within 16 frames"),
        (
            "[[outputs]]\nmesh = { columns = 3, points = [[0,0],[1.2,0],[1,0],[0,1],[0.5,1],[1,1]] }",
            "mesh: the cell right below point 2 of row 1 is folded over",
        ),
        ("[[outputs]]\nmasks = [{ points = [[0,0],[1,0]] }]", r"masks\[0\]: points: expected 3 to 256, found 2"),
        ("[[outputs]]\nmasks = [{ points = [[0,0],[1,0],[1,1]], softness = 2 }]", "softness: expected 0 to 1"),
        ("[[outputs]]\n[[outputs]]\nname = '1'", r"outputs\[1\]: name: '1' is there 2 times|'1' is there 2 times"),
    ],
)
def test_a_venue_that_cannot_be_is_refused_in_one_line_that_names_the_place(tmp_path, text: str, why: str) -> None:
    (tmp_path / "hall.toml").write_text(text)
    with pytest.raises(SettingsError, match=why) as refused:
        read_venue("hall", tmp_path)
    assert "\n" not in str(refused.value)


def test_a_venue_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "hall.toml").write_text(OLD)
    with pytest.raises(SettingsError, match="no calibration for venue 'hill'; there are: hall"):
        read_venue("hill", tmp_path)


def test_a_show_that_names_no_venue_is_shown_as_it_is_until_this_machine_has_a_wall(tmp_path: Path) -> None:
    assert read_venue("", tmp_path) == Venue()
    write_venue("", pinned(0.2), tmp_path)
    assert corners(read_venue("", tmp_path)) == corners(pinned(0.2)) == corners(read_venue("here", tmp_path))


def test_what_cannot_be_shown_is_not_written(tmp_path: Path) -> None:
    write_venue("hall", pinned(0.1), tmp_path)
    with pytest.raises(SettingsError, match="convex"):
        write_venue("hall", pinned(1.5), tmp_path)
    assert corners(read_venue("hall", tmp_path)) == corners(pinned(0.1))


@pytest.mark.parametrize("name", ["../hall", "a/b", ".hall", "con", "x" * 300])
def test_a_venue_is_written_into_its_folder_and_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="venue: expected a name"):
        write_venue(name, Venue(), tmp_path / "calibration")
    assert not list(tmp_path.rglob("*.toml"))


def test_undo_goes_back_and_redo_forward_along_what_was_saved(tmp_path: Path) -> None:
    for x in (0.1, 0.2, 0.3):
        write_venue("hall", pinned(x), tmp_path)
    seen = [corners(step("hall", tmp_path))[0][0] for step in (undo, undo, redo, redo, undo)]
    assert seen == [0.2, 0.1, 0.2, 0.3, 0.2]
    assert corners(read_venue("hall", tmp_path)) == corners(pinned(0.2))


def test_what_is_saved_after_an_undo_goes_back_to_where_it_came_from_and_loses_nothing(tmp_path: Path) -> None:
    for x in (0.1, 0.2):
        write_venue("hall", pinned(x), tmp_path)
    undo("hall", tmp_path)
    write_venue("hall", pinned(0.3), tmp_path)
    assert corners(undo("hall", tmp_path)) == corners(pinned(0.1)), "not what was undone before"
    assert corners(redo("hall", tmp_path)) == corners(pinned(0.3))
    kept = [path.read_text() for path in (tmp_path / "versions").glob("*.toml")]
    assert any("0.2" in text for text in kept), "what was undone lies there still"


def test_there_is_an_end_to_undoing(tmp_path: Path) -> None:
    write_venue("hall", pinned(0.1), tmp_path)
    with pytest.raises(SettingsError, match=r"hall\.toml: there is no earlier version"):
        undo("hall", tmp_path)
    with pytest.raises(SettingsError, match="no later"):
        redo("hall", tmp_path)
    assert corners(read_venue("hall", tmp_path)) == corners(pinned(0.1))


def test_what_a_person_wrote_by_hand_comes_back_word_for_word(tmp_path: Path) -> None:
    path = tmp_path / "hall.toml"
    path.write_text(OLD)
    write_venue("hall", pinned(0.2), tmp_path)
    changed = path.read_text().replace("0.2", "0.25") + "# measured on Tuesday\n"
    path.write_text(changed)
    write_venue("hall", pinned(0.3), tmp_path)
    undo("hall", tmp_path)
    assert path.read_text() == changed
    assert corners(undo("hall", tmp_path)) == corners(pinned(0.2))
    undo("hall", tmp_path)
    assert path.read_text() == OLD


def test_a_file_that_can_no_longer_be_read_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "hall.toml"
    path.write_text("corners = [")
    write_venue("hall", pinned(0.2), tmp_path)
    assert "corners = [" in [kept.read_text() for kept in (tmp_path / "versions").iterdir()]


def test_a_version_that_can_no_longer_be_read_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "hall.toml"
    write_venue("hall", pinned(0.1), tmp_path)
    first = path.read_text()
    write_venue("hall", pinned(0.2), tmp_path)
    path.write_text("corners = [")
    write_venue("hall", pinned(0.3), tmp_path)
    path.write_text(first)
    assert corners(redo("hall", tmp_path)) == corners(pinned(0.2))


def test_the_oldest_of_very_many_versions_go(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeping, "KEPT", 3)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "hall.side.1.toml").write_text("of another venue")
    for n in range(6):
        write_venue("hall", pinned(n / 100), tmp_path)
    names = {path.name for path in (tmp_path / "versions").iterdir()}
    assert names == {"hall.4.toml", "hall.5.toml", "hall.6.toml", "hall.side.1.toml"}


def test_a_venue_that_came_along_is_saved_among_the_users_own(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    monkeypatch.setattr(keeping.files, "shipped", lambda kind: tmp_path / "program" / kind)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program/calibration").mkdir(parents=True)
    (tmp_path / "program/calibration/default.toml").write_text(OLD)
    write_venue("default", pinned(0.2))
    assert (tmp_path / "program/calibration/default.toml").read_text() == OLD
    assert corners(read_venue("default")) == corners(pinned(0.2))
    assert (tmp_path / "own/installation/calibration/default.toml").is_file()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_behind_the_wall_twice_is_in_front_of_it(rotation: int) -> None:
    venue = dataclasses.replace(FULL, outputs=tuple(dataclasses.replace(o, rotation=rotation) for o in FULL.outputs))
    again = venue.mirrored().mirrored()
    for one, other in zip(venue.outputs, again.outputs, strict=True):
        assert dataclasses.replace(one, source=()) == dataclasses.replace(other, source=())
        assert other.source == pytest.approx(one.source)


def test_a_venue_of_the_users_own_is_written_where_it_was_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path)
    here, users, _ = files.places(keeping.CALIBRATION)
    here.mkdir(exist_ok=True)
    users.mkdir(parents=True)
    (users / "hall.toml").write_text("version = 1")
    assert path_of("hall") == users / "hall.toml" and path_of("yard") == here / "yard.toml"
