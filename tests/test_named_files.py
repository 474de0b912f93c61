"""A name that a person typed by mistake costs nothing: what stood there and is not ours is kept, and that is said."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from installation import files
from installation.__main__ import main
from installation.files import named
from installation.latent import vectors
from installation.live.journal import InputLog
from installation.machine.rows import Row, Table
from installation.rendering.recorder import Recorder
from installation.training.export import write_model

ORIGINAL = b"there is only one of it"


def keep_corpus_sheet(path: Path) -> None:
    folder = path.parent / "pictures"
    folder.mkdir(exist_ok=True)
    for n in range(2):
        Image.new("RGB", (64, 64), (n, 90, 0)).save(folder / f"{n}.png")
    assert main(["corpus", "sheet", str(folder), "--size", "32", "--out", str(path)]) == 0


def keep_fixture_sheet(path: Path) -> None:
    assert main(["desk", "sheet", str(path), "--show", "plotter"]) == 0


def keep_bench(path: Path) -> None:
    table = Table((), path)
    table.add(Row("one", 1.0, "s"))
    table.add(Row("two", 2.0, "s"))


def keep_film(path: Path) -> None:
    recorder = Recorder(path, (64, 36), 25.0)
    recorder.write(np.zeros((36, 64, 3), np.uint8), 0.0)
    recorder.close()
    assert not recorder.faults


def keep_log(path: Path) -> None:
    InputLog(path, "small").close()


def keep_vector(path: Path) -> None:
    vectors.write(path, torch.zeros(1, 4), "mine", "0" * 64)


def keep_model(path: Path) -> None:
    write_model(path.parent, {"one": torch.zeros(2)}, Image.new("RGB", (8, 8)), {"name": "mine"})


WAYS = {
    "rose.png": keep_corpus_sheet,
    "rose.csv": keep_fixture_sheet,
    "rose.gdtf": keep_fixture_sheet,
    "rose.pdf": keep_fixture_sheet,
    "rose.json": keep_bench,
    "rose.mp4": keep_film,
    "rose.gz": keep_log,
    "rose.npz": keep_vector,
    "samples.png": keep_model,
    "model.toml": keep_model,
    "weights.safetensors": keep_model,
}


@pytest.mark.parametrize(("name", "write"), WAYS.items(), ids=WAYS)
def test_an_original_of_that_name_is_kept_and_our_own_is_written_anew(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, write: Callable[[Path], None]
) -> None:
    path, aside = tmp_path / name, tmp_path / f"{Path(name).stem}.kept-1{Path(name).suffix}"
    path.write_bytes(ORIGINAL)
    write(path)
    assert aside.read_bytes() == ORIGINAL and path.read_bytes() != ORIGINAL
    assert f"{path}: kept as {aside.name}" in capfd.readouterr().err
    write(path)  # ours by now
    assert not list(tmp_path.glob("*.kept-2*")) and "kept" not in capfd.readouterr().err


def test_what_somebody_changed_or_put_there_since_is_kept_as_well(tmp_path: Path) -> None:
    path, other = tmp_path / "table.json", tmp_path / "elsewhere.json"
    named.write_text(path, "1")
    path.write_text("2, by hand")
    named.write_text(path, "3")
    other.write_text("4, from elsewhere")
    os.replace(other, path)
    named.write_text(path, "5")
    kept = sorted(one.read_text() for one in tmp_path.glob("*kept*"))
    assert kept == ["2, by hand", "4, from elsewhere"] and path.read_text() == "5"


def test_a_link_is_kept_and_what_it_leads_to_is_as_it_was(tmp_path: Path) -> None:
    original, link = tmp_path / "original", tmp_path / "link.json"
    original.write_bytes(ORIGINAL)
    link.symlink_to(original)
    named.write_text(link, "new")
    assert original.read_bytes() == ORIGINAL and link.read_text() == "new" and not link.is_symlink()


def test_a_device_or_a_pipe_is_handed_what_is_written_and_stays(tmp_path: Path) -> None:
    pipe, link, heard = tmp_path / "pipe.json", tmp_path / "null.json", list[str]()
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    named.write_text(pipe, "told")
    reader.join()
    named.write_text(link, "told to nobody")
    assert heard == ["told"] and pipe.is_fifo() and link.is_symlink() and len(os.listdir(tmp_path)) == 2
    with pytest.raises(FileExistsError, match="device or a pipe"):
        files.write_text(link, "in its place")
    assert link.is_symlink() and len(os.listdir(tmp_path)) == 2


def test_what_fails_leaves_the_original_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "rose.png"
    path.write_bytes(ORIGINAL)
    with pytest.raises(OSError, match="full"), named.whole(path):
        raise OSError("disk full")
    assert path.read_bytes() == ORIGINAL and os.listdir(tmp_path) == ["rose.png"]
    with pytest.raises(IsADirectoryError, match="is a folder"), named.whole(tmp_path):
        pass


def test_without_the_list_of_what_is_ours_everything_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.json"
    named.write_text(path, "1")
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no folder"))
    named.write_text(path, "2")
    assert (tmp_path / "table.kept-1.json").read_text() == "1" and path.read_text() == "2"


def test_the_list_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(named, "MOST", 3)
    for n in range(5):
        named.write_text(tmp_path / f"{n}.json", "1")
    known = files.read_json(named._list())
    assert [Path(path).name for path in known] == ["2.json", "3.json", "4.json"]
