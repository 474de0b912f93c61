"""The show is kept running: whatever ends it, the next one is as people left it, and black where it was black."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import psutil
import pytest
from desktops import virtual_desktop
from plainshow import CUES, PAINTED, SCREEN, words
from pythonosc.udp_client import SimpleUDPClient
from stopped import stop

from installation.live import displays, keeper, kept
from installation.live.journal import read_log
from installation.rendering.recorder import part_of

Wait = Callable[..., object]
LOUD = CUES.replace("generator.x", "effect.grain.amount")
SHOW = PAINTED + LOUD + SCREEN + '[[inputs]]\nname = "recording"\n'
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STAND_IN = """
import os, sys, time
from pathlib import Path
from installation.live.kept import Kept
here, kept = Path(sys.argv[1]), Kept.found()
count = len(list(here.glob("start*")))
(here / f"start{count}").write_bytes(os.fsencode(" ".join(sys.argv[2:])))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


class Kept:
    """A real show, kept by a real keeper, and a desk that talks to it."""

    def __init__(self, home: Path, *more: str, show: str = SHOW) -> None:
        (home / "small.toml").write_text(show)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        line = words(home / "small.toml", "--osc-port", str(self.port), "--no-panel", *more)
        environment = os.environ | {"XDG_STATE_HOME": str(home / "state")}
        command = [sys.executable, "-m", "installation", *line]
        self.process = subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE)
        self.state = home / "state/installation/small.state.json"
        self.desk = SimpleUDPClient("127.0.0.1", self.port)

    def show(self) -> psutil.Process | None:
        return next(iter(psutil.Process(self.process.pid).children()), None)

    def told(self) -> dict:
        return json.loads(self.state.read_text()) if self.state.is_file() else {}

    def end(self, by: signal.Signals) -> dict:
        """Ask for its end; what it leaves for the next one."""
        self.process.send_signal(by)
        assert self.process.wait(60) == 0
        return self.told()


@pytest.fixture
def keep(home: Path) -> Iterator[Callable[..., Kept]]:
    with keeping(home) as keep_one:
        yield keep_one


@contextlib.contextmanager
def keeping(home: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def keep_one(*more: str, show: str = SHOW) -> Kept:
        made.append(Kept(home, *more, show=show))
        return made[-1]

    try:
        yield keep_one
    finally:
        for one in made:
            one.process.kill()
            one.process.wait()


def frames_of(path: Path) -> list:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def is_black(film: Path) -> bool:
    frames = frames_of(film)
    return len(frames) > 2 and max(frame.max() for frame in frames) < 8


@dataclass
class Evenings:
    """Three evenings of one show: what each left in its folder, and told the next one at its end."""

    folders: list[Path]
    told: list[dict]
    crashes: Path


@pytest.fixture(scope="module")
def evenings(tmp_path_factory: pytest.TempPathFactory, wait_for: Wait) -> Iterator[Evenings]:
    """On the first one the show is killed, and called black while it is away; the third one is to be fresh.

    Each is ended in another way.
    """
    home = tmp_path_factory.mktemp("evenings")
    folders, told = [home / by.name for by in ENDS], []
    with keeping(home) as keep:

        def begin(folder: Path, *more: str) -> Kept:
            folder.mkdir()
            left = [str(folder / name) for name in ("film.mp4", "show.log.gz", "report.json")]
            line = itertools.chain.from_iterable(zip(("--record", "--log", "--report"), left, strict=True))
            return keep(*line, *more)

        show = begin(folders[0])
        wait_for(lambda: show.told().get("turns", 0) > 0)
        wait_for(lambda: is_set(show))
        wait_for(part_of(folders[0] / "film.mp4").is_file)
        first = show.show()
        stop(first.pid)  # nothing more is read
        show.desk.send_message("/installation/blackout", 1)
        first.kill()
        wait_for(lambda: show.told()["blackout"] is True)
        turns = show.told()["turns"]
        wait_for(lambda: show.told()["turns"] > turns)  # it plays on, from where it was on its walk
        told.append(show.end(ENDS[0]) | {"turns before": turns})
        for by, folder, more in ((ENDS[1], folders[1], ()), (ENDS[2], folders[2], ("--fresh",))):
            before = told[-1]["turns"]
            show = begin(folder, *more)
            wait_for(lambda s=show, b=before: s.told()["turns"] not in (0, b))
            told.append(show.end(by))
        yield Evenings(folders, told, home / "state/installation/crashes")


def is_set(show: Kept) -> bool:
    """Set cue, a knob and master, until it says that they are."""
    for address, value in (("cue", "2"), ("generator/x", 0.5), ("master", 0.25)):
        show.desk.send_message(f"/installation/{address}", value)
    told = show.told()
    return told["cue"] == "2" and told["master"][1] == 0.25 and told["held"].get("generator.x", [0, 0])[1] == 0.5


def test_a_show_that_was_killed_is_back_with_cue_holds_and_master_and_goes_on_from_where_it_was(
    evenings: Evenings,
) -> None:
    told = evenings.told[0]
    assert told["cue"] == "2" and told["master"][1] == 0.25 and told["held"]["generator.x"][1] == 0.5
    assert told["turns"] > told["turns before"] > 0
    kept = evenings.folders[0] / "film.kept-1.mp4"
    assert kept.stat().st_size > 0, "what was recorded before the kill is not written over"
    (report,) = evenings.crashes.glob("*.txt")
    assert "SIGKILL" in report.read_text()


def test_a_blackout_sent_once_while_the_show_is_away_is_done_by_the_next_one_before_its_first_frame(
    evenings: Evenings,
) -> None:
    assert evenings.told[0]["blackout"] is True
    assert is_black(evenings.folders[0] / "film.mp4"), "not one frame of the new show was light"


def test_the_next_evening_begins_as_the_last_one_ended_unless_it_is_to_be_fresh(evenings: Evenings) -> None:
    _, second, fresh = evenings.told
    assert second["blackout"] is True and second["cue"] == "2" and is_black(evenings.folders[1] / "film.mp4")
    assert fresh["blackout"] is False and fresh["cue"] == "1" and not is_black(evenings.folders[2] / "film.mp4")


@pytest.mark.parametrize("by", ENDS)
def test_an_end_that_was_asked_for_leaves_film_log_and_report_whole(evenings: Evenings, by: signal.Signals) -> None:
    folder = evenings.folders[ENDS.index(by)]
    presented = json.loads((folder / "report.json").read_text())["frames_presented"]
    assert presented > 1 and len(list(read_log(folder / "show.log.gz"))) == presented + 1
    assert len(frames_of(folder / "film.mp4")) > 1 and not list(folder.glob("*.part"))


def test_an_unattended_show_waits_for_a_desktop_that_comes_later_and_then_there_is_light(
    home: Path, monkeypatch, wait_for: Wait
) -> None:
    (home / "small.toml").write_text(SHOW)
    (home / "sockets").mkdir()
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(home / "notify"))
    code = (
        "import sys\nfrom pathlib import Path\nfrom installation.__main__ import main\n"
        "from installation.live import displays\ndisplays.SOCKETS = Path('sockets')\nsys.exit(main(sys.argv[1:]))"
    )
    line = ["live", "--show", "small.toml", "--unattended", "--windowed", "--no-panel", "--osc-port", "0"]
    line += ["--record", "film.mp4"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, contextlib.ExitStack() as closing:
        manager.bind(str(home / "notify"))
        manager.settimeout(90)
        show = subprocess.Popen([sys.executable, "-c", code, *line], cwd=home, stdout=subprocess.PIPE, text=True)
        closing.callback(show.wait)
        closing.callback(show.kill)
        assert "Waiting for a display" in show.stdout.readline()
        left = socket.socket(socket.AF_UNIX)  # what an X server that was killed leaves behind
        left.bind(str(home / "sockets/X0"))
        left.close()
        number = closing.enter_context(virtual_desktop())
        (home / f"sockets/X{number}").unlink(missing_ok=True)
        (home / f"sockets/X{number}").symlink_to(f"/tmp/.X11-unix/X{number}")
        said = manager.recv(4096).decode()
        assert "READY=1" in said and "light is on the wall" in said
        show.send_signal(signal.SIGTERM)
        assert show.wait(60) == 0
    assert max(frame.max() for frame in frames_of(home / "film.mp4")) > 60


def test_a_display_that_is_named_and_not_there_yet_is_waited_for_too(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(displays, "SOCKETS", home)
    monkeypatch.setenv("DISPLAY", ":7.0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    waits: list[float] = []
    with socket.socket(socket.AF_UNIX) as server:

        def wait(clock: object, until_s: float) -> None:
            waits.append(until_s)
            server.bind(str(home / "X7"))
            server.listen()

        monkeypatch.setattr(displays.WallClock, "wait_until", wait)
        displays.wait_for_display()
    assert len(waits) == 1 and os.environ["DISPLAY"] == ":7.0"


def test_a_second_show_of_one_name_plays_and_says_that_it_is_not_kept(home: Path, caplog) -> None:
    first = kept.Note("small")
    first.save({"blackout": True}, at_once=True)
    second = kept.Note("small")
    assert second.read() == {} and "another 'small' is playing" in caplog.text
    second.save({"blackout": False}, at_once=True)
    assert kept.read_state("small") == {"blackout": True}
    first.close()
    second.save({"master": 1}, at_once=True)
    assert kept.read_state("small") == {"master": 1}, "once the other one has ended"
    second.close()
    assert kept.Note("small").is_mine
    assert run(home, "kept.present()\nsys.exit(0)") == 0, "and in another folder, or with a lock of another, it plays"


def test_a_mistake_in_what_was_asked_for_is_said_once_and_not_tried_again(keep) -> None:
    kept_show = keep("--venue-that-is-none")
    assert kept_show.process.wait(60) == 2
    kept_show = keep("--fps", "-1")
    assert kept_show.process.wait(90) == 2
    said = kept_show.process.stderr.read().decode()
    assert "fps: must be above 0" in said and "again" not in said


def test_a_show_that_plays_alone_goes_on_once_its_file_is_mended(keep, home: Path, wait_for: Wait) -> None:
    """Saved with a typo on the installed machine: nobody reads the line, and the wall must not stay dark for it."""
    kept_show = keep("--unattended", show=SHOW.replace("[screen]", "[screeen]"))
    crashes = home / "state/installation/crashes"
    wait_for(lambda: list(crashes.glob("*.txt")), 60)
    assert kept_show.process.poll() is None
    (home / "small.toml").write_text(SHOW)
    wait_for(lambda: kept_show.told().get("turns") is not None, 120)


# ---- the keeper alone, over a stand-in for the show


def run(home: Path, body: str, meanwhile: Callable[[], None] = lambda: None) -> int:
    script = home / "stand_in.py"
    script.write_text(STAND_IN + body)
    helper = threading.Thread(target=meanwhile, daemon=True)
    helper.start()
    return keeper.Keeper([], "small", command=[sys.executable, str(script), str(home)]).keep()


def starts(home: Path) -> list[str]:
    return [path.read_text() for path in sorted(home.glob("start*"))]


def test_a_show_that_fails_again_and_again_is_played_safely_and_never_given_up(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeper, "LONGEST_WAIT_S", 0.01)
    body = "sys.exit(0 if '--safe' in sys.argv else 70)"
    assert run(home, body) == 0
    assert [words.split() for words in starts(home)] == [["--no-guard"]] * keeper.TRIES + [["--no-guard", "--safe"]]


def test_a_show_that_presents_nothing_any_more_is_replaced(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeper, "SILENT_S", 0.5)
    body = "kept.present()\nif count: sys.exit(0)\ntime.sleep(600)"
    assert run(home, body) == 0
    assert len(starts(home)) == 2
    (report,) = (home / "state/installation/crashes").glob("*.txt")
    assert "no frame was presented" in report.read_text()


def test_a_keeper_that_was_stopped_with_all_the_rest_looks_again_before_it_calls_the_show_hung(
    home: Path, monkeypatch
) -> None:
    real, late = time.monotonic, []

    def now_s() -> float:
        """A minute later than the newest frame, for a few looks: so it is when a whole machine was frozen."""
        if (home / "playing").exists() and len(late) < keeper.LATE_LOOKS:
            late.append(real())
            return real() + 60.0
        return real()

    monkeypatch.setattr(keeper.time, "monotonic", now_s)
    body = (
        "while not (here / 'over').exists():\n    kept.present()\n    (here / 'playing').touch()\n    time.sleep(0.01)"
    )

    def end() -> None:
        while len(late) < keeper.LATE_LOOKS:
            threading.Event().wait(0.01)
        (home / "over").touch()

    assert run(home, body, end) == 0
    assert len(starts(home)) == 1


def test_the_service_manager_hears_ready_alive_and_stopping(home: Path, monkeypatch, wait_for: Wait) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(home / "notify"))

        def listen() -> None:
            while not any("WATCHDOG=1" in words for words in heard):
                heard.append(manager.recv(4096).decode())
            os.kill(os.getpid(), signal.SIGTERM)
            while not any("STOPPING=1" in words for words in heard):
                heard.append(manager.recv(4096).decode())

        body = "while True:\n    kept.present()\n    time.sleep(0.02)"
        run(home, body, listen)
        wait_for(lambda: any("STOPPING=1" in words for words in heard))
    assert "READY=1" in heard[0] and "light is on the wall" in heard[0]
    assert "READY=1" not in "".join(heard[1:])


def test_a_show_that_cannot_be_started_now_is_started_later(home: Path, monkeypatch) -> None:
    real, tries = subprocess.Popen, []

    def start(command: list[str], **how: object) -> subprocess.Popen:
        tries.append(command)
        if len(tries) < 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real(command, **how)

    monkeypatch.setattr(keeper.subprocess, "Popen", start)
    assert run(home, "sys.exit(0)") == 0
    assert len(tries) == 3 and len(starts(home)) == 1


def test_a_show_that_a_driver_keeps_in_the_kernel_is_left_there(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeper, "SILENT_S", 0.2)
    real, left = subprocess.Popen.wait, []

    def wait(process: subprocess.Popen, timeout: float | None = None) -> int:
        if process.args[-1:] == ["--no-guard"] and timeout and not (home / "start1").exists():
            left.append(timeout)
            raise subprocess.TimeoutExpired("show", timeout)
        return real(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    assert run(home, "kept.present()\nif count: sys.exit(0)\ntime.sleep(600)") == 0
    assert len(left) == 2 and len(starts(home)) == 2


def test_a_show_that_does_not_end_when_it_was_asked_to_is_ended(home: Path, monkeypatch, wait_for: Wait) -> None:
    monkeypatch.setattr(keeper, "ENDING_S", 0.2)

    def ask() -> None:
        wait_for(lambda: (home / "deaf").exists())
        os.kill(os.getpid(), signal.SIGTERM)

    body = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nkept.present()\n(here / 'deaf').touch()\n"
    assert run(home, body + "time.sleep(600)", ask) == -signal.SIGABRT


def test_asked_to_end_before_it_listens_is_an_orderly_end(home: Path, wait_for: Wait) -> None:
    def ask() -> None:
        wait_for(lambda: (home / "start0").exists())
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(home, "time.sleep(600)", ask) == 0


def test_after_the_safe_show_the_whole_one_is_tried_and_one_failure_is_enough(
    home: Path, monkeypatch, wait_for: Wait
) -> None:
    monkeypatch.setattr(keeper, "LONGEST_WAIT_S", 0.01)
    script = home / "stand_in.py"
    body = "kept.present()\nif count == 5: sys.exit(0)\nif '--safe' not in sys.argv: sys.exit(70)\n"
    script.write_text(STAND_IN + body + "while True:\n    kept.present()\n    time.sleep(0.02)")
    made = keeper.Keeper([], "small", command=[sys.executable, str(script), str(home)])

    def end_the_safe_time() -> None:
        wait_for(lambda: len(starts(home)) == 4 and "--safe" in starts(home)[3])
        made.safe_until_s = time.monotonic()

    threading.Thread(target=end_the_safe_time, daemon=True).start()
    assert made.keep() == 0
    assert ["--safe" in words for words in starts(home)] == [False, False, False, True, False, True]


def test_the_whole_show_is_tried_a_few_times_a_day_however_often_it_failed(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeper, "LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_SAFE_S", 0.5)
    waits: list[float] = []
    monkeypatch.setattr(keeper.Keeper, "_pause", lambda self, wait_s: waits.append(wait_s) or True)
    script = home / "stand_in.py"
    script.write_text(STAND_IN + "sys.exit(0 if '--safe' in sys.argv else 70)")
    made = keeper.Keeper([], "small", command=[sys.executable, str(script), str(home)])
    assert made.keep() == 0 and made.safe_s == 0.5 and set(waits) == {0.01}


def test_a_name_that_is_no_text_is_no_reason_to_fail(home: Path) -> None:
    script = home / "stand_in.py"
    script.write_text(STAND_IN + "sys.exit(0 if count else 70)")
    assert keeper.Keeper(["\udcff"], "small", command=[sys.executable, str(script), str(home)]).keep() == 0


def test_a_reader_of_the_log_who_reads_no_more_holds_up_neither_show_nor_keeper(home: Path) -> None:
    (home / "stand_in.py").write_text(
        STAND_IN + "for n in range(5000): print('x' * 99, file=sys.stderr)\nsys.exit(0 if count else 70)"
    )
    command = [sys.executable, str(home / "stand_in.py"), str(home)]
    code = (
        "import logging, sys\nfrom installation.live import keeper, saying\nlogging.basicConfig()\n"
        "saying.log_without_waiting()\nlogging.error('y' * 100_000)\n"
        f"sys.exit(keeper.Keeper([], 'small', command={command!r}).keep())"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)  # a pipe that nobody reads
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_show_that_presents_nothing_is_never_called_alive(home: Path, monkeypatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(home / "notify"))
        assert run(home, "sys.exit(0)") == 0
        with pytest.raises(BlockingIOError):
            manager.recv(4096)


TORN = ["", "{", "[1]", '{"blackout": "yes", "held": 3, "master": [1, 2]}', "\x00"]
FAR_TOO_MUCH = ["[" * 100_000, '{"held": "' + 300_000 * "x" + '"}']


@pytest.mark.parametrize("text", TORN + FAR_TOO_MUCH, ids=range(7))
def test_a_torn_note_of_what_was_set_is_no_reason_to_fail(home: Path, text: str) -> None:
    path = kept.state_path("small")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert isinstance(kept.read_state("small"), dict)
    made = keeper.Keeper([], "small")
    assert isinstance(made.kept.words.read(), dict)
    made.note.close()


def test_what_is_set_is_on_the_disk_a_moment_later(home: Path) -> None:
    body = "kept.words.write({'blackout': True})\nkept.present()\nsys.exit(0)"
    assert run(home, body) == 0
    assert kept.read_state("small") == {"blackout": True}
    assert time.time() - kept.state_path("small").stat().st_mtime < 3600


def test_what_is_set_is_not_written_again_while_it_stays_nor_when_it_is_not_known(home: Path) -> None:
    note = kept.Note("small")
    note.save({"blackout": True}, at_once=True)
    written = kept.state_path("small").stat().st_ino
    for state in ({}, {"blackout": True}):
        note.save(state, at_once=True)
        assert kept.state_path("small").stat().st_ino == written
    note.close()


def test_a_crash_report_that_cannot_be_written_is_no_reason_to_give_up(tmp_path, monkeypatch, caplog) -> None:
    (tmp_path / "state").write_text("a file where the folder of the state belongs")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    keeper.Keeper(["live"], "small", fresh=True)._report("killed")
    assert "no crash report could be written" in caplog.text
