"""What the kernel keeps from the show: it and Python say the same of every packet, and black has a way of its own."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import consoles
import hostile_dmx
import pytest
from consoles import fixture

from installation.control.dmx import artnet, sacn, sieve
from installation.control.dmx.ears import Ear, Packet
from installation.control.dmx.sieve import DARK, OTHER, OURS, SAMPLE, Sieve

SIEVES = {"sacn": sieve.of_sacn(1, 1), "artnet": sieve.of_artnet(1, 1)}
BUILD = {"sacn": consoles.sacn, "artnet": consoles.artdmx}


@pytest.mark.parametrize("protocol", SIEVES)
@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        (fixture(), OURS),
        (fixture(ch3=63), DARK),
        (fixture(ch3=64), OURS),
        (fixture(ch1=0), DARK),
        (b"\0\1" + fixture()[2:], OURS),
        (b"\1\0" + fixture()[2:], OURS),
    ],
)
def test_what_asks_for_black_is_known_by_its_bytes(protocol: str, levels: bytes, kind: int) -> None:
    for address, universe in ((1, 1), (100, 300), (487, 32_000)):
        make = sieve.of_sacn if protocol == "sacn" else sieve.of_artnet
        raw = BUILD[protocol](bytes(address - 1) + levels, universe=universe)
        assert make(universe, address).kind(raw) == kind
        assert make(universe + 1, address).kind(raw) == OTHER
        assert make(universe, address).kind(raw[: len(raw) - 512 + address + 1]) == OURS, "too short to have a shutter"


def test_what_is_no_light_is_never_dark_and_questions_are_ours() -> None:
    for more in ({"options": 0x80}, {"options": 0x40}, {"start": 0xDD}):
        assert SIEVES["sacn"].kind(consoles.sacn(bytes(512), **more)) == OURS
    for question in (consoles.artpoll(), consoles.artpoll(long=False)):
        assert SIEVES["artnet"].kind(question) == OURS
    assert SIEVES["artnet"].kind(consoles.ARTSYNC) == OTHER


def test_whatever_a_decoder_has_for_us_passes() -> None:
    for protocol, raw in hostile_dmx.packets(20_000, 6):
        said = sacn.decode(raw) if protocol == "sacn" else artnet.decode(raw, "h")
        if isinstance(said, artnet.Poll) or getattr(said, "universe", None) == 1:
            assert SIEVES[protocol].kind(raw) != OTHER, raw.hex()


@pytest.fixture
def sorted_ear(request: pytest.FixtureRequest) -> Iterator[tuple[Ear, list[Packet], selectors.BaseSelector]]:
    heard: list[Packet] = []
    with selectors.DefaultSelector() as selector:
        ear = Ear("127.0.0.1", 0, "", SIEVES[request.param], selector, heard.append)
        ear.keep()
        if not ear.sorted_by_kernel:
            ear.close()
            pytest.skip("the kernel takes no SO_ATTACH_REUSEPORT_CBPF (Linux 4.6 does)")
        yield ear, heard, selector
        ear.close()


@pytest.mark.parametrize("sorted_ear", SIEVES, indirect=True)
def test_the_kernel_says_of_every_packet_what_python_says(sorted_ear: tuple, request: pytest.FixtureRequest) -> None:
    ear, _, _ = sorted_ear
    protocol = request.node.callspec.params["sorted_ear"]
    sifting: Sieve = SIEVES[protocol]
    others = sampled = 0
    dark = [(protocol, BUILD[protocol](fixture(ch3=n % 128, ch1=n % 3 * 30_000))) for n in range(256)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.connect(ear.sockets[OURS].getsockname())
        for kind, raw in [*hostile_dmx.packets(8_000, 7), *dark]:
            if kind != protocol:
                continue
            console.send(raw)
            found = {n: read(udp) for n, udp in enumerate(ear.sockets)}
            meant = sifting.kind(raw)
            if meant == OTHER:
                others += 1
                sampled += found[OURS] == raw
                assert found[DARK] is None
            else:
                assert found == {meant: raw, 1 - meant: None}
    assert others / SAMPLE / 2 < sampled < others / SAMPLE * 2, "of the rest one in so many is looked at"


def read(udp: socket.socket) -> bytes | None:
    """What lies in the queue of a loopback socket, where everything is by the time that send() is back."""
    try:
        return udp.recv(4096)
    except BlockingIOError:
        return None


@pytest.mark.parametrize("sorted_ear", ["artnet"], indirect=True)
def test_black_is_read_first_and_has_a_queue_that_no_flood_fills(sorted_ear: tuple) -> None:
    ear, heard, _ = sorted_ear
    lit, dark = consoles.artdmx(), consoles.artdmx(fixture(ch3=0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.connect(ear.sockets[OURS].getsockname())
        for _ in range(20_000):  # good packets, for this very universe
            console.send(lit)
        console.send(dark)
    assert ear.read(0.0), "there is more"
    assert heard[0].raw == dark and heard[0].dark and not heard[1].dark
    assert heard[0].came_s > heard[1].came_s > 0.0, "and when each came is known"


@pytest.mark.parametrize("sorted_ear", ["sacn"], indirect=True)
def test_what_is_looked_at_stands_for_what_was_thrown_away(sorted_ear: tuple) -> None:
    ear, heard, _ = sorted_ear
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
        console.connect(ear.sockets[OURS].getsockname())
        for _ in range(3_000):
            console.send(b"junk")
        console.send(consoles.sacn())
    while ear.read(0.0):
        pass
    stand_for = {packet.raw: packet.stands_for for packet in heard}
    assert stand_for == {b"junk": SAMPLE, consoles.sacn(): 1}


def test_a_second_listener_finds_the_port_taken() -> None:
    host = consoles.own_host()
    with selectors.DefaultSelector() as selector:
        ears = [Ear(host, sacn.PORT, "", SIEVES["sacn"], selector, print) for _ in range(2)]
        ears[0].keep()
        with pytest.raises(OSError, match="in use"):
            ears[1].keep()
        ears[0].close()
        ears[1].keep()
        ears[1].close()


def test_where_the_kernel_does_not_sort_everything_comes_by_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(sieve, "sort", cannot)
    heard: list[Packet] = []
    with selectors.DefaultSelector() as selector:
        ear = Ear("127.0.0.1", 0, "", SIEVES["sacn"], selector, heard.append)
        ear.keep()
        assert ear.udp is not None and not ear.sorted_by_kernel
        sent = [consoles.sacn(), b"junk", consoles.sacn(fixture(ch3=0))]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as console:
            for raw in sent:
                console.sendto(raw, ear.udp.getsockname())
        ear.read(0.0)
        assert [packet.raw for packet in heard] == sent
        assert [packet.dark for packet in heard] == [False, False, True]
        assert {packet.stands_for for packet in heard} == {1}
        ear.close()
