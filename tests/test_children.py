"""Watched child processes: what they say, how often they are tried again, and how many a dead device may keep."""

import logging
import subprocess
import sys

import pytest

from installation import children
from installation.children import Child, Memory

log = logging.getLogger("tests.children")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """start(code): a watched child that runs these lines after it has entered; settings are read by then."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = []

    def make(code: str, **more: float) -> Child:
        head = "import os, time\nfrom installation.children import enter\nmemory, _ = enter()\n"
        (tmp_path / "told_child.py").write_text(head + "memory.counts[0] += 1\n" + code)
        started.append(Child("told", "told_child", {}, Memory(64), log=log, **more))
        started[-1].start()
        return started[-1]

    yield make
    for child in started:
        child.close()


def test_a_child_that_gives_something_and_always_dies_soon_is_tried_ever_more_rarely(start, monkeypatch, wait_for):
    waits: list[float] = []
    child = start("memory.times[0] = time.monotonic()\nos._exit(1)\n")
    real = child._closing.wait

    def wait(timeout_s: float) -> bool:
        if timeout_s != children.WATCH_EVERY_S:
            waits.append(timeout_s)
        return real(min(timeout_s, 0.01))

    monkeypatch.setattr(child._closing, "wait", wait)
    wait_for(lambda: len(waits) >= 6)
    assert waits[:5] == sorted(waits[:5]) and waits[5] == children.LONGEST_WAIT_S


def test_a_device_that_keeps_killed_processes_in_the_kernel_does_not_gather_them_for_ever(
    start, monkeypatch, wait_for, caplog
):
    monkeypatch.setattr(children, "LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr(children, "MOST_STUCK", 2)
    lingering: list[subprocess.Popen] = []
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: lingering.append(process))
    child = start("time.sleep(60)\n", opening_s=0.3)
    try:
        wait_for(lambda: len(lingering) == 2 and caplog.text.count("does not die") == 2)
        real, rests = child._closing.wait, []
        monkeypatch.setattr(child._closing, "wait", lambda rest_s: rests.append(rest_s) or real(rest_s))
        wait_for(lambda: len(rests) >= 20)  # so often it had the chance to try again
        assert len(lingering) == 2 and child.pids == []
        lingering[0].send_signal(9)
        wait_for(lambda: child.pids)  # there is room for another try
    finally:
        monkeypatch.undo()
        child.close()
        for process in lingering:
            process.kill()
            process.wait()


def test_a_word_about_a_file_whose_name_is_not_utf_8_still_arrives():
    memory = Memory(64)
    memory.say("no such file caf\udce9.mp4")
    assert memory.take_word() == "no such file caf?.mp4"
    memory.close()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_child_leaves_what_it_saw_in_a_core_dump(start, wait_for):
    asked = "import ctypes, resource\nmemory.counts[1] = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE\n"
    asked += "memory.counts[2] = resource.getrlimit(resource.RLIMIT_CORE)[0]\nmemory.counts[3] = 1\ntime.sleep(60)\n"
    child = start(asked)
    wait_for(lambda: child.memory.counts[3])
    assert (child.memory.counts[1], child.memory.counts[2]) == (0, 0)


def test_a_child_that_only_seemed_silent_as_the_watch_itself_stood_still_is_left_alone(start, wait_for):
    looks: list[float] = []

    def silence_s() -> float:
        looks.append(0.0)
        return 1e6 if len(looks) % children.LATE_LOOKS else 0.0

    child = start("time.sleep(60)\n", silence_s=silence_s, silent_s=0.0, opening_s=0.0)
    first = wait_for(lambda: child.pids)
    wait_for(lambda: len(looks) > 3 * children.LATE_LOOKS)
    assert child.pids == first and not child.faults
