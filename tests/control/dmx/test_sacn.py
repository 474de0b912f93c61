"""E1.31 packets: what real senders send is read, what is cut, bent or made up is refused by its kind."""

from __future__ import annotations

import struct

import consoles
import pytest
from sacn.messages.data_packet import DataPacket
from sacn.messages.sync_packet import SyncPacket
from sacn.messages.universe_discovery import UniverseDiscoveryPacket

from installation.control.dmx import sacn
from installation.control.dmx.sent import Sent

LITERAL = bytes.fromhex(
    "0010 0000 4153432d45312e3137000000 7070 00000004 a1a2a3a4a5a6a7a8a9aaabacadaeafb0"  # root layer
    "705a 00000002 677261 6e644d4133" + "00" * 56 + "64 0000 2a 00 0007"  # framing layer: grandMA3, 100, 42, 7
    "700d 02 a1 0000 0001 0003 00 ff80"  # DMP layer: start code, two slots
)


def test_a_packet_written_by_hand_from_the_standard_is_read_field_by_field() -> None:
    assert sacn.decode(LITERAL) == Sent(
        "sacn", bytes(range(0xA1, 0xB1)), "grandMA3", 7, 100, 42, 0, False, False, b"\xff\x80"
    )


def test_what_a_published_sender_makes_is_read() -> None:
    cid, levels = tuple(range(16)), tuple(range(256)) * 2
    for options in ({}, {"previewData": True}, {"streamTerminated": True}, {"dmxStartCode": 0xDD}):
        packet = bytes(DataPacket(cid, "Bühne", 63_999, levels, 200, 255, sync_universe=5, **options).getBytes())
        sent = sacn.decode(packet)
        assert isinstance(sent, Sent) and sent.levels == bytes(levels) and sent.source == bytes(cid)
        assert (sent.name, sent.universe, sent.priority, sent.sequence) == ("Bühne", 63_999, 200, 255)
        assert sent.preview == ("previewData" in options) and sent.terminated == ("streamTerminated" in options)
        assert sent.start_code == options.get("dmxStartCode", 0)


def test_synchronisation_and_discovery_are_for_others() -> None:
    assert sacn.decode(bytes(SyncPacket(tuple(range(16)), 1, 3).getBytes())) is None
    made = UniverseDiscoveryPacket.make_multiple_uni_disc_packets(tuple(range(16)), "x", [1, 2, 3])
    assert [sacn.decode(bytes(one.getBytes())) for one in made] == [None]


@pytest.mark.parametrize("slots", [0, 1, 26, 511, 512])
def test_a_universe_may_be_of_any_size(slots: int) -> None:
    sent = sacn.decode(consoles.sacn(bytes(range(256))[:slots] + bytes(max(0, slots - 256)), whole=False))
    assert isinstance(sent, Sent) and len(sent.levels) == slots


def test_a_name_that_is_no_text_is_read_all_the_same() -> None:
    sent = sacn.decode(consoles.sacn(name=b"\xff\xfe\x07Gr\xfc\xdfe"))
    assert isinstance(sent, Sent) and "Gr" in sent.name and sent.name.isprintable()
    assert isinstance(sacn.decode(consoles.sacn(name=b"\xff" * 64)), Sent)


def test_no_packet_that_is_cut_anywhere_is_read() -> None:
    whole = consoles.sacn()
    for size in range(len(whole)):
        assert isinstance(sacn.decode(whole[:size]), str), f"the first {size} bytes"
    assert isinstance(sacn.decode(whole + bytes(100)), Sent), "what lies behind the packet is none of it"


@pytest.mark.parametrize(
    ("at", "raw", "kind"),
    [
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
)
def test_each_field_that_is_wrong_has_its_own_refusal(at: int, raw: bytes, kind: str) -> None:
    packet = consoles.sacn()
    assert isinstance(sacn.decode(packet), Sent)
    assert sacn.decode(packet[:at] + raw + packet[at + len(raw) :]) == kind


def test_the_group_of_a_universe_is_the_standard_s() -> None:
    assert [sacn.group_of(n) for n in (1, 256, 63_999)] == ["239.255.0.1", "239.255.1.0", "239.255.249.255"]
