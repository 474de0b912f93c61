"""What a worker does before a stage begins."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
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
