"""What consoles send, by sACN (E1.31) and by Art-Net: real senders are read, what is cut, bent or made up is refused by
its kind, what else travels there is for others. One set of sentences; what only one of the two has, at the end."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import consoles
import pytest
from sacn.messages.data_packet import DataPacket
from sacn.messages.sync_packet import SyncPacket
from sacn.messages.universe_discovery import UniverseDiscoveryPacket
from stupidArtnet import StupidArtnet

from installation.control.dmx import artnet, sacn
from installation.control.dmx.sent import Sent

CID = tuple(range(16))
HOST = "2.0.0.9"


class Way(NamedTuple):
    """How a protocol is read, a packet of it, one written by hand from its standard, and what that says."""

    decode: Callable[[bytes], object]
    build: Callable[..., bytes]
    literal: bytes
    says: Sent


WAYS = {
    "sacn": Way(
        sacn.decode,
        consoles.sacn,
        bytes.fromhex(
            "0010 0000 4153432d45312e3137000000 7070 00000004 a1a2a3a4a5a6a7a8a9aaabacadaeafb0"  # root layer
            "705a 00000002 677261 6e644d4133" + "00" * 56 + "64 0000 2a 00 0007"  # framing: grandMA3, 100, 42, 7
            "700d 02 a1 0000 0001 0003 00 ff80"  # DMP layer: start code, two slots
        ),
        Sent("sacn", bytes(range(0xA1, 0xB1)), "grandMA3", 7, 100, 42, 0, False, False, b"\xff\x80"),
    ),
    "artnet": Way(
        partial(artnet.decode, host=HOST, priority=90),
        consoles.artdmx,
        bytes.fromhex("4172742d4e657400 0050 000e 2a 00 2301 0004 ff800010"),
        Sent("artnet", HOST.encode(), HOST, 0x0123, 90, 42, 0, False, False, b"\xff\x80\x00\x10"),
    ),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def test_a_packet_written_by_hand_from_the_standard_is_read_field_by_field(way: Way) -> None:
    assert way.decode(way.literal) == way.says


def test_a_universe_may_be_of_any_size(way: Way) -> None:
    for slots in (2, 26, 511, 512):
        sent = way.decode(way.build(bytes(range(256))[:slots] + bytes(max(0, slots - 256)), whole=False))
        assert isinstance(sent, Sent) and len(sent.levels) == slots


def test_no_packet_that_is_cut_anywhere_is_read(way: Way) -> None:
    whole = way.build()
    for size in range(len(whole)):
        assert isinstance(way.decode(whole[:size]), str), f"the first {size} bytes"
    assert isinstance(way.decode(whole + bytes(100)), Sent), "what lies behind the packet is none of it"


WRONG = {
    "sacn": [
        (0, b"\x00\x11", "no sACN"),
        (4, b"ASC-E1.18", "no sACN"),
        (16, b"\x72\x6d", "wrong length"),
        (16, b"\x02\x6e", "wrong length"),
        (16, b"\x7f\xff", "wrong length"),
        (18, struct.pack(">I", 3), "unknown vector"),
        (38, b"\x72\x59", "wrong length"),
        (40, struct.pack(">I", 1), "unknown vector"),
        (108, b"\xc9", "no such priority"),
        (113, b"\x00\x00", "no such universe"),
        (113, b"\xfa\x00", "no such universe"),
        (115, b"\x72\x0a", "wrong length"),
        (117, b"\x01", "unknown vector"),
        (118, b"\xa2", "unknown addressing"),
        (119, b"\x00\x01", "unknown addressing"),
        (121, b"\x00\x02", "unknown addressing"),
        (123, b"\x00\x00", "unknown addressing"),
        (123, b"\x02\x02", "unknown addressing"),
        (123, b"\x02\x00", "wrong length"),
    ],
    "artnet": [
        (0, b"art-Net", "no Art-Net"),
        (7, b"\x01", "no Art-Net"),
        (10, b"\x00\x0d", "unknown version"),
        (14, b"\xff\xff", "no such universe"),
        (16, b"\x00\x00", "wrong length"),
        (16, b"\x02\x01", "wrong length"),
        (16, b"\xff\xff", "wrong length"),
    ],
}


@pytest.mark.parametrize(("name", "at", "raw", "kind"), [(n, *row) for n, rows in WRONG.items() for row in rows])
def test_each_field_that_is_wrong_has_its_own_refusal(name: str, at: int, raw: bytes, kind: str) -> None:
    way = WAYS[name]
    packet = way.build()
    assert isinstance(way.decode(packet), Sent)
    assert way.decode(packet[:at] + raw + packet[at + len(raw) :]) == kind


def others() -> list[tuple[str, bytes]]:
    """Whole packets that carry no levels and ask nothing."""
    discovery = UniverseDiscoveryPacket.make_multiple_uni_disc_packets(CID, "x", [1, 2, 3])
    codes = (0x2100, 0x5200, 0x9700, 0x6000, 0x8000, 0xF800, 0x5100, 0xFFFF)
    found = [("sacn", bytes(one.getBytes())) for one in (SyncPacket(CID, 1, 3), *discovery)]
    return found + [("artnet", struct.pack("<8sH", b"Art-Net", code) + bytes(200)) for code in codes]


@pytest.mark.parametrize(("name", "packet"), others())
def test_what_else_travels_there_is_for_others(name: str, packet: bytes) -> None:
    assert WAYS[name].decode(packet) is None


# ---- sACN's own


def test_what_a_published_sacn_sender_makes_is_read() -> None:
    levels = tuple(range(256)) * 2
    for options in ({}, {"previewData": True}, {"streamTerminated": True}, {"dmxStartCode": 0xDD}):
        packet = bytes(DataPacket(CID, "Bühne", 63_999, levels, 200, 255, sync_universe=5, **options).getBytes())
        sent = sacn.decode(packet)
        assert isinstance(sent, Sent) and sent.levels == bytes(levels) and sent.source == bytes(CID)
        assert (sent.name, sent.universe, sent.priority, sent.sequence) == ("Bühne", 63_999, 200, 255)
        assert sent.preview == ("previewData" in options) and sent.terminated == ("streamTerminated" in options)
        assert sent.start_code == options.get("dmxStartCode", 0)


def test_a_universe_of_sacn_may_be_empty_or_of_one_slot() -> None:
    for slots in (0, 1):
        sent = sacn.decode(consoles.sacn(bytes(slots), whole=False))
        assert isinstance(sent, Sent) and len(sent.levels) == slots


def test_a_name_that_is_no_text_is_read_all_the_same() -> None:
    sent = sacn.decode(consoles.sacn(name=b"\xff\xfe\x07Gr\xfc\xdfe"))
    assert isinstance(sent, Sent) and "Gr" in sent.name and sent.name.isprintable()
    assert isinstance(sacn.decode(consoles.sacn(name=b"\xff" * 64)), Sent)


def test_the_group_of_a_universe_is_the_standard_s() -> None:
    assert [sacn.group_of(n) for n in (1, 256, 63_999)] == ["239.255.0.1", "239.255.1.0", "239.255.249.255"]


# ---- Art-Net's own


def test_what_a_published_art_net_sender_sends_is_read() -> None:
    host = consoles.own_host()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((host, 0))
        ear.settimeout(10.0)
        console = StupidArtnet(host, 0x21, 26, port=ear.getsockname()[1], artsync=True)
        console.set_16bit(1, 40_000, high_first=True)
        console.show()
        sent, sync = artnet.decode(ear.recv(2048), host), artnet.decode(ear.recv(2048), host)
    assert isinstance(sent, Sent) and (sent.universe, len(sent.levels)) == (0x21, 26)
    assert int.from_bytes(sent.levels[:2], "big") == 40_000
    assert sync is None, "synchronisation is tolerated"


def test_a_sequence_of_zero_counts_nothing() -> None:
    for sequence, read in ((0, None), (7, 7)):
        sent = artnet.decode(consoles.artdmx(sequence=sequence), "h")
        assert isinstance(sent, Sent) and sent.sequence == read


def test_a_question_may_be_for_some_universes_only() -> None:
    short, long = (artnet.decode(consoles.artpoll(long=kind), "h") for kind in (False, True))
    assert short == long == artnet.Poll(0, 32_767)
    assert artnet.decode(consoles.artpoll(0x20, 9, 3), "h") == artnet.Poll(3, 9)
    assert isinstance(artnet.decode(consoles.artpoll()[:13], "h"), str)


def test_the_answer_says_who_and_where_we_are_at_the_places_where_consoles_look() -> None:
    raw = artnet.answer("10.1.2.3", 0x1234, "Rosengarten für Lilo und Max", "#0001 [0007] fine", live=True)
    assert len(raw) == 239 and raw[:10] == b"Art-Net\0\x00\x21"
    assert raw[10:16] == bytes((10, 1, 2, 3)) + b"\x36\x19"
    assert (raw[18], raw[19], raw[190]) == (0x12, 3, 4), "net, sub-net, universe"
    assert raw[26:44].rstrip(b"\0") == b"Rosengarten f?r L" and raw[43] == 0, "17 letters and an end"
    assert raw[44:108].startswith(b"installation ") and raw[107] == 0
    assert raw[108:172].rstrip(b"\0") == b"#0001 [0007] fine"
    assert raw[172:178] == bytes((0, 1, 0x80, 0, 0, 0)), "one port, and it puts DMX out"
    assert raw[182] == 0x80 and artnet.answer("1.1.1.1", 0, "", "", live=False)[182] == 0
    assert (raw[200], raw[207:211], raw[211]) == (2, bytes((10, 1, 2, 3)), 1), "a media server, the root of its device"
    assert raw[212] & 0x08, "15 bits of Port-Address"
