"""Files are written whole or not at all, whatever happens meanwhile; and found, the user's own first."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from installation import files, settings, weights
from installation.rendering import link
from installation.rendering.wall.keeping import read_venue


def test_a_reader_meets_the_old_file_or_the_new_one_and_never_half_of_one(tmp_path: Path) -> None:
    path, done, met = tmp_path / "choices.json", threading.Event(), set()
    files.write_text(path, "a" * 200_000)

    def read() -> None:
        while not done.is_set():
            text = path.read_text()
            met.add((text[0], len(text)))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bcdefgh":
        files.write_text(path, letter * 200_000)
    done.set()
    reader.join()
    assert met <= {(letter, 200_000) for letter in "abcdefgh"}


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "print.tif"
    files.write_text(path, "old")
    with pytest.raises(OSError, match="full"), files.whole(path) as part:
        part.write_text("half of the ne")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["print.tif"]


def test_a_kill_in_the_middle_leaves_the_old_file_and_the_next_run_clears_the_rest_away(tmp_path: Path) -> None:
    path = tmp_path / "print.tif"
    files.write_text(path, "old")
    code = (
        "import sys, os, signal; from pathlib import Path; from installation import files\n"
        "with files.whole(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode < 0
    assert path.read_text() == "old" and len(os.listdir(tmp_path)) == 2
    with files.whole(tmp_path / "other.tif") as living:
        living.write_text("in hand")
        assert files.sweep(tmp_path) == 1
        assert living.exists(), "what a living process writes was swept away"
    assert sorted(os.listdir(tmp_path)) == ["other.tif", "print.tif"]


def test_two_that_write_one_name_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    with contextlib.ExitStack() as both:
        first, second = both.enter_context(files.whole(path)), both.enter_context(files.whole(path))
        assert first != second
        first.write_text("first"), second.write_text("second")
    assert path.read_text() in ("first", "second")
    assert os.listdir(tmp_path) == ["status.json"]


def test_encoders_that_go_by_the_name_find_its_ending(tmp_path: Path) -> None:
    with files.whole(tmp_path / "sheet.png") as part:
        assert part.suffix == ".png" and part.parent == tmp_path
        part.write_bytes(b"")


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "睡蓮" * 41 + ".png"])
def test_a_name_as_long_as_the_disk_allows_is_written(tmp_path: Path, name: str) -> None:
    files.write_json(tmp_path / "new" / name, {"kept": 1})
    assert json.loads((tmp_path / "new" / name).read_text()) == {"kept": 1}
    assert os.listdir(tmp_path / "new") == [name]


def test_what_must_outlive_a_power_cut_waits_for_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_sync, real_name = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (order.append("disk"), real_sync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("name"), real_name(a, b)))
    files.write_text(tmp_path / "kept", "x")
    assert order == ["disk", "name", "disk"]  # the file, its name, the folder that lists the name
    order.clear()
    files.write_text(tmp_path / "progress", "x", lasting=False)
    assert order == ["name"]


def test_nothing_else_in_the_package_renames_files_into_place() -> None:
    package = Path(files.PACKAGE)
    renaming = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(word in path.read_text("utf-8") for word in ("os.replace(", "os.rename(", "os.fsync(", "shutil.move("))
    }
    assert renaming == {"files/__init__.py", "stills/archive.py"}  # the archive names whole folders


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in that is not the checkout, beside the user's own: ../share/installation."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "work"


LOOKED_FOR = {
    "models/bloom/model.toml": lambda: weights.find("bloom") / "model.toml",
    "shows/bloom.toml": lambda: files.find("shows", "bloom.toml"),
    "shaders/effects/oil.fs": lambda: link.find_file("oil"),
    "calibration/default.toml": lambda: files.find("calibration", "default.toml"),
}


@pytest.mark.parametrize("path", LOOKED_FOR)
def test_what_somebody_has_where_they_work_goes_before_what_is_theirs_before_what_came_along(
    away: Path, path: str
) -> None:
    root = files.PACKAGE.parent
    came = root / ("installation" if path.startswith("shows") else "") / path
    assert LOOKED_FOR[path]() == came
    for place in (away.parent / "share" / "installation", away):
        files.write_bytes(place / path, came.read_bytes())
        assert LOOKED_FOR[path]().resolve() == place / path
    kind, name = path.split("/")[0], path.split("/", 1)[1]
    assert [found.resolve() for found in files.there_are(kind, name)] == [away / path], "listed more than once"


def test_a_show_and_a_venue_of_ones_own_are_opened_by_name_and_named_when_another_is_wanted(away: Path) -> None:
    files.write_text(away / "shows" / "mine.toml", 'about = "ours"')
    files.write_text(away / "calibration" / "hall.toml", "corners = [[0, 0], [1, 0.1], [1, 1], [0, 1]]")
    assert settings.open_show("mine").about == "ours"
    assert read_venue("hall").outputs[0].mesh.points[1] == (1, 0.1)
    with pytest.raises(settings.SettingsError, match="there are: bloom, marble, meadow, mine, mirror, plotter, tide"):
        settings.open_show("mien")
    with pytest.raises(settings.SettingsError, match="there are: default, hall"):
        read_venue("hill")
    with pytest.raises(settings.SettingsError, match="did you mean 'oil'"):
        link.find_file("oill")


def test_a_folder_of_the_user_that_is_no_whole_path_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_DATA_HOME", "share")
    assert files.of_user("XDG_DATA_HOME", ".local/share") == Path("/home/somebody/.local/share/installation")


def test_a_folder_appears_whole_or_not_at_all_and_replaces_nothing(tmp_path):
    target = tmp_path / "models" / "mine"
    with pytest.raises(ValueError, match="torn"), files.whole_folder(target) as part:
        (part / "half").write_text("half")
        raise ValueError("torn")
    assert list(target.parent.iterdir()) == []
    with pytest.raises(FileExistsError), files.whole_folder(target) as part:
        (part / "new").write_text("new")
        target.mkdir()  # somebody was quicker, with an empty folder that a rename would replace
    assert list(target.parent.iterdir()) == [target] and list(target.iterdir()) == []
    target.rmdir()
    with files.whole_folder(target) as part:
        (part / "whole").write_text("whole")
        assert not target.exists()
    assert (target / "whole").read_text() == "whole" and list(target.parent.iterdir()) == [target]
