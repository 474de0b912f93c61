"""One message without end into a WebSocket: `python tests/pouring.py ADDRESS KIND MESSAGE_IN_HEX [HEADER VALUE]...`.

KIND is text or binary. Ten thousand and more go out in a second, or as many as whoever listens takes.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def pour(address: str, message: str | bytes, headers: dict[str, str]) -> None:
    while True:  # hung up on, it comes again
        with (
            suppress(ConnectionClosed),
            connect(address, compression=None, proxy=None, additional_headers=headers, max_queue=None) as line,
        ):
            while True:
                line.send(message)


if __name__ == "__main__":
    address, kind, told, *rest = sys.argv[1:]
    message = bytes.fromhex(told)
    pour(address, message.decode() if kind == "text" else message, dict(zip(rest[::2], rest[1::2], strict=True)))
