"""Black in the next presented frame, whoever asks for it, while every door of the show is flooded at once.

OSC gets more than 20,000 packets a second; one WebSocket of OSCQuery and one page of the panel are told as much as they
take. The console's and the controller's doors are flooded in test_dmx_live.py and test_midi_live.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pouring
import pytest
from pythonosc.udp_client import SimpleUDPClient
from test_panel import Page, begin, panel_of, play
from websockets.sync.client import connect

from installation.control.oscquery.listener import OscQuery
from installation.live.loop import Live
from installation.packets import encode
from installation.rendering.gestures import Key

SHOW = """
[generator]
name = "pattern"
[[effects]]
file = "grain.fs"
[screen]
size = [320, 180]
working_size = [160, 90]
fps = 20.0
[oscquery]
port = 0
announce = false
"""
FLOOD = str(Path(__file__).parents[1] / "control" / "flood.py")
BLACKOUT = "/installation/blackout"
ENOUGH = {"osc": 20_000, "oscquery": 200, "panel": 10}  # messages that came in, before anybody asks for black


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("flooded")
    (folder / "lit.toml").write_text(SHOW)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as closing:
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield begin(folder / "lit.toml", closing)


def query_of(live: Live) -> OscQuery:
    query = live.desk.all["oscquery"]
    assert isinstance(query, OscQuery)
    return query


def came(live: Live) -> dict[str, int]:
    """How much was sent to each door, as far as the show has read it."""
    osc, query = (sum(one.faults.values()) for one in (live.desk.osc, query_of(live)))
    return {
        "osc": osc,
        "oscquery": query,
        "panel": sum(one.protocol == "Panel" for one in panel_of(live).heard.since(0)),
    }


@pytest.fixture(scope="module")
def flooded(live: Live) -> Iterator[Live]:
    """The show, in the middle of it."""
    play(live, lambda heard: live.screen.read_now().max() > 60)
    page = Page(live)
    own = f"127.0.0.1:{query_of(live).port}"
    fader = encode("/installation/generator/x", 0.5)
    wish = json.dumps({"verb": "knob", "name": "generator.y", "value": 0.5}).encode()
    bears = [text for pair in page.bears.items() for text in pair]
    lines = [
        [FLOOD, str(live.desk.port), "1000000000"],
        [pouring.__file__, f"ws://{own}/", "binary", fader.hex()],
        [pouring.__file__, page.address, "text", wish.hex(), *bears],
    ]
    enemies = [subprocess.Popen([sys.executable, *line]) for line in lines]
    try:
        play(live, lambda heard: all(came(live)[door] >= few for door, few in ENOUGH.items()), 1200)
        yield live
        assert [enemy.poll() for enemy in enemies] == [None] * len(enemies), "the flood goes on"
    finally:
        for enemy in enemies:
            enemy.kill()
            enemy.wait()
        page.socket.close()


def by_osc(live: Live, closing: ExitStack) -> Callable[[int], None]:
    if not live.desk.osc._ports.sorted_by_kernel:
        pytest.skip("black has no queue of its own: the kernel takes no SO_ATTACH_REUSEPORT_CBPF (Linux 4.6 does)")
    desk = SimpleUDPClient("127.0.0.1", live.desk.port)
    return lambda on: desk.send_message(BLACKOUT, on)


def by_oscquery(live: Live, closing: ExitStack) -> Callable[[int], None]:
    line = closing.enter_context(connect(f"ws://127.0.0.1:{query_of(live).port}", compression=None, proxy=None))
    return lambda on: line.send(encode(BLACKOUT, on))


def by_panel(live: Live, closing: ExitStack) -> Callable[[int], None]:
    page = Page(live)
    closing.callback(page.socket.close)
    return lambda on: page.say(verb="blackout", value=on)


def by_key(live: Live, closing: ExitStack) -> Callable[[int], None]:
    def press(on: int) -> None:
        pressed = [[(0, Key("b"))]]
        live.screen.beams.gestures = lambda: pressed.pop() if pressed else []  # type: ignore[method-assign]

    return press


@pytest.mark.parametrize("way", [by_osc, by_oscquery, by_panel, by_key], ids=lambda way: way.__name__)
def test_blackout_is_black_on_the_next_presented_frame_in_a_flood(flooded: Live, way: Callable) -> None:
    with ExitStack() as closing:
        say = way(flooded, closing)
        for on in (1, 0):
            say(on)
            play(flooded, lambda heard: any((c.verb, c.value) == ("blackout", on) for c in heard.commands))  # noqa: B023
            if on:
                assert flooded.screen.read_now().max() == 0
        play(flooded, lambda heard: flooded.screen.read_now().max() > 60)
