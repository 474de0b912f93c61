"""Moments, input logs, reports and the governor: what a show writes down and how it keeps its pace."""

import json
import resource
import threading
from argparse import Namespace
from contextlib import ExitStack

import numpy as np
import pytest

from installation.live import moments
from installation.live.chronicle import MOMENTS_WAITING, Chronicle
from installation.live.journal import Entry, InputLog, Ledger, read_log
from installation.settings import SettingsError, Show, check
from installation.signals import Command, Controls

STUDIO = Namespace(weights_sha256="abc", status={})
CONTROLS = Controls(1.25, {"generator.truncation": 0.1 + 0.2}, 0.333333333333333333)


def test_a_moment_comes_back_exactly_with_every_digit(tmp_path) -> None:
    moment = moments.of(Show("bloom"), CONTROLS, "abc", (64, 36), 7)
    path = moments.keep(tmp_path, moment, np.zeros((36, 64, 3), np.uint8))
    back = moments.open_moment(path)
    assert json.dumps(moments.as_table(back)) == json.dumps(moments.as_table(moment))
    assert check(Show, back.settings, "moment") == Show("bloom")
    assert path.with_suffix(".jpg").stat().st_size > 100
    assert not list(tmp_path.glob("*.part"))


def test_an_input_log_that_a_power_cut_left_empty_or_torn_is_played_up_to_there(tmp_path) -> None:
    path, random = tmp_path / "show.log.gz", np.random.default_rng(3)
    path.write_bytes(b"")
    assert list(read_log(path)) == []
    log = InputLog(path, "bloom")
    for n in range(500):
        log.write(n / 30, {"sound.bass": float(random.random())}, [], CONTROLS)
    log.close()
    whole = path.read_bytes()
    for at in range(200, len(whole) - 700, 40):
        path.write_bytes(whole[:at] + random.bytes(500) + whole[at + 500 :])
        assert len(list(read_log(path))) < 500
    path.write_text("no log at all")
    with pytest.raises(OSError, match="gzip"):
        list(read_log(path))


def test_a_disk_that_is_full_when_the_show_ends_costs_the_log_and_not_the_report(tmp_path) -> None:
    (tmp_path / "show.log.gz").symlink_to("/dev/full")
    options = Namespace(record=None, log=tmp_path / "show.log.gz")
    with ExitStack() as closing:
        chronicle = Chronicle(Show("bloom"), options, None, STUDIO, closing)
    assert chronicle.faults == {"input log": 1}


def test_a_sender_that_asks_for_a_moment_in_every_frame_cannot_fill_the_memory(tmp_path, monkeypatch) -> None:
    screen = Namespace(read_now=lambda: np.zeros((36, 64, 3), np.uint8))
    disk = threading.Event()  # until it is set, the disk takes nothing
    monkeypatch.setattr(moments, "keep", lambda folder, moment, rgb: disk.wait(30) and tmp_path)
    with ExitStack() as closing:
        options = Namespace(record=None, log=None, moments=tmp_path)
        chronicle = Chronicle(Show("bloom"), options, screen, STUDIO, closing)
        closing.callback(disk.set)
        for n in range(100):
            chronicle.note(Entry(n / 30, {}, (Command("moment"),)), CONTROLS, None, None)
    assert len(chronicle.moments) == MOMENTS_WAITING
    assert chronicle.faults == {"moment dropped": 100 - MOMENTS_WAITING}


def test_a_moment_that_the_disk_has_no_room_for_leaves_nothing_behind(tmp_path) -> None:
    moment = moments.of(Show("bloom"), Controls(0.0, {f"knob.{n}": n / 7 for n in range(500)}), "abc", (64, 36), 7)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            moments.keep(tmp_path, moment, np.zeros((36, 64, 3), np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1, "controls": 3}', '{"version": 99}', "\x00"])
def test_a_file_that_is_no_moment_says_so(tmp_path, text) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"moment|version"):
        moments.open_moment(path)


def test_an_input_log_comes_back_exactly_even_when_the_power_went_out(tmp_path) -> None:
    path = tmp_path / "show.log.gz"
    log = InputLog(path, "bloom")
    for n in range(100):
        log.write(n / 30, {"sound.bass": n / 99}, [Command("knob", "generator.x", 0.1, 2.0)] * (n == 3), CONTROLS)
    log.close()
    entries = list(read_log(path))
    assert [e.features["sound.bass"] for e in entries] == [n / 99 for n in range(100)]
    assert entries[3].commands == (Command("knob", "generator.x", 0.1, 2.0),)
    path.write_bytes(path.read_bytes()[:-200])
    torn = list(read_log(path))
    assert 0 < len(torn) < 100 and torn == entries[: len(torn)]


def test_the_report_counts_a_hand_as_present_only_while_it_is_in_view() -> None:
    ledger = Ledger()
    for n in range(100):
        ledger.note(0.02 if n < 98 else 0.2, {"hands.right.present": float(n >= 25), "hands.right.x": n / 99}, CONTROLS)
    summary = ledger.summary()
    assert summary["features"]["hands.right.x"]["present"] == pytest.approx(0.75)
    assert summary["frame_ms"]["p50"] == pytest.approx(20, abs=0.5)
    assert summary["frame_ms"]["p99"] == pytest.approx(200, abs=0.5)
    assert json.dumps(summary)


def test_the_pace_that_a_desk_is_told_is_that_of_now_and_not_of_the_whole_evening() -> None:
    ledger = Ledger()
    for _ in range(30_000):
        ledger.note(1 / 24, {}, CONTROLS)
    assert ledger.fps == pytest.approx(24)
    for _ in range(60):
        ledger.note(1 / 2, {}, CONTROLS)
    assert ledger.fps == pytest.approx(2)
