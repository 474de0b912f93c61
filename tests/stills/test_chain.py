"""The print chain as its user meets it: a command, killed or not, and what lies in the folder afterwards."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from printing import QUICK, halted, paint, pixels_of, still

from installation import files
from installation.__main__ import parser
from installation.pictures import PictureError
from installation.settings import SettingsError
from installation.signals import Still
from installation.stages.work import Stage
from installation.stills import archive, chain, delivery, job, sources


def inodes(work: Path) -> dict[str, int]:
    return {told.parent.name: told.stat().st_mtime_ns for told in work.glob("[!.]*/still.json")}


def test_a_picture_becomes_a_sixteen_bit_print_with_proof_sidecar_and_sheets(tmp_path, workers) -> None:
    import tifffile

    assert still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", *QUICK) == 0
    master = tifffile.imread(tmp_path / "prints/rose.tif")
    assert master.dtype == np.uint16 and master.shape == (96, 96, 3)
    sidecar = json.loads((tmp_path / "prints/rose.json").read_text())
    assert {"rose.tif", "rose.proof.jpg"} <= {made["name"] for made in sidecar["files"]}
    assert [step["stage"] for step in sidecar["history"]] == ["source", "clean", "print_file"]
    for name in ("rose.proof.jpg", "contact.jpg", "stages.jpg"):
        assert Image.open(tmp_path / "prints" / name).size[0] > 50


def test_the_same_command_again_makes_nothing_twice_and_says_the_same(tmp_path) -> None:
    picture, out = paint(tmp_path / "rose.png"), tmp_path / "prints"
    still(picture, "--out", out, *QUICK)
    before, pixels = inodes(out / ".work"), pixels_of(out / "rose.tif")
    laid = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}
    assert still(picture, "--out", out, *QUICK) == 0
    assert inodes(out / ".work") == before and pixels_of(out / "rose.tif") == pixels
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()} == laid


def test_the_sheet_of_many_prints_has_four_in_a_row(tmp_path) -> None:
    pictures = [paint(tmp_path / f"flower{n}.png", n) for n in range(5)]
    assert still(*pictures, "--out", tmp_path / "prints", *QUICK) == 0
    assert Image.open(tmp_path / "prints/contact.jpg").size[0] == 4 * 720 + 3 * 120 + 2 * 240  # cells, gaps, margins


def test_the_sidecar_alone_makes_the_same_print_again(tmp_path) -> None:
    still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", *QUICK, "--seed", "5")
    (tmp_path / "prints/rose.json").rename(tmp_path / "kept.json")
    assert still(tmp_path / "kept.json", "--out", tmp_path / "again") == 0
    assert pixels_of(tmp_path / "again/rose.tif") == pixels_of(tmp_path / "prints/rose.tif")


def test_a_job_file_says_what_the_options_say(tmp_path) -> None:
    paint(tmp_path / "rose.png")
    (tmp_path / "job.toml").write_text(
        'inputs = ["rose.png"]\nsize = [96, 96]\nstages = ["clean", "print_file"]\n[clean]\nlightness = 90.0\n'
    )
    order = job.ask(parser().parse_args(["still", str(tmp_path / "job.toml"), "--dpi", "300"]))
    assert order.inputs == (str(tmp_path / "rose.png"),) and order.dpi == 300
    assert order.settings == {"clean": {"lightness": 90.0}}
    assert still(tmp_path / "job.toml", "--out", tmp_path / "prints") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rose.png", "--style", "gone.jpg:0.5"], "gone.jpg"),
        (["nowhere"], "nowhere"),
        (["rose.png", "--stages", "collor"], "colour"),
        (["rose.png", "--set", "clean.lihgtness=1"], "lightness"),
        (["rose.png", "--set", "nonsense"], "STAGE.KEY=VALUE"),
        (["rose.png", "--width", "3 bananas"], "3 bananas"),
        (["empty"], "found none"),
        (["one.toml", "two.toml"], "give it alone"),
        (["rose.png", "one.toml"], "give it alone"),
        (["nothing.toml"], "nothing to print: name a moment, a picture"),
        (["rose.png", "--variants", "0"], "variants: expected 1 or more, found 0"),
        (["rose.png", "--dpi", "0"], "dpi: expected a number above 0"),
        (["best.toml"], "effort: expected one of"),
        (["nan.toml"], "dpi: expected a finite number"),
        (["none.toml"], "expected 1 to 500,000 px each way, found 0 x 96"),
        (["rose.png", "--width", "900m"], "expected at most 500,000 px"),
        (["rose.png", "--out", "rose.png"], "rose.png: expected a folder, or nothing yet"),
    ],
)
def test_a_wrong_wish_is_one_clear_line_before_any_work_begins(tmp_path, monkeypatch, capsys, arguments, told) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "rose.png")
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text('inputs = ["rose.png"]')
    (tmp_path / "nothing.toml").write_text("inputs = []")
    (tmp_path / "best.toml").write_text('inputs = ["rose.png"]\neffort = "best"')
    (tmp_path / "nan.toml").write_text('inputs = ["rose.png"]\ndpi = nan')
    (tmp_path / "none.toml").write_text('inputs = ["rose.png"]\nsize = [0, 96]')
    (tmp_path / "empty").mkdir()
    assert still(*arguments) == 2
    assert told in capsys.readouterr().err


def test_the_size_of_a_print_may_be_said_in_metres_and_the_working_size_follows() -> None:
    order = job.Job(("x",), width="1m", dpi=254)
    assert job.print_size(order, (4, 3)) == (10000, 7500)
    assert job.working_size((10000, 7500)) == (2500, 1875)
    plain, high, wide = job.Job(("x",)), job.Job(("x",), height="90"), job.Job(("x",), width="90")
    assert job.print_size(plain, (30_000, 3)) == (2000, 1), "a pixel at the least"
    assert job.print_size(plain, (3, 30_000)) == (1, 2000) and job.print_size(high, (3, 30_000)) == (1, 90)
    assert job.print_size(wide, (30_000, 3)) == (90, 1) and job.print_size(wide, (3, 4)) == (90, 120)
    assert job.print_size(high, (4, 3)) == (120, 90)
    assert job.working_size((30_000, 1)) == (7500, 1) and job.working_size((1, 30_000)) == (1, 7500)
    assert job.working_size((2000, 2000)) == (640, 640) and job.working_size((96, 48)) == (96, 48)
    with pytest.raises((SettingsError, ValueError)):
        job.print_size(job.Job(("x",), width="-1m"), (1, 1))


def test_a_value_that_is_no_toml_is_taken_as_text() -> None:
    asked = parser().parse_args(["still", "x.png", "--set", "colour.net=quick nets", "--set", "clean.lightness=0.5"])
    assert [job._assignment(text)[2] for text in asked.set] == ["quick nets", 0.5]


def test_ctrl_c_is_answered_with_how_to_go_on(tmp_path, monkeypatch, capsys) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "produce", interrupted)
    assert still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", *QUICK) == 130
    assert "the same command goes on where this one was" in capsys.readouterr().err


def test_sheets_that_cannot_be_drawn_cost_no_print_and_are_told(tmp_path, monkeypatch, capsys) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delivery.Delivery, "draw_sheets", full)
    assert still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", *QUICK) == 1
    assert (tmp_path / "prints/rose.tif").is_file()
    assert "the sheets are not drawn: " in capsys.readouterr().err


def test_a_source_that_is_gone_is_told_beside_one_that_was_changed(tmp_path) -> None:
    paint(tmp_path / "rose.png")
    asked = job.Job(("x",), sha256={str(tmp_path / "rose.png"): "0" * 64, str(tmp_path / "gone.png"): "0" * 64})
    changed, gone = sources.check_hashes(asked)
    assert "another picture" in changed and "gone.png: cannot be read (No such file" in gone


def test_bad_pictures_are_each_named_and_the_good_one_is_printed(tmp_path, capsys, workers) -> None:
    good = paint(tmp_path / "good.png")
    torn = tmp_path / "torn.png"
    torn.write_bytes(good.read_bytes()[:900])
    nothing = tmp_path / "nothing.png"
    Image.new("RGBA", (40, 40)).save(nothing)
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    moment = tmp_path / "moment.json"
    moment.write_text("{}")
    assert still(good, torn, nothing, text, moment, "--out", tmp_path / "prints", *QUICK) == 1
    told = capsys.readouterr().err
    for name in ("torn", "nothing", "text", "moment"):
        assert f"skipped {name}: source:" in told
    assert "good" not in told and (tmp_path / "prints/good.tif").is_file()


def test_a_stage_that_cannot_even_plan_for_a_picture_costs_that_picture_alone(tmp_path, monkeypatch, capsys) -> None:
    plan = Stage.plan

    def balk(stage, stills):
        if stills[0].name == "lily":
            raise ValueError("lilies are no flowers")
        return plan(stage, stills)

    monkeypatch.setattr(Stage, "plan", balk)
    pictures = [paint(tmp_path / f"{name}.png") for name in ("lily", "rose")]
    assert still(*pictures, "--out", tmp_path / "prints", *QUICK) == 1
    assert "skipped lily: chain: lilies are no flowers" in capsys.readouterr().err
    assert (tmp_path / "prints/rose.tif").is_file()


def test_odd_but_whole_pictures_are_printed(tmp_path) -> None:
    Image.new("CMYK", (50, 40), (0, 200, 120, 20)).save(tmp_path / "cmyk.jpg")
    deep = (np.linspace(0, 65535, 64 * 48 * 3).reshape(48, 64, 3)).astype(np.uint16)
    import cv2

    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    Image.new("RGB", (1, 1), (200, 30, 30)).save(tmp_path / "dot.png")
    Image.fromarray(np.tile(np.arange(30000) % 255, (3, 1)).astype(np.uint8)).save(tmp_path / "wide.png")
    names = ["cmyk.jpg", "deep.png", "dot.png", "wide.png"]
    assert still(*(tmp_path / n for n in names), "--out", tmp_path / "prints", *QUICK) == 0
    for name in names:
        assert (tmp_path / f"prints/{Path(name).stem}.tif").is_file()


def test_a_sheet_that_a_kill_left_half_written_is_cleared_away_and_one_being_written_is_not(tmp_path) -> None:
    out = tmp_path / "prints"
    out.mkdir()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    names = [f".contact.jpg.{pid}-{files.HERE}-01234567.part.jpg" for pid in (child.pid, os.getppid())]
    elsewhere = f".contact.jpg.{child.pid}-another0-01234567.part.jpg"  # a machine that sees the same disk
    for name in (*names, elsewhere):
        (out / name).write_bytes(b"half")
    assert still(paint(tmp_path / "flower.png"), "--out", out, *QUICK) == 0
    assert {path.name for path in out.glob(".*.part*")} == {names[1], elsewhere}


def test_killed_again_and_again_it_finishes_with_the_same_pixels_and_does_nothing_twice(tmp_path, wait_for) -> None:
    pictures = [paint(tmp_path / f"flower{n}.png", n) for n in range(3)]
    still(*pictures, "--out", tmp_path / "calm", *QUICK)
    out, seen = tmp_path / "stormy", {}
    for place in ("flower0.tif", "print_file", "flower1.json", "contact.jpg"):
        with halted(place, tmp_path, wait_for, *pictures, "--out", out, *QUICK):
            pass
        now = inodes(out / ".work")
        assert seen.items() <= now.items(), "a finished stage was made again"
        seen = now
    assert len(seen) == 9, "the sheets are drawn when all pieces are finished"
    assert still(*pictures, "--out", out, *QUICK) == 0
    assert inodes(out / ".work") == seen
    for picture in pictures:
        assert pixels_of(out / f"{picture.stem}.tif") == pixels_of(tmp_path / f"calm/{picture.stem}.tif")
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "calm").iterdir()}
    assert not list((out / ".work").glob(".part-*"))


def test_what_was_half_made_when_the_power_went_is_swept_away(tmp_path) -> None:
    work = archive.Archive(tmp_path)
    with pytest.raises(PictureError), work.begin("clean", "abc") as part:
        (part / "pixels.npy").write_bytes(b"half")
        raise PictureError("disk full")
    assert not list(tmp_path.iterdir())
    (tmp_path / f".part-{socket.gethostname()}-999999999-clean-abc-1").mkdir()
    (tmp_path / f".part-{socket.gethostname()}-{os.getpid()}-clean-abc-1").mkdir()
    work.sweep()
    assert [p.name.split("-")[-4] for p in tmp_path.iterdir()] == [str(os.getpid())]


def test_what_a_killed_process_left_is_swept_away_even_before_it_is_buried(tmp_path, wait_for) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    left = tmp_path / f".part-{socket.gethostname()}-{killed.pid}-clean-abc-1"
    left.mkdir()
    archive.Archive(tmp_path).sweep()
    assert left.is_dir()
    killed.kill()  # nobody waits for it: a zombie, as in a container whose first process buries none
    wait_for(lambda: psutil.Process(killed.pid).status() == psutil.STATUS_ZOMBIE)
    archive.Archive(tmp_path).sweep()
    assert not left.exists()
    killed.wait()


@pytest.mark.parametrize(("asked", "given"), [("0", (1, 2)), ("-3", (1, 2)), ("2", (2, 1)), ("99", (99, 1))])
def test_however_many_jobs_are_asked_for_each_has_a_core(tmp_path, monkeypatch, asked: str, given: tuple) -> None:
    told: list[object] = []

    def choose(name: str, jobs: int, threads: int, address: str) -> None:
        told.append((jobs, threads))
        raise SettingsError("enough")

    monkeypatch.setattr(chain.engines, "choose", choose)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", "--jobs", asked, "--stages", "clean") == 2
    assert told == [given]


def test_a_print_that_cannot_be_laid_costs_itself_alone(tmp_path, monkeypatch, capsys) -> None:
    deliver = delivery.Delivery.deliver

    def full(self: delivery.Delivery, print_: Still) -> None:
        if print_.name == "rose":
            raise OSError(28, "No space left on device")
        deliver(self, print_)

    monkeypatch.setattr(delivery.Delivery, "deliver", full)
    pictures = [paint(tmp_path / f"{name}.png", n) for n, name in enumerate(("rose", "lily"))]
    assert still(*pictures, "--out", tmp_path / "prints", *QUICK) == 1
    assert (tmp_path / "prints/lily.tif").is_file() and not (tmp_path / "prints/rose.tif").exists()
    assert "rose: delivery: [Errno 28] No space left on device" in capsys.readouterr().err


def test_a_set_that_cannot_even_begin_costs_itself_and_only_all_of_them_end_the_job(
    tmp_path, monkeypatch, capsys
) -> None:
    lay, failing = chain.lay_steps, {"rose"}

    def lay_steps(order: job.Job, source: sources.Source) -> list:
        if source.name in failing:
            raise ValueError(f"nothing to be done with {source.name}")
        return lay(order, source)

    monkeypatch.setattr(chain, "lay_steps", lay_steps)
    pictures = [paint(tmp_path / f"{name}.png", n) for n, name in enumerate(("rose", "lily"))]
    assert still(*pictures, "--out", tmp_path / "prints", *QUICK) == 1
    assert (tmp_path / "prints/lily.tif").is_file()
    assert "skipped rose: source: nothing to be done with rose" in capsys.readouterr().err
    failing.add("lily")
    assert still(*pictures, "--out", tmp_path / "others", *QUICK) == 2
    assert "nothing to be done with" in capsys.readouterr().err
