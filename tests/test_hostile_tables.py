"""What fuzz_files.py once found, one by one: tables deeper, longer or of other kinds than anybody writes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from installation.__main__ import parser
from installation.live import journal, kept, modulation, moments
from installation.rendering.wall.keeping import read_venue
from installation.settings import SettingsError, Show, check, open_show
from installation.signals import Still
from installation.stages.print_file.labs import open_lab
from installation.stills import job, takes
from installation.stills.archive import Archive
from installation.training import checkpoint
from installation.weight_files import WeightsError

DEEP = b"a = " + b"[" * 5000


def refuse(path: str) -> None:
    job.ask(parser().parse_args(["still", path]))


@pytest.mark.parametrize("read", [open_show, open_lab, refuse, lambda path: read_venue("x", Path(path).parent)])
def test_toml_of_lists_in_lists_is_refused_in_one_line(tmp_path: Path, read: Any) -> None:
    (tmp_path / "x.toml").write_bytes(DEEP)
    with pytest.raises(SettingsError, match="not TOML") as found:
        read(str(tmp_path / "x.toml"))
    assert "\n" not in str(found.value) and len(str(found.value)) < 600


def test_a_long_value_is_shown_in_part() -> None:
    for value in ("x" * 100_000, [[0.1] * 5000] * 50, {"x" * 9000: "y" * 9000}):
        with pytest.raises(SettingsError) as found:
            check(Show, {"name": "x", "seed": value}, "x")
        assert len(str(found.value)) < 1000


def test_corners_that_are_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "hall.toml").write_text("corners = { x = 1 }")
    with pytest.raises(SettingsError, match="expected corners"):
        read_venue("hall", tmp_path)


def test_what_a_show_kept_is_forgotten_where_it_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept.state_path("x").parent.mkdir()
    kept.state_path("x").write_text("[" * 100_000)
    assert kept.read_state("x") == {}
    for turns in (10**400, float("nan"), "1", None):
        assert modulation.resume(modulation.begin(()), turns).turns == 0.0
    assert modulation.resume(modulation.begin(()), 2.5).turns == 2.5


@pytest.mark.parametrize("odd", [{"t": "0"}, {"f": {"x": None}}, {"k": [{"verb": {}}]}, {"t": 10**400}, {"f": []}])
def test_a_log_ends_at_a_frame_that_no_show_wrote(tmp_path: Path, odd: dict[str, Any]) -> None:
    whole = {"t": 0.5, "f": {"x": 0.5}, "k": [{"verb": "cue", "name": "1"}]}
    with gzip.open(tmp_path / "x.log.gz", "wt") as file:
        file.write("\n".join(json.dumps(line) for line in ({}, whole, whole | odd, whole)))
    assert [entry.now_s for entry in journal.read_log(tmp_path / "x.log.gz")] == [0.5]


def test_a_moment_of_other_bytes_is_refused_in_a_line_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b'{"version": "\xff' + b"x" * 100_000)
    with pytest.raises(SettingsError, match="not a moment") as found:
        moments.open_moment(tmp_path / "m.json")
    assert len(str(found.value)) < 600


@pytest.mark.parametrize("out", ["a\\u0000b", "x/../../elsewhere"])
def test_a_job_writes_into_a_folder_beside_it_or_is_refused(tmp_path: Path, out: str) -> None:
    (tmp_path / "x.toml").write_text(f'inputs = ["x.toml"]\nout = "{out}"')
    with pytest.raises(SettingsError, match=r"out: expected a folder|asks to write to"):
        refuse(str(tmp_path / "x.toml"))


@pytest.mark.parametrize("style", ["x" * 100_000, "a\\u0000b"])
def test_a_style_that_can_be_no_file_is_refused(tmp_path: Path, style: str) -> None:
    (tmp_path / "x.toml").write_text(f'inputs = ["x.toml"]\nstyles = ["{style}"]')
    with pytest.raises(ValueError, match="no such style picture") as found:
        refuse(str(tmp_path / "x.toml"))
    assert len(str(found.value)) < 600


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pixels.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<u2', ("),
        ("still.json", b'{"name": "a", "seed": 1, "notes": ["xy1"], "history": []}'),
        ("still.json", b'{"name": "a", "seed": 1, "notes": {}, "history": ["step"]}'),
        ("still.json", b"[" * 100_000),
    ],
)
def test_a_torn_take_costs_itself_alone(tmp_path: Path, name: str, content: bytes) -> None:
    import numpy as np

    archive = Archive(tmp_path / ".work")
    for key in ("k1", "k2"):
        with archive.begin("selection", key) as part:
            archive.write(part, Still(np.zeros((4, 4, 3), np.uint16), key, key, 3, {}, {}, ()))
    (tmp_path / ".work/selection-k1" / name).write_bytes(content)
    with pytest.raises(ValueError, match="torn one"):
        archive.open("selection", "k1")
    assert {take.still.key for take in takes.find_takes(tmp_path).values()} == {"k2"}


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"x" * 100])
def test_a_torn_checkpoint_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="move it away to begin anew"):
        checkpoint.load(tmp_path / "c.safetensors", {}, {})
