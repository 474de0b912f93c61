"""The tables of a show file that say how people reach the show: OSC, OSCQuery, DMX, the panel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Osc:
    """Where the desk may reach the show. allow lists networks (CIDR); reply_port 0 answers to the sender's port.

    aliases lead from what a desk already sends to an address: {"/Page1/Fader201" = "/installation/master/percent"};
    to one for each argument: {"/3/xy" = ["generator.x", "generator.y"]}; by one of its arguments, counted from 0:
    {"/accxyz" = { argument = 2, to = "master" }}. feedback tells every desk that was heard what others change, at the
    addresses that it uses itself.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    reply_port: int = 0
    feedback: bool = True
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    packets_per_s: float = 2000.0
    aliases: dict[str, str | list[str] | dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class OscQuery:
    """Where other software finds every address (OSCQuery: HTTP and WebSocket on one port), and mDNS says so.

    host is our own address in its network, 0.0.0.0 for all networks; port 0 any free one. allow lists networks (CIDR)
    that may look. What comes by WebSocket turns knobs where it is sent on this machine; from others only where write
    says so, and with the token (?token= in the address, or Authorization: Bearer). OSC itself is heard as [osc] says.
    """

    host: str = "127.0.0.1"
    port: int = 9010
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    write: bool = False
    token: str = ""
    announce: bool = True
    packets_per_s: float = 2000.0


@dataclass(frozen=True)
class Dmx:
    """Where a lighting console reaches the show: 26 channels from `address` on (`installation desk sheet` prints them).

    protocol is sacn, artnet or both; universe is the number on the wire (Art-Net: the Port-Address, from 0 on). host is
    our own address in the console's network, 0.0.0.0 for all networks. knobs are up to eight that the console may turn,
    "" leaves one out; speed is the ninth. Art-Net has no priorities: artnet_priority is held against those of sACN.
    """

    protocol: str = "sacn"
    host: str = "127.0.0.1"
    universe: int = 1
    address: int = 1
    allow: tuple[str, ...] = ("127.0.0.0/8",)
    knobs: tuple[str, ...] = ()
    speed: str = "generator.speed"
    artnet_priority: int = 100
    packets_per_s: float = 400.0


@dataclass(frozen=True)
class Panel:
    """The page from which the show is run. host is an address of this machine, 0.0.0.0 for every network; preview: what
    is on the wall moves on it, but a picture that is made of what the camera sees only if camera says so."""

    on: bool = True
    host: str = "127.0.0.1"
    port: int = 9080
    preview: bool = True
    camera: bool = False


@dataclass(frozen=True)
class Midi:
    """port is part of the name of the port that is heard, "" for every one; output of the one that is told what is set,
    "" for the same. pickup: a fader acts once it has been moved to where its knob is, not before.

    map leads from what a controller sends to a knob, master, a verb (go, back, blackout, panic, freeze, test_card,
    moment, vector, release) or "cue NUMBER": {"cc 1/7" = "generator.x", "note 1/36" = "go"}; a table says more:
    {"cc 1/8" = { to = "master", way = "jump", low = 0.2, high = 0.9 }}.
    """

    port: str = ""
    output: str = ""
    feedback: bool = True
    pickup: bool = False
    map: dict[str, str | dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Timecode:
    """A clock that calls the cues which have an `at`: source is mtc (port: part of the MIDI port's name) or ltc (device
    and channel of a sound input, as of [[inputs]] microphone). fps is what `at` and LTC are counted in: 24, 25, 29.97
    (drop frame) or 30; MTC says its own."""

    source: str = "mtc"
    port: str = ""
    device: str = ""
    channel: int = 1
    fps: float = 25.0
