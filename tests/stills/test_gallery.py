"""A folder of pictures that no chain made, as a wall to choose from."""

from __future__ import annotations

from pathlib import Path

import pytest
from printing import paint

from installation.stills import gallery
from installation.stills.takes import find_takes


def test_a_picture_that_cannot_be_read_costs_itself_and_one_that_went_is_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paint(tmp_path / "rose.png")
    paint(tmp_path / "lily.png", 1)
    (tmp_path / "torn.png").write_bytes((tmp_path / "rose.png").read_bytes()[:200])
    gallery.measure(tmp_path)
    assert "skipped" in (said := capsys.readouterr().out) and "torn.png" in said
    assert sorted(take.still.name for take in find_takes(tmp_path).values()) == ["lily", "rose"]
    (tmp_path / "lily.png").unlink()
    gallery.measure(tmp_path)
    assert [take.still.name for take in find_takes(tmp_path).values()] == ["rose"]


def test_a_folder_that_says_that_it_is_a_wall_is_one_though_somebody_measured_in_it(tmp_path: Path) -> None:
    paint(tmp_path / "rose.png")
    assert gallery.is_gallery(tmp_path) and not gallery.is_gallery(tmp_path / "rose.png")
    (tmp_path / ".work/selection-k").mkdir(parents=True)
    assert not gallery.is_gallery(tmp_path), "takes of a job"
    (tmp_path / gallery.LISTING).write_text("{}")
    assert gallery.is_gallery(tmp_path)
