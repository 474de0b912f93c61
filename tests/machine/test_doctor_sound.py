"""A muted, silent, absent or busy microphone is told apart: from plain values, and on a real sound server."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from installation.machine.doctor import ear, sound
from installation.machine.doctor.ear import Heard
from installation.machine.doctor.sound import Card, Server, Sound

MICROPHONE = Server(True, "PulseAudio", "usb.input", "USB Microphone")
NAMED, SILENT = ("0 USB Audio", "1 default"), Heard(("1 default",), "default")
BUSY = Heard(NAMED[:1], "", 0.0, "Device unavailable [PaErrorCode -9985]")


def switched(muted: bool = False, volume_percent: float = 100.0) -> Server:
    return Server(True, "PulseAudio", "usb.input", "USB Microphone", muted, volume_percent)


ROOMS = {
    "heard": (Sound(MICROPHONE, (), Heard(NAMED, "default", 0.1)), "", "USB Microphone: heard, -20 dB"),
    "muted": (Sound(switched(muted=True), (), SILENT), "muted", "USB Microphone: muted"),
    "at volume 0": (Sound(switched(volume_percent=0), (), SILENT), "muted", "USB Microphone: its volume is 0"),
    "a switch that tells lies": (Sound(switched(muted=True), (), Heard(NAMED, "default", 0.1)), "", "heard"),
    "digital silence": (Sound(MICROPHONE, (), SILENT), "silent", "USB Microphone: digital silence"),
    "silence without a server": (Sound(heard=Heard(("0 USB Audio",), "USB Audio")), "silent", "USB Audio"),
    "none": (Sound(), "none", "none"),
    "none, a server without sources": (
        Sound(Server(True, "PulseAudio"), (), Heard(error="no default")),
        "none",
        "none",
    ),
    "only what plays here": (
        Sound(Server(True, "PulseAudio", "card.monitor", "Monitor of Card"), (), SILENT),
        "none",
        "none; what plays here would be heard (Monitor of Card)",
    ),
    "busy": (Sound(cards=(Card("USB Audio", True, "audacity (77)"),), heard=BUSY), "busy", "in use by audacity (77)"),
    "not permitted": (Sound(cards=(Card("USB Audio", False),), heard=Heard(error="no input")), "no-permission", "USB"),
    "refused": (
        Sound(MICROPHONE, (), Heard(NAMED, "default", 0.0, "Invalid sample rate")),
        "unusable",
        "Invalid sample",
    ),
    "a card that PortAudio does not offer": (Sound(cards=(Card("USB Audio"),), heard=BUSY), "unusable", "unavailable"),
}


@pytest.mark.parametrize("case", ROOMS)
def test_what_keeps_a_microphone_silent_is_told_apart(case: str) -> None:
    room, cause, words = ROOMS[case]
    found = next(sound.judge_microphone("microphone", room))
    assert found.cause == cause and words in found.found
    assert found.state == ("note" if cause else "ok") and bool(found.advice) == bool(cause)


def test_the_other_inputs_are_listed_as_they_can_be_asked_for() -> None:
    _, others = sound.judge_microphone("microphone", Sound(MICROPHONE, (), Heard(NAMED, "default", 0.1)))
    assert others.state == "ok" and "0 USB Audio" in others.found and "default" not in others.found


def test_muting_and_volume_are_those_of_the_source_that_is_listened_to() -> None:
    listed = """Source #0
\tState: SUSPENDED
\tName: card.monitor
\tDescription: Monitor of Card
\tMute: no
\tVolume: front-left: 65536 / 100% / 0.00 dB,   front-right: 65536 / 100% / 0.00 dB
\t        balance 0.00

Source #1
\tName: usb.input
\tDescription: USB Microphone
\tMute: yes
\tVolume: mono: 0 /   0% / -inf dB
"""
    chosen = sound.parse_source(listed, "PulseAudio", "usb.input")
    assert chosen == Server(True, "PulseAudio", "usb.input", "USB Microphone", True, 0.0)
    assert not sound.parse_source(listed, "PulseAudio", "card.monitor").muted
    assert sound.parse_source(listed, "PulseAudio", "gone").source == ""


def test_cards_are_read_from_the_kernels_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for card, name, status in (("card0", "USB Audio", "closed"), ("card1", "HDA", f"owner_pid   : {os.getpid()}")):
        (tmp_path / card / "pcm0c" / "sub0").mkdir(parents=True)
        (tmp_path / card / "pcm0p" / "sub0").mkdir(parents=True)
        (tmp_path / card / "pcm0c" / "info").write_text(f"card: 0\nid: {name} id\nname: {name}\n")
        (tmp_path / card / "pcm0c" / "sub0" / "status").write_text(f"{status}\n")
    free, held = sound.read_cards(tmp_path, tmp_path)
    assert free == Card("USB Audio (card 0)") and str(os.getpid()) in held.holder
    monkeypatch.setattr(sound, "_program", lambda pid: f"pipewire ({pid})")
    assert not any(card.holder for card in sound.read_cards(tmp_path, tmp_path)), "a server holds it for all"


def test_a_sound_server_that_does_not_answer_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (found,) = sound.look_at_server("sound server")
    assert (found.state, found.cause) == ("note", "no-server") and found.advice
    assert sound.judge_server("sound server", Server(), "/run/pulse/native").state == "ok", "pactl is not the server"


def test_a_sound_system_that_hangs_or_falls_over_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear, "ask", lambda *_, **__: None)
    assert "does not answer" in ear.listen().error
    crashed = subprocess.CompletedProcess([], -11, "ALSA lib noise\n", "OSError: PortAudio library not found\n")
    monkeypatch.setattr(ear, "ask", lambda *_, **__: crashed)
    assert "PortAudio library not found" in ear.listen().error


def test_a_real_sound_servers_source_is_heard_muted_and_silent(
    sound_server: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wait_for: Callable[..., object]
) -> None:
    def cause() -> str:
        return next(sound.look_at_microphones("microphone")).cause

    def mute(on: int) -> None:
        subprocess.run(["pactl", "set-source-mute", sound_server["PULSE_SOURCE"], str(on)], check=True)

    for name, value in sound_server.items():
        monkeypatch.setenv(name, value)
    (server,) = sound.look_at_server("sound server")
    assert server.state == "ok" and "pulseaudio" in server.found.lower()
    assert cause() == "silent", "nothing plays into it"
    tone = np.sin(np.arange(44100 * 60) * 0.06).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", tone / 2, 44100)
    player = subprocess.Popen(["paplay", str(tmp_path / "long.wav")])
    try:
        wait_for(lambda: cause() == "", 30)
        mute(1)
        found = next(sound.look_at_microphones("microphone"))
        assert found.cause == "muted" and "room" in found.advice and "set-source-mute" in found.advice
        subprocess.run(found.advice, shell=True, check=True)  # what it says to do helps
        assert cause() == ""
    finally:
        mute(0)
        player.kill()
        player.wait()
