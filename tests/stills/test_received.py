"""Jobs, sidecars and moments from elsewhere: whatever they say is one line, and nothing is written outside."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from printing import QUICK, paint, pixels_of, still

from installation.stills import chain, repainting

ODD = (None, True, -1, 0, 10**400, 1e308, "", "..", "/etc", "a\0b", "\ud800", [], {}, [[]], {"": {}}, "x" * 5000)


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """A folder with a print, as it comes from somebody else."""
    folder = tmp_path / "received"
    folder.mkdir()
    assert still(paint(folder / "rose.png"), "--out", folder / "prints", *QUICK) == 0
    return folder


def files_beside(folder: Path) -> set[str]:
    return {path.name for path in folder.parent.iterdir()}


def test_a_sidecar_or_a_job_writes_outside_its_folder_only_when_that_is_asked_for(
    received: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sidecar, elsewhere = received / "prints/rose.json", tmp_path / "precious"
    told = json.loads(sidecar.read_text())
    told["job"]["out"] = str(elsewhere)
    order = received / "other.json"
    order.write_text(json.dumps(told))
    job = received / "job.toml"
    job.write_text('inputs = ["rose.png"]\nout = "../precious"\nstages = ["clean"]\nsize = [48, 48]\n')
    (received / "way out").symlink_to(tmp_path, target_is_directory=True)
    linked = received / "linked.toml"
    linked.write_text(job.read_text().replace("../precious", "way out/precious"))
    for asked in (order, job, linked):
        capsys.readouterr()
        assert still(asked) == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1 and "precious" in said and "--out" in said
        assert not elsewhere.exists()
    for number, asked in enumerate((order, job)):
        assert still(asked, "--out", tmp_path / f"asked for {number}") == 0
    job.write_text(job.read_text().replace("../precious", "inside"))
    assert still(job) == 0 and (received / "inside/rose.png").is_file(), "as its inputs, from its own folder"


@pytest.mark.parametrize("name", ["../elsewhere/precious", "/tmp/precious", "a/b", "..", ".hidden", "", "before-after"])
def test_a_labs_name_is_part_of_a_files_name_and_no_path(
    received: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = received / "lab.toml"
    lab.write_text(f"name = {json.dumps(name)}\n")
    before = files_beside(received)
    assert still(received / "rose.png", "--out", received / "new", *QUICK, "--set", f'print_file.labs=["{lab}"]') == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "name" in said and files_beside(received) == before


def test_another_picture_under_the_name_of_the_source_is_said_and_printed_only_anyway(
    received: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pixels_of(received / "prints/rose.tif")
    paint(received / "rose.png", 1)
    assert still(received / "prints/rose.json", "--out", tmp_path / "again") == 1
    said = capsys.readouterr().err
    assert "rose.png" in said and "another picture" in said and not (tmp_path / "again").exists()
    assert still(received / "prints/rose.json", "--out", tmp_path / "again", "--anyway") == 0
    assert "another picture" in capsys.readouterr().err
    assert pixels_of(tmp_path / "again/rose.tif") != before


def spoil(table: Any, dice: random.Random) -> Any:
    """One value of a table, somewhere in it, becomes another, goes or is doubled."""
    keys = list(table) if isinstance(table, dict) else list(range(len(table)))
    key = dice.choice(keys)
    if isinstance(table[key], dict | list) and table[key] and dice.random() < 0.75:
        spoil(table[key], dice)
    elif dice.random() < 0.2:
        del table[key]
    else:
        table[key] = dice.choice(ODD)
    return table


def test_sidecars_with_anything_in_them_end_in_a_line_and_nothing_lies_outside(
    received: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, before = json.loads((received / "prints/rose.json").read_text()), files_beside(received)
    whole["job"]["stages"] = ["clean"]
    for number in range(36):
        table = spoil(json.loads(json.dumps(whole)), random.Random(number))
        (received / "order.json").write_text(json.dumps(table))
        assert still(received / "order.json") in (0, 1, 2), table
        said = capsys.readouterr().err
        assert "Traceback" not in said and len(said.splitlines()) < 8, (number, said)
        assert files_beside(received) == before, table


def test_moments_with_anything_in_them_end_in_a_line(
    written_before: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repainting, "PREROLL_S", 0.05)  # what they were led up to is not looked at
    (path,) = (written_before / "moments").glob("*.json")
    whole, before = json.loads(path.read_text()), files_beside(written_before)
    orders = []
    for number in range(24):
        table = spoil(json.loads(json.dumps(whole)), random.Random(number))
        table.get("settings", {}).pop("effects", None) if isinstance(table.get("settings"), dict) else None
        orders.append(written_before / f"moment{number}.json")
        orders[-1].write_text(json.dumps(table))
    texts = {"deep": "[" * 100_000, "list": "[]", "empty": "", "number": "1e999", "torn": path.read_text()[:90]}
    for name, text in texts.items():
        orders.append(written_before / f"{name}.json")
        orders[-1].write_text(text)
    assert still(*orders, "--out", written_before / "new", "--stages", "clean", "--size", "48x27") == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said and said.count("skipped") <= len(orders)
    assert all(f"skipped {name}: source:" in said for name in texts) and files_beside(written_before) == before


def test_job_files_with_anything_in_them_end_in_a_line(
    received: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "produce", lambda *order: 0)  # what is asked for is what is looked at
    values = ("inf", "nan", "-1", "0", "9" * 400, '""', '"/"', "[]", "{}", "[[1]]", "true", '"a\\u0000b"', '"x"')
    keys = ("inputs", "out", "size", "width", "dpi", "styles", "variants", "effort", "seed", "stages", "only", "clean")
    before = files_beside(received)
    for key in keys:
        for value in values:
            lines = {"inputs": '["rose.png"]', "out": '"new"', "stages": '["clean"]', "size": "[8, 8]"} | {key: value}
            (received / "job.toml").write_text("\n".join(f"{name} = {said}" for name, said in lines.items()))
            if still(received / "job.toml") != 0:
                said = capsys.readouterr().err
                assert said and "Traceback" not in said and len(said.splitlines()) <= 3, (key, value, said)
    assert files_beside(received) == before
