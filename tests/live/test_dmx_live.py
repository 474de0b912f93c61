"""A lighting console and a whole show: blackout by sACN and by Art-Net is black in the next presented frame."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import consoles
import hostile_dmx
import pytest
from consoles import fixture
from pythonosc.udp_client import SimpleUDPClient

from installation.__main__ import parser
from installation.control.dmx import artnet, sacn
from installation.live import opening
from installation.live.journal import Entry
from installation.live.kept import Kept
from installation.live.loop import REMEMBER_FRAMES, Live

SHOW = """
[generator]
name = "pattern"
[[inputs]]
name = "recording"
[[effects]]
file = "grain.fs"
[[cues]]
number = "1"
[[cues]]
number = "2"
fade_s = 1.0
values = {{ "generator.x" = 0.5 }}
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
[dmx]
protocol = "both"
host = "{host}"
universe = 3
address = 101
knobs = ["effect.grain.amount"]
"""
WAYS = {"sacn": (consoles.sacn, sacn.PORT), "artnet": (consoles.artdmx, artnet.PORT)}


class Console:
    """Sends the whole universe again whenever it is asked, as consoles do 44 times a second."""

    def __init__(self, live: Live, protocol: str) -> None:
        self.build, self.port = WAYS[protocol]
        assert live.show.dmx is not None
        self.host, self.count = live.show.dmx.host, 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, **channels: int) -> None:
        self.count += 1
        more = {"priority": 200} if self.port == sacn.PORT else {}
        packet = self.build(bytes(100) + fixture(**channels), universe=3, sequence=1 + self.count % 255, **more)
        self.udp.sendto(packet, (self.host, self.port))


def begin(path: Path, closing: ExitStack, *words: str) -> Live:
    line = ["live", "--show", str(path), "--headless", "--osc-port", "0", "--camera", "none", "--microphone", "none"]
    show, options = opening.prepare(parser().parse_args([*line, *words]))
    live = Live(show, options, closing)
    closing.enter_context(opening.curtain(live.senses, live.studio))
    return live


@pytest.fixture
def show_file(tmp_path: Path) -> Path:
    path = tmp_path / "lit.toml"
    path.write_text(SHOW.format(host=consoles.own_host()))
    return path


@pytest.fixture
def live(show_file: Path) -> Iterator[Live]:
    with ExitStack() as closing:
        yield begin(show_file, closing)


def play(live: Live, until: Callable[[Entry], object], frames: int = 600) -> Entry:
    """Present frames until `until(heard)` holds after one; fails when it never does."""
    for heard in itertools.islice(live.heard(), frames):
        live.frame(heard)
        live.pace(heard.now_s)
        if until(heard):
            return heard
    raise AssertionError(f"did not happen within {frames} frames: {live.faults()}")


def asked(heard: Entry, verb: str, value: float) -> bool:
    return any((command.verb, command.value) == (verb, value) for command in heard.commands)


@pytest.mark.parametrize("protocol", WAYS)
def test_blackout_from_a_console_is_black_on_the_next_presented_frame(live: Live, protocol: str) -> None:
    console = Console(live, protocol)
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    play(live, lambda heard: console.send(ch3=0) or asked(heard, "blackout", 1.0))
    assert live.screen.read_now().max() == 0
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    play(live, lambda heard: console.send(ch1=0) or asked(heard, "master", 0.0))
    assert live.screen.read_now().max() == 0, "the dimmer at zero is black too"
    assert not live.faults()


@pytest.mark.parametrize("protocol", WAYS)
def test_blackout_from_a_console_comes_through_a_flood(live: Live, protocol: str) -> None:
    assert live.show.dmx is not None
    console = Console(live, protocol)
    play(live, lambda heard: live.screen.read_now().max() > 60)
    words = [sys.executable, hostile_dmx.__file__, "throw", live.show.dmx.host, "100000000"]
    enemy = subprocess.Popen(words)
    try:
        play(live, lambda heard: sum(live.desk.faults.values()) > 20_000)
        play(live, lambda heard: console.send(ch3=0) or asked(heard, "blackout", 1.0))
        assert live.screen.read_now().max() == 0
        assert enemy.poll() is None, "the flood goes on"
    finally:
        enemy.kill()
        enemy.wait()


def test_blackout_is_one_and_the_same_whoever_asked_for_it(live: Live) -> None:
    console, osc = Console(live, "sacn"), SimpleUDPClient("127.0.0.1", live.desk.port)
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    osc.send_message("/installation/blackout", 1)
    play(live, lambda heard: console.send() or asked(heard, "blackout", 1.0))
    for _ in range(5):  # the console goes on saying that its shutter is open
        play(live, lambda heard: console.send() or True)
        assert live.screen.read_now().max() == 0
    play(live, lambda heard: console.send(ch3=0) or asked(heard, "blackout", 1.0))
    osc.send_message("/installation/blackout", 0)
    play(live, lambda heard: console.send(ch3=0) or asked(heard, "blackout", 0.0))
    play(live, lambda heard: console.send(ch3=0) or live.screen.read_now().max() > 60)


def test_a_cue_a_fade_and_a_knob_come_from_the_console(live: Live) -> None:
    console = Console(live, "artnet")
    play(live, lambda heard: console.send(ch4=2, ch6=11, ch10=65_535) or live.board.number == "2")
    heard = play(live, lambda heard: live.board.levels(heard.now_s).base["generator.x"] == 0.5)
    assert live.board.levels(heard.now_s).base["effect.grain.amount"] == live.knobs["effect.grain.amount"].high


def test_a_show_that_is_begun_again_is_not_told_anew_what_it_knows(
    show_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept.make()
    monkeypatch.setattr(Kept, "found", classmethod(lambda cls: kept))
    with ExitStack() as closing:
        live = begin(show_file, closing)
        console = Console(live, "sacn")
        play(live, lambda heard: console.send(ch4=1, ch10=40_000) or asked(heard, "cue", 1.0))
        osc = SimpleUDPClient("127.0.0.1", live.desk.port)
        osc.send_message("/installation/cue/go", 1)
        osc.send_message("/installation/effect/grain/amount", 0.25)
        play(live, lambda heard: live.board.number == "2")
        play(live, lambda heard: live.chronicle.ledger.frames % REMEMBER_FRAMES == 2)
    with ExitStack() as closing:
        live = begin(show_file, closing)
        console = Console(live, "sacn")
        osc = SimpleUDPClient("127.0.0.1", live.desk.port)
        play(live, lambda heard: console.send(ch4=1, ch7=255, ch10=40_000) or asked(heard, "freeze", 1.0))
        assert live.board.number == "2" and live.board.levels(99.0).base["effect.grain.amount"] == 0.25


def test_the_safe_show_hears_the_console_without_the_knobs_that_it_has_not(show_file: Path) -> None:
    with ExitStack() as closing:
        live = begin(show_file, closing, "--safe")
        console = Console(live, "sacn")
        play(live, lambda heard: console.send(ch3=0, ch10=999) or asked(heard, "blackout", 1.0))
        assert live.screen.read_now().max() == 0
