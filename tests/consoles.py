"""Packets as lighting consoles send them, built byte by byte from the standards, and a show as they see it."""

from __future__ import annotations

import itertools
import os
import struct
import uuid

from installation.control.dmx.ears import Packet
from installation.control.dmx.listener import Dmx
from installation.settings import Dmx as Settings
from installation.signals import Command

EOS, GRANDMA, MAGICQ = (uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes for name in ("eos", "grandma", "magicq"))
DEFAULT = bytes((255, 255, 255)) + bytes(23)  # what a console sends of a fixture that nobody has touched
DIMMER, SHUTTER, CUE, GO, FADE, FREEZE, SPEED, KNOB_1, KNOB_2, CONTROL = 1, 3, 4, 5, 6, 7, 8, 10, 12, 26
_counter = itertools.count(os.getpid() * 7919)


def own_host() -> str:
    """A loopback address that nobody else's test listens on: the ports are the protocols' own."""
    number = next(_counter)
    return f"127.{number >> 12 & 127 | 64}.{number >> 4 & 255}.{number << 4 & 255 | 1}"


def fixture(**channels: int) -> bytes:
    """The default levels of the fixture with some changed, by channel: ch3=0; wide ones by the value of both bytes."""
    slots = bytearray(DEFAULT)
    for name, value in channels.items():
        first = int(name[2:])
        if value > 255 or first in (DIMMER, SPEED, KNOB_1, KNOB_2):
            slots[first - 1 : first + 1] = value.to_bytes(2, "big")
        else:
            slots[first - 1] = value
    return bytes(slots)


def sacn(levels: bytes = DEFAULT, universe: int = 1, sequence: int = 0, **more: object) -> bytes:
    """An E1.31 data packet: root, framing and DMP layer."""
    said = {"cid": EOS, "name": b"Eos Ti", "priority": 100, "options": 0, "start": 0, "sync": 0} | more
    slots = levels.ljust(512, b"\0") if said.get("whole", True) else levels
    dmp = struct.pack(">BBHHH", 0x02, 0xA1, 0, 1, len(slots) + 1) + bytes((int(said["start"]),)) + slots  # type: ignore[call-overload]
    dmp = struct.pack(">H", 0x7000 | len(dmp) + 2) + dmp
    framing = struct.pack(
        ">I64sBHBBH", 2, said["name"], said["priority"], said["sync"], sequence & 255, said["options"], universe
    )
    framing = struct.pack(">H", 0x7000 | len(framing) + 2 + len(dmp)) + framing
    root = struct.pack(">I16s", 4, said["cid"])
    root = struct.pack(">H", 0x7000 | len(root) + 2 + len(framing) + len(dmp)) + root
    return b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00" + root + framing + dmp


def artdmx(levels: bytes = DEFAULT, universe: int = 1, sequence: int = 0, whole: bool = True) -> bytes:
    """An ArtDmx packet."""
    slots = levels.ljust(512, b"\0") if whole else levels
    head = struct.pack("<8sH", b"Art-Net", 0x5000) + struct.pack(">HBB", 14, sequence & 255, 0)
    return head + struct.pack("<H", universe) + struct.pack(">H", len(slots)) + slots


def artpoll(flags: int = 0, highest: int = 0, lowest: int = 0, long: bool = True) -> bytes:
    """An ArtPoll packet, of Art-Net 4 (22 bytes) or of older consoles (14)."""
    head = struct.pack("<8sH", b"Art-Net", 0x2000) + struct.pack(">HBB", 14, flags, 0)
    return head + (struct.pack(">HHHH", highest, lowest, 0, 0) if long else b"")


ARTSYNC = struct.pack("<8sH", b"Art-Net", 0x5200) + bytes((0, 14, 0, 0))


class Heard:
    """A listener without sockets: packets are put in by hand at instants of the test's own."""

    def __init__(self, dmx: Dmx, host: str = "127.0.0.1") -> None:
        self.dmx, self.host = dmx, host

    def sacn(self, now_s: float, levels: bytes = DEFAULT, sequence: int = 0, **more: object) -> list[Command]:
        return self.raw(now_s, "sacn", sacn(levels, sequence=sequence, **more))  # type: ignore[arg-type]

    def artnet(self, now_s: float, levels: bytes = DEFAULT, sequence: int = 0, **more: object) -> list[Command]:
        return self.raw(now_s, "artnet", artdmx(levels, sequence=sequence, **more))  # type: ignore[arg-type]

    def raw(self, now_s: float, protocol: str, raw: bytes, **more: object) -> list[Command]:
        take = self.dmx._take_sacn if protocol == "sacn" else self.dmx._take_artnet
        take(Packet(raw, (self.host, 6454), now_s, **more))  # type: ignore[arg-type]
        return self.dmx.poll(now_s)


def settings(**more: object) -> Settings:
    knobs = ("effect.tear.amount", "bend.melt.amount", "", "effect.echo.on", "effect.mirror.sides", "effect.cut.press")
    return Settings(**{"protocol": "both", "knobs": knobs} | more)  # type: ignore[arg-type]
