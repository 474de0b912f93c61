"""Bytes from the network in, checked OSC messages out; and the few messages that we send, as bytes.

Strict and bounded, element by element: what is not exactly OSC within the limits below is left out with a reason, and
its neighbours in the bundle stay. Time tags are read and ignored: what arrives is meant for now. https://opensoundcontrol.stanford.edu
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any

Argument = int | float | bool | str | bytes | None | tuple["Argument", ...]
"""A list is a tuple; so is a colour (type r): red, green, blue, alpha, each 0..1. A MIDI message is its four bytes."""
Message = tuple[str, tuple[Argument, ...]]

UDP_LIMIT_BYTES = 65_507
STREAM_LIMIT_BYTES = 65_536
ADDRESS_LIMIT_BYTES = 256
NESTING_LIMIT = 4  # of bundles in bundles, and of lists in lists
ELEMENTS_LIMIT = 2048
ARGUMENTS_LIMIT = 64

_BUNDLE = b"#bundle\0"
_HEAD_BYTES = 16  # "#bundle" and the time tag
_PRINTABLE = bytes(c for c in range(0x21, 0x7F) if c != ord("#"))
_FIXED = {ord(pair[0]): struct.Struct(">" + pair[1:]) for pair in ("ii", "ff", "hq", "dd", "tQ", "cI", "r4B", "m4s")}
_CONSTANT: dict[int, bool | None] = {ord("T"): True, ord("F"): False, ord("N"): None, ord("I"): True}
_SIZE = struct.Struct(">i")
_SIZED = b"sSb"
_SLASH, _HASH, _COMMA, _BLOB, _LETTER, _COLOUR, _MIDI, _OPEN, _CLOSE = b"/#,bcrm[]"
_END, _ESCAPE = b"\xc0", b"\xdb"


class PacketError(ValueError):
    """These bytes are not OSC that we take; the text says why."""


def read(packet: bytes, limit_bytes: int = UDP_LIMIT_BYTES) -> tuple[list[Message], list[PacketError]]:
    """The messages of one packet, in order, bundles laid flat; and why each odd element was left out. Never raises.

    Every type of OSC 1.0 and 1.1 is read; I (impulse) reads as True. NaN and infinities are refused: a cut or forged
    float is not a level. Of a bundle only that is lost whose beginning the sizes before it no longer tell.
    """
    if len(packet) > limit_bytes:
        return [], [PacketError(f"{len(packet)} bytes, at most {limit_bytes}")]
    messages, odd = list[Message](), list[PacketError]()
    _element(packet, 1, messages, odd)
    return messages, odd


def decode(packet: bytes, limit_bytes: int = UDP_LIMIT_BYTES) -> list[Message]:
    """The messages of a packet in which nothing is odd. Raises PacketError for the first thing that is."""
    messages, odd = read(packet, limit_bytes)
    if odd:
        raise odd[0]
    return messages


def _element(raw: bytes, depth: int, messages: list[Message], odd: list[PacketError]) -> None:
    """A message or a bundle; what is wrong with it stays its own affair."""
    try:
        if raw[:1] != b"#" and (not raw or len(raw) & 3):
            raise PacketError(f"size {len(raw)} is not a multiple of 4 above 0")
        if raw[0] == _SLASH:
            messages.append(_message(raw))
        elif raw[:8] != _BUNDLE or len(raw) < _HEAD_BYTES:
            raise PacketError("begins neither with / nor with #bundle and a time tag")
        elif depth > NESTING_LIMIT:
            raise PacketError(f"bundles nested deeper than {NESTING_LIMIT}")
        else:
            _bundle(raw, depth, messages, odd)
    except PacketError as error:
        odd.append(error)


def _bundle(raw: bytes, depth: int, messages: list[Message], odd: list[PacketError]) -> None:
    at, end = _HEAD_BYTES, len(raw)
    while at < end:
        size = int.from_bytes(raw[at : at + 4], "big", signed=True)
        at += 4
        if size < 0 or size > end - at:  # nothing tells where the next one would begin
            raise PacketError(f"bundle element of {size} bytes where {max(end - at, 0)} are left")
        if len(messages) + len(odd) >= ELEMENTS_LIMIT:
            raise PacketError(f"more than {ELEMENTS_LIMIT} elements in one packet")
        _element(raw[at : at + size], depth + 1, messages, odd)
        at += size


def _message(packet: bytes) -> Message:
    raw, at = _text(packet, 0, end := len(packet))
    if len(raw) > ADDRESS_LIMIT_BYTES:
        raise PacketError(f"address of {len(raw)} bytes, at most {ADDRESS_LIMIT_BYTES}")
    if raw.translate(None, _PRINTABLE):
        raise PacketError("address is not printable ASCII")
    if at == end:  # older senders leave out the type tags when there are no arguments
        return raw.decode("ascii"), ()
    tags, at = _text(packet, at, end)
    if not tags or tags[0] != _COMMA:
        raise PacketError("type tags do not begin with a comma")
    if len(tags) - 1 > ARGUMENTS_LIMIT:
        raise PacketError(f"{len(tags) - 1} arguments, at most {ARGUMENTS_LIMIT}")
    arguments, at = _arguments(packet, at, end, tags)
    if at != end:
        raise PacketError(f"{end - at} bytes left over after the last argument")
    return raw.decode("ascii"), arguments


def _arguments(packet: bytes, at: int, end: int, tags: bytes) -> tuple[tuple[Argument, ...], int]:
    """All arguments, lists within lists, and where they end."""
    lists: list[list[Argument]] = [[]]
    for tag in tags[1:]:
        if tag == _OPEN and len(lists) <= NESTING_LIMIT:
            lists.append([])
        elif tag == _CLOSE and len(lists) > 1:
            lists[-2].append(tuple(lists.pop()))
        elif tag in (_OPEN, _CLOSE):
            raise PacketError(f"lists nested deeper than {NESTING_LIMIT}, or one ends that did not begin")
        else:
            at = _argument(packet, at, end, tag, lists[-1])
    if len(lists) > 1:
        raise PacketError("a list that does not end")
    return tuple(lists[0]), at


def _argument(packet: bytes, at: int, end: int, tag: int, arguments: list[Argument]) -> int:
    """Append one argument; give back where the next one begins."""
    fixed = _FIXED.get(tag)
    if fixed is not None:
        if at + fixed.size > end:
            raise PacketError("cut off inside an argument")
        arguments.append(_meant(tag, *fixed.unpack_from(packet, at)))
        return at + fixed.size
    if tag in _CONSTANT:
        arguments.append(_CONSTANT[tag])
        return at
    if tag not in _SIZED:
        raise PacketError(f"unknown type tag {chr(tag)!r}")
    raw, at = (_blob if tag == _BLOB else _text)(packet, at, end)
    try:
        arguments.append(raw if tag == _BLOB else raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise PacketError("text that is not UTF-8") from None
    return at


def _meant(tag: int, value: Any, *further: int) -> Argument:
    if tag == _COLOUR:
        return tuple(byte / 255.0 for byte in (value, *further))
    if tag == _LETTER and value < 128:
        return chr(value)
    if tag == _LETTER or (tag != _MIDI and not math.isfinite(value)):
        raise PacketError("a number that is not finite, or a letter that is not ASCII")
    return value  # type: ignore[no-any-return]


def _blob(packet: bytes, at: int, end: int) -> tuple[bytes, int]:
    size = int.from_bytes(packet[at : at + 4], "big", signed=True)
    at, after = at + 4, at + 4 + (size + 3 & ~3)
    if size < 0 or after > end:
        raise PacketError(f"blob of {size} bytes where {end - at} are left")
    return packet[at : at + size], after


def _text(packet: bytes, at: int, end: int) -> tuple[bytes, int]:
    """A string without its zeros, and where the next item begins. Everything starts on a multiple of 4."""
    stop = packet.find(b"\0", at, end)
    if stop < 0:
        raise PacketError("a string without its closing zero")
    after = (stop | 3) + 1
    if after > end or packet[stop:after].strip(b"\0"):
        raise PacketError("a string not padded with zeros")
    return packet[at:stop], after


def encode(address: str, *arguments: Argument) -> bytes:
    """One message. Whole numbers go as i (h when they need 64 bits), floats as f."""
    tags, body = _encoded(arguments)
    return _padded(address.encode("ascii")) + _padded(f",{tags[1:-1]}".encode("ascii")) + body


def encode_bundle(packets: Iterable[bytes]) -> bytes:
    """One bundle of encoded messages, to be run at once (time tag 1)."""
    return _BUNDLE + struct.pack(">Q", 1) + b"".join(_SIZE.pack(len(p)) + p for p in packets)


def _encoded(value: Argument) -> tuple[str, bytes]:
    if value is None or isinstance(value, bool):
        return "N" if value is None else "T" if value else "F", b""
    if isinstance(value, int):
        return ("i", _SIZE.pack(value)) if -(2**31) <= value < 2**31 else ("h", struct.pack(">q", value))
    if isinstance(value, float):
        return "f", struct.pack(">f", value)
    if isinstance(value, str):
        return "s", _padded(value.replace("\0", "").encode("utf-8"))
    if isinstance(value, tuple):
        inside = [("[", b""), *map(_encoded, value), ("]", b"")]
        return "".join(tag for tag, _ in inside), b"".join(raw for _, raw in inside)
    return "b", _SIZE.pack(len(value)) + value + b"\0" * (-len(value) % 4)


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (4 - len(raw) % 4)


class Frames:
    """Cuts a TCP stream into packets: OSC 1.0 length prefix, or SLIP as OSC 1.1 and QLab send it; seen from byte one.

    A stream that cannot be followed any further raises PacketError: its connection must be closed.
    """

    def __init__(self, limit_bytes: int = STREAM_LIMIT_BYTES) -> None:
        self.limit_bytes, self.framing = limit_bytes, ""  # length | slip, once known
        self._rest, self._scanned = bytearray(), 0

    @property
    def waiting_bytes(self) -> int:
        """How much of an unfinished packet is held."""
        return len(self._rest)

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Give back each packet that is complete by now."""
        self._rest += received
        if not self.framing and self._rest:
            self.framing = self._recognise(self._rest[0])
        yield from self._by_length() if self.framing == "length" else self._by_slip()

    def wrap(self, packet: bytes) -> bytes:
        """A packet as this stream's other end expects it."""
        if self.framing != "slip":
            return _SIZE.pack(len(packet)) + packet
        return _END + packet.replace(_ESCAPE, b"\xdb\xdd").replace(_END, b"\xdb\xdc") + _END

    def _recognise(self, first: int) -> str:
        if first not in (0, _END[0], _SLASH, _HASH):
            raise PacketError(f"stream begins with byte {first:#04x}: neither a length prefix nor SLIP")
        return "slip" if first else "length"  # a length below 2**24 begins with a zero byte

    def _by_length(self) -> Iterator[bytes]:
        while len(self._rest) >= 4:
            (size,) = _SIZE.unpack_from(self._rest)
            if not 0 < size <= self.limit_bytes:
                raise PacketError(f"length prefix of {size} bytes, expected 1 to {self.limit_bytes}")
            if len(self._rest) < 4 + size:
                return
            packet = bytes(self._rest[4 : 4 + size])
            del self._rest[: 4 + size]
            yield packet

    def _by_slip(self) -> Iterator[bytes]:
        while (stop := self._rest.find(_END, self._scanned)) >= 0:
            raw, self._scanned = bytes(self._rest[:stop]), 0
            del self._rest[: stop + 1]
            if raw:
                yield raw.replace(b"\xdb\xdc", _END).replace(b"\xdb\xdd", _ESCAPE)
        self._scanned = len(self._rest)
        if self._scanned > 2 * self.limit_bytes:
            raise PacketError(f"SLIP packet above {self.limit_bytes} bytes")
