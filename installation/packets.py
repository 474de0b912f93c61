"""Bytes from the network in, checked OSC messages out; and the few messages that we send, as bytes.

Strict and bounded: whatever is not exactly an OSC 1.0 packet within the limits below is refused whole, with a reason.
Time tags are read and ignored: what arrives is meant for now. https://opensoundcontrol.stanford.edu/spec-1_0.html
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator

Argument = int | float | bool | str | bytes | None
Message = tuple[str, tuple[Argument, ...]]

UDP_LIMIT_BYTES = 65_507
STREAM_LIMIT_BYTES = 65_536
ADDRESS_LIMIT_BYTES = 256
NESTING_LIMIT = 4
MESSAGES_LIMIT = 256
ARGUMENTS_LIMIT = 64

_BUNDLE = b"#bundle\0"
_PRINTABLE = bytes(c for c in range(0x21, 0x7F) if c != ord("#"))
_FIXED = {ord(tag): struct.Struct(">" + code) for tag, code in zip("ifhdt", "ifqdQ", strict=True)}
_CONSTANT: dict[int, bool | None] = {ord("T"): True, ord("F"): False, ord("N"): None}
_SIZE = struct.Struct(">i")
_SLASH, _HASH, _COMMA = b"/#,"
_STRING, _BLOB, _IMPULSE = b"sbI"
_END, _ESCAPE = b"\xc0", b"\xdb"


class PacketError(ValueError):
    """These bytes are not a packet that we take; the text says why."""


def decode(packet: bytes, limit_bytes: int = UDP_LIMIT_BYTES) -> list[Message]:
    """The messages of one packet, in order, bundles laid flat. Raises PacketError; nothing of a bad packet is kept.

    Types i f s b T F N I t h d; I (impulse) reads as True. NaN and infinities are refused: a cut or forged float is
    not a level.
    """
    size = len(packet)
    if size == 0 or size & 3:
        raise PacketError(f"size {size} is not a multiple of 4 above 0")
    if size > limit_bytes:
        raise PacketError(f"{size} bytes, at most {limit_bytes}")
    if packet[0] == _SLASH:
        return [_message(packet, 0, size)]
    messages: list[Message] = []
    _bundle(packet, 0, size, 1, messages)
    return messages


def _bundle(packet: bytes, at: int, end: int, depth: int, messages: list[Message]) -> None:
    if packet[at : at + 8] != _BUNDLE or end - at < 16:
        raise PacketError("begins neither with / nor with #bundle and a time tag")
    if depth > NESTING_LIMIT:
        raise PacketError(f"bundles nested deeper than {NESTING_LIMIT}")
    at += 16
    while at < end:
        (size,) = _SIZE.unpack_from(packet, at)  # sizes are multiples of 4, so 4 bytes are there
        at += 4
        if size <= 0 or size & 3 or size > end - at:
            raise PacketError(f"bundle element of {size} bytes where {end - at} are left")
        if packet[at] == _SLASH:
            messages.append(_message(packet, at, at + size))
        else:
            _bundle(packet, at, at + size, depth + 1, messages)
        if len(messages) > MESSAGES_LIMIT:
            raise PacketError(f"more than {MESSAGES_LIMIT} messages in one packet")
        at += size


def _message(packet: bytes, at: int, end: int) -> Message:
    raw, at = _text(packet, at, end)
    if len(raw) > ADDRESS_LIMIT_BYTES:
        raise PacketError(f"address of {len(raw)} bytes, at most {ADDRESS_LIMIT_BYTES}")
    if raw.translate(None, _PRINTABLE):
        raise PacketError("address is not printable ASCII")
    address = raw.decode("ascii")
    if at == end:  # older senders leave out the type tags when there are no arguments
        return address, ()
    tags, at = _text(packet, at, end)
    if not tags or tags[0] != _COMMA:
        raise PacketError("type tags do not begin with a comma")
    if len(tags) - 1 > ARGUMENTS_LIMIT:
        raise PacketError(f"{len(tags) - 1} arguments, at most {ARGUMENTS_LIMIT}")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        at = _argument(packet, at, end, tag, arguments)
    if at != end:
        raise PacketError(f"{end - at} bytes left over after the last argument")
    return address, tuple(arguments)


def _argument(packet: bytes, at: int, end: int, tag: int, arguments: list[Argument]) -> int:
    """Append one argument; give back where the next one begins."""
    fixed = _FIXED.get(tag)
    if fixed is not None:
        if at + fixed.size > end:
            raise PacketError("cut off inside an argument")
        (value,) = fixed.unpack_from(packet, at)
        if not math.isfinite(value):
            raise PacketError("a number that is not finite")
        arguments.append(value)
        return at + fixed.size
    if tag == _STRING:
        raw, at = _text(packet, at, end)
        try:
            arguments.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise PacketError("text that is not UTF-8") from None
        return at
    if tag == _BLOB:
        return _blob(packet, at, end, arguments)
    if tag == _IMPULSE:
        arguments.append(True)
    elif tag in _CONSTANT:
        arguments.append(_CONSTANT[tag])
    else:
        raise PacketError(f"unknown type tag {chr(tag)!r}")
    return at


def _blob(packet: bytes, at: int, end: int, arguments: list[Argument]) -> int:
    if at + 4 > end:
        raise PacketError("cut off inside an argument")
    (size,) = _SIZE.unpack_from(packet, at)
    padded = (size + 3) & ~3
    if size < 0 or at + 4 + padded > end:
        raise PacketError(f"blob of {size} bytes where {end - at - 4} are left")
    arguments.append(packet[at + 4 : at + 4 + size])
    return at + 4 + padded


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
    tags, body = ",", b""
    for value in arguments:
        tag, raw = _encoded(value)
        tags, body = tags + tag, body + raw
    return _padded(address.encode("ascii")) + _padded(tags.encode("ascii")) + body


def encode_bundle(packets: Iterable[bytes]) -> bytes:
    """One bundle of encoded messages, to be run at once (time tag 1)."""
    return _BUNDLE + struct.pack(">Q", 1) + b"".join(_SIZE.pack(len(p)) + p for p in packets)


def _encoded(value: Argument) -> tuple[str, bytes]:
    if value is None:
        return "N", b""
    if isinstance(value, bool):
        return ("T" if value else "F"), b""
    if isinstance(value, int):
        short = -(2**31) <= value < 2**31
        return ("i", _SIZE.pack(value)) if short else ("h", struct.pack(">q", value))
    if isinstance(value, float):
        return "f", struct.pack(">f", value)
    if isinstance(value, str):
        return "s", _padded(value.replace("\0", "").encode("utf-8"))
    return "b", _SIZE.pack(len(value)) + value + b"\0" * (-len(value) % 4)


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (4 - len(raw) % 4)


class Frames:
    """Cuts a TCP stream into packets: OSC 1.0 length prefix, or SLIP as OSC 1.1 and QLab send it; seen from byte one.

    A stream that cannot be followed any further raises PacketError: its connection must be closed.
    """

    def __init__(self, limit_bytes: int = STREAM_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.framing = ""  # length | slip, once known
        self._rest = bytearray()
        self._scanned = 0

    @property
    def waiting_bytes(self) -> int:
        """How much of an unfinished packet is held."""
        return len(self._rest)

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Give back each packet that is complete by now."""
        self._rest += received
        if not self._rest:
            return
        if not self.framing:
            self.framing = self._recognise(self._rest[0])
        yield from self._by_length() if self.framing == "length" else self._by_slip()

    def wrap(self, packet: bytes) -> bytes:
        """A packet as this stream's other end expects it."""
        if self.framing != "slip":
            return _SIZE.pack(len(packet)) + packet
        return _END + packet.replace(_ESCAPE, b"\xdb\xdd").replace(_END, b"\xdb\xdc") + _END

    def _recognise(self, first: int) -> str:
        if first == 0:  # a length below 2**24 begins with a zero byte
            return "length"
        if first in (_END[0], _SLASH, _HASH):
            return "slip"
        raise PacketError(f"stream begins with byte {first:#04x}: neither a length prefix nor SLIP")

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
            raw = bytes(self._rest[:stop])
            del self._rest[: stop + 1]
            self._scanned = 0
            if raw:
                yield raw.replace(b"\xdb\xdc", _END).replace(b"\xdb\xdd", _ESCAPE)
        self._scanned = len(self._rest)
        if self._scanned > 2 * self.limit_bytes:
            raise PacketError(f"SLIP packet above {self.limit_bytes} bytes")
