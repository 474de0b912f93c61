"""The whole show: real GL, real processes, real UDP, on a small screen."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import psutil
import pytest
from plainshow import CUES, NO_DEVICES, PAINTED, SCREEN, as_new, does, open_live, play, words
from pythonosc.udp_client import SimpleUDPClient

from installation.__main__ import main
from installation.control.fades import Ramp
from installation.live import moments
from installation.live.journal import Entry, read_log
from installation.live.kept import Kept
from installation.live.loop import PATIENCE, REMEMBER_FRAMES, Live
from installation.rendering.gestures import Key
from installation.rendering.wall.venue import Mesh, Output, Venue
from installation.signals import Command
from installation.stills import repainting

SHOW = (
    PAINTED
    + CUES.replace("generator.x", "bend.swell.amount")
    + SCREEN
    + """
[[inputs]]
name = "recording"
[[inputs]]
name = "camera"
[[inputs]]
name = "microphone"
[[features]]
name = "motion"
[[features]]
name = "sound"
[[routes]]
source = "sound.level"
target = "generator.kick"
[[routes]]
source = "hands.right.x"
target = "generator.x"
attack_s = 0.2
[[bends]]
name = "swell"
layer = "hidden1"
operation = "multiply"
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A show, two seconds of a moving square for its camera, and a beating tone for its microphone."""
    import soundfile

    folder = tmp_path_factory.mktemp("show")
    (folder / "small.toml").write_text(SHOW)
    with av.open(str(folder / "film.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n in range(50):
            rgb = np.full((120, 160, 3), 30, np.uint8)
            rgb[30:80, 2 * n : 2 * n + 40] = 220
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        file.mux(stream.encode(None))
    t = np.arange(44100 * 2) / 44100
    beat = 0.5 * np.sin(2 * np.pi * 220 * t) * (np.sin(2 * np.pi * 2 * t) > 0)
    soundfile.write(folder / "tone.wav", beat.astype("f4"), 44100)
    return folder


def devices(folder: Path) -> list[str]:
    return ["--camera", str(folder / "film.mp4"), "--microphone", str(folder / "tone.wav")]


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[tuple[Live, bool]]:
    """A show that tests step through frame by frame, and whether its desk listened before the curtain was up."""
    with ExitStack() as closing:
        live = open_live(folder / "small.toml", closing, *devices(folder), "--no-panel")
        yield live, live.desk.osc._thread is not None


@pytest.fixture
def live(opened: tuple[Live, bool]) -> Live:
    return as_new(opened[0])


def desk_of(live: Live) -> SimpleUDPClient:
    return SimpleUDPClient("127.0.0.1", live.desk.port)


def test_the_wall_is_fitted_while_the_show_goes_on_by_a_page_and_by_hand(live: Live, monkeypatch) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    pinned = Mesh(points=((0.5, 0.0), (1.0, 0.0), (0.5, 1.0), (1.0, 1.0)))
    threading.Thread(target=live.screen.apply, args=[Venue((Output(mesh=pinned),))]).start()
    play(live, lambda heard: live.screen.venue.outputs[0].mesh == pinned)
    assert live.screen.read_now()[:, :150].max() == 0 and live.screen.read_now()[:, 170:].max() > 30
    keys = [[(0, Key("c"))], [(0, Key("6"))]]
    monkeypatch.setattr(live.screen.beams, "gestures", lambda: keys.pop(0) if keys else [])
    said: list[Command] = []
    try:
        play(live, lambda heard: said.extend(heard.commands) or not keys)
        assert live.screen.calibrating is not None and live.screen.calibrating.state.pattern == "focus"
        assert said == [], "digits belong to the wall now, not to cues"
    finally:
        live.screen.show_on()
        live.screen.apply(Venue())


def test_blackout_from_the_desk_is_black_on_the_next_presented_frame(live: Live) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    desk_of(live).send_message("/installation/blackout", 1)
    play(live, does("blackout"))
    assert live.screen.read_now().max() == 0
    desk_of(live).send_message("/installation/blackout", 0)
    play(live, lambda heard: live.screen.read_now().max() > 60)


def test_nothing_is_read_from_the_desk_before_there_is_a_frame_to_do_it_in(opened: tuple[Live, bool]) -> None:
    live, listened = opened
    assert not listened, "the curtain was still down: what ends the show then must not take it along"
    play(live, lambda heard: True)
    listening = live.desk.osc._thread
    live.desk.start()
    assert listening is not None and live.desk.osc._thread is listening


def test_blackout_works_while_the_generator_is_dead(live: Live) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    (pid,) = live.studio.pids
    os.kill(pid, signal.SIGSTOP)
    try:
        desk_of(live).send_message("/installation/blackout", 1)
        play(live, does("blackout"))
        assert live.screen.read_now().max() == 0
    finally:
        os.kill(pid, signal.SIGCONT)


def test_blackout_works_while_nothing_can_be_asked_of_the_generator(live: Live, monkeypatch) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    monkeypatch.setattr(live.studio, "request", lambda *asked, **how: 1 / 0)
    live.survive(Entry(live.clock.now_s(), {}, (Command("blackout", value=1.0),)))
    assert live.screen.read_now().max() == 0 and live.survived == {"frame: ZeroDivisionError": 1}


def test_what_people_do_is_left_with_the_keeper_at_once_and_every_frame_while_light_fades(live: Live) -> None:
    live.kept = Kept.make()
    play(live, lambda heard: live.chronicle.ledger.frames % REMEMBER_FRAMES == 2)
    live.frame(Entry(live.clock.now_s(), {}, (Command("cue", "2"),)))
    assert live.kept.words.read()["cue"] == "2"
    desk_of(live).send_message("/installation/panic", 1)
    left: list[float] = []

    def has_faded(heard: Entry) -> bool:
        assert live.kept is not None
        if live.board.is_fading(heard.now_s):
            left.append(live.kept.words.read()["panic"][0])
        return bool(left) and not live.board.is_fading(heard.now_s)

    play(live, has_faded)
    assert len(left) > 5 and all(later < before for before, later in itertools.pairwise(left))


def test_the_safe_show_hears_a_desk_whose_own_addresses_lead_to_knobs_that_it_has_not(tmp_path: Path) -> None:
    more = {"/Page1/Fader1": "effect.grain.amount", "/3/xy": ["master", "bend.swell.amount"]}
    more |= {"/Page1/Key101": "/installation/blackout", "/q/2": "/installation/cue/2"}
    lines = "".join(f"{json.dumps(there)} = {json.dumps(to)}\n" for there, to in more.items())
    (tmp_path / "small.toml").write_text(SHOW + "[osc.aliases]\n" + lines)
    with ExitStack() as closing:
        live = open_live(tmp_path / "small.toml", closing, "--safe", "--no-panel")
        desk_of(live).send_message("/q/2", 1)
        desk_of(live).send_message("/Page1/Key101", 1)
        play(live, lambda heard: live.board.levels(heard.now_s).blackout and live.board.number == "2")
        assert live.screen.read_now().max() == 0


def test_a_killed_camera_and_a_killed_microphone_heal_and_are_counted(live: Live) -> None:
    camera, microphone = live.senses.inputs["camera"], live.senses.inputs["microphone"]
    play(live, lambda heard: live.senses.frames > 2 and heard.features.get("sound.level", 0) > 0)
    before = set(camera.pids + microphone.pids)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    frames = live.senses.frames
    play(live, lambda heard: live.senses.all_faults()["camera"] > 0 and live.senses.all_faults()["microphone"] > 0)
    play(live, lambda heard: live.senses.frames > frames + 2 and camera.alive and microphone.alive)
    assert not before & set(camera.pids + microphone.pids)


def test_random_packets_cost_nothing_and_the_desk_is_still_heard(live: Live) -> None:
    rng = np.random.default_rng(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as enemy:
        for size in rng.integers(0, 200, 5000):
            enemy.sendto(rng.bytes(int(size)), ("127.0.0.1", live.desk.port))
    desk_of(live).send_message("/installation/blackout", 1)
    play(live, does("blackout"))
    assert live.screen.read_now().max() == 0 and sum(live.desk.faults.values()) > 0


def test_a_cue_recalled_from_the_desk_fades_its_knobs(live: Live) -> None:
    """However few frames a busy machine has for it: each is where the fade is at its instant."""
    seen: list[tuple[float, float]] = []
    desk_of(live).send_message("/installation/cue", "2")
    begun: list[float] = []

    def faded(heard: Entry) -> bool:
        begun.extend([heard.now_s] if does("cue")(heard) else [])
        seen.append((heard.now_s, live.board.levels(heard.now_s).base["bend.swell.amount"]))
        return seen[-1][1] >= 0.5

    play(live, faded)
    ramp = Ramp(0.0, 0.5, begun[0], 1.0)
    assert seen[-1][0] >= begun[0] + 1.0
    assert [value for _, value in seen] == pytest.approx([ramp.at(max(begun[0], at_s)) for at_s, _ in seen])


def test_a_moment_painted_again_is_the_picture_that_was_shown(live: Live) -> None:
    desk_of(live).send_message("/installation/effect/grain/amount", 0.0)
    play(live, lambda heard: live.studio.newest().controls.values["effect.grain.amount"] == 0.0)
    desk_of(live).send_message("/installation/moment", 1)
    shown = {}

    def kept(heard: Entry) -> bool:
        if does("moment")(heard):
            shown["rgb"] = live.screen.read_now()
        return bool(live.chronicle.moments)

    play(live, kept)
    again = repainting.render(moments.open_moment(live.chronicle.moments[0]), (320, 180))
    assert np.abs(again.astype(int) - shown["rgb"].astype(int)).mean() < 1.0
    larger = repainting.render(moments.open_moment(live.chronicle.moments[0]), (640, 360))
    small = larger.reshape(180, 2, 320, 2, 3).mean((1, 3))
    assert larger.shape == (360, 640, 3) and np.abs(small - again).mean() < 6


def test_a_show_that_fails_in_every_frame_is_soon_left_to_the_keeper(live: Live, monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the wall is gone")

    monkeypatch.setattr(live.screen, "show", fails)
    monkeypatch.setattr("installation.live.opening.curtain", lambda *_: nullcontext())
    monkeypatch.setattr(live, "clock", live.clock)  # playing begins another
    monkeypatch.setattr(live.options, "seconds", 60.0)
    report = live.play()
    assert live.broke_off and live.failed == PATIENCE, "not one frame more"
    assert report["faults"]["frame: RuntimeError"] == PATIENCE


def test_a_log_that_is_played_again_ends_when_it_is_asked_to(monkeypatch) -> None:
    monkeypatch.setattr("installation.live.loop.read_log", lambda path: iter("abc"))
    desk, screen = SimpleNamespace(start=lambda: None), SimpleNamespace(closed=False)
    show = SimpleNamespace(desk=desk, screen=screen, options=SimpleNamespace(replay=Path()), ending=False)
    heard = Live.replayed(show)  # type: ignore[arg-type]
    assert next(heard) == "a"
    show.ending = True
    assert list(heard) == []


# ---- as it is typed


def run(folder: Path, *line: str) -> None:
    command = [sys.executable, "-m", "installation", *line]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def played(folder: Path) -> Path:
    """Three seconds of a show, and the film, the log and the report of them."""
    named = ["--record", "out.mp4", "--report", "out.json", "--log", "show.log.gz", "--moments", "moments"]
    run(folder, *words(folder / "small.toml", *devices(folder), "--seconds", "3", *named))
    return folder


def test_the_same_log_gives_the_same_controls_frame_for_frame(played: Path) -> None:
    log, report = played / "show.log.gz", played / "replayed.json"
    assert len({entry.controls["values"]["generator.kick"] for entry in read_log(log)}) > 3
    run(played, *words(played / "small.toml", "--replay", str(log), "--report", str(report)))
    table = json.loads(report.read_text())
    assert table["replay_differences"] == 0
    assert table["frames_presented"] == sum(1 for _ in read_log(log)) - 1


def test_a_recorded_run_leaves_a_film_that_plays_and_a_report_with_every_key(played: Path) -> None:
    table = json.loads((played / "out.json").read_text())
    keys = "frames_presented fps frame_ms dropped features knobs tempo_bpm faults flashes_limited rss_mb gpu_mb"
    assert set(keys.split()) <= set(table)
    assert set(table["frame_ms"]) == {"p50", "p95", "p99"} and set(table["rss_mb"]) == {"start", "end"}
    assert set(table["features"]["sound.level"]) == {"min", "mean", "max", "present"}
    with av.open(str(played / "out.mp4")) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(pictures) > 5 and pictures[-1].std() > 5 and np.abs(pictures[-1].astype(int) - pictures[2]).mean() > 0.5


@pytest.fixture(scope="module")
def demonstrated(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where a show was begun without a display, with a microphone that hears something; and what it said."""
    away = tmp_path_factory.mktemp("away")
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    line = ["live", "--show", str(folder / "small.toml"), "--osc-port", "0", *NO_DEVICES[:2], *devices(folder)[2:]]
    code = "import sys; from installation.live import opening; opening.DEMO_S = 2.0; "
    code += "from installation.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *line]
    answer = subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return away, answer.stdout


def test_without_a_display_the_show_says_so_and_renders_a_film_and_a_sheet(demonstrated: tuple[Path, str]) -> None:
    away, said = demonstrated
    assert "No display" in said and (away / "out/live.mp4").stat().st_size > 1000
    assert (away / "out/live.png").stat().st_size > 1000


def test_no_sound_is_on_disk_unless_a_film_was_asked_for(demonstrated: tuple[Path, str], played: Path) -> None:
    for path, sounds in ((demonstrated[0] / "out/live.mp4", 0), (played / "out.mp4", 1)):
        with av.open(str(path)) as film:
            assert len(film.streams.video) == 1 and len(film.streams.audio) == sounds, path


def test_killing_the_show_leaves_no_process_behind(folder: Path, wait_for) -> None:
    line = words(folder / "small.toml", *devices(folder))
    show = subprocess.Popen([sys.executable, "-m", "installation", *line], stdout=subprocess.DEVNULL)
    parent, children = psutil.Process(show.pid), []

    def are_there() -> bool:
        children[:] = parent.children(recursive=True)
        return len(children) >= 2

    try:
        wait_for(are_there, within_s=60)
    finally:
        show.kill()
        show.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def test_a_mistake_on_the_command_line_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    for line, expected in (
        (["--show", "blom"], "no show 'blom'"),
        (["--camera", "missing.mp4"], "no file 'missing.mp4'"),
        (["--fps", "0"], "screen.fps: must be above 0, found 0"),
    ):
        assert main(["live", "--headless", "--no-guard", *line]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert expected in said
