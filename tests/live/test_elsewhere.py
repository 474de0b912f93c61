"""What leaves the show besides the light on the wall: films and outputs that a show file or a command line names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from plainshow import open_live, words
from receiving import Receiver, free_port

from installation.__main__ import parser
from installation.live import moments, opening
from installation.live.journal import Entry
from installation.live.loop import Live
from installation.settings import SettingsError, Show, open_show
from installation.signals import Command, Controls

SHOW = """
[generator]
name = "pattern"
[screen]
size = [128, 72]
working_size = [64, 36]
fps = 20.0
flash_limiter = false
"""


def write(tmp_path: Path, more: str = "") -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SHOW + more)
    return path


def prepare(path: Path, *words: str) -> Show:
    line = ["live", "--show", str(path), "--headless", "--osc-port", "0", *words]
    return opening.prepare(parser().parse_args(line))[0]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def live(tmp_path: Path, port: int, lent: None) -> Iterator[Live]:
    """A show with a stream in its file, which the test steps through frame by frame."""
    output = f'[[outputs]]\nname = "stream"\nsettings = {{ address = "udp://127.0.0.1:{port}" }}\n'
    with ExitStack() as closing:
        yield open_live(write(tmp_path, output), closing, "--no-panel")


def test_what_is_on_the_wall_is_received_and_its_blackout_too_though_every_frame_fails(
    live: Live, port: int, wait_for, monkeypatch
) -> None:
    receiver, asked = Receiver(f"udp://127.0.0.1:{port}"), []

    def step(*commands: Command) -> None:
        live.survive(Entry(len(asked) / 20, {}, commands))
        asked.append(1)

    def bright() -> bool:
        step()
        return bool(receiver.frames) and receiver.frames[-1].max() > 60

    wait_for(bright)
    assert np.abs(receiver.frames[-1].astype(int) - live.screen.read_now()).mean() < 40

    def fail(*_: object) -> Controls:
        raise RuntimeError("every frame from now on")

    monkeypatch.setattr(live, "ask", fail)
    step(Command("blackout", value=1.0))

    def dark() -> bool:
        step()
        live.failed = 0
        return receiver.frames[-1].max() < 5

    wait_for(dark)
    receiver.ending = True
    assert live.survived and live.outputs.sent["stream"] > 0 and not live.faults()["output stream"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a show, recorded and sent."""
    folder = tmp_path_factory.mktemp("played")
    sent = ["--output", f"stream:udp://127.0.0.1:{free_port()}", "--report", str(folder / "report.json")]
    recorded = ["--record", str(folder / "film.mov"), "--record-quality", "proxy"]
    line = words(write(folder), "--seconds", "2", *sent, *recorded)
    subprocess.run([sys.executable, "-m", "installation", *line], check=True, timeout=120)
    return folder


def test_the_report_says_how_much_was_sent_and_what_was_survived(played: Path) -> None:
    assert json.loads((played / "report.json").read_text())["sent"]["stream"] > 0


def test_a_show_names_its_outputs_and_the_command_line_stands_instead(tmp_path: Path) -> None:
    path = write(tmp_path, '[[outputs]]\nname = "stream"\nsettings = { address = "udp://10.0.0.5:5004" }\n')
    assert [part.name for part in prepare(path).outputs] == ["stream"]
    assert prepare(path, "--output", "none").outputs == ()
    (part,) = prepare(path, "--output", "stream:udp://127.0.0.1:6000").outputs
    assert part.settings == {"address": "udp://127.0.0.1:6000"}
    assert prepare(write(tmp_path)).outputs == (), "nothing is sent unless somebody says so"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--output", "stream:ftp://x"), "outputs.stream: address: expected a host"),
        (("--output", "nid"), "no outputs called 'nid'; did you mean 'ndi'"),
        (("--output", "syphon" if sys.platform != "darwin" else "spout"), "is of "),
        (("--record", "x.mp4", "--record-codec", "theora"), "no codec 'theora'; there are: h264, h265, prores"),
        (("--record", "x.mov", "--record-quality", "10"), "proxy, lt, standard, hq, 4444"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_opens(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    with pytest.raises((SettingsError, LookupError), match=why):
        prepare(write(tmp_path), *words)


def test_a_show_that_plays_because_nothing_else_goes_leaves_out_what_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path, '[[outputs]]\nname = "stream"\n[[outputs]]\nname = "stream"\nsettings = { codec = "vp9" }\n')
    with pytest.raises(SettingsError):
        prepare(path)
    (part,) = prepare(path, "--safe").outputs
    assert part.settings == {}


def test_a_moment_tells_nobody_where_the_show_is_sent(tmp_path: Path) -> None:
    path = write(tmp_path, '[[outputs]]\nname = "stream"\nsettings = { address = "rtmp://host/live/key-of-mine" }\n')
    moment = moments.of(open_show(str(path)), Controls(0.0, {}), "", (128, 72), 1)
    assert "key-of-mine" not in json.dumps(moments.as_table(moment)) and moment.settings["outputs"] == []


def test_a_film_is_recorded_in_the_codec_that_was_asked_for(played: Path) -> None:
    import av

    with av.open(str(played / "film.mov")) as film:
        assert film.streams.video[0].codec_context.codec_tag == "apco" and next(film.decode(video=0)).width == 128
