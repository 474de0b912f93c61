"""Art-Net packets: levels and questions are read, the answer is what a console looks for, the rest is refused."""

from __future__ import annotations

import socket
import struct

import consoles
import pytest
from stupidArtnet import StupidArtnet

from installation.control.dmx import artnet
from installation.control.dmx.artnet import Poll, decode
from installation.control.dmx.sent import Sent

LITERAL = bytes.fromhex("4172742d4e657400 0050 000e 2a 00 2301 0004 ff800010")


def test_a_packet_written_by_hand_from_the_specification_is_read_field_by_field() -> None:
    assert decode(LITERAL, "2.0.0.9", 90) == Sent(
        "artnet", b"2.0.0.9", "2.0.0.9", 0x0123, 90, 42, 0, False, False, b"\xff\x80\x00\x10"
    )


def test_what_a_published_sender_sends_is_read() -> None:
    host = consoles.own_host()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((host, 0))
        ear.settimeout(10.0)
        console = StupidArtnet(host, 0x21, 26, port=ear.getsockname()[1], artsync=True)
        console.set_16bit(1, 40_000, high_first=True)
        console.show()
        sent, sync = decode(ear.recv(2048), host), decode(ear.recv(2048), host)
    assert isinstance(sent, Sent) and (sent.universe, len(sent.levels)) == (0x21, 26)
    assert int.from_bytes(sent.levels[:2], "big") == 40_000
    assert sync is None, "synchronisation is tolerated"


def test_a_sequence_of_zero_counts_nothing() -> None:
    assert decode(consoles.artdmx(sequence=0), "h").sequence is None  # type: ignore[union-attr]
    assert decode(consoles.artdmx(sequence=7), "h").sequence == 7  # type: ignore[union-attr]


def test_no_packet_that_is_cut_anywhere_is_read() -> None:
    whole = consoles.artdmx()
    for size in range(len(whole)):
        assert isinstance(decode(whole[:size], "h"), str), f"the first {size} bytes"
    assert isinstance(decode(whole + bytes(100), "h"), Sent), "many consoles fill the packet up"
    assert isinstance(decode(consoles.artpoll()[:13], "h"), str)


@pytest.mark.parametrize(
    ("at", "raw", "kind"),
    [
        (0, b"art-Net", "no Art-Net"),
        (7, b"\x01", "no Art-Net"),
        (10, b"\x00\x0d", "unknown version"),
        (14, b"\xff\xff", "no such universe"),
        (16, b"\x00\x00", "wrong length"),
        (16, b"\x02\x01", "wrong length"),
        (16, b"\xff\xff", "wrong length"),
    ],
)
def test_each_field_that_is_wrong_has_its_own_refusal(at: int, raw: bytes, kind: str) -> None:
    packet = consoles.artdmx()
    assert decode(packet[:at] + raw + packet[at + len(raw) :], "h") == kind


@pytest.mark.parametrize("code", [0x2100, 0x5200, 0x9700, 0x6000, 0x8000, 0xF800, 0x5100, 0xFFFF])
def test_what_else_travels_on_an_art_net_is_for_others(code: int) -> None:
    assert decode(struct.pack("<8sH", b"Art-Net", code) + bytes(200), "h") is None


def test_a_question_may_be_for_some_universes_only() -> None:
    assert decode(consoles.artpoll(long=False), "h") == decode(consoles.artpoll(), "h") == Poll(0, 32_767)
    assert decode(consoles.artpoll(0x20, 9, 3), "h") == Poll(3, 9)


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
