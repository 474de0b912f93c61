"""Messages and requests that no other software should send to OSCQuery's port.

`hostile_query.py [COUNT] [SEED]` opens the listener, throws so many messages at it through WebSockets and one request
for every thousand of them, and says what became of them and of the memory. Always the same for the same seed.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "control"), str(Path(__file__).parents[1])]  # also as a program

from oscquery_visit import Stage, Visit, raw  # noqa: E402
from websockets.exceptions import ConnectionClosed, InvalidMessage  # noqa: E402

from installation.packets import encode, encode_bundle  # noqa: E402

WHOLE = (
    encode("/installation/master", 0.5),
    encode("/installation/freeze", 1),
    encode("/installation/cue", "1.5", 3.0),
    encode("/installation/*/{tear,echo}/amount", 0.25),
    encode_bundle([encode("/installation/effect/tear/amount", 0.1), encode("/installation/cue/go", 1)]),
    json.dumps({"COMMAND": "LISTEN", "DATA": "/installation/master"}).encode(),
    json.dumps({"COMMAND": "IGNORE", "DATA": "/installation/master"}).encode(),
    b"GET /installation?VALUE HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)


def messages(count: int, seed: int = 0) -> Iterator[bytes]:
    """Random bytes; whole messages that are cut, doubled, and changed in a few bytes."""
    dice = random.Random(seed)
    for n in range(count):
        bent = bytearray(WHOLE[dice.randrange(len(WHOLE))])
        if n % 4 == 0:
            bent = bytearray(dice.randbytes(dice.randrange(0, 400)))
        elif n % 4 == 1:
            bent = bent[: dice.randrange(len(bent))] + bytes(dice.randrange(0, 2) * 64)
        for _ in range(dice.randrange(0, 5) if bent else 0):
            bent[dice.randrange(len(bent))] = dice.randrange(256)
        yield bytes(bent)


def throw(stage: Stage, count: int, seed: int = 0) -> None:
    """All of them, as text and as bytes in turn; whoever is hung up on comes back."""
    one: Visit | None = None
    for n, message in enumerate(messages(count, seed)):
        try:
            one = one or Visit(stage.query.port)
            one.line.send(message.decode("utf-8", "replace") if n % 2 else message)
        except (ConnectionClosed, InvalidMessage, OSError):
            one = None
        if n % 1000 == 0:
            raw(stage.query.port, message + b"\r\n\r\n" * (n % 2000 == 0) or b"\r\n\r\n", shut=True)
    if one is not None:
        one.line.close()


if __name__ == "__main__":
    from installation.memory import resident_mb

    count, seed = (int(text) for text in (*sys.argv[1:], "1000000", "0")[:2])
    stage = Stage()
    throw(stage, 20_000, seed + 1)
    before_mb, began_s = resident_mb(), time.monotonic()
    throw(stage, count, seed)
    print(f"{count} messages in {time.monotonic() - began_s:.0f} s, {resident_mb() - before_mb:+.1f} MB")
    for what, number in stage.query.faults.most_common():
        print(f"  {number:>8}  {what}")
    stage.close()
