"""The sound server, its switches and the cards in; whether the show can hear the room out, or why not."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from installation.machine.doctor.ear import Heard, listen
from installation.machine.doctor.finding import Finding, ask, read_text

CARDS, DEVICES = Path("/proc/asound"), Path("/dev/snd")
INSTEAD = "The packaged recording makes the beat; --microphone takes a sound file too."
SERVERS = ("pulseaudio", "pipewire", "wireplumber", "pipewire-pulse")  # they hold a card for all others


@dataclass(frozen=True)
class Server:
    """What pactl says: the server's name ("" when none answers), its default source, and that source's switches."""

    asked: bool = False
    name: str = ""
    source: str = ""
    about: str = ""
    muted: bool = False
    volume_percent: float = 100.0

    @property
    def only_monitor(self) -> bool:
        """Whether nobody has chosen it, and it is no microphone but what plays on this machine."""
        return self.source.endswith(".monitor") and self.source != os.environ.get("PULSE_SOURCE")


@dataclass(frozen=True)
class Card:
    """One thing that ALSA can record from; holder is the program that records, if another does."""

    name: str
    permitted: bool = True
    holder: str = ""


@dataclass(frozen=True)
class Sound:
    """All that was found out about hearing."""

    server: Server = field(default_factory=Server)
    cards: tuple[Card, ...] = ()
    heard: Heard = field(default_factory=Heard)


def look_at_server(subject: str) -> Iterator[Finding]:
    """One line: who mixes this machine's sound."""
    yield judge_server(subject, ask_server(), _socket())


def _socket() -> str:
    """Where a sound server would be reached, by the files that it makes; "" when there is none."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return next((str(p) for p in (folder / "pulse/native", folder / "pipewire-0") if p.exists()), "")


def ask_server() -> Server:
    """PulseAudio, or PipeWire in its place, asked by pactl."""
    answer = ask("pactl", "info")
    if answer is None or answer.returncode:
        return Server(asked=answer is not None)
    about = dict(re.findall(r"^([\w ]+): (.*)$", answer.stdout, re.MULTILINE))
    chosen = os.environ.get("PULSE_SOURCE") or about.get("Default Source", "")
    sources = ask("pactl", "list", "sources")
    return parse_source(sources.stdout if sources else "", about.get("Server Name", "a sound server"), chosen)


def parse_source(text: str, server: str, chosen: str) -> Server:
    """The chosen source among those that `pactl list sources` prints."""
    for block in text.split("\n\n"):
        of = dict(re.findall(r"^\s+([\w ]+): (.*)$", block, re.MULTILINE))
        if of.get("Name") == chosen:
            volumes = [float(v) for v in re.findall(r"(\d+)%", of.get("Volume", ""))]
            muted, loudest = of.get("Mute") == "yes", max(volumes, default=100.0)
            return Server(True, server, chosen, of.get("Description", chosen), muted, loudest)
    return Server(True, server)


def judge_server(subject: str, server: Server, socket: str = "") -> Finding:
    if server.name:
        return Finding(subject, "ok", server.name)
    if not server.asked and socket:
        return Finding(subject, "ok", f"there ({socket}); pactl, which would say more, is not installed")
    advice = "systemctl --user start pipewire-pulse, or: pulseaudio --start (a sound card works without one, too)"
    return Finding(subject, "note", "no sound server answers", advice, "no-server")


def look_at_microphones(subject: str) -> Iterator[Finding]:
    """What the show hears by default, half a second of it listened to, and what else it could hear."""
    yield from judge_microphone(subject, Sound(ask_server(), read_cards(CARDS, DEVICES), listen()))


def read_cards(folder: Path, devices: Path) -> tuple[Card, ...]:
    """ALSA's inputs, as the kernel lists them (/proc/asound) with their devices (/dev/snd/pcmC0D0c)."""
    found = []
    for path in sorted(folder.glob("card[0-9]*/pcm*c")):
        about = dict(re.findall(r"^(\w+): (.*)$", read_text(path / "info"), re.MULTILINE))
        card, device = path.parent.name.removeprefix("card"), path.name[3:-1]
        node = devices / f"pcmC{card}D{device}c"
        pids = [re.search(r"owner_pid\s*:\s*(\d+)", read_text(status)) for status in path.glob("sub*/status")]
        holders = [name for pid in pids if pid and (name := _program(int(pid[1]))) and not name.startswith(SERVERS)]
        name = about.get("name") or about.get("id") or path.name
        permitted = not node.exists() or os.access(node, os.R_OK | os.W_OK)
        found.append(Card(f"{name} (card {card})", permitted, holders[0] if holders else ""))
    return tuple(found)


def _program(pid: int) -> str:
    import psutil

    try:
        return f"{psutil.Process(pid).name()} ({pid})"
    except psutil.Error:
        return f"process {pid}"


def judge_microphone(subject: str, sound: Sound) -> Iterator[Finding]:
    """Heard is heard, whatever a switch says; else the nearest reason for silence."""
    server, heard, cards = sound.server, sound.heard, sound.cards
    called = server.about or heard.name
    if heard.peak > 0:
        yield Finding(subject, "ok", f"{called}: heard, {20 * math.log10(heard.peak):.0f} dB at the loudest")
    elif server.only_monitor and not heard.error and not cards:
        yield Finding(subject, "note", f"none; what plays here would be heard ({called})", INSTEAD, "none")
    elif server.source and (server.muted or not server.volume_percent):
        yield _muted(subject, server)
    elif blocked := [card for card in cards if not card.permitted]:
        advice = "sudo usermod -aG audio $USER, then log in again"
        yield Finding(subject, "note", f"{blocked[0].name}: here, but you may not open it", advice, "no-permission")
    elif heard.error and (held := [card for card in cards if card.holder]):
        found = f"{held[0].name}: in use by {held[0].holder}"
        yield Finding(subject, "note", found, f"Close {held[0].holder}; if it is the show, all is well.", "busy")
    elif not (heard.names or cards or server.source):
        yield Finding(subject, "note", "none", INSTEAD, "none")
    elif heard.error:
        found = f"{called or 'a sound input'}: cannot be heard: {heard.error}"
        yield Finding(subject, "note", found, "Choose another with --microphone NAME. " + INSTEAD, "unusable")
    else:
        advice = "Is it plugged in, its own switch on, its gain up? Make a sound, then `installation doctor` again."
        yield Finding(subject, "note", f"{called}: digital silence, not even noise", advice, "silent")
    others = [name for name in heard.names if name.partition(" ")[2] != heard.name]
    if others:
        yield Finding(subject, "ok", "also here, for --microphone: " + "; ".join(others))


def _muted(subject: str, server: Server) -> Finding:
    source = shlex.quote(server.source)
    if server.muted:
        return Finding(subject, "note", f"{server.about}: muted", f"pactl set-source-mute {source} 0", "muted")
    advice = f"pactl set-source-volume {source} 80%"
    return Finding(subject, "note", f"{server.about}: its volume is 0", advice, "muted")
