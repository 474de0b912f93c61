"""Messages without end into a WebSocket: `python tests/pouring.py ADDRESS MESSAGE_IN_HEX KIND [HEADER VALUE]...`.

KIND is text or binary. Whole batches go out at once: one line carries more of them than any show reads.
"""

from __future__ import annotations

import struct
import sys

from websockets.sync.client import connect

BATCH = 2000
OPCODES = {"text": 0x81, "binary": 0x82}


def frame(message: bytes, kind: str) -> bytes:
    """One message as a client sends it; a mask of zeros leaves it readable."""
    length = bytes((0x80 | len(message),)) if len(message) < 126 else bytes((0xFE,)) + struct.pack(">H", len(message))
    return bytes((OPCODES[kind],)) + length + bytes(4) + message


def pour(address: str, message: bytes, kind: str, headers: dict[str, str]) -> None:
    batch = frame(message, kind) * BATCH
    with connect(address, compression=None, proxy=None, additional_headers=headers, ping_interval=None) as line:
        while True:
            with line.protocol_mutex:  # nothing of its own comes between
                line.socket.sendall(batch)


if __name__ == "__main__":
    address, message, kind, *rest = sys.argv[1:]
    pour(address, bytes.fromhex(message), kind, dict(zip(rest[::2], rest[1::2], strict=True)))
