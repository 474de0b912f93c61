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
from pythonosc.udp_client import SimpleUDPClient

from installation.__main__ import parser
from installation.live import moments, opening
from installation.live.journal import Entry, read_log
from installation.live.kept import Kept
from installation.live.loop import PATIENCE, REMEMBER_FRAMES, Live
from installation.rendering.gestures import Key
from installation.rendering.wall.venue import Mesh, Output, Venue
from installation.signals import Command
from installation.stills import sources

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
about = "a small show for tests"
[generator]
name = "pattern"
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
[[effects]]
file = "grain.fs"
[[cues]]
number = "1"
[[cues]]
number = "2"
fade_s = 1.0
values = { "bend.swell.amount" = 0.5 }
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
"""


@pytest.fixture
def show_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SHOW)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds of a moving square, with a beating tone beside it."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n in range(50):
            rgb = np.full((120, 160, 3), 30, np.uint8)
            rgb[30:80, 2 * n : 2 * n + 40] = 220
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    import soundfile

    t = np.arange(44100 * 2) / 44100
    path = tmp_path / "tone.wav"
    soundfile.write(path, (0.5 * np.sin(2 * np.pi * 220 * t) * (np.sin(2 * np.pi * 2 * t) > 0)).astype("f4"), 44100)
    return path


def ask(show_file: Path, *words: str) -> list[str]:
    return ["live", "--show", str(show_file), "--headless", "--osc-port", "0", *words]


@pytest.fixture
def live(show_file: Path, film: Path, tone: Path, tmp_path: Path) -> Iterator[Live]:
    """A show that the test steps through frame by frame."""
    words = ask(show_file, "--camera", str(film), "--microphone", str(tone), "--moments", str(tmp_path / "moments"))
    show, options = opening.prepare(parser().parse_args(words))
    with ExitStack() as closing:
        live = Live(show, options, closing)
        with opening.curtain(live.senses, live.studio):
            yield live


def play(live: Live, until, frames: int = 400) -> int:
    """Present frames until `until(heard)` holds after one; fails when it never does."""
    for count, heard in enumerate(itertools.islice(live.heard(), frames)):
        live.frame(heard)
        live.pace(heard.now_s)
        if until(heard):
            return count
    raise AssertionError(f"did not happen within {frames} frames")


def desk_of(live: Live) -> SimpleUDPClient:
    return SimpleUDPClient("127.0.0.1", live.desk.port)


def test_the_wall_is_fitted_while_the_show_goes_on_by_a_page_and_by_hand(live: Live) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    pinned = Mesh(points=((0.5, 0.0), (1.0, 0.0), (0.5, 1.0), (1.0, 1.0)))
    threading.Thread(target=live.screen.apply, args=[Venue((Output(mesh=pinned),))]).start()
    play(live, lambda heard: live.screen.venue.outputs[0].mesh == pinned)
    assert live.screen.read_now()[:, :150].max() == 0 and live.screen.read_now()[:, 170:].max() > 30
    keys = [[(0, Key("c"))], [(0, Key("6"))]]
    live.screen.beams.gestures = lambda: keys.pop(0) if keys else []
    said: list[Command] = []
    play(live, lambda heard: said.extend(heard.commands) or not keys)
    assert live.screen.calibrating is not None and live.screen.calibrating.state.pattern == "focus"
    assert said == [], "digits belong to the wall now, not to cues"


def test_blackout_from_the_desk_is_black_on_the_next_presented_frame(live: Live) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    desk_of(live).send_message("/installation/blackout", 1)
    play(live, lambda heard: any(command.verb == "blackout" for command in heard.commands))
    assert live.screen.read_now().max() == 0
    desk_of(live).send_message("/installation/blackout", 0)
    play(live, lambda heard: live.screen.read_now().max() > 60)


def test_nothing_is_read_from_the_desk_before_there_is_a_frame_to_do_it_in(live: Live) -> None:
    assert live.desk.osc._thread is None, "the curtain is still down: what ends the show now must not take it along"
    desk_of(live).send_message("/installation/blackout", 1)
    play(live, lambda heard: any(command.verb == "blackout" for command in heard.commands))
    listening = live.desk.osc._thread
    live.desk.start()
    assert live.desk.osc._thread is listening


def test_blackout_works_while_the_generator_is_dead(live: Live) -> None:
    live.studio.close()
    desk_of(live).send_message("/installation/blackout", 1)
    play(live, lambda heard: any(command.verb == "blackout" for command in heard.commands))
    assert live.screen.read_now().max() == 0


def test_blackout_works_while_nothing_can_be_asked_of_the_generator(live: Live, monkeypatch) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    monkeypatch.setattr(live.studio, "request", lambda *asked, **how: 1 / 0)
    live.survive(Entry(live.clock.now_s(), {}, (Command("blackout", value=1.0),)))
    assert live.screen.read_now().max() == 0 and live.survived == {"frame: ZeroDivisionError": 1}


def test_while_light_fades_every_frame_is_left_with_the_keeper(live: Live) -> None:
    live.kept = Kept.make()
    play(live, lambda heard: live.chronicle.ledger.frames % REMEMBER_FRAMES == 2)
    live.frame(Entry(10.0, {}, (Command("panic"),)))
    live.frame(Entry(11.0, {}, ()))
    assert 0.0 < live.kept.words.read()["panic"][0] < 1.0
    live.frame(Entry(12.5, {}, ()))
    live.frame(Entry(12.6, {}, (Command("moment"),)))
    assert live.kept.words.read()["panic"] == [0.0, 0.0, 0.0]


def test_the_safe_show_hears_a_desk_whose_own_addresses_lead_to_knobs_that_it_has_not(show_file: Path) -> None:
    more = {"/Page1/Fader1": "effect.grain.amount", "/3/xy": ["master", "bend.swell.amount"]}
    more |= {"/Page1/Key101": "/installation/blackout", "/q/2": "/installation/cue/2"}
    lines = "".join(f"{json.dumps(there)} = {json.dumps(to)}\n" for there, to in more.items())
    show_file.write_text(SHOW + "[osc.aliases]\n" + lines)
    words = ask(show_file, "--safe", "--camera", "none", "--microphone", "none")
    show, options = opening.prepare(parser().parse_args(words))
    with ExitStack() as closing:
        live = Live(show, options, closing)
        with opening.curtain(live.senses, live.studio):
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
    play(live, lambda heard: any(command.verb == "blackout" for command in heard.commands))
    assert live.screen.read_now().max() == 0 and sum(live.desk.faults.values()) > 0


def test_a_cue_recalled_from_the_desk_fades_its_knobs(live: Live) -> None:
    values = []
    desk_of(live).send_message("/installation/cue", "2")
    play(
        live, lambda heard: values.append(live.board.levels(heard.now_s).base["bend.swell.amount"]) or values[-1] >= 0.5
    )
    assert values == sorted(values) and any(0.05 < value < 0.45 for value in values)


def test_a_moment_painted_again_is_the_picture_that_was_shown(live: Live, tmp_path: Path) -> None:
    desk_of(live).send_message("/installation/effect/grain/amount", 0.0)
    play(live, lambda heard: live.studio.newest().controls.values["effect.grain.amount"] == 0.0)
    desk_of(live).send_message("/installation/moment", 1)
    shown = {}

    def kept(heard) -> bool:
        if any(command.verb == "moment" for command in heard.commands):
            shown["rgb"] = live.screen.read_now()
        return bool(live.chronicle.moments)

    play(live, kept)
    again = sources.render(moments.open_moment(live.chronicle.moments[0]), (320, 180))
    assert np.abs(again.astype(int) - shown["rgb"].astype(int)).mean() < 1.0
    larger = sources.render(moments.open_moment(live.chronicle.moments[0]), (640, 360))
    small = larger.reshape(180, 2, 320, 2, 3).mean((1, 3))
    assert larger.shape == (360, 640, 3) and np.abs(small - again).mean() < 6


def test_the_same_log_gives_the_same_controls_frame_for_frame(
    show_file: Path, film: Path, tone: Path, tmp_path: Path
) -> None:
    log, report = tmp_path / "show.log.gz", tmp_path / "report.json"
    installation = [sys.executable, "-m", "installation"]
    played = ask(show_file, "--seconds", "3", "--camera", str(film), "--microphone", str(tone), "--log", str(log))
    subprocess.run([*installation, *played], check=True, timeout=120)
    assert len({entry.controls["values"]["generator.kick"] for entry in read_log(log)}) > 3
    replayed = ask(show_file, "--replay", str(log), "--report", str(report))
    subprocess.run([*installation, *replayed], check=True, timeout=120)
    table = json.loads(report.read_text())
    assert table["replay_differences"] == 0
    assert table["frames_presented"] == sum(1 for _ in read_log(log)) - 1


def test_a_log_that_is_played_again_ends_when_it_is_asked_to(monkeypatch) -> None:
    monkeypatch.setattr("installation.live.loop.read_log", lambda path: iter("abc"))
    desk, screen = SimpleNamespace(start=lambda: None), SimpleNamespace(closed=False)
    show = SimpleNamespace(desk=desk, screen=screen, options=SimpleNamespace(replay=Path()), ending=False)
    heard = Live.replayed(show)  # type: ignore[arg-type]
    assert next(heard) == "a"
    show.ending = True
    assert list(heard) == []


def test_a_recorded_run_leaves_a_film_that_plays_and_a_report_with_every_key(
    show_file: Path, film: Path, tone: Path, tmp_path: Path
) -> None:
    record, report = tmp_path / "out.mp4", tmp_path / "out.json"
    words = ask(show_file, "--seconds", "4", "--camera", str(film), "--microphone", str(tone))
    words += ["--record", str(record), "--report", str(report)]
    subprocess.run([sys.executable, "-m", "installation", *words], check=True, timeout=120)
    table = json.loads(report.read_text())
    keys = "frames_presented fps frame_ms dropped features knobs tempo_bpm faults flashes_limited rss_mb gpu_mb"
    assert set(keys.split()) <= set(table)
    assert set(table["frame_ms"]) == {"p50", "p95", "p99"} and set(table["rss_mb"]) == {"start", "end"}
    assert set(table["features"]["sound.level"]) == {"min", "mean", "max", "present"}
    with av.open(str(record)) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(pictures) > 5 and pictures[-1].std() > 5 and np.abs(pictures[-1].astype(int) - pictures[2]).mean() > 0.5


def test_without_a_display_the_show_says_so_and_renders_a_film_and_a_sheet(show_file: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    words = ["live", "--show", str(show_file), "--seconds", "3", "--osc-port", "0", "--camera", "none"]
    words += ["--microphone", "none", "--record", "out/live.mp4"]
    command = [sys.executable, "-m", "installation", *words]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert "No display" in answer.stdout and (tmp_path / "out/live.mp4").stat().st_size > 1000


@pytest.mark.parametrize(("asked", "sounds"), [((), 0), (("--record", "out/live.mp4"), 1)])
def test_no_sound_is_on_disk_unless_a_film_was_asked_for(show_file, tone, tmp_path, asked, sounds) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    words = ["live", "--show", str(show_file), "--osc-port", "0", "--camera", "none", "--microphone", str(tone), *asked]
    code = "import sys; from installation.live import opening; opening.DEMO_S = 2.0; "
    code += "from installation.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *words]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    with av.open(str(tmp_path / "out/live.mp4")) as film:
        assert len(film.streams.video) == 1 and len(film.streams.audio) == sounds


def test_killing_the_show_leaves_no_process_behind(show_file: Path, film: Path, tone: Path, wait_for) -> None:
    words = ask(show_file, "--camera", str(film), "--microphone", str(tone))
    show = subprocess.Popen([sys.executable, "-m", "installation", *words], stdout=subprocess.DEVNULL)
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


def test_a_mistake_on_the_command_line_is_one_clear_line(tmp_path: Path) -> None:
    for words, expected in (
        (["--show", "blom"], "no show 'blom'"),
        (["--camera", "missing.mp4"], "no file 'missing.mp4'"),
        (["--fps", "0"], "screen.fps: must be above 0, found 0"),
    ):
        answer = subprocess.run(
            [sys.executable, "-m", "installation", "live", "--headless", *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert answer.returncode == 2 and expected in answer.stderr and "Traceback" not in answer.stderr


def test_a_show_that_fails_in_every_frame_is_soon_left_to_the_keeper(live: Live, monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the wall is gone")

    monkeypatch.setattr(live.screen, "show", fails)
    monkeypatch.setattr("installation.live.opening.curtain", lambda *_: nullcontext())
    live.options.seconds = 60.0
    report = live.play()
    assert live.broke_off and live.failed == PATIENCE, "not one frame more"
    assert report["faults"]["frame: RuntimeError"] == PATIENCE
