"""Real desks send what they send over real sockets; what the show hears is what the operator meant."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import struct
import time

import pytest
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient
from rehearsal import CUES, KNOBS, hear, open_desk, wait_for

from installation.control.answers import Sender
from installation.control.desk import Desk, osc_table
from installation.control.streams import Stream, Streams
from installation.control.waiting import Late
from installation.packets import Frames, decode, encode, encode_bundle
from installation.settings import Osc, SettingsError
from installation.signals import Command

TEAR = "/installation/effect/tear/amount"


def faults_reach(desk: Desk, kind: str, count: int = 1) -> None:
    wait_for(lambda: desk.faults[kind] >= count, lambda: f"for {kind}: {dict(desk.faults)}")


def raw(desk: Desk, packet: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(packet, ("127.0.0.1", desk.port))


@pytest.mark.parametrize(
    ("address", "arguments", "value"),
    [
        (TEAR, [0.25], 0.25),
        (TEAR, [1], 1.0),
        (TEAR, [True], 1.0),
        (TEAR, [False], 0.0),
        (TEAR, [], 1.0),
        (TEAR + "/norm", [0.5], 0.5),
        (TEAR + "/percent", [50], 0.5),
        (TEAR + "/dmx", [51], 0.2),
        ("/installation/bend/melt/amount", [-0.5], -0.5),
        ("/installation/bend/melt/amount", [False], -1.0),
        (TEAR + "/percent", [True], 1.0),
        ("/installation/bend/melt/amount/percent", [0], -1.0),
        ("/installation/bend/melt/amount/dmx", [255], 1.0),
        ("/installation/effect/mirror/sides/norm", [1.0], 12.0),
        ("/installation/effect/echo/on", [100], 1.0),
        ("/installation/effect/echo/on/percent", [0], 0.0),
    ],
)
def test_a_knob_takes_every_form_that_a_desk_sends(
    desk: Desk, sender: SimpleUDPClient, address: str, arguments: list[object], value: float
) -> None:
    sender.send_message(address, arguments)
    [command] = hear(desk)
    assert (command.verb, command.fade_s) == ("knob", None)
    assert command.value == pytest.approx(value)
    assert not desk.faults


def test_a_further_argument_is_the_fade_time(desk: Desk, sender: SimpleUDPClient) -> None:
    sender.send_message(TEAR, [0.5, 3.0])
    sender.send_message("/installation/master/percent", [100, 5])
    assert [(c.verb, c.value, c.fade_s) for c in hear(desk, 2)] == [("knob", 0.5, 3.0), ("master", 1.0, 5.0)]


def test_a_value_outside_its_range_goes_to_the_nearest_end_and_is_counted(desk: Desk, sender: SimpleUDPClient) -> None:
    sender.send_message(TEAR, 7.5)
    assert hear(desk) == [Command("knob", "effect.tear.amount", 1.0)]
    assert desk.faults == {"out of range": 1}
    sender.send_message(TEAR, 1.0000001)
    assert hear(desk)[0].value == 1.0
    assert desk.faults == {"out of range": 1}


def test_grandma_faders_of_0_to_100_drive_what_the_show_file_maps_them_to() -> None:
    desk = open_desk(
        aliases={"/Page1/Fader201": "/installation/master/percent", "/Page1/Key101": "/installation/cue/go"}
    )
    sender = SimpleUDPClient("127.0.0.1", desk.port)
    sender.send_message("/Page1/Fader201", 40)
    for key in (100, 0, 100, 0):  # down, up, down, up
        sender.send_message("/Page1/Key101", key)
    heard = hear(desk, 3)
    desk.close()
    assert [c.verb for c in heard] == ["master", "go", "go"]
    assert heard[0].value == pytest.approx(0.4)


def test_an_alias_to_nowhere_says_what_was_probably_meant() -> None:
    with pytest.raises(LookupError, match="did you mean '/installation/master/percent'"):
        Desk(Osc(port=0, aliases={"/a": "/installation/master/precent"}), KNOBS, CUES)


@pytest.mark.parametrize(("number", "text"), [("1.5", "1.5"), (2, "2"), (1.5, "1.5"), (1.1, "1.1"), ("2", "2")])
def test_a_cue_number_is_text_however_it_is_sent(
    desk: Desk, sender: SimpleUDPClient, number: object, text: str
) -> None:
    sender.send_message("/installation/cue", [number, 7])
    [command] = hear(desk)
    assert (command.verb, command.name, command.fade_s) == ("cue", text, 7.0)


def test_a_cue_has_an_address_of_its_own_for_desks_without_text(desk: Desk, sender: SimpleUDPClient) -> None:
    for value in (1.0, 0.0):
        sender.send_message("/installation/cue/1.5", value)
    sender.send_message("/installation/cue/99", [])
    assert [(c.verb, c.name) for c in hear(desk, 2)] == [("cue", "1.5"), ("cue", "99")]


def test_a_key_of_0_to_100_releases_once_and_not_over_a_hundred_seconds(desk: Desk, sender: SimpleUDPClient) -> None:
    for value in (100, 0):
        sender.send_message("/installation/release", value)
    sender.send_message("/installation/freeze", 1)
    heard = hear(desk, 2)
    assert [command for command in heard if command.verb == "release"] == [Command("release", value=100.0)]


def test_a_touchosc_push_fires_once_and_its_release_does_not(desk: Desk, sender: SimpleUDPClient) -> None:
    for value in (1.0, 0.0, 1.0, 0.0):
        sender.send_message("/installation/cue/go", value)
    sender.send_message("/installation/cue/back", [])
    assert [c.verb for c in hear(desk, 3)] == ["go", "go", "back"]


def test_a_sender_that_never_lets_go_fires_every_time(desk: Desk, sender: SimpleUDPClient) -> None:
    for _ in range(3):
        sender.send_message("/installation/moment", 1)
    assert [c.verb for c in hear(desk, 3)] == ["moment"] * 3


def test_a_fader_moved_through_a_trigger_fires_it_once(desk: Desk, sender: SimpleUDPClient) -> None:
    for percent in range(0, 101, 5):
        sender.send_message("/installation/cue/go", percent / 100)
    sender.send_message("/installation/ping", [])
    sender.send_message(TEAR, 0.5)
    assert [c.verb for c in hear(desk, 2)] == ["go", "knob"]


def test_of_many_values_in_one_frame_the_newest_counts(desk: Desk, sender: SimpleUDPClient) -> None:
    for i in range(300):
        sender.send_message(TEAR, i / 299)
    sender.send_message(TEAR + "/percent", 30)
    sender.send_message("/installation/testcard", 1)
    wait_for(lambda: "test_card" in desk._wishes.verbs())
    assert desk.poll(0.0) == [
        Command("knob", "effect.tear.amount", pytest.approx(0.3)),
        Command("test_card", value=1.0),
    ]


def test_what_comes_later_stands_later(desk: Desk) -> None:
    raw(
        desk,
        encode_bundle(
            [
                encode(TEAR, 0.1),
                encode("/installation/cue", "2"),
                encode(TEAR, 0.9),
                encode("/installation/release/effect/tear/amount", 1, 2.0),
            ]
        ),
    )
    assert hear(desk, 2) == [Command("cue", "2", 1.0), Command("release", "effect.tear.amount", 1.0, 2.0)]


def test_a_bundle_from_next_week_acts_on_the_next_frame(desk: Desk) -> None:
    builder = OscBundleBuilder(time.time() + 7 * 86400)
    for address, value in ((TEAR, 0.5), ("/installation/blackout", 1)):
        message = OscMessageBuilder(address)
        message.add_arg(value)
        builder.add_content(message.build())
    raw(desk, builder.build().dgram)
    assert {c.verb for c in hear(desk, 2)} == {"knob", "blackout"}


def test_a_wildcard_moves_every_knob_that_it_names(desk: Desk, sender: SimpleUDPClient) -> None:
    sender.send_message("/installation/*/{tear,melt}/amount", 0.75)
    assert {c.name: c.value for c in hear(desk, 2)} == {"effect.tear.amount": 0.75, "bend.melt.amount": 0.75}


def test_a_wildcard_goes_on_past_an_address_that_cannot_take_its_value(desk: Desk, sender: SimpleUDPClient) -> None:
    sender.send_message("/installation/*/{subscribe,truncation}", 0.5)
    assert hear(desk) == [Command("knob", "generator.truncation", 0.5)]
    assert desk.faults == {"bad argument": 1}


@pytest.mark.parametrize(
    ("address", "arguments", "kind"),
    [
        ("/installation/effect/tear/amonut", [1.0], "unknown address"),
        ("/nowhere/*", [1.0], "unknown address"),
        (TEAR, ["loud"], "bad argument"),
        (TEAR, [0.1, 0.2, 0.3], "bad argument"),
        (TEAR, [0.1, -2.0], "out of range"),
        ("/installation/cue", [], "bad argument"),
        ("/installation/cue", [b"1"], "bad argument"),
        ("/installation/" + "*a" * 60, [1.0], "unknown address"),
        ("/installation/{a,b", [1.0], "bad pattern"),
        ("/installation/status/subscribe", [22], "bad argument"),
    ],
)
def test_what_means_nothing_is_counted_and_changes_nothing(
    desk: Desk, sender: SimpleUDPClient, address: str, arguments: list[object], kind: str
) -> None:
    sender.send_message(address, arguments)
    faults_reach(desk, kind)
    assert desk.poll(0.0) == []


@pytest.mark.parametrize(
    "packet",
    [
        b"#bundle\0" + struct.pack(">Qii", 1, -4, 0),
        b"/installation/master\0\0\0\0,f\0\0\0\0",
        b"/installation/master\0\0\0\0,f\0\0" + struct.pack(">f", float("nan")),
        b"/installation/cue\0\0\0,s\0\0\xff\xfe\0\0",
        b"not osc at all",
        b"",
    ],
    ids=["size -4", "cut float", "NaN", "not UTF-8", "garbage", "empty"],
)
def test_hostile_packets_are_counted_and_the_desk_goes_on(desk: Desk, sender: SimpleUDPClient, packet: bytes) -> None:
    raw(desk, packet)
    faults_reach(desk, "malformed")
    sender.send_message(TEAR, 0.5)
    assert hear(desk) == [Command("knob", "effect.tear.amount", 0.5)]


def test_who_is_not_on_the_allow_list_is_not_heard() -> None:
    desk = open_desk(allow=("10.0.0.0/8",))
    SimpleUDPClient("127.0.0.1", desk.port).send_message(TEAR, 0.5)
    faults_reach(desk, "refused sender")
    with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
        tcp.settimeout(30.0)
        assert tcp.recv(1) == b""
    assert desk.poll(0.0) == []
    desk.close()


def test_an_allow_list_that_is_none_stops_the_start_and_says_why() -> None:
    with pytest.raises(SettingsError, match=r"expected networks such as '10\.0\.0\.0/24'"):
        Desk(Osc(allow=("everyone",)), KNOBS, CUES)


@pytest.mark.parametrize("ports", [{"port": 70_000}, {"port": -1}, {"reply_port": 70_000}])
def test_a_port_that_cannot_be_stops_the_start_and_says_why(ports: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="must be 0 to 65535"):
        Desk(Osc(**ports), KNOBS, CUES)


def test_two_shows_cannot_have_one_port(desk: Desk) -> None:
    with pytest.raises(OSError, match="is another show running"):
        open_desk(port=desk.port)


def test_ping_is_answered_with_version_and_frame(desk: Desk) -> None:
    import installation

    desk.tell({"frame": 4711})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(30.0)
        udp.sendto(encode("/installation/ping"), ("127.0.0.1", desk.port))
        assert decode(udp.recv(1000)) == [("/installation/pong", (installation.__version__, 4711))]


def test_a_subscriber_sees_the_status_while_the_show_lives(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(30.0)
        udp.bind(("127.0.0.1", 0))
        raw(desk, encode("/installation/status/subscribe", udp.getsockname()[1]))
        wait_for(lambda: desk._answers.subscribers.now(time.monotonic()))
        desk.tell({"cue": "1.5", "fps": 30.0, "blackout": True, "fault count": 3})
        assert decode(udp.recv(1000)) == [
            ("/installation/status/cue", ("1.5",)),
            ("/installation/status/fps", (30.0,)),
            ("/installation/status/blackout", (1,)),
            ("/installation/status/fault_count", (3,)),
        ]


def test_a_reply_port_makes_every_sender_a_subscriber() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(30.0)
        udp.bind(("127.0.0.1", 0))
        desk = open_desk(reply_port=udp.getsockname()[1])
        raw(desk, encode(TEAR, 0.5))
        hear(desk)
        desk.tell({"cue": "1"})
        assert decode(udp.recv(1000)) == [("/installation/status/cue", ("1",))]
        desk.close()


@pytest.mark.parametrize("framing", ["length", "slip"])
def test_a_desk_on_tcp_is_heard_and_answered_in_its_own_framing(desk: Desk, framing: str) -> None:
    frames = Frames()
    frames.framing = framing
    with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
        tcp.settimeout(30.0)
        tcp.sendall(frames.wrap(encode("/installation/cue", "1.5", 3.0)) + frames.wrap(encode("/installation/ping")))
        assert hear(desk) == [Command("cue", "1.5", 1.0, 3.0)]
        answers: list[bytes] = []
        while not answers:
            answers += frames.feed(tcp.recv(1000))
        assert decode(answers[0])[0][0] == "/installation/pong"


def test_a_giant_tcp_length_ends_that_connection_only(desk: Desk, sender: SimpleUDPClient) -> None:
    with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
        tcp.settimeout(30.0)
        tcp.sendall(struct.pack(">i", 0x00FFFFFF) + b"x" * 100)
        assert tcp.recv(1) == b""
    faults_reach(desk, "malformed")
    sender.send_message(TEAR, 0.5)
    assert hear(desk)


def test_a_crowd_of_silent_tcp_clients_never_shuts_a_desk_out(desk: Desk) -> None:
    crowd = [socket.create_connection(("127.0.0.1", desk.port)) for _ in range(40)]
    for slow in crowd:
        with contextlib.suppress(OSError):  # those at the front were sent away already
            slow.sendall(b"\0")
    with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
        packet = encode("/installation/blackout", 1)
        tcp.sendall(struct.pack(">i", len(packet)) + packet)
        assert hear(desk) == [Command("blackout", value=1.0)]
    assert len(desk._streams.open) <= 16
    for slow in crowd:
        slow.close()


def test_a_tcp_client_that_drips_a_packet_for_ever_is_sent_away_and_an_idle_desk_is_not(desk: Desk) -> None:
    with (
        socket.create_connection(("127.0.0.1", desk.port)) as idle,
        socket.create_connection(("127.0.0.1", desk.port)) as slow,
    ):
        packet = encode(TEAR, 0.5)
        idle.sendall(struct.pack(">i", len(packet)) + packet)
        hear(desk)
        slow.sendall(b"\0\0")
        wait_for(lambda: any(stream.frames.waiting_bytes for stream in desk._streams.open))
        desk._streams.expire(time.monotonic() + 11.0)
        slow.settimeout(30.0)
        assert slow.recv(1) == b""
        assert desk.faults == {"unfinished stream": 1}
        idle.sendall(struct.pack(">i", len(packet)) + packet)
        assert hear(desk)


def test_refused_packets_are_a_few_lines_in_the_log_however_many_come(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "installation.control.desk"):
        for _ in range(500):
            raw(desk, b"/installation/master\0\0\0\0,f\0\0\0\0")
        faults_reach(desk, "malformed", 500)
    assert len(caplog.records) <= 5


def test_the_table_names_every_address_its_range_and_what_it_does() -> None:
    table = osc_table(KNOBS, CUES)
    for line in (
        "| `/installation/effect/tear/amount` | [i f T F] [fade s] | 0..1, at start 0 | width of the tear |",
        "| `/installation/effect/mirror/sides` | [i f T F] [fade s] | 2..12 whole, at start 6 | sides |",
        "| `/installation/cue` | number [fade s] | 1, 1.5, 2 |",
        "| `/installation/blackout` | [i f T F] | 0 or 1 |",
    ):
        assert line in table


@pytest.mark.parametrize("address", ["/installation/cue/go", "/installation/panic"])
def test_a_broadcast_is_heard_once(address: str) -> None:
    desk = open_desk(host="0.0.0.0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.sendto(encode(address, 1), ("127.255.255.255", desk.port))
        udp.sendto(b"what is this", ("127.0.0.1", desk.port))
    faults_reach(desk, "malformed")
    raw(desk, encode("/installation/freeze", 1))
    assert [c.verb for c in hear(desk, 2)] == [address.rpartition("/")[2], "freeze"]
    desk.close()


def test_a_desk_is_heard_over_ipv6_too() -> None:
    desk = open_desk(host="::1")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.settimeout(30.0)
        udp.sendto(encode("/installation/blackout"), ("::1", desk.port))
        udp.sendto(encode("/installation/ping"), ("::1", desk.port))
        assert hear(desk) == [Command("blackout", value=1.0)]
        assert decode(udp.recv(1000))[0][0] == "/installation/pong"
    desk.close()


def test_a_step_that_fails_is_counted_and_the_desk_goes_on(
    desk: Desk, sender: SimpleUDPClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, failed = desk._telling.step, []

    def fails(now_s: float) -> None:
        if not failed:
            failed.append(now_s)
            raise ZeroDivisionError
        real(now_s)

    monkeypatch.setattr(desk._telling, "step", fails)
    sender.send_message(TEAR, 0.25)
    assert hear(desk)[0].value == 0.25
    faults_reach(desk, "desk error")
    sender.send_message(TEAR, 0.5)
    assert hear(desk)[0].value == 0.5 and desk.faults == {"desk error": 1}
    assert "ZeroDivisionError" in caplog.text


def test_a_desk_may_be_closed_twice_and_before_it_was_open() -> None:
    Desk(Osc(port=0), KNOBS, CUES).close()
    desk = open_desk()
    desk.close()
    desk.close()
    assert desk.faults == {}


def test_what_waited_and_then_means_nothing_is_refused_as_at_once() -> None:
    desk = Desk(Osc(port=0), KNOBS, CUES)
    desk.bind()
    try:
        desk._waiting.put("/installation/effect/tear/*", Late(("/installation/[", ()), Sender("10.0.0.1", 0), 0.0))
        desk._catch_up(1.0)
        assert sum(desk.faults.values()) == 1 and not desk._waiting
    finally:
        desk.close()


def test_a_pattern_that_came_too_fast_and_names_nothing_urgent_waits_and_is_done() -> None:
    desk = Desk(Osc(port=0, packets_per_s=1.0), KNOBS, CUES)
    desk.bind()
    try:
        sender = Sender("10.0.0.1", 0)
        desk._take(encode(TEAR, 0.1), sender, 0.0, 0.0)
        desk._take(encode("/installation/effect/te*/amount", 0.5), sender, 0.0, 0.0)
        assert [command.value for command in desk.poll(0.0)] == [pytest.approx(0.1)]
        desk._catch_up(100.0)
        assert [command.value for command in desk.poll(100.0)] == [0.5]
        assert set(desk.faults) == {"rate limited"}
    finally:
        desk.close()


def test_who_sends_nothing_that_can_be_read_is_not_taken_for_a_desk() -> None:
    desk = Desk(Osc(port=0), KNOBS, CUES)
    desk.bind()
    try:
        desk._take(b"/half a message", Sender("10.0.0.1", 0), 0.0, 0.0)
        assert desk.faults == {"malformed": 1} and not desk._answers._heard
        desk._take(encode(TEAR, 0.1), Sender("10.0.0.1", 0), 0.0, 0.0)
        assert desk._answers._heard
    finally:
        desk.close()


def test_a_subscriber_that_is_gone_is_no_fault_of_the_show(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def sendto(self, *_: object) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(desk._answers, "_udp", Gone())
    desk._answers._send_udp(b"", "10.0.0.1", 9)
    assert desk.faults == {}


def test_a_desk_whose_thread_ended_by_itself_is_closed_all_the_same() -> None:
    desk = open_desk()
    thread, desk._closing = desk._thread, True
    assert thread is not None
    desk._waker.send(b"\0")
    thread.join(30.0)
    desk.close()
    assert not thread.is_alive() and desk._thread is None


def test_a_connection_that_breaks_while_it_is_read_or_written_costs_itself_alone() -> None:
    class Broken:
        def recv(self, most: int) -> bytes:
            raise ConnectionResetError

        def send(self, packet: bytes) -> int:
            raise BrokenPipeError

        def close(self) -> None:
            closed.append(1)

        fileno = staticmethod(lambda: udp.fileno())

    closed: list[int] = []
    refused: list[str] = []
    with (
        selectors.DefaultSelector() as selector,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        streams = Streams(listener, selector, lambda host: True, lambda *_: None, lambda kind, *_: refused.append(kind))
        broken = Stream(Broken(), "10.0.0.1", 0.0)  # type: ignore[arg-type]
        selector.register(udp, selectors.EVENT_READ)
        streams.open.append(broken)
        broken.send(b"/x\0\0,\0\0\0")
        assert broken.is_full()
        streams._read(broken, 0.0)
        assert streams.open == [] and closed == [1] and refused == []
        quiet = Stream(udp, "10.0.0.1", 0.0)
        udp.setblocking(False)
        streams.open.append(quiet)
        streams._read(quiet, 0.0)
        assert streams.open == [quiet], "nothing has come yet"
