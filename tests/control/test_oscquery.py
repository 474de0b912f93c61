"""OSCQuery as other software uses it: real HTTP, real WebSockets, real mDNS; and whatever else comes to its port."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from operator import attrgetter
from types import SimpleNamespace

import pytest
from hostile_query import throw
from oscquery_visit import Stage, Visit, ask, parts, raw, tree
from rehearsal import CUES, KNOBS, wait_for
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus, WebSocketException
from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf

from installation.control.cues import Board
from installation.control.desk import osc_table
from installation.control.oscquery.announcing import Announced
from installation.control.oscquery.doors import shut
from installation.control.oscquery.gate import Gate
from installation.control.oscquery.listener import OscQuery as Listener
from installation.control.oscquery.tree import SAID
from installation.control.oscquery.visitors import Visitor, Visitors
from installation.live.hearing import open_desk
from installation.packets import encode, encode_bundle
from installation.settings import Osc, OscQuery, SettingsError, Show
from installation.signals import Command, Knob

TEAR, MASTER = "/installation/effect/tear/amount", "/installation/master"
TOKEN = "a-long-enough-one"


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


@pytest.fixture
def visit() -> Iterator[Callable[..., Visit]]:
    made: list[Visit] = []

    def make(*arguments: object, **how: object) -> Visit:
        made.append(Visit(*arguments, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.line.close()


def walk(node: dict) -> Iterator[dict]:
    yield node
    for below in node.get("CONTENTS", {}).values():
        yield from walk(below)


def test_every_address_of_the_table_is_there_with_type_range_and_value(stage: Stage) -> None:
    nodes = {node["FULL_PATH"]: node for node in walk(tree(stage.query.port))}
    listed = [line.split("`")[1] for line in osc_table(KNOBS, CUES).splitlines() if line.startswith("| `/")]
    known = {"/installation/cue/NUMBER": "/installation/cue/1.5", "/installation/release/KNOB": TEAR}
    for address in listed:
        node = nodes[known.get(address, address)]
        assert node["TYPE"] and node["DESCRIPTION"] and node["ACCESS"] in (2, 3), node
        assert ("VALUE" in node) == (node["ACCESS"] == 3)
        assert "RANGE" in node or node["TYPE"] == "I"
    assert nodes[TEAR]["TYPE"] == "f" and nodes[TEAR]["VALUE"] == [0.2] and nodes[TEAR]["CLIPMODE"] == ["both"]
    assert nodes["/installation/bend/melt/amount"]["RANGE"] == [{"MIN": -1.0, "MAX": 1.0}]
    assert nodes["/installation/effect/mirror/sides"]["TYPE"] == "i"
    assert nodes["/installation/effect/echo/on"]["VALUE"] == [False]
    assert nodes["/installation/cue"]["RANGE"] == [{"VALS": ["1", "1.5", "2"]}]
    assert nodes["/installation/cue"]["VALUE"] == ["1"]
    assert all(path == "/" or path == node["FULL_PATH"] for path, node in nodes.items())


def test_a_node_an_attribute_and_a_form_can_be_asked_for_alone(stage: Stage) -> None:
    port = stage.query.port
    stage.do(Command("knob", "bend.melt.amount", 0.5, by="panel"))
    wait_for(lambda: tree(port, "/installation/bend/melt/amount?VALUE") == {"VALUE": [0.5]})
    assert tree(port, "/installation/bend/melt/amount/percent?VALUE") == {"VALUE": [75.0]}
    assert tree(port, TEAR)["FULL_PATH"] == TEAR
    assert ask(port, "/installation/cue/go?VALUE")[0] == 204
    assert ask(port, "/installation/none")[0] == 404
    assert ask(port, TEAR + "?COLOUR")[0] == 400
    assert "norm" not in tree(port, TEAR).get("CONTENTS", {})


def test_host_info_says_where_osc_is_heard_and_what_can_be_asked() -> None:
    stage = Stage(osc=Osc(host="0.0.0.0"))
    info = tree(stage.query.port, "/?HOST_INFO")
    assert info["NAME"] == "bloom" and info["OSC_PORT"] == 9000 and info["OSC_TRANSPORT"] == "UDP"
    assert info["WS_PORT"] == stage.query.port and "OSC_IP" not in info
    assert info["EXTENSIONS"]["LISTEN"] and info["EXTENSIONS"]["RANGE"] and not info["EXTENSIONS"]["TAGS"]
    stage.close()


def test_the_shows_own_aliases_and_its_status_are_in_the_tree() -> None:
    stage = Stage(
        osc=Osc(aliases={"/Page1/Fader201": "/installation/master/percent", "/a": {"argument": 1, "to": "master"}})
    )
    stage.query.tell({"fps": 29.5, "cue": "1", "blackout": False})
    whole = {node["FULL_PATH"]: node for node in walk(tree(stage.query.port))}
    assert whole["/Page1/Fader201"]["RANGE"] == [{"MIN": 0.0, "MAX": 100.0}]
    assert whole["/Page1/Fader201"]["VALUE"] == [100.0] and "/a" not in whole
    assert whole["/installation/status/fps"] | {"DESCRIPTION": ""} == {
        "FULL_PATH": "/installation/status/fps",
        "ACCESS": 1,
        "TYPE": "f",
        "VALUE": [29.5],
        "DESCRIPTION": "",
    }
    stage.close()


def test_who_listens_is_sent_what_is_set_and_then_every_change_until_he_ignores_it(
    stage: Stage, visit: Callable[..., Visit]
) -> None:
    one = visit(stage.query.port)
    for path in (TEAR, "/installation/effect/echo/on", "/installation/cue", "/installation/status/fps"):
        one.say("LISTEN", path)
    wait_for(lambda: len(one.newest()) == 3)
    assert one.newest()["/installation/effect/echo/on"] == (False,)
    stage.do(Command("cue", "2", fade_s=0.0, by="key"))
    wait_for(lambda: one.newest()[TEAR] == (pytest.approx(0.8),))
    assert one.newest()["/installation/cue"] == ("2",) and MASTER not in one.newest()
    one.say("IGNORE", TEAR)
    one.say("LISTEN", MASTER)
    wait_for(lambda: MASTER in one.newest())
    stage.do(Command("knob", "effect.tear.amount", 0.1, by="panel"), Command("master", value=0.5, by="panel"))
    wait_for(lambda: one.newest()[MASTER] == (0.5,))
    assert one.newest()[TEAR] == (pytest.approx(0.8),)


def test_the_status_is_told_to_who_listens_to_it(stage: Stage, visit: Callable[..., Visit]) -> None:
    stage.query.tell({"fps": 30.0})
    one = visit(stage.query.port)
    one.say("LISTEN", "/installation/status/fps")
    wait_for(lambda: one.newest() == {"/installation/status/fps": (30.0,)})
    stage.query.tell({"fps": 20.0})
    wait_for(lambda: one.newest() == {"/installation/status/fps": (20.0,)})


def test_what_a_visitor_sends_is_done_and_told_to_the_others_alone(stage: Stage, visit: Callable[..., Visit]) -> None:
    one, other = visit(stage.query.port), visit(stage.query.port)
    for each in (one, other):
        each.say("LISTEN", TEAR)
        wait_for(lambda e=each: TEAR in e.newest())
    one.send(TEAR, 0.5)
    wait_for(lambda: other.newest()[TEAR] == (0.5,))
    assert stage.heard == [Command("knob", "effect.tear.amount", 0.5)]
    assert stage.heard[0].by == "oscquery 127.0.0.1"
    other.send(TEAR, 0.75)
    wait_for(lambda: one.newest()[TEAR] == (0.75,))
    assert (TEAR, (0.5,)) not in one.heard and (TEAR, (0.75,)) not in other.listen()


def test_presses_patterns_and_blackout_come_through_a_websocket_too(stage: Stage, visit: Callable[..., Visit]) -> None:
    one = visit(stage.query.port)
    one.send("/installation/cue/go", True)
    wait_for(lambda: stage.board.number == "1.5")
    one.send("/installation/{blackout,freeze}", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout and stage.board.levels(stage.now_s).freeze)
    for _ in range(10):
        one.send("/installation/moment", 1)
        one.send("/installation/moment", 0)
    wait_for(lambda: stage.query.faults["moment dropped"] >= 4)


def test_from_a_visitor_who_is_too_fast_the_newest_counts_and_black_never_waits(visit: Callable[..., Visit]) -> None:
    stage = Stage(packets_per_s=20.0)
    one = visit(stage.query.port)
    for step in range(200):
        one.send(TEAR, step / 200)
    one.send("/installation/blackout", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)
    wait_for(lambda: any(c.name and c.value == pytest.approx(199 / 200) for c in stage.heard))
    assert stage.query.faults["rate limited"] and set(stage.query.faults) == {"rate limited"}
    stage.close()


class Batch:
    """A connection of this machine's whose messages have all come at once."""

    remote_address, request = ("127.0.0.1", 50_000), SimpleNamespace(path="/", headers=Headers())

    def __init__(self, *packets: bytes) -> None:
        self.packets = packets

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for packet in self.packets:
            yield packet


def test_who_says_too_much_at_once_lets_others_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Listener(OscQuery(port=0, announce=False, packets_per_s=20.0), Osc(), lambda: 9000, KNOBS, CUES)
    wild = Batch(*[encode(TEAR, 0.5)] * 2000)
    refused_by_then: list[int] = []
    monkeypatch.setattr(query._hearing, "_keep", lambda *_: refused_by_then.append(query.faults["rate limited"]))

    async def talk() -> None:
        await asyncio.gather(query._talk(wild), query._talk(Batch(encode("/installation/blackout", 1))))  # type: ignore[arg-type]

    asyncio.run(talk())
    assert refused_by_then[-1] < 100 and query.faults["rate limited"] > 1900


def address_of_ours() -> str:
    """This machine's own, as others see it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.connect(("10.255.255.255", 1))
            return str(udp.getsockname()[0])
        except OSError:
            pytest.skip("this machine is in no network: nobody is beyond it")


def test_a_stranger_of_the_network_gets_nothing_and_one_that_is_allowed_may_look_but_not_turn(
    visit: Callable[..., Visit],
) -> None:
    ours = address_of_ours()
    closed, open_ = Stage(host="0.0.0.0"), Stage(host="0.0.0.0", allow=("0.0.0.0/0",))
    assert ask(closed.query.port, "/", ours) == (0, b"")
    with pytest.raises((OSError, EOFError, WebSocketException)):
        Visit(closed.query.port, ours)
    assert closed.query.faults["refused sender"] >= 2 and not closed.heard
    assert ask(open_.query.port, "/", ours)[0] == 200
    one = visit(open_.query.port, ours)
    one.send("/installation/blackout", 1)
    wait_for(lambda: open_.query.faults["may not write"])
    assert not open_.heard
    mute = Stage(host="0.0.0.0", allow=("0.0.0.0/0",), token=TOKEN)  # a token alone allows nothing
    visit(mute.query.port, ours, path=f"/?token={TOKEN}").send("/installation/blackout", 1)
    wait_for(lambda: mute.query.faults["may not write"])
    assert not mute.heard
    mute.close()
    closed.close()
    open_.close()


@pytest.mark.parametrize("how", ["address", "header"])
def test_with_the_token_a_network_may_turn_and_without_or_with_another_not(
    visit: Callable[..., Visit], how: str
) -> None:
    ours = address_of_ours()
    stage = Stage(host="0.0.0.0", allow=("0.0.0.0/0",), write=True, token=TOKEN)
    strangers = [
        visit(stage.query.port, ours),
        visit(stage.query.port, ours, path="/?token=wrong"),
        visit(
            stage.query.port, ours, additional_headers={"Authorization": "Bearer ünknown".encode().decode("latin-1")}
        ),
    ]
    for count, one in enumerate(strangers, 1):
        one.send(TEAR, 0.9)
        wait_for(lambda n=count: stage.query.faults["may not write"] == n)
    if how == "address":
        friend = visit(stage.query.port, ours, path=f"/?token={TOKEN}")
    else:
        friend = visit(stage.query.port, ours, additional_headers={"Authorization": f"Bearer {TOKEN}"})
    friend.send(TEAR, 0.5)
    wait_for(lambda: stage.heard)
    assert stage.heard == [Command("knob", "effect.tear.amount", 0.5)] and stage.heard[0].by == f"oscquery {ours}"
    stage.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"name": "evil.example"},
        {"name": "evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"name": ""},
    ],
)
def test_names_bent_to_this_machine_and_pages_of_elsewhere_are_refused(stage: Stage, headers: dict[str, str]) -> None:
    port = stage.query.port
    told = {key: value.format(port=port) for key, value in headers.items()}
    if told.get("name") == "":
        assert parts(raw(port, b"GET / HTTP/1.1\r\n\r\n"))[0] == 421
    else:
        assert ask(port, "/", **told)[0] == 421
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        assert ask(port, "/", **told, **upgrade, **{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})[0] == 421
    assert stage.query.faults["foreign page"]


@pytest.mark.parametrize("name", ["127.0.0.1:{port}", "localhost", "localhost:{port}", "[::1]:{port}", "10.0.0.7"])
def test_its_own_names_and_numbers_are_answered(stage: Stage, name: str) -> None:
    assert ask(stage.query.port, "/?HOST_INFO", name=name.format(port=stage.query.port))[0] == 200


def test_a_page_of_its_own_origin_is_answered(stage: Stage) -> None:
    origin = {"Origin": f"http://127.0.0.1:{stage.query.port}", "Sec-Fetch-Site": "same-origin"}
    assert ask(stage.query.port, "/?HOST_INFO", **origin)[0] == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"write": True}, "token"),
        ({"write": True, "token": "short"}, "token"),
        ({"port": 70_000}, "oscquery.port"),
        ({"host": "gallery"}, "oscquery.host"),
        ({"allow": ("all",)}, "oscquery.allow"),
    ],
)
def test_what_cannot_be_is_said_before_the_show(settings: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Gate(OscQuery(**settings))


def test_a_port_that_is_taken_is_counted_and_had_as_soon_as_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation.control.oscquery.listener.KEEP_EVERY_S", 0.01)
    taken = socket.create_server(("127.0.0.1", 0))
    stage = Stage(port=taken.getsockname()[1])
    wait_for(lambda: stage.query.faults["cannot listen"])
    taken.close()
    wait_for(lambda: stage.query._socket is not None)
    assert tree(stage.query.port, "/?HOST_INFO")["NAME"] == "bloom"
    stage.close()


def test_a_large_address_space_comes_whole_to_a_reader_who_takes_his_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"k{n}": 0.5 for n in range(30_000)}
    stage.query.tell(many)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", stage.query.port))
        line.settimeout(30.0)
        line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{stage.query.port}\r\n\r\n".encode())
        came = b"".join(iter(lambda: line.recv(100_000), b""))
    assert len(json.loads(parts(came)[1])["CONTENTS"]["installation"]["CONTENTS"]["status"]["CONTENTS"]) == 30_001


def test_visitors_are_bounded_and_there_is_room_again_when_one_leaves(
    stage: Stage, visit: Callable[..., Visit]
) -> None:
    inside = [visit(stage.query.port) for _ in range(16)]
    wait_for(lambda: len(stage.query._visitors.all) == 16)
    with pytest.raises(InvalidStatus, match="503"):
        visit(stage.query.port)
    inside[0].line.close()
    wait_for(lambda: len(stage.query._visitors.all) == 15)
    visit(stage.query.port)
    assert stage.query.faults["too many visitors"] == 1


def test_connections_that_say_nothing_are_bounded_too(stage: Stage) -> None:
    silent = [socket.create_connection(("127.0.0.1", stage.query.port)) for _ in range(80)]
    wait_for(lambda: stage.query.faults["too many visitors"] >= 16)
    for line in silent:
        line.close()
    wait_for(lambda: stage.query._open == 0)
    assert ask(stage.query.port, "/?HOST_INFO")[0] == 200


def test_who_asks_without_end_is_told_to_listen_instead(stage: Stage) -> None:
    wait_for(lambda: ask(stage.query.port, "/")[0] == 429)
    assert stage.query.faults["too many requests"]


NASTY = [
    b"",
    b"\0" * 100,
    b"GET",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"GET /%ff%00%2e%2e/../../etc/passwd?VALUE HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /?" + b"&" * 5000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:99999999999\r\nUpgrade: websocket\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: [::1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"/installation/blackout\0\0,i\0\0\0\0\0\1",
]
GOOD = b"GET /installation?HOST_INFO HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_whatever_comes_to_the_port_costs_nothing_but_its_own_answer(
    stage: Stage, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fuzz of requests and of messages, seeded; before, between and after it the show answers and obeys."""
    chance, faults = random.Random(11), stage.query.faults
    for nasty in NASTY:
        raw(stage.query.port, nasty, shut=True)
    for _ in range(300):
        bent = bytearray(GOOD)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(bent))
            bent[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        raw(stage.query.port, bytes(bent), shut=True)
    words = ["[" * 50_000, "{}", '{"COMMAND":1}', '{"COMMAND":"LISTEN"}', '{"COMMAND":"LISTEN","DATA":[]}', "\0", "NaN"]
    words += ['{"COMMAND":"LISTEN","DATA":"/none"}', '{"COMMAND":"IGNORE","DATA":"/none"}', "1" * 60_000]
    one = visit(stage.query.port)
    for text in words * 5:
        one.line.send(text)
    for size in [*range(1, 200), 60_000]:
        one.line.send(chance.randbytes(size))
        one.line.send(b"#bundle\0" + bytes(8) + chance.randbytes(size))
        one.line.send(b"/installation/" + chance.randbytes(size))
    with pytest.raises(ConnectionClosed):
        two = visit(stage.query.port)
        two.line.send(bytes(70_000))
        two.line.recv(timeout=30.0)
    cut = socket.create_connection(("127.0.0.1", stage.query.port))
    key = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    cut.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + key + b"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    cut.recv(1000)
    cut.sendall(chance.randbytes(1000))
    cut.close()
    one.send("/installation/blackout", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)
    wait_for(lambda: len(stage.query._visitors.all) == 1)
    assert faults["desk error"] == 0 and faults["unknown command"] and faults["malformed"] and faults["bad request"]
    assert stage.query._thread is not None and stage.query._thread.is_alive()


def test_it_is_found_in_the_network_by_its_name_and_gone_when_the_show_ends() -> None:
    if not loopback_has_multicast():
        pytest.skip("the loopback of this machine passes no multicast on: mDNS is not heard on it")
    stage = Stage(announce=True)
    found: dict[str, ServiceInfo] = {}
    gone = threading.Event()

    class Looking:
        def add_service(self, zeroconf: Zeroconf, kind: str, name: str) -> None:
            if (info := zeroconf.get_service_info(kind, name)) and info.port == stage.query.port:
                found[name] = info

        def update_service(self, *_: object) -> None: ...

        def remove_service(self, zeroconf: Zeroconf, kind: str, name: str) -> None:
            if name in found:
                gone.set()

    seeker = Zeroconf(interfaces=["127.0.0.1"])
    ServiceBrowser(seeker, "_oscjson._tcp.local.", Looking())  # type: ignore[arg-type]
    wait_for(lambda: found, lambda: dict(stage.query.faults))
    [(name, info)] = found.items()
    assert re.fullmatch(r"bloom(-\d+)?\._oscjson\._tcp\.local\.", name) and info.parsed_addresses() == ["127.0.0.1"]
    assert tree(info.port, "/?HOST_INFO")["NAME"] == "bloom"
    assert ask(info.port, "/?HOST_INFO", name=str(info.server).rstrip("."))[0] == 200
    stage.close()
    assert gone.wait(30.0)
    seeker.close()


def loopback_has_multicast() -> bool:
    group = socket.inet_aton("224.0.0.251") + socket.inet_aton("127.0.0.1")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        try:
            ear.bind(("", 0))
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            ear.settimeout(2.0)
            out.sendto(b"?", ("224.0.0.251", ear.getsockname()[1]))
            return ear.recv(10) == b"?"
        except OSError:
            return False


def test_where_no_network_is_it_is_not_found_but_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr("installation.control.oscquery.announcing.AsyncZeroconf", fail)
    stage = Stage(announce=True)
    wait_for(lambda: stage.query.faults["cannot announce"])
    assert tree(stage.query.port, "/?HOST_INFO")["NAME"] == "bloom"
    stage.close()


def test_a_show_that_asks_for_it_is_found_and_says_where_its_osc_is_heard() -> None:
    asked = Show("still", osc=Osc(port=0), oscquery=OscQuery(port=0, announce=False), cues=CUES)
    with ExitStack() as closing:
        desks = open_desk(asked, KNOBS, closing)
        desks.start()
        query = desks.all["oscquery"]
        assert isinstance(query, Listener)
        board = Board(KNOBS, CUES)
        board.apply(Command("master", value=0.25, by="key"), 0.0)
        desks.follow(board.levels(0.0), 0.0)
        assert tree(query.port, f"{MASTER}?VALUE") == {"VALUE": [0.25]}
        assert tree(query.port, "/?HOST_INFO")["OSC_PORT"] == desks.port
        one = Visit(query.port)
        one.send("/installation/blackout", 1)
        heard: list[Command] = []
        wait_for(lambda: heard.extend(desks.poll(0.0)) or heard)
        assert heard == [Command("blackout", value=1.0)]
        one.line.close()
    assert desks.faults == {}


def test_hostile_messages_are_refused_by_kind_and_the_listener_goes_on(stage: Stage) -> None:
    throw(stage, 3000)
    wait_for(lambda: not stage.query._visitors.all)
    one = Visit(stage.query.port)
    one.send("/installation/blackout", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)
    one.line.close()
    faults = stage.query.faults
    assert faults["malformed"] and faults["unknown command"] and faults["bad request"] and not faults["desk error"]


def test_a_show_that_does_not_ask_for_it_opens_nothing() -> None:
    with ExitStack() as closing:
        assert set(open_desk(Show("still", osc=Osc(port=0)), {}, closing).all) == {"osc"}


def test_a_value_of_the_status_can_be_asked_for_alone(stage: Stage) -> None:
    stage.query.tell({"fps": 29.5})
    assert tree(stage.query.port, "/installation/status/fps?VALUE") == {"VALUE": [29.5]}
    assert ask(stage.query.port, "/installation/status/none")[0] == 404


def test_a_point_has_a_type_a_range_and_a_value_for_each_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    point = [Knob("effect.warp.point.x"), Knob("effect.warp.point.y", high=2.0)]
    monkeypatch.setattr("oscquery_visit.KNOBS", KNOBS | {knob.name: knob for knob in point})
    stage = Stage()
    node = tree(stage.query.port, "/installation/effect/warp/point")
    assert node["TYPE"] == "ff" and len(node["VALUE"]) == 2 and node["DESCRIPTION"] == "x y at once"
    assert node["RANGE"] == [{"MIN": 0.0, "MAX": 1.0}, {"MIN": 0.0, "MAX": 2.0}]
    stage.close()


def test_a_ping_over_a_websocket_is_told_what_to_do_instead(stage: Stage, visit: Callable[..., Visit]) -> None:
    one = visit(stage.query.port)
    one.send("/installation/ping")
    wait_for(lambda: stage.query.faults["bad argument"] == 1)
    one.send("/installation/blackout", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)


def test_a_token_among_more_fields_than_anybody_has_is_none() -> None:
    gate = Gate(OscQuery(write=True, token=TOKEN))
    assert gate.may_write("10.0.0.9", f"token={TOKEN}", Headers())
    assert not gate.may_write("10.0.0.9", "&".join(["a=1"] * 20 + [f"token={TOKEN}"]), Headers())


@pytest.mark.parametrize("fails", ["_round", "_hearing.obey"])
def test_a_step_that_fails_is_counted_and_it_goes_on(
    stage: Stage, visit: Callable[..., Visit], fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _, name = f"query.{fails}".rpartition(".")
    owner = attrgetter(place)(stage)
    real, failed = getattr(owner, name), []

    def failing(*arguments: object) -> object:
        if not failed:
            failed.append(1)
            raise ZeroDivisionError
        return real(*arguments)

    monkeypatch.setattr(owner, name, failing)
    one = visit(stage.query.port)
    one.send("/installation/freeze", 1)
    wait_for(lambda: stage.query.faults["desk error"] == 1)
    one.send("/installation/blackout", 1)
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)
    assert stage.query.faults == {"desk error": 1}


def test_a_thread_that_ends_says_so_and_the_show_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(query: Listener) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Listener, "_live", broken)
    stage = Stage()
    wait_for(lambda: "OSCQuery has ended; the show goes on" in caplog.text)
    assert stage.query.faults == {"desk error": 1}
    stage.close()


def test_a_network_that_fails_when_the_show_ends_keeps_it_from_nothing() -> None:
    closed: list[str] = []

    class Failing:
        async def async_unregister_all_services(self) -> None:
            closed.append("taken back")
            raise OSError("Network is down")

        async def async_close(self) -> None:
            closed.append("closed")
            raise OSError("Network is down")

    announced = Announced("bloom", "127.0.0.1", 9)
    asyncio.run(announced.end())
    announced._zeroconf = Failing()  # type: ignore[assignment]
    asyncio.run(announced.end())
    asyncio.run(announced.end())
    assert closed == ["taken back", "closed"]


def test_a_server_whose_visitors_do_not_go_is_not_waited_for() -> None:
    class Busy:
        def close(self) -> None: ...

        async def wait_closed(self) -> None:
            await asyncio.Event().wait()

    asyncio.run(shut(Busy(), 0.01))  # type: ignore[arg-type]


def test_two_hosts_in_one_request_are_nobodys(stage: Stage) -> None:
    asked = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{stage.query.port}\r\nHost: evil.example\r\n\r\n"
    assert parts(raw(stage.query.port, asked.encode()))[0] == 421 and stage.query.faults == {"foreign page": 1}


def test_a_listener_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    Stage().close()
    assert died == []


def test_what_is_sent_to_a_visitor_who_just_went_is_lost() -> None:
    class Gone:
        remote_address = ("127.0.0.1", 50_000)

        async def send(self, packet: bytes) -> None:
            raise ConnectionClosedOK(None, None)

    asyncio.run(Visitor(Gone(), "127.0.0.1", False)._send([b"x", b"y"]))  # type: ignore[arg-type]


def test_what_means_nothing_in_a_bundle_costs_itself_alone(stage: Stage, visit: Callable[..., Visit]) -> None:
    one = visit(stage.query.port)
    one.line.send(encode_bundle([encode("/installation/none", 1), encode("/installation/blackout", 1)]))
    wait_for(lambda: stage.board.levels(stage.now_s).blackout)
    assert stage.query.faults == {"unknown address": 1}


def test_it_may_be_bound_twice_and_closed_after_it_ended_by_itself() -> None:
    stage = Stage()
    port = stage.query.port
    stage.query.bind()
    assert stage.query.port == port and ask(port, "/?HOST_INFO")[0] == 200
    stage.query._over.set()
    stage.query._thread.join(30.0)  # type: ignore[union-attr]
    stage.close()
    assert stage.query.faults == {}


def test_every_kind_of_address_says_in_words_what_it_does(stage: Stage) -> None:
    port = stage.query.port
    for path, words in (
        ("cue/2", "fade to cue 2 night"),
        ("release/effect/tear/amount", "give effect.tear.amount back to the cue"),
        ("cue", SAID["cue"]),
        ("effect/tear/amount", "width of the tear"),
    ):
        assert tree(port, f"/installation/{path}?DESCRIPTION") == {"DESCRIPTION": words}


def test_many_visitors_share_what_may_be_said_in_a_round() -> None:
    asked: list[int] = []
    told = SimpleNamespace(freshen=list, settle=float, news=lambda settings, own, most: asked.append(most) or [])
    for count, most in ((1, 128), (4, 128), (16, 32), (0, None)):
        visitors = Visitors()
        visitors.all = [SimpleNamespace(told=told, is_busy=False, send=list, status={})] * count  # type: ignore[list-item]
        visitors.tell({}, {}, 0.0)
        assert asked == [most] * count
        asked.clear()
