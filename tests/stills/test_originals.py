"""What is the artist's stays as it is: originals, retouched prints, and whatever else lies where prints would go."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from printing import QUICK, paint, pixels_of, still

from installation.stills import ledger as ledger_room
from installation.stills import naming
from installation.stills.archive import Archive
from installation.stills.ledger import Ledger, NotOurs, State, read_sidecar

FLAT = ["--stages", "clean", "--size", "96x96", "--threads", "1"]  # no print files: the print is a PNG


def seen(folder: Path) -> dict[str, str]:
    """What lies in a folder and below, but for finished work: {path: hash}."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".work" not in path.parts
    }


def retouch(path: Path) -> str:
    path.write_bytes(path.read_bytes() + b"a stroke of the brush")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Originals as people keep them: pictures of every kind beside each other, and a contact sheet of their own."""
    folder = tmp_path / "album"
    folder.mkdir()
    for n, name in enumerate(("rose.png", "rose.tif", "lily.png", "contact.jpg")):
        picture = Image.open(paint(tmp_path / "painted.png", n))
        picture.convert("RGB" if name.endswith("jpg") else "RGBA").save(folder / name)
    (folder / "rose.json").write_text('{"my": "notes"}')
    return folder


@pytest.mark.parametrize("way", [QUICK, FLAT], ids=["print files", "a picture"])
@pytest.mark.parametrize(
    "place",
    [
        lambda album: album,
        lambda album: album.parent,
        lambda album: album / "prints",
        lambda album: link_to(album),
        lambda album: album / ".." / "album",
    ],
    ids=["same folder", "parent", "child", "a link to it", "a detour"],
)
def test_originals_are_as_they_were_wherever_the_prints_go(
    album: Path, place: Callable[[Path], Path], way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = seen(album), place(album)
    same = out.resolve() == album.resolve()
    assert still(album / "rose.png", album / "lily.png", "--out", out, *way) == (1 if same else 0)
    assert seen(album).items() >= before.items()
    told = capsys.readouterr().err
    assert ("rose" in told and "kept" in told) == same
    if same:
        assert "contact.jpg" in told and Image.open(album / "contact.jpg").size == (120, 120)


def link_to(folder: Path) -> Path:
    link = folder.parent / "linked"
    link.symlink_to(folder, target_is_directory=True)
    return link


@pytest.mark.parametrize("place", ["a file", "below a file", "a dangling link"])
def test_a_place_that_is_no_folder_is_one_line_and_nothing_is_touched(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, taken = paint(tmp_path / "rose.png"), tmp_path / "taken"
    taken.write_text("a letter")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    out = {"a file": taken, "below a file": taken / "prints", "a dangling link": tmp_path / "dangling"}[place]
    assert still(picture, "--out", out, *QUICK) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1 and str(out) in told and "Traceback" not in told
    assert taken.read_text() == "a letter" and not (tmp_path / "nowhere").exists()


def test_with_keep_both_the_print_lies_beside_what_stands_there_and_is_found_again(album: Path) -> None:
    before = seen(album)
    order = [album / "rose.png", "--out", album, "--keep-both", *QUICK]
    assert still(*order) == 1, "of the sheets, one could not be drawn"
    assert seen(album).items() >= before.items()
    assert json.loads((album / "rose-2.json").read_text())["name"] == "rose-2"
    laid = seen(album)
    assert still(*order) == 1 and seen(album) == laid, "no rose-3"


def test_a_moment_printed_into_its_own_folder_is_still_there(written_before: Path) -> None:
    (moment,) = (written_before / "moments").glob("*.json")
    before = seen(moment.parent)
    assert still(moment, "--out", moment.parent, "--stages", "clean", "--size", "96x54") == 1
    assert seen(moment.parent) == before


def test_what_is_in_the_way_is_named_before_any_work(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert still(album / "rose.png", "--out", album, *QUICK) == 1
    told = capsys.readouterr()
    assert "rose.tif" in told.err and "rose.json" in told.err and "--keep-both" in told.err
    assert not list((album / ".work").glob("source-*")), "nothing was made in vain"


def test_a_retouched_print_is_kept_and_said_and_the_others_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, out = [paint(tmp_path / f"flower{n}.png", n) for n in range(2)], tmp_path / "prints"
    assert still(*pictures, "--out", out, *QUICK) == 0
    retouched = retouch(out / "flower0.tif")
    capsys.readouterr()
    assert still(*pictures, "--out", out, *QUICK, "--set", "clean.lightness=90.0") == 1
    assert "flower0.tif" in capsys.readouterr().err
    assert seen(out)["flower0.tif"] == retouched
    assert json.loads((out / "flower1.json").read_text())["job"]["settings"] == {"clean": {"lightness": 90.0}}
    assert still(*pictures, "--out", out, *QUICK, "--keep-both") == 0
    assert seen(out)["flower0.tif"] == retouched and (out / "flower0-2.tif").is_file()


@pytest.mark.parametrize("name", ["rose.proof.jpg", "rose.before-after.jpg", "contact.jpg", "stages.jpg", "rose.json"])
def test_everything_that_is_laid_is_kept_once_it_was_changed_by_hand(tmp_path: Path, name: str) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    assert still(picture, "--out", out, *QUICK) == 0
    changed = retouch(out / name)
    assert still(picture, "--out", out, *QUICK, "--set", "clean.lightness=90.0") == 1
    assert seen(out)[name] == changed


def test_what_comes_while_a_print_is_made_is_kept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    link = os.link

    def somebody_is_first(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "rose.tif":
            Path(target).write_text("mine")
        link(source, target)

    monkeypatch.setattr(os, "link", somebody_is_first)
    assert still(picture, "--out", out, *QUICK) == 1
    assert (out / "rose.tif").read_text() == "mine" and "rose.tif" in capsys.readouterr().err


def test_on_a_disk_without_links_nothing_is_replaced_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError("a disk of a camera")

    monkeypatch.setattr(os, "link", refuse)
    ledger = Ledger(tmp_path)
    ledger.lay("a.txt", lambda part: part.write_text("one") and None)
    ledger.lay("a.txt", lambda part: part.write_text("two") and None)
    assert (tmp_path / "a.txt").read_text() == "two"
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(OSError, match="b"):
        ledger.lay("b.txt", lambda part: part.write_text("new") and None)
    assert (tmp_path / "b.txt").read_text() == "mine" and len(list(tmp_path.glob("*"))) == 3


def test_pictures_of_one_name_give_a_print_each_at_once_or_one_after_the_other(tmp_path: Path) -> None:
    names = ["a/rose.png", "b/rose.png", "c/Rose.png", "d/rose\u0301e.png", "e/ros\u00e9e.png", "f/rose-2.png"]
    for n, name in enumerate(names):
        (tmp_path / name).parent.mkdir()
        paint(tmp_path / name, n)
    assert still(*(tmp_path / name for name in names), "--out", tmp_path / "at once", *QUICK) == 0
    for name in names:
        assert still(tmp_path / name, "--out", tmp_path / "one by one", *QUICK) == 0
    for out in (tmp_path / "at once", tmp_path / "one by one"):
        prints = list(out.glob("*.tif"))
        assert len({naming.folded(path.name) for path in prints}) == len(names)
        assert len({pixels_of(path) for path in prints}) == len(names)
        sources = {told["inputs"][0]["path"] for told in (json.loads(path.read_text()) for path in out.glob("*.json"))}
        assert sources == {str(tmp_path / name) for name in names}


def test_a_print_that_got_another_name_is_made_again_under_that_name_by_its_sidecar(tmp_path: Path) -> None:
    for n, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        paint(tmp_path / folder / "rose.png", n)
    out = tmp_path / "prints"
    assert still(tmp_path / "a/rose.png", tmp_path / "b/rose.png", "--out", out, *QUICK) == 0
    assert still(out / "rose-2.json", "--out", tmp_path / "again") == 0
    assert [path.name for path in (tmp_path / "again").glob("*.tif")] == ["rose-2.tif"]
    assert pixels_of(tmp_path / "again/rose-2.tif") == pixels_of(out / "rose-2.tif")


def test_a_print_is_made_again_though_another_of_its_job_could_not_lie_there(tmp_path: Path) -> None:
    again, job = tmp_path / "again", tmp_path / "job.toml"
    for name in ("rose", "lily"):
        paint(tmp_path / f"{name}.png")
    again.mkdir()
    (again / "lily.tif").write_text("hers")
    job.write_text('inputs = ["rose.png", "lily.png"]\nonly = ["rose"]\n')
    assert still(job, "--out", again, *QUICK) == 0
    assert (again / "rose.tif").is_file() and (again / "lily.tif").read_text() == "hers"


def test_prints_and_sheets_are_never_references(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for n in range(2):
        paint(album / f"flower{n}.png", n)
    for out in (album, album / "prints"):
        for _ in range(2):
            assert still(album, "--out", out, *QUICK) == 0, capsys.readouterr().err
            assert len(list(out.glob("*.tif"))) == 2
    shutil.copy(album / "flower0.tif", album / "a copy.tif")
    assert still(album, "--out", album, *QUICK) == 0
    assert "prints, proofs and sheets of this program are left out" in capsys.readouterr().err
    assert not (album / "a copy.json").exists(), "known by what it holds"


def test_an_original_that_is_a_print_is_not_replaced_by_its_own_print(tmp_path: Path) -> None:
    out = tmp_path / "prints"
    still(paint(tmp_path / "rose.png"), "--out", out, *QUICK)
    before = seen(out)
    assert still(out / "rose.tif", "--out", out, *QUICK, "--set", "clean.lightness=90.0") == 0
    after = seen(out)
    assert {name for name in before if after[name] != before[name]} <= {"contact.jpg", "stages.jpg"}
    assert "rose-2.tif" in after


def test_a_folder_that_was_printed_before_there_was_a_ledger_goes_on(tmp_path: Path) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    assert still(picture, "--out", out, *QUICK) == 0
    (out / ".work/delivered.jsonl").unlink()
    old = seen(out)["contact.jpg"]
    assert still(picture, "--out", out, *QUICK, "--set", "clean.lightness=90.0") == 0
    assert seen(out)["contact.kept-1.jpg"] == old, "of which nobody can say whether it was drawn over"
    (out / ".work/delivered.jsonl").unlink()
    retouched = retouch(out / "rose.tif")
    assert still(picture, "--out", out, *QUICK) == 1 and seen(out)["rose.tif"] == retouched


def test_a_torn_ledger_costs_the_torn_line_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name in ("a", "b"):
        ledger.lay(name, lambda part: part.write_text("mine") and None)
    path = tmp_path / ".work/delivered.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name": "c", "sha')
    Ledger(tmp_path).lay("d", lambda part: part.write_text("mine") and None)
    again = Ledger(tmp_path)
    assert [again.state(name) for name in "abcd"] == [State.OWN, State.OWN, State.FREE, State.OWN]
    (tmp_path / "a").write_text("hers")
    assert Ledger(tmp_path).state("a") is State.OTHER


def test_one_bad_item_costs_itself_while_listing_opening_and_delivering(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    album = tmp_path / "album"
    (album / "old.jpg").mkdir(parents=True)
    paint(album / "old.jpg/inside.png", 3)
    good, out = paint(album / "good.png"), tmp_path / "prints"
    (album / "gone.png").symlink_to(tmp_path / "nowhere.png")
    long = paint(album / ("\u9b31" * 78 + ".png"), 1)
    assert still(album, "--out", out, *QUICK) == 1
    told = capsys.readouterr().err
    assert "skipped gone: source:" in told and told.count("skipped") == 1
    assert {path.stem for path in out.glob("*.tif")} == {"good", "inside", naming.stem_of(long)}
    assert still(good, album / "gone.png", "--out", tmp_path / "named", *QUICK) == 1
    assert (tmp_path / "named/good.tif").is_file()


def test_a_name_becomes_one_that_can_be_written_everywhere_and_leaves_room_for_what_is_added() -> None:
    assert naming.stem_of(Path(os.fsdecode(b"ros\xe9.png"))) == "ros\u00e9", "as Latin-1 had it"
    assert naming.stem_of(Path("a\nb\x1b.png")) == "a_b_"
    assert len(naming.stem_of(Path("\u9b31" * 78 + ".png")).encode()) == naming.LONGEST_STEM


@pytest.mark.parametrize("harm", ["still.json", "pixels.npy", "proof.jpg", "master.tif", "a file", "everything"])
def test_finished_work_that_was_torn_is_made_again(tmp_path: Path, harm: str) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    assert still(picture, "--out", out, *QUICK) == 0
    whole = pixels_of(out / "rose.tif")
    for path in out.glob("rose.*"):
        path.unlink()
    for folder in (out / ".work").glob("*-*/"):
        if harm == "a file":
            shutil.rmtree(folder)
            folder.write_text("no folder")
        elif harm == "everything":
            for path in folder.iterdir():
                path.write_bytes(b"")
        elif (folder / harm).is_file():
            (folder / harm).write_bytes((folder / harm).read_bytes()[:40])
    (out / ".work/sheets.json").write_text("{")
    assert still(picture, "--out", out, *QUICK) == 0
    assert pixels_of(out / "rose.tif") == whole


def test_a_print_that_changed_where_it_is_kept_is_not_delivered_and_the_same_command_makes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    assert still(picture, "--out", out, *QUICK) == 0
    whole = pixels_of(out / "rose.tif")
    (out / "rose.tif").unlink()
    (kept,) = (out / ".work").glob("print_file-*/master.tif")
    kept.write_bytes(kept.read_bytes()[::-1])  # as large as it was
    assert still(picture, "--out", out, *QUICK) == 1 and not (out / "rose.tif").exists()
    assert "the same command makes it again" in capsys.readouterr().err
    assert still(picture, "--out", out, *QUICK) == 0 and pixels_of(out / "rose.tif") == whole


def test_a_folder_without_its_table_is_made_again(tmp_path: Path) -> None:
    work = Archive(tmp_path)
    (tmp_path / "clean-abc").mkdir()
    (tmp_path / "clean-abc/pixels.npy").write_bytes(b"left by somebody")
    from installation.signals import Still

    made = Still(np.zeros((2, 2, 3), np.uint16), "rose", "abc", 1, {}, {}, ({"stage": "clean", "key": "abc"},))
    with work.begin("clean", "abc") as part:
        work.write(part, made)
    found = work.find("clean", "abc")
    assert found and found.name == "rose"


def test_what_is_retouched_while_its_print_is_made_again_is_kept(tmp_path: Path) -> None:
    ledger, print_ = Ledger(tmp_path), tmp_path / "rose.tif"
    ledger.lay("rose.tif", lambda part: part.write_text("first") and None)

    def write(part: Path) -> None:
        part.write_text("second")
        print_.write_text("by hand")

    with pytest.raises(NotOurs, match=r"rose\.tif"):
        ledger.lay("rose.tif", write)
    assert print_.read_text() == "by hand"
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_lists_that_were_written_before_there_was_a_ledger_are_the_chains_own(tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    listing, ledger = tmp_path / ".work/selection.json", Ledger(tmp_path)
    assert ledger.state(".work/selection.json") is State.FREE
    listing.write_text('{"keys": ["a"]}')
    assert ledger.state(".work/selection.json") is State.OWN
    listing.write_text("[]")
    assert ledger.state(".work/selection.json") is State.OLD, "kept aside, never in the way"


def test_a_link_a_folder_and_what_cannot_be_read_are_never_the_chains_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    ledger.lay("rose.tif", lambda part: part.write_bytes(b"print"))
    assert ledger.state("rose.tif") is State.OWN
    (tmp_path / "rose.tif").rename(tmp_path / "moved.tif")
    (tmp_path / "rose.tif").symlink_to("moved.tif")
    (tmp_path / "folder.tif").mkdir()
    assert ledger.state("rose.tif") is State.OTHER and ledger.state("folder.tif") is State.OTHER
    (tmp_path / "rose.json").write_text('{"kind": "print", "job": {}}')
    assert read_sidecar(tmp_path / "rose.json")
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    assert read_sidecar(tmp_path / "rose.json") == {}


def test_a_folder_that_is_not_there_yet_has_room_for_every_name(tmp_path: Path) -> None:
    names = naming.Names(Ledger(tmp_path / "prints"), [])
    assert names.settle("rose", frozenset(), [".tif"]) == "rose"


def test_two_prints_of_one_run_never_share_a_name(tmp_path: Path) -> None:
    names = naming.Names(Ledger(tmp_path / "prints"), [])
    rose, other = frozenset({"a/rose.png"}), frozenset({"b/Rose.png"})
    assert [names.settle("rose", one, [".tif"]) for one in (rose, other, rose)] == ["rose", "rose-2", "rose"]
    assert names.settle("Rose", frozenset({"c"}), [".tif"]) == "Rose-3", "one name where a disk makes no difference"


def test_a_print_that_nobody_touched_is_known_without_being_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Ledger(tmp_path)
    first.lay("rose.tif", lambda part: part.write_bytes(b"print"))
    read: list[Path] = []
    monkeypatch.setattr(ledger_room, "digest", lambda path: read.append(path) or "another")
    assert Ledger(tmp_path).state("rose.tif") is State.OWN and read == []
    (tmp_path / "rose.tif").write_bytes(b"prinz")
    assert Ledger(tmp_path).state("rose.tif") is State.OTHER and read
