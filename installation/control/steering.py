"""Three UDP sockets on one port in, each with its own kind of packet out: the kernel sorts them before they queue.

Where the system can (Linux: SO_ATTACH_REUSEPORT_CBPF, a classic BPF program over the packet's bytes), blackout and
panic, also under names that a show gives them, have a queue to themselves, which no flood can fill, and what cannot be
OSC never reaches Python at all. In bundles, and bundles in them, the program looks at as many elements as the kernel
lets it be long for; what stands further behind queues with the rest.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Sequence

ORDINARY, URGENT, SINK = 0, 1, 2
SO_ATTACH_FILTER, _SO_MEMINFO, SO_ATTACH_REUSEPORT_CBPF = 26, 55, 51
LOAD_BYTE, LOAD_SIZE, AND, RETURN = 0x30, 0x80, 0x54, 0x06
IF_EQUAL, IF_ABOVE, IF_AT_LEAST, _GO = 0x15, 0x25, 0x35, 0x05
_SET_START, _LOAD_WORD = 0x01, 0x40  # words are counted from where the message, or the element's size, starts
_TO_START, _FROM_START, _ADD, _ADD_START, _LESS_START = 0x07, 0x87, 0x04, 0x0C, 0x1C
ALL, UDP_HEADER_BYTES = 0xFFFF_FFFF, 8
_BUNDLE_HEAD_BYTES = 16  # "#bundle", time tag
_NESTED_BYTES = 4 + _BUNDLE_HEAD_BYTES  # its size, and its own head: then its first element
_MOST_BYTES = 65_535
_LINES = (4000, 1200, 500, 150)  # of a program: some kernels give less room than others

Line = tuple[int, int, str, str]  # code, operand, where to go if equal, where if not ("" = the next line)


def steer(first: socket.socket, urgent: Sequence[bytes]) -> None:
    """Make the kernel sort what comes for `first` and two sockets bound after it. Raises OSError where it cannot."""
    _attach(first, SO_ATTACH_REUSEPORT_CBPF, 0, (ORDINARY, URGENT, SINK), urgent)


def admit(udp: socket.socket, kind: int, urgent: Sequence[bytes]) -> None:
    """Make the kernel drop what is not for this kind of socket: a broadcast comes to all three, and must count once.

    What cannot be OSC is dropped, and so counted, by the sink; the ordinary socket lets it in, as broadcasts are rare.
    """
    verdicts = {ORDINARY: (ALL, 0, ALL), URGENT: (0, ALL, 0), SINK: (ALL, ALL, 0)}[kind]
    _attach(udp, SO_ATTACH_FILTER, UDP_HEADER_BYTES, verdicts, urgent)


def count_dropped(udp: socket.socket) -> int:
    """How many packets the kernel threw away that came for this socket, modulo 2**32; 0 where it does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        memory = udp.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0
    return struct.unpack_from("=I", memory, 32)[0] if len(memory) >= 36 else 0


def _attach(
    udp: socket.socket, option: int, start: int, verdicts: tuple[int, int, int], urgent: Sequence[bytes]
) -> None:
    """The longest program that the kernel takes. Raises OSError when it takes none."""
    for most in _LINES:
        try:
            attach(udp, option, _sorting(start, verdicts, urgent, most))
            return
        except OSError as error:
            if error.errno != errno.ENOMEM or most == _LINES[-1]:
                raise


def attach(udp: socket.socket, option: int, lines: list[tuple[str, Line]]) -> None:
    """Give the kernel a program for this socket. Raises OSError where it takes none, or not so long a one."""
    if not sys.platform.startswith("linux"):
        raise OSError("only Linux sorts packets by a program")
    program, keep = _assemble(lines)
    try:
        udp.setsockopt(socket.SOL_SOCKET, option, program)
    finally:
        del keep  # the kernel has its copy by now


def _sorting(start: int, verdicts: tuple[int, int, int], urgent: Sequence[bytes], most: int) -> list[tuple[str, Line]]:
    """A verdict for each kind of packet whose bytes begin at `start`: ORDINARY, URGENT, SINK; `most` lines or so.

    A bundle, or a message whose size is a multiple of 4, or else SINK; an urgent address in it: URGENT.
    """
    lines: list[tuple[str, Line]] = [
        ("", (LOAD_SIZE, 0, "", "")),
        ("", (IF_EQUAL, start, "sink", "")),
        ("", (LOAD_BYTE, start, "", "")),
        ("", (IF_EQUAL, ord("#"), "bundle", "")),
        ("", (IF_EQUAL, ord("/"), "", "sink")),
        ("", (LOAD_SIZE, 0, "", "")),
        ("", (AND, 3, "", "")),
        ("", (IF_EQUAL, 0, "message", "")),
        ("sink", (RETURN, verdicts[SINK], "", "")),
        ("bundle", (_SET_START, start + _BUNDLE_HEAD_BYTES, "", "")),
        ("", (_GO, 0, "element 0", "")),
        ("message", (_SET_START, start, "", "")),
        *_seek("message", 0, verdicts[URGENT], urgent),
        ("message none", (RETURN, verdicts[ORDINARY], "", "")),
    ]
    i = 0
    while (element := _element(i, verdicts, urgent)) and (not i or len(lines) + len(element) < most):
        lines, i = lines + element, i + 1
    return [*lines, (f"element {i}", (RETURN, verdicts[ORDINARY], "", ""))]


def _element(i: int, verdicts: tuple[int, int, int], urgent: Sequence[bytes]) -> list[tuple[str, Line]]:
    """Look at one element of a bundle, whose size stands at the start, and move the start to the next one's size.

    A bundle in the bundle is entered: its elements, and what follows behind it, then come one after another.
    """
    return [
        (f"element {i}", (LOAD_SIZE, 0, "", "")),
        ("", (_LESS_START, 0, "", "")),
        ("", (IF_ABOVE, _MOST_BYTES, f"end {i}", "")),
        ("", (IF_AT_LEAST, 8, f"look {i}", "")),
        (f"end {i}", (RETURN, verdicts[ORDINARY], "", "")),
        (f"look {i}", (_LOAD_WORD, 4, "", "")),
        ("", (IF_EQUAL, int.from_bytes(b"#bun", "big"), "", f"{i} 0")),
        ("", (_FROM_START, 0, "", "")),
        ("", (_ADD, _NESTED_BYTES, "", "")),
        ("", (_TO_START, 0, "", "")),
        ("", (_GO, 0, f"element {i + 1}", "")),
        *_seek(f"{i}", 4, verdicts[URGENT], urgent),
        (f"{i} none", (_LOAD_WORD, 0, "", "")),
        ("", (_ADD_START, 0, "", "")),
        ("", (_ADD, 4, "", "")),
        ("", (_TO_START, 0, "", "")),
    ]


def _seek(label: str, ahead: int, verdict: int, urgent: Sequence[bytes]) -> list[tuple[str, Line]]:
    """Return the verdict if one of these addresses stands `ahead` bytes behind the start; else go to "... none"."""
    lines: list[tuple[str, Line]] = [] if urgent else [(f"{label} 0", (_GO, 0, f"{label} none", ""))]
    for number, address in enumerate(urgent):
        text = address + b"\0" * (4 - len(address) % 4)
        otherwise = f"{label} {number + 1}" if number + 1 < len(urgent) else f"{label} none"
        lines += [
            (f"{label} {number}", (LOAD_SIZE, 0, "", "")),
            ("", (_LESS_START, 0, "", "")),
            ("", (IF_AT_LEAST, ahead + len(text), "", otherwise)),
            *_compare(text, ahead, otherwise),
            ("", (RETURN, verdict, "", "")),
        ]
    return lines


def _compare(text: bytes, ahead: int, otherwise: str) -> list[tuple[str, Line]]:
    """Go on with the line behind these if this text, whose size is a multiple of 4, stands there."""
    lines: list[tuple[str, Line]] = []
    for offset in range(0, len(text), 4):
        word = int.from_bytes(text[offset : offset + 4], "big")
        lines += [("", (_LOAD_WORD, ahead + offset, "", "")), ("", (IF_EQUAL, word, "", otherwise))]
    return lines


def _assemble(lines: list[tuple[str, Line]]) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """A struct sock_fprog, and the program that it points to, which must outlive the call that hands it over."""
    places = {label: i for i, (label, _) in enumerate(lines) if label}
    code = b""
    for i, (_, (operation, operand, equal, other)) in enumerate(lines):
        jumps = [places[label] - i - 1 if label else 0 for label in (equal, other)]
        if operation == _GO:  # goes as far as it must, by its operand
            operand, jumps = jumps[0], [0, 0]
        code += struct.pack("=HBBI", operation, *jumps, operand)
    program = ctypes.create_string_buffer(code, len(code))
    return struct.pack("@HP", len(lines), ctypes.addressof(program)), program
