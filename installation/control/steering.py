"""Three UDP sockets on one port in, each with its own kind of packet out: the kernel sorts them before they queue.

Where the system can (Linux: SO_ATTACH_REUSEPORT_CBPF, a classic BPF program over the packet's bytes), blackout and
panic, also under names that a show gives them, have a queue to themselves, which no flood can fill, and what cannot be
OSC never reaches Python at all.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Sequence

ORDINARY, URGENT, SINK = 0, 1, 2
_SO_ATTACH_FILTER, _SO_MEMINFO, _SO_ATTACH_REUSEPORT_CBPF = 26, 55, 51
_LOAD_BYTE, _LOAD_SIZE, _AND, _IF_EQUAL, _RETURN = 0x30, 0x80, 0x54, 0x15, 0x06
_SET_START, _LOAD_WORD = 0x01, 0x40  # words are counted from where the message starts
_ALL, _UDP_HEADER_BYTES = 0xFFFF_FFFF, 8
_BUNDLE_HEAD_BYTES = 20  # "#bundle", time tag, size of the first element

Line = tuple[int, int, str, str]  # code, operand, where to go if equal, where if not ("" = the next line)


def steer(first: socket.socket, urgent: Sequence[bytes]) -> None:
    """Make the kernel sort what comes for `first` and two sockets bound after it. Raises OSError where it cannot."""
    if not sys.platform.startswith("linux"):
        raise OSError("only Linux sorts packets by a program")
    _attach(first, _SO_ATTACH_REUSEPORT_CBPF, _sorting(0, (ORDINARY, URGENT, SINK), urgent))


def admit(udp: socket.socket, kind: int, urgent: Sequence[bytes]) -> None:
    """Make the kernel drop what is not for this kind of socket: a broadcast comes to all three, and must count once.

    What cannot be OSC is dropped, and so counted, by the sink; the ordinary socket lets it in, as broadcasts are rare.
    """
    verdicts = {ORDINARY: (_ALL, 0, _ALL), URGENT: (0, _ALL, 0), SINK: (_ALL, _ALL, 0)}[kind]
    _attach(udp, _SO_ATTACH_FILTER, _sorting(_UDP_HEADER_BYTES, verdicts, urgent))


def count_dropped(udp: socket.socket) -> int:
    """How many packets the kernel threw away that came for this socket, modulo 2**32; 0 where it does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        memory = udp.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0
    return struct.unpack_from("=I", memory, 32)[0] if len(memory) >= 36 else 0


def _attach(udp: socket.socket, option: int, lines: list[tuple[str, Line]]) -> None:
    program, keep = _assemble(lines)
    udp.setsockopt(socket.SOL_SOCKET, option, program)
    del keep  # the kernel has its copy by now


def _sorting(start: int, verdicts: tuple[int, int, int], urgent: Sequence[bytes]) -> list[tuple[str, Line]]:
    """A verdict for each kind of packet whose bytes begin at `start`: ORDINARY, URGENT, SINK.

    Size a multiple of 4 and first byte / or #, or else SINK; an urgent address as (first) message: URGENT.
    """
    lines: list[tuple[str, Line]] = [
        ("", (_LOAD_SIZE, 0, "", "")),
        ("", (_IF_EQUAL, start, "sink", "")),
        ("", (_AND, 3, "", "")),
        ("", (_IF_EQUAL, 0, "", "sink")),
        ("", (_LOAD_BYTE, start, "", "")),
        ("", (_SET_START, start + _BUNDLE_HEAD_BYTES, "", "")),
        ("", (_IF_EQUAL, ord("#"), "urgent 0", "")),
        ("", (_SET_START, start, "", "")),
        ("", (_IF_EQUAL, ord("/"), "urgent 0", "")),
        ("sink", (_RETURN, verdicts[SINK], "", "")),
    ]
    for i, address in enumerate(urgent):
        lines += _compare(f"urgent {i}", address + b"\0" * (4 - len(address) % 4), f"urgent {i + 1}")
        lines.append(("", (_RETURN, verdicts[URGENT], "", "")))
    return [*lines, (f"urgent {len(urgent)}", (_RETURN, verdicts[ORDINARY], "", ""))]


def _compare(label: str, text: bytes, otherwise: str) -> list[tuple[str, Line]]:
    """Go on with the line behind these if the message begins with this text, whose size is a multiple of 4."""
    lines: list[tuple[str, Line]] = []
    for offset in range(0, len(text), 4):
        word = int.from_bytes(text[offset : offset + 4], "big")
        lines.append((label if not offset else "", (_LOAD_WORD, offset, "", "")))
        lines.append(("", (_IF_EQUAL, word, "", otherwise)))
    return lines


def _assemble(lines: list[tuple[str, Line]]) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """A struct sock_fprog, and the program that it points to, which must outlive the call that hands it over."""
    places = {label: i for i, (label, _) in enumerate(lines) if label}
    code = b""
    for i, (_, (operation, operand, equal, other)) in enumerate(lines):
        jumps = [places[label] - i - 1 if label else 0 for label in (equal, other)]
        code += struct.pack("=HBBI", operation, *jumps, operand)
    program = ctypes.create_string_buffer(code, len(code))
    return struct.pack("@HP", len(lines), ctypes.addressof(program)), program
