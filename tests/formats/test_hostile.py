"""Files that are torn, changed or poisoned: nothing in them runs, memory stays small, one line says what was found."""

from __future__ import annotations

from pathlib import Path

import hostile
import pytest

from installation.__main__ import main

MOST_MEMORY = 300 << 20  # bytes
FLIPS = 40  # of every format; hostile.py tries as many as one likes
HARMS = ("poisoned", "bombs", "torn", "flipped")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of whole files, and one for every harm that can be done to them."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in HARMS:
        (folder / name).mkdir()
    hostile.poisoned(folder / "poisoned")
    hostile.bombs(folder / "bombs")
    for path in hostile.whole_files(folder / "whole"):
        hostile.torn(path, folder / "torn")
        hostile.flipped(path, folder / "flipped", FLIPS)
    return folder


@pytest.fixture(scope="module")
def ends(corpus: Path) -> dict[str, dict[str, str]]:
    """What became of the files of every folder; whatever it was, nothing ran, memory stayed small, words fit a line."""
    found, grown = hostile.attempts([corpus / name for name in ("whole", *HARMS)], corpus)
    assert set(found["whole"].values()) == {"read"}
    assert not list(corpus.rglob(hostile.CANARY)), "something in a file was run"
    assert grown < MOST_MEMORY
    for end in (end for name in HARMS for end in found[name].values()):
        assert "\n" not in end and len(end) < 1000
    return found


def test_the_corpus_is_poison_to_whoever_unpickles_it(tmp_path, monkeypatch):
    """Or the tests below would prove nothing."""
    import pickle

    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_bytes(pickle.dumps(hostile.calls()["loads in loads"]))
    with (tmp_path / "x").open("rb") as file:
        pickle.load(file)
    assert (tmp_path / hostile.CANARY).exists()


def test_nothing_that_a_file_calls_is_called(ends):
    read = {name for name, end in ends["poisoned"].items() if end == "read"}
    assert all("-state" in name for name in read), "whole networks, with what is not needed of them left out"


def test_files_that_speak_of_more_than_they_hold_are_refused_for_it(ends):
    assert all(end.startswith("refused: ") for end in ends["bombs"].values())


def test_a_file_that_ends_too_early_is_refused_wherever_it_ends(ends):
    assert len(ends["torn"]) >= 400
    assert all(end.startswith("refused: ") for end in ends["torn"].values())


def test_flipped_bytes_are_refused_or_are_other_weights(ends):
    assert len(set(end == "read" for end in ends["flipped"].values())) == 2


@pytest.mark.parametrize("kind", ["poison", "bomb", "torn", "page", "empty", "missing"])
def test_what_is_refused_is_one_line_exit_code_2_and_nothing_written(home, corpus, capfd, kind):
    path = home / "work" / "file.pkl"
    content = {"page": b"<!DOCTYPE html><html>", "empty": b"", "torn": b"\x80\x04\x95"}
    if kind in content:
        path.write_bytes(content[kind])
    path = {"poison": corpus / "poisoned/os.system-4.pkl", "bomb": corpus / "bombs/zip.pt"}.get(kind, path)
    assert main(["models", "add", str(path), "--name", "x"]) == 2
    said = capfd.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and str(path) in said.err
    assert not (home / "data").exists() and not list(home.rglob(hostile.CANARY))
