"""The panel of a whole show: what is done there is in the next frame, and what happens to it costs the show nothing."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import consoles
import numpy as np
import pytest
from plainshow import Studios, as_new, does, open_live, play, write
from websockets.sync.client import ClientConnection, connect

from installation.__main__ import parser
from installation.control.last import PANIC_FADE_S
from installation.control.said import LONGEST
from installation.live import inviting, opening
from installation.live.kept import TOKEN
from installation.live.loop import Live
from installation.live.panel import MOST_READ, Panel
from installation.live.panel_child import Outbox
from installation.live.panel_plan import PICTURE, shape_of_paper
from installation.settings import Part

Wait = Callable[..., Any]
DMX = """
[dmx]
protocol = "both"
host = "{host}"
universe = 3
"""


def put_show(folder: Path) -> Path:
    return write(folder / "lit.toml", DMX.format(host=consoles.own_host()))


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, studios: Studios) -> Iterator[Path]:
    """Folders of one's own; what paints is lent."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_DATA_HOME", str(folder / "data"))
        patched.setenv("XDG_STATE_HOME", str(folder / "state"))
        patched.setattr(opening, "start_studio", studios.start)
        yield folder


@pytest.fixture
def show_file(tmp_path: Path) -> Path:
    return put_show(tmp_path)


def begin(path: Path, closing: ExitStack, *more: str) -> Live:
    return open_live(path, closing, *(more or ("--panel-port", "0")))


@pytest.fixture(scope="module")
def opened(home: Path) -> Iterator[Live]:
    """A show that tests step through frame by frame."""
    with ExitStack() as closing:
        yield begin(put_show(home), closing)


@pytest.fixture
def live(opened: Live) -> Live:
    panel = panel_of(opened)
    for counted in (panel._refused, panel._child.faults, panel._fault_times):
        counted.clear()
    panel.learner.forget()
    return as_new(opened)


def panel_of(live: Live) -> Panel:
    panel = live.desk.all["panel"]
    assert isinstance(panel, Panel)
    return panel


class Page:
    """A browser's socket as any program could have it: what it was told last, by topic."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.told: dict[str, Any] = {}
        page = play(live, lambda heard: panel_of(live).page.get("port") and panel_of(live).page)
        host = f"127.0.0.1:{page['port']}"
        self.address = f"ws://{host}/follow"
        self.bears = {"Cookie": f"installation-{page['port']}={page['token']}", "Origin": f"http://{host}"}
        self.socket: ClientConnection = connect(
            self.address, additional_headers=self.bears, proxy=None, max_size=1 << 22, max_queue=None
        )

    def say(self, **wish: object) -> None:
        self.socket.send(json.dumps(wish))

    def hears(self, of: Callable[[dict[str, Any]], Any]) -> Any:
        """Play on until what it was told is so."""

        def look(_: Any) -> Any:
            with contextlib.suppress(TimeoutError):
                while True:
                    self.told |= json.loads(self.socket.recv(timeout=0.0))
            return of(self.told)

        return play(self.live, look)


@pytest.fixture
def page(live: Live) -> Iterator[Page]:
    made = Page(live)
    made.hears(lambda told: told.get("set", {}).get("values"))
    yield made
    made.socket.close()


# ---- the next frame


def test_blackout_on_the_panel_is_black_in_the_next_presented_frame(live: Live, page: Page) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    page.say(verb="blackout", value=1)
    play(live, does("blackout"))
    assert live.screen.read_now().max() == 0
    page.say(verb="blackout", value=0)
    play(live, lambda heard: live.screen.read_now().max() > 60)


def test_a_drawing_lies_before_what_paints_in_the_next_frame_and_only_translators_have_paper(live: Live) -> None:
    drawing = np.full((64, 96, 1), 255, np.uint8)
    drawing[30:34] = 0
    panel_of(live)._plan.paper.write(drawing)
    live.frame(next(live.heard()))
    found = live.studio._plan.drawn()
    assert found is not None and np.array_equal(found[:, :, :1], drawing)
    assert shape_of_paper(Part("translator", {"size": [352, 192]})) == [352, 192]
    assert not shape_of_paper(live.show.generator)


def test_panic_is_never_behind_a_crowd_of_other_wishes(live: Live, page: Page) -> None:
    plain = panel_of(live)._pairs[1][1]
    plain.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        for number in itertools.count():
            plain.send(json.dumps({"verb": "knob", "name": "generator.x", "value": number % 2}).encode())
    page.say(verb="panic")
    page.hears(lambda told: told["set"]["master"] == 0.0)
    page.say(verb="cue", name="2")
    page.hears(lambda told: told["set"]["master"] == 1.0 and told["set"]["cue"] == "2")
    assert PANIC_FADE_S == 2.0


def test_a_knob_is_held_by_the_panel_until_it_is_released(live: Live, page: Page) -> None:
    place = list(live.knobs).index("generator.x")
    page.say(verb="knob", name="generator.x", value=0.75)
    page.hears(lambda told: told["set"]["held"] == {"generator.x": "panel"} and told["set"]["values"][place] == 0.75)
    page.say(verb="release", name="generator.x")
    page.hears(lambda told: told["set"]["held"] == {} and told["set"]["values"][place] == 0.0)


def test_two_people_see_each_others_changes(live: Live, page: Page) -> None:
    other = Page(live)
    other.say(verb="go")
    other.say(verb="freeze", value=1)
    for one in (page, other):
        one.hears(lambda told: told["set"]["cue"] == "2" and told["set"]["freeze"] and told["set"]["come"] == 1.0)
    other.socket.close()


def test_what_is_on_the_wall_moves_on_the_page_and_nothing_is_read_while_nobody_looks(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    panel = panel_of(live)
    assert panel.sight is not None
    play(live, lambda heard: not panel.is_looked_at)
    read = live.screen.read
    monkeypatch.setattr(panel, "sight", replace(panel.sight, picture=lambda: looks.append(1) or read()))
    frames = iter(range(30))
    play(live, lambda heard: next(frames, None) is None)
    assert not looks
    page = Page(live)
    first = page.hears(lambda told: told.get("picture"))
    page.hears(lambda told: told["picture"] != first)
    assert looks
    page.socket.close()


def test_a_show_that_is_made_of_the_camera_is_not_shown_unless_its_file_says_so(
    live: Live, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = panel_of(live)
    for remembered in ("sight", "asked", "_has_watched"):
        monkeypatch.setattr(panel, remembered, getattr(panel, remembered))
    page.hears(lambda told: told["set"]["may_show"] and told["picture"])
    assert panel.sight is not None
    live.desk.look(replace(panel.sight, watches=lambda: True))
    page.hears(lambda told: not told["set"]["may_show"] and told["picture"] == "")
    number = panel._memory.counts[PICTURE]
    live.desk.look(replace(panel.sight, watches=lambda: False))  # what it was given may still be on the wall
    frames = iter(range(10))
    play(live, lambda heard: next(frames, None) is None)
    assert panel._memory.counts[PICTURE] == number and not panel._may_show()
    panel.asked = replace(panel.asked, camera=True)
    page.hears(lambda told: told["set"]["may_show"] and told["picture"])


# ---- messages and learning


def test_what_desks_send_is_seen_on_the_page_with_why_it_was_refused(live: Live, page: Page) -> None:
    from pythonosc.udp_client import SimpleUDPClient

    SimpleUDPClient("127.0.0.1", live.desk.port).send_message("/nowhere", 0.5)
    [row] = page.hears(lambda told: told.get("health", {}).get("messages", {}).get("OSC"))
    assert row[2:] == ["127.0.0.1", "/nowhere", "0.5", "unknown address"]
    [fault] = page.hears(lambda told: told["health"]["faults"])
    assert fault[:2] == ["unknown address", 1] and fault[2] > 1.7e9


def test_learn_leads_the_next_console_that_moves_a_free_channel_to_the_knob(live: Live, page: Page) -> None:
    assert live.show.dmx is not None
    host = live.show.dmx.host
    udp, count = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), itertools.count(1)

    def send(**channels: int) -> None:
        packet = consoles.artdmx(consoles.fixture(**channels), universe=3, sequence=next(count))
        udp.sendto(packet, (host, 6454))

    send()
    page.hears(lambda told: "DMX" in told["health"].get("messages", {}) or live.desk.all["dmx"]._merging.leader)
    page.say(verb="learn", name="generator.x")
    page.hears(lambda told: told["set"]["learning"] == "generator.x")
    send(ch10=40_000)
    page.hears(lambda told: told["set"]["learnt"] == [["DMX", "Knob 1", "generator.x"]] and not told["set"]["learning"])
    send(ch10=65_535)
    page.hears(lambda told: told["set"]["held"].get("generator.x", "").startswith("dmx") or told["set"]["held"])
    assert live.board.levels(live.clock.now_s()).base["generator.x"] == live.knobs["generator.x"].high


# ---- what goes wrong


def test_a_dead_and_a_hanging_panel_are_replaced_at_the_same_port_with_the_same_token(
    live: Live, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, before = panel_of(live), dict(panel_of(live).page)
    for number, by in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
        [pid] = panel.pids
        os.kill(pid, by)
        play(live, lambda heard, n=number: live.faults()["panel: panel"] == n, 2000)  # type: ignore[misc]
        play(live, lambda heard, old=pid: panel.pids and panel.pids != [old], 2000)  # type: ignore[misc]
        play(live, lambda heard: panel._child.alive and _is_open(before["port"]), 2000)
        after = Page(live)
        after.hears(lambda told: told.get("set", {}).get("values"))
        after.socket.close()
    assert {name: panel.page[name] for name in ("port", "token")} == {n: before[n] for n in ("port", "token")}
    assert live.survived == {}


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def test_a_port_that_is_taken_is_tried_again_while_the_show_plays(show_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, ExitStack() as closing:
        port = taken.getsockname()[1]
        live = begin(show_file, closing, "--panel-port", str(port))
        play(live, lambda heard: live.faults()["panel: cannot listen"] == 1, 2000)
        taken.close()
        play(live, lambda heard: panel_of(live).page.get("port") == port, 2000)
        page = Page(live)
        page.hears(lambda told: told.get("set", {}).get("values"))
        page.socket.close()
        assert live.faults()["panel: cannot listen"] == 1


def test_hostile_messages_on_the_show_s_own_socket_are_refused_and_never_more_than_some_a_frame(live: Live) -> None:
    panel, dice = panel_of(live), random.Random(7)
    plain = panel._pairs[1][1]
    plain.setblocking(False)
    good = json.dumps({"verb": "knob", "name": "generator.x", "value": 0.5}).encode()
    sent, refused = 0, 0
    while sent < 5_000:
        with contextlib.suppress(BlockingIOError):
            while sent < 5_000:
                hostile = bytearray(good * dice.choice((1, 1, 9)))
                for _ in range(dice.randrange(1, 5)):
                    hostile[dice.randrange(len(hostile))] = dice.randrange(256)
                plain.send(bytes(hostile))
                sent += 1
        before = sum(panel.faults.values())
        for command in panel.poll(float(sent)):
            assert command.verb in ("knob", "release", "learn", "forget") and np.isfinite(command.value)
        assert sum(panel.faults.values()) - before <= 2 * MOST_READ
    refused = sum(panel.faults.values())
    assert refused > 3_750 and set(panel.faults) <= {"malformed", "unknown address", "bad argument", "out of range"}
    plain.send(json.dumps({"verb": "go"}).encode())
    assert play(live, does("go"))


def test_a_page_that_says_nonsense_hurts_nobody(live: Live, page: Page) -> None:
    dice = random.Random(3)
    for number in range(500):
        page.socket.send(dice.choice(['{"verb": ["go"]}', "[" * 900, "\x00", '{"verb": "adopt"}', '{"a": 1}', "null"]))
        if number % 100 == 0:
            page.socket.send(dice.randbytes(64))
    page.say(verb="go")
    play(live, does("go"), 2000)
    assert live.board.cues[0].values == {} and live.survived == {}


def test_what_is_too_long_for_a_wish_is_not_passed_on() -> None:
    urgent, plain = (socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    outbox = Outbox(urgent[1], plain[1])
    outbox.put({"verb": "cue", "name": "x" * LONGEST})
    outbox.put({"verb": "go"})
    plain[0].settimeout(60)
    assert json.loads(plain[0].recv(1 << 16))["verb"] == "go"


# ---- where it is found


def test_the_address_is_said_once_and_a_code_is_on_the_card_where_telephones_can_come(
    show_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as closing:
        live = begin(show_file, closing, "--panel-host", "0.0.0.0", "--panel-port", "0")
        plain = live.screen._draw_card(0.0).texture.read()
        play(live, lambda heard: live.screen._code is not None)
        frames = iter(range(30))
        play(live, lambda heard: next(frames, None) is None)
        said = capsys.readouterr().out
        addresses = panel_of(live).page["addresses"]
        assert said.count("panel: http") == len(addresses) and all(address in said for address in addresses)
        assert "\u2588" in said or "\u2580" in said or "\x1b[7m" in said  # the code, in blocks
        card = np.frombuffer(live.screen._draw_card(0.0).texture.read(), np.uint8).reshape(180, 320, 4)[::-1, :, :3]
        assert card.tobytes() != np.frombuffer(plain, np.uint8).reshape(180, 320, 4)[::-1, :, :3].tobytes()
        assert read_code(card) == addresses[0]


def read_code(rgb: np.ndarray) -> str:
    import cv2

    large = cv2.resize(rgb, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    return str(cv2.QRCodeDetector().detectAndDecode(np.ascontiguousarray(large))[0])


def test_a_show_of_limited_length_has_a_panel_only_if_it_is_asked_for(show_file: Path) -> None:
    def is_on(*words: str) -> bool:
        line = ["live", "--show", str(show_file), "--headless", "--osc-port", "0", *words]
        show, _ = opening.prepare(parser().parse_args(line))
        return show.panel.on

    assert is_on() and is_on("--seconds", "3", "--panel-port", "0")
    assert not is_on("--seconds", "3") and not is_on("--no-panel") and not is_on("--no-panel", "--panel-port", "0")
    show_file.write_text(show_file.read_text() + "[panel]\non = false\n")
    assert not is_on() and is_on("--panel-host", "0.0.0.0")


def test_the_keepers_token_opens_every_show_of_that_keeper(show_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "a-token-of-the-keeper")
    with ExitStack() as closing:
        live = begin(show_file, closing)
        assert TOKEN not in os.environ
        page = play(live, lambda heard: panel_of(live).page.get("port") and panel_of(live).page)
        assert page["token"] == "a-token-of-the-keeper" and live.desk.remember()["panel"] == page["port"]
        monkeypatch.setenv(TOKEN, "a-token-of-the-keeper")
        kept = live.desk.remember()
    with ExitStack() as closing:
        live = begin(show_file, closing)
        live.desk.recall(kept)
        assert play(live, lambda heard: panel_of(live).page.get("port")) == page["port"]


def test_addresses_name_every_network_only_where_it_listens_everywhere() -> None:
    from installation.settings import Panel as Asked

    assert inviting.addresses(Asked(), 9080, "t") == ["http://127.0.0.1:9080/?token=t"]
    assert inviting.addresses(Asked(host="10.0.0.5"), 1, "t") == ["http://10.0.0.5:1/?token=t"]
    assert inviting.addresses(Asked(host="::1"), 1, "t") == ["http://[::1]:1/?token=t"]
    everywhere = inviting.addresses(Asked(host="0.0.0.0"), 1, "t")
    assert everywhere and not any("0.0.0.0" in address for address in everywhere)
    hosts = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.5")
    assert [inviting.beyond_loopback(Asked(host=host)) for host in hosts] == [False] * 3 + [True] * 2
