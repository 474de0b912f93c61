"""Three UDP sockets on one port in, each with its own kind of packet out: the kernel sorts them before they queue.

Where the system can (Linux: SO_ATTACH_REUSEPORT_CBPF, a classic BPF program over the packet's bytes), blackout and
panic have a queue to themselves, which no flood can fill, and what cannot be OSC never reaches Python at all.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

ORDINARY, URGENT, SINK = 0, 1, 2
_SO_ATTACH_FILTER, _SO_MEMINFO, _SO_ATTACH_REUSEPORT_CBPF = 26, 55, 51
_LOAD_WORD, _LOAD_BYTE, _LOAD_SIZE, _AND, _IF_EQUAL, _RETURN = 0x20, 0x30, 0x80, 0x54, 0x15, 0x06
_ALL, _UDP_HEADER_BYTES = 0xFFFF_FFFF, 8
_BUNDLE_HEAD_BYTES = 20  # "#bundle", time tag, size of the first element
_URGENT = (b"/installation/blackout\0\0", b"/installation/panic\0")

Line = tuple[int, int, str, str]  # code, operand, where to go if equal, where if not ("" = the next line)


def steer(first: socket.socket) -> None:
    """Make the kernel sort what comes for `first` and two sockets bound after it. Raises OSError where it cannot."""
    if not sys.platform.startswith("linux"):
        raise OSError("only Linux sorts packets by a program")
    _attach(first, _SO_ATTACH_REUSEPORT_CBPF, _sorting(0, (ORDINARY, URGENT, SINK)))


def admit(udp: socket.socket, kind: int) -> None:
    """Make the kernel drop what is not for this kind of socket: a broadcast comes to all three, and must count once.

    What cannot be OSC is dropped, and so counted, by the sink; the ordinary socket lets it in, as broadcasts are rare.
    """
    verdicts = {ORDINARY: (_ALL, 0, _ALL), URGENT: (0, _ALL, 0), SINK: (_ALL, _ALL, 0)}[kind]
    _attach(udp, _SO_ATTACH_FILTER, _sorting(_UDP_HEADER_BYTES, verdicts))


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


def _sorting(start: int, verdicts: tuple[int, int, int]) -> list[tuple[str, Line]]:
    """A verdict for each kind of packet whose bytes begin at `start`: ORDINARY, URGENT, SINK.

    Size a multiple of 4 and first byte / or #, or else SINK; blackout or panic as (first) message: URGENT.
    """
    lines: list[tuple[str, Line]] = [
        ("", (_LOAD_SIZE, 0, "", "")),
        ("", (_IF_EQUAL, start, "sink", "")),
        ("", (_AND, 3, "", "")),
        ("", (_IF_EQUAL, 0, "", "sink")),
        ("", (_LOAD_BYTE, start, "", "")),
        ("", (_IF_EQUAL, ord("/"), "message", "")),
        ("", (_IF_EQUAL, ord("#"), "bundle", "sink")),
    ]
    for label, at in (("message", start), ("bundle", start + _BUNDLE_HEAD_BYTES)):
        for i, word in enumerate(_URGENT):
            lines += _compare(f"{label}{i}" if i else label, word, at, f"{label}{i + 1}")
        lines.append((f"{label}{len(_URGENT)}", (_RETURN, verdicts[ORDINARY], "", "")))
    return [*lines, ("urgent", (_RETURN, verdicts[URGENT], "", "")), ("sink", (_RETURN, verdicts[SINK], "", ""))]


def _compare(label: str, text: bytes, at: int, otherwise: str) -> list[tuple[str, Line]]:
    lines: list[tuple[str, Line]] = []
    for offset in range(0, len(text), 4):
        last = offset + 4 == len(text)
        word = int.from_bytes(text[offset : offset + 4], "big")
        lines.append((label if not offset else "", (_LOAD_WORD, at + offset, "", "")))
        lines.append(("", (_IF_EQUAL, word, "urgent" if last else "", otherwise)))
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
