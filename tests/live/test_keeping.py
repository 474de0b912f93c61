"""Moments, input logs, reports and the governor: what a show writes down and how it keeps its pace."""

import json
import resource
import threading
import time
from argparse import Namespace
from contextlib import ExitStack

import numpy as np
import pytest

from installation.live import allowance, kept, moments
from installation.live import chronicle as chronicle_room
from installation.live.chronicle import MOMENTS_WAITING, Chronicle
from installation.live.journal import Entry, InputLog, Ledger, read_log
from installation.settings import SettingsError, Show, check
from installation.signals import Command, Controls

STUDIO = Namespace(weights_sha256="abc", status={}, watches=False)
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
        options = Namespace(record=None, log=None, moments=tmp_path / "moments")
        chronicle = Chronicle(Show("bloom"), options, screen, STUDIO, closing)
        closing.callback(disk.set)
        for n in range(100):
            chronicle.note(Entry(3.0 * n, {}, (Command("moment"),)), CONTROLS, None, None)
    assert len(chronicle.moments) == MOMENTS_WAITING
    assert chronicle.faults == {"moment dropped": 100 - MOMENTS_WAITING}


def kept_in(folder, frames, command=True, **settings) -> Chronicle:
    """So many frames of a show at 30 a second, a moment asked for in each of them."""
    with ExitStack() as closing:
        chronicle = Chronicle(
            Show("bloom", **settings),
            Namespace(record=None, log=None, moments=folder),
            Namespace(read_now=lambda: np.zeros((4, 4, 3), np.uint8)),
            STUDIO,
            closing,
        )
        for n in range(frames):
            wishes = (Command("moment"),) if command else ()
            chronicle.note(Entry(n / 30, {}, wishes), CONTROLS, None, None)
            for task in chronicle._writing:
                task.result()
    return chronicle


def test_a_desk_that_never_lets_go_of_moment_keeps_five_and_then_one_in_two_seconds(tmp_path, caplog) -> None:
    chronicle = kept_in(tmp_path, 310)
    assert len(chronicle.moments) == 5 + 5
    assert chronicle.faults == {"moment dropped": 300}
    assert [line.getMessage() for line in caplog.records if "no moment" in line.message] == [
        "no moment was kept: pressed more often than once in 2 s: something sends without letting go"
    ]


def test_the_shows_own_timer_is_held_to_the_hour_only(tmp_path) -> None:
    chronicle = kept_in(tmp_path, 90, command=False, moment_every_s=0.1, moments_per_hour=12.0)
    assert len(chronicle.moments) == 12 and chronicle.faults["moment dropped"] > 5


def test_the_folder_of_moments_grows_no_larger_than_the_show_allows(tmp_path, caplog) -> None:
    folder = tmp_path / "show"
    folder.mkdir()
    (folder / "older.jpg").write_bytes(b"x" * 60_000)
    each = sum(path.stat().st_size for path in kept_in(tmp_path / "one", 1).moments[0].parent.iterdir())
    chronicle = kept_in(folder, 5, moments_mb=(60_000 + 1.5 * each) / 1e6)
    assert len(chronicle.moments) == 2 and chronicle.faults == {"moment dropped": 3}
    assert sum("move some away, or raise moments_mb" in line.getMessage() for line in caplog.records) == 1


def test_the_last_of_a_disk_is_not_filled_with_moments(tmp_path, monkeypatch, caplog) -> None:
    free = Namespace(total=100e9, free=0.9e9)
    monkeypatch.setattr(allowance.shutil, "disk_usage", lambda path: free)
    assert not kept_in(tmp_path, 3).moments
    assert "less than 1000 MB are free" in caplog.text
    free.total = 16e9
    assert kept_in(tmp_path, 3).moments, "two hundredths of a small disk are enough"


@pytest.mark.parametrize("name", ["moments_per_hour", "moments_mb"])
def test_a_limit_below_nothing_stops_the_start(tmp_path, name) -> None:
    with pytest.raises(SettingsError, match=name):
        allowance.Allowance(Show("bloom", **{name: -1.0}))
    limitless = allowance.Allowance(Show("bloom", moments_per_hour=0.0, moments_mb=0.0))
    assert not any(limitless.refusal(0.0, by_hand=False) for _ in range(2000)) and not limitless.no_room(tmp_path)


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


@pytest.mark.parametrize("size_px", [[0, 36], [64, 0], [64, 16385], [-64, 36]])
def test_a_moment_of_no_size_that_can_be_painted_says_so(tmp_path, size_px: list[int]) -> None:
    path = moments.keep(tmp_path, moments.of(Show("bloom"), CONTROLS, "abc", (64, 36), 7), np.zeros((36, 64, 3), "u1"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size_px": size_px}))
    with pytest.raises(SettingsError, match="size_px: expected 1 to 16384"):
        moments.open_moment(path)


def test_less_than_one_moment_an_hour_is_one_now_and_then() -> None:
    allowed = allowance.Allowance(Show("bloom", moments_per_hour=0.5))
    assert allowed.refusal(0.0, False) == "" and "moments_per_hour" in allowed.refusal(3600.0, False)
    assert allowed.refusal(7201.0, False) == ""


def test_what_cannot_be_set_aside_does_not_keep_a_show_from_its_start(tmp_path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chronicle_room, "set_aside", full)
    (tmp_path / "show.log.gz").write_bytes(b"begun")
    chronicle_room.keep_earlier(Namespace(record=None, log=tmp_path / "show.log.gz"))
    assert (tmp_path / "show.log.gz").read_bytes() == b"begun"


def test_a_moment_of_another_version_is_told_as_that_alone(tmp_path) -> None:
    (tmp_path / "m.json").write_text('{"version": 99, "controls": {}}')
    with pytest.raises(SettingsError) as refused:
        moments.open_moment(tmp_path / "m.json")
    assert str(refused.value).startswith(f"{tmp_path / 'm.json'}: written by another version (99)")


def test_frames_that_took_no_time_have_a_pace_too() -> None:
    ledger = Ledger()
    assert ledger.fps == 0.0 and ledger.percentile_ms(0.99) == 0.0
    ledger.note(0.0, {"sound.level": 0.5}, CONTROLS)
    assert ledger.fps > 1000 and ledger.summary()["features"]["sound.level"]["present"] == 1.0


def test_more_frames_than_were_due_are_none_dropped(tmp_path) -> None:
    with ExitStack() as closing:
        studio = Namespace(weights_sha256="abc", status={}, watches=False, painted=3)
        options = Namespace(record=None, log=None, sheet=None, report=None, moments=tmp_path)
        chronicle = Chronicle(Show("bloom"), options, None, studio, closing)
        for _ in range(10):
            chronicle.ledger.note(0.001, {}, CONTROLS)
        chronicle._before_s = 0.01
        assert chronicle.report({}, 0.0, 0)["dropped"] == 0


def test_what_is_set_is_written_now_and_then_and_at_once_when_asked(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "SAVE_EVERY_S", 3600.0)
    note = kept.Note("small")
    note._tried_s = time.monotonic()
    note.save({"master": 0.5})
    assert kept.read_state("small") == {}
    note.save({"master": 0.5}, at_once=True)
    assert kept.read_state("small") == {"master": 0.5}
    kept.state_path("small").unlink()
    kept.state_path("small").mkdir()
    for level in (0.6, 0.7):
        note.save({"master": level}, at_once=True)
    assert caplog.text.count("what is set now could not be kept") == 1
    note.close()
