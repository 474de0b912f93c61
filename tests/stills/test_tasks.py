"""What a worker does before a stage begins."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from printing import QUICK, paint, still

from installation.stills import tasks
from installation.stills.tasks import Task


def test_a_worker_uses_as_many_threads_as_the_job_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        tasks._use_threads(3)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, 3)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_what_another_worker_has_finished_meanwhile_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Task] = []
    perform = tasks.perform
    monkeypatch.setattr(tasks, "perform", lambda task: asked.append(task) or perform(task))
    assert still(paint(tmp_path / "rose.png"), "--out", tmp_path / "prints", *QUICK) == 0
    monkeypatch.setattr(tasks, "open_stage", lambda *_: pytest.fail("it was begun again"))
    assert [perform(task) for task in asked] == [0.0] * len(asked) and asked


def test_a_worker_whose_stages_need_no_network_loads_none_and_one_that_comes_later_hears_of_the_threads() -> None:
    program = (
        "import sys; from installation.stills import sources, tasks; from installation.stages import clean, print_file;"
        "tasks._use_threads(3); there = 'torch' in sys.modules;"
        "import cv2, torch; print(there, torch.get_num_threads(), cv2.getNumThreads())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "3", "3"]


def test_what_is_being_painted_is_shown_now_and_then_and_only_where_somebody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb, shown = np.full((40, 60, 3), 0.5, np.float32), tmp_path / "shown.jpg"
    monkeypatch.setattr(tasks, "PREVIEW_EVERY_S", 3600.0)
    for preview in ("", str(shown)):
        saying = tasks._Saying(tmp_path, Task("dream", {}, "", (), 0, "rose", "key", "", preview))
        saying.preview(rgb)
    assert Image.open(shown).size == (60, 40)
    shown.unlink()
    saying.preview(rgb)
    assert not shown.exists() and json.loads((tmp_path / "progress.json").read_text())["name"] == "rose"


def test_a_disk_that_takes_no_progress_ends_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tasks.files, "write_json", full)
    monkeypatch.setattr("installation.pictures.write_picture", full)
    saying = tasks._Saying(tmp_path, Task("dream", {}, "", (), 0, "rose", "key", "", str(tmp_path / "shown.jpg")))
    saying.preview(np.full((40, 60, 3), 0.5, np.float32))
    assert list(tmp_path.iterdir()) == []
