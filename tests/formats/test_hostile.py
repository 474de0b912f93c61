"""Files that are torn, changed or poisoned: nothing in them runs, memory stays small, one line says what was found."""

from __future__ import annotations

from pathlib import Path

import hostile
import pytest

from installation.__main__ import main

MOST_MEMORY = 300 << 20  # bytes
FLIPS = 120  # of every format


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "good"
    hostile.whole_files(folder)
    return folder


def try_all(good: Path, bad: Path, home: Path) -> dict[str, str]:
    """What became of the bad files; whatever it was, nothing ran, memory stayed small and words fit on a line."""
    ends, grown = hostile.attempts([good, bad], home)
    for path in good.iterdir():
        assert ends.pop(path.name) == "read"
    assert not list(home.rglob(hostile.CANARY)), "something in a file was run"
    assert grown < MOST_MEMORY
    for end in ends.values():
        assert "\n" not in end and len(end) < 1000
    return ends


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    folder = tmp_path / "bad"
    folder.mkdir()
    return folder


def test_the_corpus_is_poison_to_whoever_unpickles_it(tmp_path, monkeypatch):
    """Or the tests below would prove nothing."""
    import pickle

    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_bytes(pickle.dumps(hostile.calls()["loads in loads"]))
    with (tmp_path / "x").open("rb") as file:
        pickle.load(file)
    assert (tmp_path / hostile.CANARY).exists()


def test_nothing_that_a_file_calls_is_called(good, bad, tmp_path):
    hostile.poisoned(bad)
    ends = try_all(good, bad, tmp_path)
    read = {name for name, end in ends.items() if end == "read"}
    assert all("-state" in name for name in read), "whole networks, with what is not needed of them left out"


def test_files_that_speak_of_more_than_they_hold_are_refused_for_it(good, bad, tmp_path):
    hostile.bombs(bad)
    assert all(end.startswith("refused: ") for end in try_all(good, bad, tmp_path).values())


def test_a_file_that_ends_too_early_is_refused_wherever_it_ends(good, bad, tmp_path):
    for path in good.iterdir():
        hostile.torn(path, bad)
    ends = try_all(good, bad, tmp_path)
    assert len(ends) >= 500
    assert all(end.startswith("refused: ") for end in ends.values())


def test_flipped_bytes_are_refused_or_are_other_weights(good, bad, tmp_path):
    for path in good.iterdir():
        hostile.flipped(path, bad, FLIPS)
    ends = try_all(good, bad, tmp_path)
    assert any(end == "read" for end in ends.values()) and any(end != "read" for end in ends.values())


@pytest.mark.parametrize("kind", ["poison", "bomb", "torn", "page", "empty", "missing"])
def test_what_is_refused_is_one_line_exit_code_2_and_nothing_written(home, capfd, kind):
    folder = home / "work"
    if kind == "poison":
        hostile.poisoned(folder)
        path = folder / "os.system-4.pkl"
    elif kind == "bomb":
        hostile.bombs(folder)
        path = folder / "zip.pt"
    else:
        path = folder / "file.pkl"
        content = {"page": b"<!DOCTYPE html><html>", "empty": b"", "torn": b"\x80\x04\x95"}
        if kind in content:
            path.write_bytes(content[kind])
    assert main(["models", "add", str(path), "--name", "x"]) == 2
    said = capfd.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and str(path) in said.err
    assert not (home / "data").exists() and not list(home.rglob(hostile.CANARY))
