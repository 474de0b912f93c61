"""Consoles that really send, over real UDP and by hand: what they change is heard, and nothing they send does harm."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import consoles
import hostile_dmx as hostile
import pytest
from consoles import DEFAULT, EOS, GRANDMA, Heard, fixture
from rehearsal import CUES, KNOBS
from sacn import sACNsender
from stupidArtnet import StupidArtnet

from installation.control.dmx import artnet, sacn, sieve
from installation.control.dmx.ears import Ear, Packet
from installation.control.dmx.listener import Dmx
from installation.memory import resident_mb
from installation.settings import SettingsError
from installation.signals import Command, Knob

ALL = KNOBS | {
    "effect.cut.press": Knob("effect.cut.press", 0.0, 1.0, 0.0, "a cut", "event"),
    "generator.speed": Knob("generator.speed", 0.0, 2.0, 1.0, "pace"),
}
SIFTING = sieve.of_sacn(1, 1)
BLACK, LIGHT = Command("blackout", value=1.0), Command("blackout", value=0.0)


def made(**more: object) -> Dmx:
    return Dmx(consoles.settings(**more), ALL, CUES, "bloom")


@pytest.fixture
def dmx() -> Iterator[Dmx]:
    """A listener on an address of its own."""
    listener = made(host=consoles.own_host())
    yield listener
    listener.close()


def hear(dmx: Dmx, wait_for: Callable, command: Command) -> None:
    heard: list[Command] = []

    def has_come() -> bool:
        heard.extend(dmx.poll(0.0))
        return command in heard

    wait_for(has_come)


def test_a_published_sacn_console_is_heard_over_udp(dmx: Dmx, wait_for: Callable) -> None:
    dmx.start()
    console = sACNsender(bind_address="127.0.0.1", bind_port=0, source_name="desk", universeDiscovery=False)
    console.activate_output(1)
    console[1].destination = dmx.asked.host
    console[1].per_address_priority = (100,) * 512
    console.manual_flush = True

    def show(levels: bytes) -> None:
        console[1].dmx_data = tuple(levels)
        console._sender_handler.send_out(console[1], 0.0)

    show(fixture(ch3=0, ch10=65_535))
    hear(dmx, wait_for, BLACK)
    show(fixture(ch10=65_535))
    hear(dmx, wait_for, LIGHT)
    assert not dmx.faults
    console._sender_handler.socket._socket.close()


def test_a_published_art_net_console_is_heard_over_udp(dmx: Dmx, wait_for: Callable) -> None:
    dmx.start()
    console = StupidArtnet(dmx.asked.host, 1, 512, artsync=True)
    for level, command in ((0, BLACK), (255, LIGHT), (0, BLACK)):
        console.set(bytearray(fixture(ch3=level).ljust(512, b"\0")))
        console.show()
        hear(dmx, wait_for, command)
    assert not dmx.faults


def test_an_art_net_console_finds_the_show_and_how_it_is(dmx: Dmx, wait_for: Callable) -> None:
    dmx.start()
    dmx.tell({"cue": "1.5", "fps": 29.9})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.settimeout(20.0)
        console.sendto(consoles.artpoll(0x20, 5, 2), (dmx.asked.host, artnet.PORT))  # for others
        console.sendto(consoles.artpoll(), (dmx.asked.host, artnet.PORT))
        raw, address = console.recvfrom(2048)
    assert address == (dmx.asked.host, artnet.PORT) and raw[10:14] == socket.inet_aton(dmx.asked.host)
    assert raw[26:31] == b"bloom" and b"[0001] cue 1.5, fps 29.9" in raw


def test_blackout_that_was_sent_before_the_first_frame_is_in_it(dmx: Dmx) -> None:
    dmx.bind()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.sendto(consoles.sacn(fixture(ch3=0)), (dmx.asked.host, sacn.PORT))
    assert dmx.poll(0.0) == [], "nobody reads yet"
    dmx.start()
    assert dmx.poll(0.0) == [BLACK]


def test_where_the_kernel_does_not_sort_all_that_waits_is_read_before_the_first_frame(
    dmx: Dmx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(sieve, "sort", cannot)
    dmx.bind()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        for n in range(100):
            console.sendto(consoles.sacn(sequence=n), (dmx.asked.host, sacn.PORT))
        console.sendto(consoles.sacn(fixture(ch3=0), sequence=100), (dmx.asked.host, sacn.PORT))
    dmx.start()
    assert dmx.poll(0.0) == [BLACK]


def test_it_is_started_once_however_often_it_is_asked(dmx: Dmx) -> None:
    dmx.start()
    listening = dmx._thread
    dmx.start()
    assert dmx._thread is listening


def test_a_port_that_is_taken_is_had_as_soon_as_it_is_free(
    dmx: Dmx, wait_for: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((dmx.asked.host, sacn.PORT))
        dmx.start()
        assert dmx.faults == {"cannot listen": 1}
        assert f"{dmx.asked.host} port 5568" in caplog.text and "tried again" in caplog.text
    dmx._kept_s -= 60.0  # a minute later
    wait_for(lambda: dmx._ears[0].udp is not None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.sendto(consoles.sacn(fixture(ch3=0)), (dmx.asked.host, sacn.PORT))
    hear(dmx, wait_for, BLACK)


def test_a_group_is_joined_on_every_network_and_again_after_one_went_away() -> None:
    heard: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        ear = Ear("0.0.0.0", 0, "239.255.0.1", SIFTING, selector, lambda packet: heard.append(packet.raw))
        for _ in range(2):  # the second time it is joined already
            ear.keep()
        assert ear.udp is not None
        port = ear.udp.getsockname()[1]
        other_group = socket.inet_aton("239.255.0.2") + socket.inet_aton("127.0.0.1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
            console.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, other_group)  # somebody here wants it
            console.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            console.sendto(consoles.sacn(name=b"to all"), ("239.255.0.1", port))
            console.sendto(consoles.sacn(name=b"to all", levels=fixture(ch3=0)), ("239.255.0.1", port))
            console.sendto(consoles.sacn(name=b"to another group"), ("239.255.0.2", port))
            console.sendto(consoles.sacn(name=b"to us alone"), ("127.0.0.1", port))
            console.sendto(consoles.sacn(name=b"to us alone", levels=fixture(ch3=0)), ("127.0.0.1", port))
        while len(heard) < 4:
            assert selector.select(20.0)
            ear.read(0.0)
        names = [sacn.decode(raw).name for raw in heard]  # type: ignore[union-attr]
        assert sorted(names) == ["to all", "to all", "to us alone", "to us alone"], "each of them once"
        ear.close()


def test_a_group_that_is_joined_already_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ear, "_alone", False)  # the loopback in the place of a network
    with selectors.DefaultSelector() as selector:
        ear = Ear("127.0.0.1", 0, "239.255.0.1", SIFTING, selector, lambda packet: None)
        for _ in range(3):
            ear.keep()
        ear.close()


def test_a_network_that_is_not_there_yet_is_waited_for() -> None:
    with selectors.DefaultSelector() as selector:
        ear = Ear("203.0.113.7", 0, "239.255.0.1", SIFTING, selector, lambda packet: None)
        for _ in range(2):
            with pytest.raises(OSError, match="no network here has the address 203"):
                ear.keep()
        ear.host = "127.0.0.1"
        ear.keep()
        ear.close()


class Dead(socket.socket):
    """A socket of a network that went down."""

    def recvmsg_into(self, *asked: object) -> tuple:
        raise OSError(errno.ENETDOWN, "Network is down")


def test_a_socket_that_dies_is_opened_again(dmx: Dmx, wait_for: Callable) -> None:
    dmx.bind()
    ear = dmx._ears[0]
    ear.sockets = [Dead(fileno=udp.detach()) for udp in ear.sockets]
    dmx.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.sendto(consoles.sacn(fixture(ch3=0)), (dmx.asked.host, sacn.PORT))
        wait_for(lambda: dmx.faults == {"cannot listen": 1})
        dmx._kept_s -= 60.0  # a minute later
        wait_for(lambda: ear.udp is not None)
        console.sendto(consoles.sacn(fixture(ch3=0)), (dmx.asked.host, sacn.PORT))
    hear(dmx, wait_for, BLACK)


def test_only_allowed_networks_may_speak() -> None:
    dmx = made(allow=("10.1.0.0/16",))
    assert Heard(dmx, "10.2.0.1").sacn(0.0, fixture(ch3=0)) == []
    assert Heard(dmx, "10.2.0.1").artnet(0.0, fixture(ch3=0)) == []
    assert dmx.faults == {"refused sender": 2}
    assert Heard(dmx, "10.1.2.3").sacn(0.0, fixture(ch3=0)) == [BLACK]


def test_other_universes_cost_nothing_and_are_no_fault() -> None:
    dmx = made(packets_per_s=10.0)
    for n in range(1000):
        assert Heard(dmx).sacn(0.0, fixture(ch3=0), n, universe=2 + n % 60) == []
        assert Heard(dmx).artnet(0.0, fixture(ch3=0), n, universe=2 + n % 60) == []
    assert not dmx.faults
    assert Heard(dmx).sacn(0.0, fixture(ch3=0)) == [BLACK]


def test_one_universe_is_listened_to_at_a_time_and_one_protocol_where_it_was_asked_for() -> None:
    assert [ear.port for ear in made(protocol="sacn")._ears] == [5568]
    assert [ear.port for ear in made(protocol="artnet", universe=0)._ears] == [6454]
    assert [(ear.port, ear.group) for ear in made(universe=300)._ears] == [(5568, "239.255.1.44"), (6454, "")]


def test_from_a_console_that_is_too_fast_the_newest_look_always_arrives() -> None:
    dmx = made(packets_per_s=100.0)
    heard = Heard(dmx)
    seen = [heard.sacn(0.0, fixture(ch1=60_000 - n), n) for n in range(2000)]
    assert len([one for one in seen if one]) == 100 and dmx.faults["rate limited"] == 1900
    assert heard.sacn(0.0, fixture(ch1=50), 2000) == []
    dmx._catch_up(0.02)
    assert dmx.poll(0.02) == [Command("master", value=50 / 65_535)]
    assert heard.sacn(1.0, fixture(ch1=51), 2001) == [Command("master", value=51 / 65_535)]


def test_black_never_waits_and_nothing_that_came_ahead_of_it_undoes_it() -> None:
    dmx = made(packets_per_s=1.0)
    heard = Heard(dmx)
    dark, lit = consoles.artdmx(fixture(ch3=0)), consoles.artdmx()
    assert heard.raw(0.0, "artnet", lit, came_s=100.0) == []
    assert heard.raw(0.0, "artnet", lit, came_s=100.1) == [], "too fast: it waits"
    assert heard.raw(0.0, "artnet", dark, came_s=100.3, dark=True) == [BLACK]
    dmx._catch_up(5.0)
    assert dmx.poll(5.0) == [], "what waited is older than black"
    assert heard.raw(9.0, "artnet", lit, came_s=100.2) == [], "and so is what lay in the other queue"
    assert heard.raw(9.0, "artnet", lit, came_s=100.4) == []
    dmx._catch_up(20.0)
    assert dmx.poll(20.0) == [LIGHT]
    assert heard.raw(30.0, "artnet", dark, came_s=50.0) == [BLACK], "a clock that was set back makes nobody deaf"


def test_what_waited_is_done_without_being_asked_again(wait_for: Callable) -> None:
    dmx = made(host=consoles.own_host(), packets_per_s=1.0)
    dmx.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        for n, value in enumerate((100, 200, 300)):
            console.sendto(consoles.sacn(fixture(ch1=value), sequence=n), (dmx.asked.host, sacn.PORT))
    hear(dmx, wait_for, Command("master", value=300 / 65_535))
    dmx.close()


def test_of_a_crowd_that_is_too_fast_only_so_many_wait() -> None:
    dmx = made(packets_per_s=1.0)
    for n in range(200):
        Heard(dmx, f"127.0.0.{n}").artnet(0.0)
    assert len(dmx._late) == 16


def test_what_is_newer_takes_the_place_of_what_waits() -> None:
    dmx = made(packets_per_s=1.0)
    heard = Heard(dmx)
    assert heard.artnet(0.0, fixture(ch1=100)) != []
    assert heard.artnet(0.0, fixture(ch1=200)) == []
    said = heard.artnet(5.0, fixture(ch1=300))
    for now_s in (6.0, 8.0):
        dmx._catch_up(now_s)
        said += dmx.poll(now_s)
    assert said == [Command("master", value=300 / 65_535)]


def test_black_takes_the_place_of_what_waits_where_nobody_tells_when_it_came() -> None:
    dmx = made(packets_per_s=1.0)
    heard = Heard(dmx)
    assert heard.artnet(0.0) == heard.artnet(0.0) == []
    assert heard.raw(0.0, "artnet", consoles.artdmx(fixture(ch3=0)), dark=True) == [BLACK]
    dmx._catch_up(5.0)
    assert dmx.poll(5.0) == []


def test_a_refused_packet_counts_for_those_that_the_kernel_threw_away() -> None:
    dmx = made(allow=("10.0.0.0/8",))
    Heard(dmx, "10.0.0.1").raw(0.0, "sacn", b"junk", stands_for=32)
    Heard(dmx, "11.0.0.1").raw(0.0, "sacn", b"junk", stands_for=32)
    assert dmx.faults == {"no sACN": 32, "refused sender": 32}


def test_a_second_console_takes_over_when_the_first_falls_silent_and_the_look_is_held_between() -> None:
    dmx = made()
    heard = Heard(dmx)
    assert heard.sacn(0.0, fixture(ch10=30_000), cid=EOS) == [Command("knob", "effect.tear.amount", 30_000 / 65_535)]
    assert heard.sacn(0.1, DEFAULT, cid=GRANDMA) == []
    assert heard.sacn(2.5, DEFAULT, 1, cid=GRANDMA) == []
    assert heard.sacn(2.6, fixture(ch10=30_000), 2, cid=GRANDMA) == [], "the same look, from another console"
    assert heard.sacn(2.7, DEFAULT, 3, cid=GRANDMA) == [Command("knob", "effect.tear.amount", 0.0)]


def test_what_was_never_polled_is_a_change_to_the_next_show() -> None:
    """A show that is killed between a packet and the frame that would have been black must not forget it."""
    killed = made()
    killed._take_sacn(Packet(consoles.sacn(fixture(ch3=0)), ("127.0.0.1", 5568), 0.0))
    unheard = killed.remember()
    killed.poll(0.0)
    for said, expected in ((unheard, [BLACK]), (killed.remember(), [])):
        after = made()
        after.recall(said)
        assert Heard(after).sacn(0.0, fixture(ch3=0)) == expected


def test_a_wish_says_which_console_has_it() -> None:
    dmx = made()
    [black] = Heard(dmx).sacn(0.0, fixture(ch3=0), cid=EOS, name=b"Eos Ti")
    [light] = Heard(dmx).sacn(0.1, DEFAULT, cid=GRANDMA, name=b"grandMA3", priority=120)
    [knob] = Heard(dmx, "127.0.0.8").artnet(9.0, fixture(ch10=9))
    assert (black.by, light.by, knob.by) == ("dmx Eos Ti", "dmx grandMA3", "dmx 127.0.0.8")


def test_what_two_consoles_do_to_each_other_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "installation"):
        dmx = made()
        Heard(dmx).sacn(0.0, cid=EOS, name=b"Eos Ti")
        Heard(dmx).sacn(0.1, cid=GRANDMA, name=b"grandMA3", priority=120)
        Heard(dmx).sacn(0.2, cid=EOS, sequence=0, name=b"Eos Ti")
    assert "'Eos Ti' leads" in caplog.text and "'grandMA3' leads" in caplog.text
    assert dmx.faults == {"out of sequence": 1} and "out of sequence from Eos Ti" in caplog.text


def test_hostile_packets_are_refused_by_kind_and_memory_stays_flat() -> None:
    hostile.decode(5_000, 1)
    before_mb = resident_mb()
    found = hostile.decode(150_000, 2)
    kinds = {"no sACN", "no Art-Net", "cut short", "wrong length", "unknown vector", "unknown addressing"}
    kinds |= {"unknown version", "no such universe", "no such priority", "Sent", "Poll", "NoneType"}
    assert set(found) == kinds, "every way through the decoders was taken"
    assert resident_mb() - before_mb < 4


def test_hostile_packets_leave_no_trace_behind_the_decoders_either() -> None:
    dmx = made()
    hostile.swallow(dmx, 2_000, 1)
    before_mb = resident_mb()
    hostile.swallow(dmx, 60_000, 3)
    assert resident_mb() - before_mb < 6
    assert sum(dmx.faults.values()) > 30_000 and "desk error" not in dmx.faults
    assert len(dmx._merging._sources) <= 16 and len(dmx._late) <= 16
    assert BLACK in Heard(dmx).sacn(1000.0, fixture(ch3=0), priority=200)


def test_a_flood_over_udp_is_counted_and_the_console_is_heard_in_the_midst_of_it(
    dmx: Dmx, wait_for: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    dmx.start()
    over = threading.Event()
    kinds = list(hostile.packets(2000, 4))
    ports = {"sacn": sacn.PORT, "artnet": artnet.PORT}

    def pour() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as enemy:
            while not over.is_set():
                for protocol, packet in kinds:
                    enemy.sendto(packet, (dmx.asked.host, ports[protocol]))

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        wait_for(lambda: sum(dmx.faults.values()) > 20_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
            heard: list[Command] = []

            def again(n: int = 0) -> bool:
                packet = consoles.sacn(fixture(ch3=0), sequence=len(heard), priority=200)
                console.sendto(packet, (dmx.asked.host, sacn.PORT))  # as a console does, 44 times a second
                heard.extend(dmx.poll(time.monotonic()))
                return BLACK in heard

            wait_for(again)
    finally:
        over.set()
        pouring.join()
    assert "desk error" not in dmx.faults and len(caplog.records) < 60


def test_a_step_that_fails_ends_nothing(dmx: Dmx, wait_for: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    dmx.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        with monkeypatch.context() as broken:
            broken.setattr(dmx.personality, "read", lambda look, now_s: 1 / 0)
            console.sendto(consoles.sacn(fixture(ch3=0)), (dmx.asked.host, sacn.PORT))
            wait_for(lambda: dmx.faults["desk error"])
        console.sendto(consoles.sacn(fixture(ch3=0), sequence=1), (dmx.asked.host, sacn.PORT))
        hear(dmx, wait_for, BLACK)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"protocol": "dmx"}, "expected sacn, artnet or both, found 'dmx'"),
        ({"host": "localhost"}, "dmx.host: Expected 4 octets"),
        ({"host": "::1"}, "dmx.host: "),
        ({"universe": 0}, "must be 1 to 63999 for sacn, found 0"),
        ({"universe": 32_768}, "must be 0 to 32767 for artnet, found 32768"),
        ({"allow": ("10.0.0.0/40",)}, "dmx.allow: "),
        ({"packets_per_s": 0.0}, "dmx.packets_per_s: must be above 0"),
        ({"artnet_priority": 201}, "must be 0 to 200, found 201"),
    ],
)
def test_a_mistake_in_the_show_file_is_named(more: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        made(**more)


def test_a_listener_that_was_never_bound_closes() -> None:
    listener = made()
    listener.close()
    listener.close()


def test_a_packet_cut_off_behind_its_first_layer_is_refused_though_its_lengths_fit() -> None:
    whole = consoles.sacn(fixture())
    short = bytearray(whole[:60])
    short[16:18] = (0x7000 | (len(short) - 16)).to_bytes(2, "big")
    assert sacn.decode(bytes(short)) == "cut short"


def test_a_layer_that_says_another_length_than_it_has_is_refused_whatever_the_packet_is() -> None:
    whole = consoles.sacn(fixture())
    for at, value in ((16, 0x7FFF), (16, 0x0000), (18, 0x0008)):  # the root's length, twice; an extended packet's too
        odd = bytearray(whole)
        odd[at : at + 2] = value.to_bytes(2, "big") if at == 16 else odd[at : at + 2]
        if at == 18:
            odd[16:18] = (0x7FFF).to_bytes(2, "big")
            odd[18:22] = (8).to_bytes(4, "big")
        assert sacn.decode(bytes(odd)) == "wrong length"
    more = bytearray(whole[:400])
    more[16:18], more[123:125] = (0x7000 | 384).to_bytes(2, "big"), (513).to_bytes(2, "big")
    assert sacn.decode(bytes(more)) == "cut short"


def test_all_that_waits_is_read_before_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    dmx, steps = made(host=consoles.own_host()), iter([True, True, True, False])
    taken: list[bool] = []
    monkeypatch.setattr(dmx, "_step", lambda *_: taken.append(next(steps)) or taken[-1])
    monkeypatch.setattr(dmx, "_listen", lambda: None)
    dmx.start()
    assert taken == [True, True, True, False]
    dmx.close()
