"""A lighting console and a whole show: blackout by sACN and by Art-Net is black in the next presented frame."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import consoles
import hostile_dmx
import pytest
from consoles import fixture
from plainshow import does, open_live, play, write
from pythonosc.udp_client import SimpleUDPClient

from installation.control.dmx import artnet, sacn
from installation.live.kept import Kept
from installation.live.loop import REMEMBER_FRAMES, Live

DMX = """
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


@pytest.fixture(autouse=True)
def home(lent: None) -> None:
    """What paints is lent."""


@pytest.fixture
def show_file(tmp_path: Path) -> Path:
    return write(tmp_path / "lit.toml", DMX.format(host=consoles.own_host()))


@pytest.fixture
def live(show_file: Path) -> Iterator[Live]:
    with ExitStack() as closing:
        yield open_live(show_file, closing, "--no-panel")


@pytest.mark.parametrize("protocol", WAYS)
def test_blackout_from_a_console_is_black_on_the_next_presented_frame(live: Live, protocol: str) -> None:
    console = Console(live, protocol)
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    play(live, lambda heard: console.send(ch3=0) or does("blackout", 1.0)(heard))
    assert live.screen.read_now().max() == 0
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    play(live, lambda heard: console.send(ch1=0) or does("master", 0.0)(heard))
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
        play(live, lambda heard: console.send(ch3=0) or does("blackout", 1.0)(heard))
        assert live.screen.read_now().max() == 0
        assert enemy.poll() is None, "the flood goes on"
    finally:
        enemy.kill()
        enemy.wait()


def test_blackout_is_one_and_the_same_whoever_asked_for_it(live: Live) -> None:
    console, osc = Console(live, "sacn"), SimpleUDPClient("127.0.0.1", live.desk.port)
    play(live, lambda heard: console.send() or live.screen.read_now().max() > 60)
    osc.send_message("/installation/blackout", 1)
    play(live, lambda heard: console.send() or does("blackout", 1.0)(heard))
    for _ in range(5):  # the console goes on saying that its shutter is open
        play(live, lambda heard: console.send() or True)
        assert live.screen.read_now().max() == 0
    play(live, lambda heard: console.send(ch3=0) or does("blackout", 1.0)(heard))
    osc.send_message("/installation/blackout", 0)
    play(live, lambda heard: console.send(ch3=0) or does("blackout", 0.0)(heard))
    play(live, lambda heard: console.send(ch3=0) or live.screen.read_now().max() > 60)


def test_a_cue_a_fade_and_a_knob_come_from_the_console(live: Live) -> None:
    console = Console(live, "artnet")
    play(live, lambda heard: console.send(ch4=2, ch6=11, ch10=65_535) or live.board.number == "2")
    play(live, lambda heard: live.board.levels(heard.now_s).base["generator.x"] == 0.5)
    held = live.board.levels(live.clock.now_s()).base["effect.grain.amount"]
    assert held == live.knobs["effect.grain.amount"].high


def test_a_show_that_is_begun_again_is_not_told_anew_what_it_knows(
    show_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept.make()
    monkeypatch.setattr(Kept, "found", classmethod(lambda cls: kept))
    with ExitStack() as closing:
        live = open_live(show_file, closing, "--no-panel")
        console = Console(live, "sacn")
        play(live, lambda heard: console.send(ch4=1, ch10=40_000) or does("cue", 1.0)(heard))
        osc = SimpleUDPClient("127.0.0.1", live.desk.port)
        osc.send_message("/installation/cue/go", 1)
        osc.send_message("/installation/effect/grain/amount", 0.25)
        play(live, lambda heard: live.board.number == "2")
        play(live, lambda heard: live.chronicle.ledger.frames % REMEMBER_FRAMES == 2)
    with ExitStack() as closing:
        live = open_live(show_file, closing, "--no-panel")
        console = Console(live, "sacn")
        play(live, lambda heard: console.send(ch4=1, ch7=255, ch10=40_000) or does("freeze", 1.0)(heard))
        assert live.board.number == "2" and live.board.levels(99.0).base["effect.grain.amount"] == 0.25


def test_the_safe_show_hears_the_console_without_the_knobs_that_it_has_not(show_file: Path) -> None:
    with ExitStack() as closing:
        live = open_live(show_file, closing, "--no-panel", "--safe")
        console = Console(live, "sacn")
        play(live, lambda heard: console.send(ch3=0, ch10=999) or does("blackout", 1.0)(heard))
        assert live.screen.read_now().max() == 0
