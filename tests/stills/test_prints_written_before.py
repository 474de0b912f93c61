"""Moments, jobs, sidecars and takes that an earlier version wrote go on being opened."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from printing import still

from installation.__main__ import parser
from installation.live.moments import open_moment
from installation.stills import choices, choosing, job, repainting, takes


def test_a_moment_is_painted_as_it_was_shown_effects_and_bends_and_all(
    written_before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (written_before / "moments").glob("*.json")
    moment = open_moment(path)
    assert moment.controls.values["bend.unfold.amount"] > 0 and moment.controls.values["effect.oil.amount"] > 0.5
    painted = Image.fromarray(repainting.render(moment, (320, 180)))
    shown = Image.open(path.with_suffix(".jpg"))
    apart = [np.asarray(picture.reduce(4), float) for picture in (painted, shown)]  # less the grain, which is by chance
    assert np.abs(apart[0] - apart[1]).mean() < 2.2, "of 255; 1.5 are grain"
    said = capsys.readouterr().err
    assert said.count("warning") == 1 and "the model has changed" in said, (
        "its mapping has, of which no picture here is"
    )


def test_a_job_file_is_read_and_its_print_made(written_before: Path) -> None:
    order = job.ask(parser().parse_args(["still", str(written_before / "job.toml")]))
    assert order.inputs == (str(written_before / "leaf.png"),) and order.size == (96, 72) and order.effort == "proof"
    assert order.styles == (f"{written_before / 'wave.png'}:1",)
    assert order.stages == ("selection", "clean", "print_file")
    assert order.settings == {"print_file": {"labs": ["srgb-8bit"]}}
    assert still(written_before / "job.toml", "--out", written_before / "new") == 0
    assert (written_before / "new/leaf.srgb-8bit.tif").is_file()


def test_a_sidecar_makes_the_print_again(written_before: Path) -> None:
    master = written_before / "prints/leaf.tif"
    before = tifffile.imread(master).astype(int)
    master.unlink()
    assert still(written_before / "prints/leaf.json") == 0
    again = tifffile.imread(master).astype(int)
    assert again.shape == before.shape and np.abs(again - before).max() < 65535 / 255 / 2
    told = json.loads((written_before / "prints/leaf.json").read_text())
    assert [step["stage"] for step in told["history"]] == ["source", "selection", "clean", "print_file"]


def test_the_takes_of_a_folder_of_prints_are_found_shown_and_chosen_from(written_before: Path) -> None:
    folder = written_before / "prints"
    ((key, take),) = takes.find_takes(folder).items()
    assert take.still.name == "leaf" and takes.open_pixels(folder, take).shape == (48, 64, 3)
    wall = choosing.JobWall(folder)
    assert [shown["figures"]["coverage"] for shown in wall.state()["takes"]] == [1.0]
    assert Image.open(BytesIO(wall.picture(key, 32))).size == (32, 24)
    wall.judge(key, "reject")
    assert choices.read_choices(folder).said == {key: "reject"}


def test_the_select_page_is_served_until_ctrl_c_and_then_says_what_was_chosen(written_before: Path) -> None:
    command = [sys.executable, "-m", "installation", "select", str(written_before / "prints"), "--no-browser"]
    listening = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's & has it ignored
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listening
    ) as page:
        assert page.stdout
        try:
            assert "1 takes of" in page.stdout.readline() and "ctrl-c ends" in page.stdout.readline()
            page.send_signal(signal.SIGINT)
            said, complaints = page.communicate(timeout=120)
        finally:
            page.kill()
    assert page.returncode == 0 and "0 kept, 0 rejected" in said and "Traceback" not in complaints
