"""Finished work: under its name it is whole, of two who make the same one stays, and what is torn is made again."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from installation.signals import Still
from installation.stills import takes
from installation.stills.archive import Archive


def still(key: str = "k", **notes: Any) -> Still:
    return Still(np.zeros((4, 4, 3), np.uint16), "rose", key, 3, {}, notes, ())


def make(archive: Archive, key: str = "k") -> None:
    with archive.begin("clean", key) as part:
        archive.write(part, still(key))


def test_of_two_who_make_the_same_result_at_once_one_is_kept_and_nobody_fails(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.begin("clean", "k") as late:
        archive.write(late, still())
        make(archive)
        first = archive.path("clean", "k").stat().st_ino
    assert archive.path("clean", "k").stat().st_ino == first
    assert [path.name for path in tmp_path.iterdir()] == ["clean-k"], "nothing half made is left"


def test_one_that_is_overtaken_in_the_very_moment_of_naming_is_content_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, rename = Archive(tmp_path), os.rename

    def overtaken(part: Path, name: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        make(archive)
        rename(part, name)

    monkeypatch.setattr(os, "rename", overtaken)
    make(archive)
    assert archive.has("clean", "k") and len(list(tmp_path.iterdir())) == 1


def test_a_result_that_cannot_be_given_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        make(Archive(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "noted", [[{"name": "gone.tif", "bytes": 3}], [{"bytes": 3}], [None], [{"name": "there.tif"}], [{"name": None}]]
)
def test_a_result_whose_files_are_gone_or_noted_by_somebody_else_is_not_held(tmp_path: Path, noted: list[Any]) -> None:
    archive = Archive(tmp_path)
    make(archive)
    (archive.path("clean", "k") / "there.tif").write_bytes(b"abc")
    assert archive.holds(still(clean={"files": [{"name": "there.tif", "bytes": 3}]}), "clean")
    assert not archive.holds(still(clean={"files": [{"name": "there.tif", "bytes": 4}]}), "clean")
    assert not archive.holds(still(clean={"files": noted}), "clean")


def test_a_take_that_is_just_being_thrown_away_is_passed_over_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = Archive(tmp_path / ".work")
    with archive.begin("selection", "whole") as part:
        archive.write(part, still("whole"))
    (tmp_path / ".work/selection-going").mkdir()
    with caplog.at_level(logging.INFO):
        assert [take.still.key for take in takes.find_takes(tmp_path).values()] == ["whole"]
    assert not caplog.records and capsys.readouterr() == ("", "")


def test_how_far_a_piece_is_stays_between_nothing_and_all_whatever_its_file_says(tmp_path: Path) -> None:
    archive = Archive(tmp_path / ".work")
    for key, said in (("a", 1.7), ("b", -2.0), ("c", 0.25), ("d", "none"), ("e", None)):
        with contextlib.suppress(ZeroDivisionError), archive.begin("clean", key) as part:
            told = {"stage": "clean", "name": key, "fraction": said}
            (part / "progress.json").write_text(json.dumps(told))
            seen = {piece["name"]: piece["fraction"] for piece in takes.working(tmp_path)}
            assert seen == ({key: min(max(said, 0.0), 1.0)} if isinstance(said, float) else {})
            raise ZeroDivisionError
