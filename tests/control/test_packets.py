"""Bytes that arrive are either exactly OSC or refused with a reason; nothing hangs, nothing is guessed."""

import contextlib
import random
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from installation.packets import Frames, PacketError, decode, encode, encode_bundle, read


def text(value: str) -> bytes:
    raw = value.encode("latin-1")
    return raw + b"\0" * (4 - len(raw) % 4)


def bundle(*elements: bytes, time_tag: int = 1) -> bytes:
    return b"#bundle\0" + struct.pack(">Q", time_tag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def nested(depth: int) -> bytes:
    packet = encode("/a")
    for _ in range(depth):
        packet = bundle(packet)
    return packet


def refused(packet: bytes, because: str) -> None:
    with pytest.raises(PacketError, match=because):
        decode(packet)


def test_every_type_of_a_python_osc_sender_arrives_as_it_was_meant() -> None:
    builder = OscMessageBuilder("/installation/every/type")
    sent = [
        (7, "i"),
        (0.5, "f"),
        ("größe", "s"),
        (b"abc", "b"),
        (True, "T"),
        (False, "F"),
        (None, "N"),
        (2**40, "h"),
        (0.1, "d"),
    ]
    for value, tag in sent:
        builder.add_arg(value, tag)
    assert decode(builder.build().dgram) == [("/installation/every/type", tuple(value for value, _ in sent))]


def test_what_we_send_is_what_we_read() -> None:
    assert decode(encode("/a", 1, -0.25, True, None, "é", b"12345", 2**35)) == [
        ("/a", (1, -0.25, True, None, "é", b"12345", 2**35))
    ]
    assert decode(encode_bundle([encode("/a", 1), encode("/b")])) == [("/a", (1,)), ("/b", ())]


def test_a_time_tag_argument_is_a_number_and_an_impulse_is_true() -> None:
    assert decode(text("/a") + text(",tI") + struct.pack(">Q", 9)) == [("/a", (9, True))]


def test_every_further_type_of_the_standard_is_read() -> None:
    tags = ",cSrm[f[TN]]"
    body = b"\0\0\0A" + text("sym") + b"\xff\0\x33\xff" + b"\1\x90\x40\x7f" + struct.pack(">f", 0.5)
    message = ("/a", ("A", "sym", (1.0, 0.0, 0.2, 1.0), b"\1\x90\x40\x7f", (0.5, (True, None))))
    assert decode(text("/a") + text(tags) + body) == [message]
    assert decode(encode("/a", (0.5, (True, None)), 1)) == [("/a", ((0.5, (True, None)), 1))]


ODD = {
    "unknown type": text("/odd") + text(",q"),
    "NaN": text("/odd") + text(",f") + struct.pack(">f", float("nan")),
    "a space": text("/o dd") + text(",i") + b"\0\0\0\1",
    "Latin-1 text": text("/odd") + text(",s") + text("gr\xfc\xdfe"),
    "Latin-1 address": text("/\xf6dd") + text(",i") + b"\0\0\0\1",
    "cut off": text("/odd") + text(",i"),
    "not padded": b"/odd\0\0\0\0,s\0\0ab",
    "empty": b"",
    "no message": b"none",
    "an open list": text("/odd") + text(",[f") + struct.pack(">f", 0.5),
    "a bundle without a time tag": b"#bundle\0",
    "too deep": nested(4),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_an_odd_element_costs_itself_only(odd: bytes) -> None:
    packet = bundle(encode("/before", 1), odd, bundle(encode("/inner", 2), odd), encode("/behind", 3))
    messages, left_out = read(packet)
    assert messages == [("/before", (1,)), ("/inner", (2,)), ("/behind", (3,))]
    assert len(left_out) == 2


def test_of_a_cut_bundle_all_that_is_whole_is_read() -> None:
    packet = bundle(encode("/a", 1), bundle(encode("/b", 2)), encode("/c", 3))
    for cut in range(1, len(encode("/c", 3))):
        messages, left_out = read(packet[:-cut])
        assert messages == [("/a", (1,)), ("/b", (2,))] and len(left_out) == 1
    within = bundle(bundle(encode("/a", 1), encode("/b", 2))[:-4], encode("/c", 3))
    assert read(within)[0] == [("/a", (1,)), ("/c", (3,))]


def test_a_message_without_type_tags_has_no_arguments() -> None:
    assert decode(text("/installation/cue/go")) == [("/installation/cue/go", ())]


def test_the_24_byte_bundle_with_element_size_minus_4_is_refused_and_not_read_for_ever() -> None:
    refused(b"#bundle\0" + struct.pack(">Qii", 1, -4, 0), "element of -4 bytes")


@pytest.mark.parametrize("size", [8, 2**31 - 4, -(2**31)])
def test_a_bundle_element_of_an_impossible_size_is_refused(size: int) -> None:
    refused(b"#bundle\0" + struct.pack(">Qii", 1, size, 0), "element of")


def test_bundles_nest_four_deep_and_no_deeper() -> None:
    assert decode(nested(4)) == [("/a", ())]
    refused(nested(5), "nested deeper than 4")
    refused(nested(2000), "nested deeper than 4")


def test_a_bundle_from_the_future_is_run_now() -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    message = OscMessageBuilder("/a")
    message.add_arg(1)
    builder.add_content(message.build())
    assert decode(builder.build().dgram) == [("/a", (1,))]
    assert decode(bundle(encode("/a", 1), time_tag=2**64 - 1)) == [("/a", (1,))]


def test_a_cut_float_is_an_error_and_never_zero() -> None:
    whole = encode("/installation/master", 1.0)
    for kept in range(1, len(whole)):
        cut = whole[:kept]
        if kept == 24:  # "/installation/master" and no tags: a message of its own
            assert decode(cut) == [("/installation/master", ())]
        else:
            with pytest.raises(PacketError):
                decode(cut)
    refused(text("/a") + text(",d") + b"\0" * 4, "cut off")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    refused(text("/a") + text(",f") + struct.pack(">f", value), "not finite")
    refused(text("/a") + text(",d") + struct.pack(">d", value), "not finite")


@pytest.mark.parametrize(
    ("packet", "because"),
    [
        (b"", "size 0"),
        (b"/ab", "multiple of 4"),
        (b"\0\0\0\0", "begins neither"),
        (b"#bundle\0", "begins neither"),
        (b"#bungle\0" + b"\0" * 8, "begins neither"),
        (b"/abc", "closing zero"),
        (b"/a\0x", "not padded with zeros"),
        (b"/\xe9\0\0" + text(","), "not printable ASCII"),
        (b"/a b\0\0\0\0" + text(","), "not printable ASCII"),
        (text("/a") + text("f"), "begin with a comma"),
        (text("/a") + text(",q"), "unknown type tag"),
        (text("/a") + text(",]"), "ends that did not begin"),
        (text("/a") + text(",[i") + b"\0\0\0\1", "does not end"),
        (text("/a") + text(",[[[[[]]]]]"), "nested deeper than 4"),
        (text("/a") + text(",c") + b"\0\0\1\0", "not ASCII"),
        (text("/a") + text(",r") + b"\0", "multiple of 4"),
        (text("/a") + text(",m"), "cut off"),
        (text("/a") + text(",s") + text("\xff\xfe"), "not UTF-8"),
        (text("/a") + text(",b") + struct.pack(">i", -1), "blob of -1"),
        (text("/a") + text(",b") + struct.pack(">i", 2**31 - 1), "blob of"),
        (text("/a") + text(",i") + b"\0" * 8, "left over"),
        (text("/a") + text("," + "T" * 65), "65 arguments"),
        (text("/" + "a" * 300) + text(","), "address of 301"),
        (bundle(*[encode("/a")] * 2049), "more than 2048 elements"),
        (bundle(encode("/a", 1), text("/b") + text(",f")), "cut off"),
    ],
)
def test_what_is_not_osc_is_refused_with_its_reason(packet: bytes, because: str) -> None:
    refused(packet, because)


def test_a_packet_above_the_limit_is_refused() -> None:
    refused(encode("/a", b"x" * 65_500), "at most 65507")
    with pytest.raises(PacketError, match="at most 64"):
        decode(encode("/a", b"x" * 100), limit_bytes=64)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(packet: bytes) -> None:
    with contextlib.suppress(PacketError):
        assert isinstance(decode(packet), list)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.data())
def test_a_good_packet_with_a_few_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    good = bytearray(bundle(encode("/installation/cue", "1.5", 3.0), nested(2), encode("/x", b"123", 1, 2.5, True)))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        for address, arguments in decode(bytes(good)):
            assert address.isascii()
            assert all(value == value for value in arguments)
    except PacketError:
        pass


def test_garbage_is_refused_faster_than_a_network_brings_it() -> None:
    dice = random.Random(1)
    packets = [dice.randbytes(dice.randrange(4, 200)) for _ in range(20_000)]
    began = time.process_time()
    for packet in packets:
        with contextlib.suppress(PacketError):
            decode(packet)
    assert len(packets) / (time.process_time() - began) > 1_000  # measured: several hundred thousand a second


def frames(received: bytes, piece: int) -> list[bytes]:
    cutter = Frames()
    return [packet for i in range(0, len(received), piece) for packet in cutter.feed(received[i : i + piece])]


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_a_stream_with_length_prefixes_is_cut_however_it_arrives(piece: int) -> None:
    sent = [encode("/a", 1), encode("/b", "x" * 300), encode("/c")]
    assert frames(b"".join(struct.pack(">i", len(p)) + p for p in sent), piece) == sent


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
@pytest.mark.parametrize("start", [b"\xc0", b""], ids=["double END", "single END"])
def test_a_slip_stream_is_cut_however_it_arrives(piece: int, start: bytes) -> None:
    sent = [encode("/a", b"\xc0\xdb\xdc\xdd" * 5), encode("/b", 2)]
    slipped = [p.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") for p in sent]
    assert frames(b"".join(start + p + b"\xc0" for p in slipped), piece) == sent


def test_an_answer_is_framed_as_the_other_end_frames_its_own() -> None:
    for hello in (struct.pack(">i", 4) + b"/a\0\0", b"\xc0/a\0\0\xc0"):
        ours, theirs = Frames(), Frames()
        assert list(ours.feed(hello)) == [b"/a\0\0"]
        assert list(theirs.feed(ours.wrap(encode("/b", b"\xc0\xdb")))) == [encode("/b", b"\xc0\xdb")]


@pytest.mark.parametrize(
    "start", [struct.pack(">i", 2**31 - 1), struct.pack(">i", -4), struct.pack(">i", 0), b"GET / HTTP/1.1\r\n"]
)
def test_a_stream_that_announces_nonsense_is_given_up(start: bytes) -> None:
    with pytest.raises(PacketError):
        list(Frames().feed(start))


def test_a_stream_that_never_ends_its_packet_is_given_up_before_it_fills_memory() -> None:
    cutter = Frames()
    with pytest.raises(PacketError, match="above 65536"):
        for _ in range(100):
            list(cutter.feed(b"/" * 4096))
    assert cutter.waiting_bytes < 200_000
