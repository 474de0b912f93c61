"""A MIDI controller and a whole show: black in the next presented frame, faders learnt on the panel, kept and found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from controllers import Device
from plainshow import does, open_live, play, write

from installation.live.loop import Live

MIDI = """
[midi]
port = "nano"
[midi.map]
"note 1/37" = "blackout"
"""
FLOOD = """
import rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="nano wild")
out.open_virtual_port("keys")
while True:
    for value in range(128):
        out.send_message((0xB0, value, 127 - value))
"""


@pytest.fixture
def show_file(tmp_path: Path) -> Path:
    return write(tmp_path / "lit.toml", MIDI)


@pytest.fixture
def live(show_file: Path, driver: ModuleType, lent: None) -> Iterator[Live]:
    with ExitStack() as closing:
        yield open_live(show_file, closing)


def key(device: Device) -> None:
    """Down and up again: what came before the port was opened is for nobody."""
    device.send(0x90, 37, 100)
    device.send(0x80, 37, 0)


@pytest.mark.parametrize("wild", [False, True])
def test_blackout_of_a_key_is_black_on_the_next_presented_frame(live: Live, device: Device, wild: bool) -> None:
    play(live, lambda heard: live.screen.read_now().max() > 60)
    enemy = subprocess.Popen([sys.executable, "-c", FLOOD]) if wild else None
    try:
        if wild:
            midi = live.desk.all["midi"]
            play(live, lambda heard: midi.heard.newest > 20_000, 1200)  # type: ignore[attr-defined]
        play(live, lambda heard: key(device) or does("blackout", 1.0)(heard))
        assert live.screen.read_now().max() == 0
        assert enemy is None or enemy.poll() is None, "the flood goes on"
    finally:
        if enemy is not None:
            enemy.kill()
            enemy.wait()


def test_a_fader_that_the_panel_learns_turns_its_knob_and_is_kept(live: Live, device: Device) -> None:
    panel = live.desk.all["panel"]
    panel.learner.begin("generator.x")  # type: ignore[attr-defined]
    play(live, lambda heard: device.send(0xB0, 7, 127) or does("knob", 1.0)(heard))
    assert live.board.levels(0.0).held["generator.x"].startswith("midi nano")
    assert panel.learner.lines()["midi"] == {"cc 1/7": "generator.x"}  # type: ignore[attr-defined]
