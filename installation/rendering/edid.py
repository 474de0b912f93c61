"""What a monitor says of itself (EDID, as the kernel read it) in; which one it is, wherever it is plugged in, out."""

from __future__ import annotations

import re
from pathlib import Path

CONNECTORS = Path("/sys/class/drm")
HEADER = b"\x00\xff\xff\xff\xff\xff\xff\x00"
DESCRIPTORS = (54, 72, 90, 108)
SERIAL, NAME = 0xFF, 0xFC  # kinds of descriptor


def identity(edid: bytes) -> str:
    """Maker, product and serial number, then the name that it calls itself: "EPS-0A12-00000007 EPSON PJ"; "" for what
    is no EDID. (VESA Enhanced EDID Standard 1.4.)"""
    if len(edid) < 128 or not edid.startswith(HEADER) or sum(edid[:128]) % 256:
        return ""
    packed = int.from_bytes(edid[8:10], "big")
    maker = "".join(chr(64 + (packed >> shift & 31)) for shift in (10, 5, 0))
    product, serial = int.from_bytes(edid[10:12], "little"), int.from_bytes(edid[12:16], "little")
    told = [f"{maker}-{product:04X}-{serial:08X}", _text(edid, NAME), _text(edid, SERIAL)]
    return " ".join(filter(None, told))


def _text(edid: bytes, kind: int) -> str:
    for at in DESCRIPTORS:
        if edid[at : at + 3] == b"\0\0\0" and edid[at + 3] == kind:
            words = edid[at + 5 : at + 18].split(b"\n")[0].decode("ascii", "replace")
            return " ".join("".join(c for c in words if c.isprintable()).split())
    return ""


def identities(folder: Path = CONNECTORS) -> dict[str, str]:
    """Every monitor that the kernel knows, by its connector's name as the desktop calls it (HDMI-A-1 is HDMI-1 there
    too); empty where the kernel tells nothing."""
    found = {}
    for path in sorted(folder.glob("card*-*/edid")):
        try:
            said = identity(path.read_bytes())
        except OSError:
            continue
        name = re.sub(r"^card\d+-", "", path.parent.name)
        if said:
            found[name] = found[name.replace("HDMI-A-", "HDMI-")] = said
    return found
