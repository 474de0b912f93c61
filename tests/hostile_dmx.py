"""Packets that no console should send.

`hostile_dmx.py decode [COUNT] [SEED]` puts so many through the decoders, and again through a listener with all that
lies behind it, and says what became of them and of the memory;
`hostile_dmx.py throw HOST [COUNT] [SEED]` throws them at a listening show over UDP, as fast as they go.
Always the same for the same seed.
"""

from __future__ import annotations

import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]  # also as a program

import consoles  # noqa: E402

from installation.control.dmx import artnet, sacn  # noqa: E402
from installation.control.dmx.ears import Packet  # noqa: E402
from installation.control.dmx.listener import Dmx  # noqa: E402
from installation.control.dmx.sent import SLOTS, Sent  # noqa: E402
from installation.settings import Dmx as Settings  # noqa: E402

Thrown = tuple[str, bytes]
WHOLE: tuple[Thrown, ...] = (
    ("sacn", consoles.sacn()),
    ("sacn", consoles.sacn(start=0xDD)),
    ("sacn", consoles.sacn(options=0x80)),
    ("sacn", consoles.sacn(options=0x40)),
    ("sacn", consoles.sacn(bytes(b"\xff" * 26), whole=False)),
    ("artnet", consoles.artdmx()),
    ("artnet", consoles.artdmx(b"\xff" * 26, whole=False)),
    ("artnet", consoles.artpoll(0x20, 9, 3)),
    ("artnet", consoles.ARTSYNC),
)
NUMBERS = (0, 1, 2, 127, 128, 200, 201, 254, 255)


def packets(count: int, seed: int = 0) -> Iterator[Thrown]:
    """Random bytes, heads with random tails, whole packets that are cut, lengthened, and changed in a few bytes."""
    dice = random.Random(seed)
    for n in range(count):
        protocol, whole = WHOLE[dice.randrange(len(WHOLE))]
        kind = n % 5
        if kind == 0:
            yield protocol, dice.randbytes(dice.randrange(0, 700))
        elif kind == 1:
            yield protocol, whole[: dice.randrange(8, 130)] + dice.randbytes(dice.randrange(0, 600))
        elif kind == 2:
            yield protocol, whole[: dice.randrange(len(whole))] + bytes(dice.randrange(0, 2) * 1400)
        else:  # of the heads, as everything hangs on them; the first levels (dimmer, shutter) stay lit
            raw = bytearray(whole)
            for _ in range(dice.randrange(1, 6)):
                at = dice.randrange(min(len(raw), 126 if protocol == "sacn" else 18))
                raw[at] = NUMBERS[dice.randrange(len(NUMBERS))] if dice.random() < 0.5 else dice.randrange(256)
            yield protocol, bytes(raw)


def is_sound(said: object) -> bool:
    """Whether a decoder gave what it may give, within its bounds."""
    if isinstance(said, Sent):
        return (
            0 <= said.universe <= 63_999
            and 0 <= said.priority <= 200
            and (said.sequence is None or 0 <= said.sequence <= 255)
            and type(said.levels) is bytes
            and len(said.levels) <= SLOTS
            and len(said.name) <= 64
        )
    return said is None or isinstance(said, artnet.Poll) or (isinstance(said, str) and said != "")


def decode(count: int, seed: int = 0) -> Counter[str]:
    """What the decoders made of so many packets; raises AssertionError for what they may not make."""
    found: Counter[str] = Counter()
    for protocol, packet in packets(count, seed):
        said = sacn.decode(packet) if protocol == "sacn" else artnet.decode(packet, "10.0.0.9")
        assert is_sound(said), (protocol, packet.hex(), said)
        found[said if isinstance(said, str) else type(said).__name__] += 1
    return found


def swallow(dmx: Dmx, count: int, seed: int = 0) -> None:
    """Put so many into a listener, from 200 addresses, 1000 a second by its own time; ask it 30 times a second."""
    ways = {"sacn": dmx._take_sacn, "artnet": dmx._take_artnet}
    for n, (protocol, packet) in enumerate(packets(count, seed)):
        ways[protocol](Packet(packet, (f"127.0.{n % 200}.1", 1), n / 1000))
        if n % 33 == 0:
            dmx._catch_up(n / 1000)
            dmx.poll(n / 1000)


def throw(host: str, count: int, seed: int = 0) -> float:
    """Send them to a listener; how many a second that was."""
    kinds = list(packets(min(count, 4096), seed))
    ports = {"sacn": sacn.PORT, "artnet": artnet.PORT}
    began_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for n in range(count):
            protocol, packet = kinds[n % len(kinds)]
            udp.sendto(packet, (host, ports[protocol]))
    return count / max(time.monotonic() - began_s, 1e-9)


if __name__ == "__main__":
    from installation.memory import resident_mb

    if sys.argv[1] == "throw":
        host, count, seed = sys.argv[2], *(int(text) for text in (*sys.argv[3:], "1000000", "0")[:2])
        print(f"{throw(host, count, seed):.0f} packets a second to {host}")
    else:
        count, seed = (int(text) for text in (*sys.argv[2:], "1000000", "0")[:2])
        decode(10_000, seed + 1)
        before_mb, began_s = resident_mb(), time.monotonic()
        found = decode(count, seed)
        print(f"{count} packets in {time.monotonic() - began_s:.0f} s, {resident_mb() - before_mb:+.1f} MB")
        for what, number in found.most_common():
            print(f"  {number:>8}  {what}")
        dmx = Dmx(Settings("both"), {}, ())
        swallow(dmx, 10_000, seed + 1)
        before_mb, began_s = resident_mb(), time.monotonic()
        swallow(dmx, count, seed)
        grown_mb = resident_mb() - before_mb
        print(f"{count} into a listener in {time.monotonic() - began_s:.0f} s, {grown_mb:+.1f} MB, refused:")
        for what, number in dmx.faults.most_common():
            print(f"  {number:>8}  {what}")
