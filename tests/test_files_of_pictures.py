"""Which files are taken for pictures, what opens them, and that every other is named with its reason."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import installation
from installation.pictures import PictureError, pictures_below, read_picture, size_of
from installation.settings import SettingsError
from installation.stills.sources import pictures_in
from installation.training.corpus import open_corpus

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 32\n1 0 0 setrgbcolor 0 0 40 32 rectfill\nshowpage\n"
GOOD = ("a.jpg", "b.JFIF", "c.jpe", "d.avif", "e.jp2", "f.png", "deep/g.tif")
STRANGE = {
    "old.psd": b"8BPS",
    "raw.cr2": b"II*\0",
    "page.eps": POSTSCRIPT,
    "clip.mov": b"\0",
    "nameless": b"\xff\xd8",
    "é.webp2": b"",
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Good pictures of every suffix; strange files, a link to nothing, texts, a hidden file and a folder between."""
    folder = tmp_path / "mixed"
    (folder / "deep").mkdir(parents=True)
    for name in GOOD:
        kind = {".jfif": "JPEG", ".jpe": "JPEG"}.get(Path(name).suffix.lower())
        Image.new("RGB", (40, 40), (180, 120, 60)).save(folder / name, kind)
    for name, content in STRANGE.items():
        (folder / name).write_bytes(content)
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "notes.txt").write_text("beside the pictures")
    (folder / "._a.jpg").write_bytes(b"resource fork")
    (folder / ".work").mkdir()
    (folder / ".work" / "sheet.png").write_bytes((folder / "f.png").read_bytes())
    (folder / "album.jpg").mkdir()
    return folder


def test_every_file_that_is_no_picture_is_named_and_every_picture_is_found(mixed: Path) -> None:
    found, left_out = pictures_below(mixed)
    assert {str(path.relative_to(mixed)) for path in found} == set(GOOD)
    assert {path.name for path in left_out} == {*STRANGE, "gone.png"}
    assert "not a picture that is read here" in left_out[mixed / "old.psd"]
    assert "no file" in left_out[mixed / "gone.png"]
    assert all(np.allclose(read_picture(path)[9, 9] / 257, (180, 120, 60), atol=3) for path in found)


def test_the_chain_says_what_it_leaves_out(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = pictures_in([mixed], mixed.parent / "prints")
    assert {str(path.relative_to(mixed)) for path in found} == {*GOOD, "gone.png"}  # missed, when it is looked at
    said = capsys.readouterr().err
    assert all(f"skipped {mixed / name}: " in said for name in STRANGE)
    assert "notes.txt" not in said
    with pytest.raises(SettingsError, match=r"expected pictures .*\.heic"):
        pictures_in([mixed / "album.jpg"], mixed.parent / "prints")


def test_the_trainers_say_what_they_leave_out(mixed: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second time out of what the first one kept
        corpus = open_corpus(mixed, 16, tmp_path / "cache")
        assert set(corpus.names) == set(GOOD)
        assert set(corpus.skipped) == {*STRANGE, "gone.png"}


def test_a_damaged_avif_called_jpg_is_named_and_the_others_are_learnt_from(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for index in range(3):
        Image.effect_noise((64, 64), 90).convert("RGB").save(folder / f"{index}.avif")
    whole = (folder / "0.avif").read_bytes()
    (folder / "0.avif").unlink()
    for left in range(8, len(whole), len(whole) // 40):
        (folder / f"{left}.jpg").write_bytes(whole[:left])
        (folder / f"{left}b.jpg").write_bytes(whole[:left] + bytes(40) + whole[left + 40 :])
    corpus = open_corpus(folder, 16, tmp_path / "cache")
    assert {"1.avif", "2.avif"} <= set(corpus.names)
    assert "8.jpg" in corpus.skipped and "torn" in corpus.skipped["8.jpg"]


def test_a_postscript_program_called_png_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark, tools = tmp_path / "it ran", tmp_path / "bin"
    tools.mkdir()
    for name in ("gs", "gsc", "magick", "convert"):
        (tools / name).write_text(f"#!/bin/sh\necho 10.0\necho {name} >> '{mark}'\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for suffix in ("png", "jpg", "tif", "webp", "gif", "heic", "eps", "pdf"):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(POSTSCRIPT)
        for read in (read_picture, size_of):
            with pytest.raises(PictureError, match=rf"a\.{suffix}: expected a whole picture"):
                read(path)
    assert not mark.exists()
    assert "gs" in subprocess.run(["sh", "-c", "gs; cat 'it ran'"], cwd=tmp_path, capture_output=True, text=True).stdout


OPENERS = {"Image.open", "cv2.imread", "cv2.imdecode", "Image.new_from_file", "Image.tiffload", "tifffile.imread"}


def test_only_the_one_reader_opens_picture_files() -> None:
    package = Path(installation.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent.name != "pictures":
            calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
            opening = {".".join(ast.unparse(call).split(".")[-2:]) for call in calls} & OPENERS
            if path.name == "camera_child.py":
                opening -= {"cv2.imdecode"}  # JPEG frames of a network camera, decoded in a process of its own
            assert not opening, f"{path.relative_to(package)} opens pictures by {sorted(opening)}"


def test_pictures_of_8_bits_open_without_libvips_and_others_say_what_they_need(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (180, 120, 60)).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 9, np.uint16)).save(tmp_path / "deep.png")
    program = (
        "import sys; sys.modules['pyvips'] = sys.modules['tifffile'] = None\n"
        "from pathlib import Path; from installation.pictures import *\n"
        "print(read_picture(Path('a.png'))[0, 0] // 257, size_of(Path('a.png')))\n"
        "try:\n    read_picture(Path('deep.png'))\n"
        "except PictureError as error:\n    print(error)"
    )
    line = [sys.executable, "-c", program]
    said = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "[180 120  60] (8, 8)" in said
    assert "deep.png: a TIFF, or a PNG of 16 bits, needs libvips: pip install" in said


def test_a_heic_is_read_with_the_extra_and_named_with_its_line_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for read in (read_picture, size_of):
        with pytest.raises(PictureError, match=r"a\.heic: .*pip install 'installation\[heic\]'"):
            read(path)
