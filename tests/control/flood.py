"""Packets that nobody should send: `python tests/control/flood.py PORT [COUNT] [SEED]` throws them at a running show.

A third are random bytes, a third begin like OSC and are broken, a third are whole messages to addresses that do not
exist or carry nonsense; always the same for the same seed. Blackout, panic and cues are never among them.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import time

from installation.packets import encode, encode_bundle

KINDS = 1024
HOSTILE = (
    b"#bundle\0" + struct.pack(">Qii", 1, -4, 0),
    b"#bundle\0" + struct.pack(">Qii", 1, 0, 0),
    b"#bundle\0" + struct.pack(">Qii", 1, 2**31 - 4, 0),
    b"/installation/master\0\0\0\0,f\0\0\0\0",
    b"/installation/master\0\0\0\0,f\0\0" + struct.pack(">f", float("nan")),
    b"/installation/master\0\0\0\0,f\0\0" + struct.pack(">f", float("inf")),
    b"/installation/\xff\xfe\0\0,s\0\0\xff\xfe\0\0",
    encode("/installation/" + "*a" * 60 + "b", 1),
    encode("/installation/" + "{a,b}" * 40, 1),
)


def packets(count: int, seed: int = 0) -> list[bytes]:
    """So many different packets, always the same for the same seed; the hostile ones are all among the first."""
    dice = random.Random(seed)
    deep = encode("/installation/master", 0.5)
    for _ in range(1000):
        deep = encode_bundle([deep])
    made = [*HOSTILE, deep]
    while len(made) < count:
        raw = dice.randbytes(dice.randrange(0, 200))
        kind = len(made) % 3
        if kind == 1:
            raw = dice.choice((b"/installation/", b"#bundle\0", b"/")) + raw + b"\0" * (-len(raw) % 4)
        elif kind == 2:
            raw = encode(f"/installation/nothing/{dice.randrange(10**6)}", dice.random(), raw)
        made.append(raw)
    return made[:count]


def flood(port: int, count: int = 1_000_000, seed: int = 0, host: str = "127.0.0.1") -> float:
    """Send `count` packets over UDP as fast as they go; give back how many a second that was."""
    kinds = packets(min(count, KINDS), seed)
    began_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((host, port))
        for i in range(count):
            try:
                udp.send(kinds[i % len(kinds)])
            except ConnectionRefusedError:
                continue  # nobody listens there: the show is gone, and the caller's next question will tell
    return count / max(time.monotonic() - began_s, 1e-9)


if __name__ == "__main__":
    port, count, seed = (int(text) for text in (*sys.argv[1:], *("9000", "1000000", "0")[len(sys.argv) - 1 :]))
    print(f"{flood(port, count, seed):.0f} packets a second to port {port}")
