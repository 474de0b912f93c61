"""MIDI ports, between real processes: heard, told, pulled out, plugged in, and a driver that hangs.

Ports are real where a JACK server can be had, see controllers.py; what stands in for them elsewhere does as they do.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest
from cables import ALL
from controllers import Device, stood_in
from rehearsal import CUES

from installation.control.cues import Board
from installation.control.midi.listener import Midi
from installation.control.midi.ports import ROWS_IN, Plan
from installation.control.midi.ports_child import Opened, Side, matching
from installation.control.midi.ring import LONGEST
from installation.inputs import tempo
from installation.memory import Memory
from installation.settings import Midi as Settings
from installation.signals import Command

TEAR = "effect.tear.amount"


@pytest.fixture
def device(request: pytest.FixtureRequest, driver: ModuleType) -> Iterator[Device]:
    """Of the ports that this machine can have, or always of those that stand in for them."""
    with stood_in() if getattr(request, "param", "") else nullcontext(driver) as chosen:
        made = Device(chosen)
        yield made
        made.pull()


@pytest.fixture
def midi(device: Device) -> Iterator[Midi]:
    told: dict[str, Any] = {"cc 1/7": TEAR, "note 1/37": "blackout"}
    listener = Midi(Settings(port="NANO", map=told), ALL, CUES)
    listener.start()
    yield listener
    listener.close()


def hear(midi: Midi, device: Device, command: Command, raw: tuple[int, ...], wait_for: Callable) -> Command:
    """Send until it is heard: when a port is opened is not ours to say."""
    heard: list[Command] = []

    def has_come() -> bool:
        device.send(*raw)
        heard.extend(one for one in midi.poll(0.0) if one == command)
        return bool(heard)

    wait_for(has_come)
    return heard[0]


@pytest.mark.parametrize("device", ["", "stood in"], indirect=True)
def test_a_fader_of_a_port_is_heard_and_its_motor_is_told(midi: Midi, device: Device, wait_for: Callable) -> None:
    command = hear(midi, device, Command("knob", TEAR, 1.0), (0xB0, 7, 127), wait_for)
    assert command.by.startswith("midi nano")
    board = Board(ALL, CUES)

    def is_told() -> bool:
        midi.poll(0.0)
        midi.follow(board.levels(0.0), 0.0)
        return (0xB0, 7, 25) in device.told  # 0.2 in the first cue

    wait_for(is_told)
    assert (0x90, 37, 0) in device.told


def test_a_controller_may_be_pulled_out_and_plugged_in(
    midi: Midi, device: Device, driver: ModuleType, wait_for: Callable
) -> None:
    black = Command("blackout", value=1.0)
    hear(midi, device, black, (0x90, 37, 1), wait_for)
    device.pull()
    wait_for(lambda: not any(midi._ports.names.get("in", ["?"])))
    again = Device(driver)
    try:
        hear(midi, again, black, (0x90, 37, 1), wait_for)
    finally:
        again.pull()
    assert not midi.faults


def test_a_driver_that_hangs_is_counted_and_done_without_and_heard_again(
    midi: Midi, device: Device, wait_for: Callable
) -> None:
    black = Command("blackout", value=1.0)
    hear(midi, device, black, (0x90, 37, 1), wait_for)
    (pid,) = midi._ports._child.pids  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: midi.faults["MIDI"] == 1)
    midi.poll(0.0)  # what it said before
    assert midi.poll(0.0) == []
    hear(midi, device, black, (0x90, 37, 1), wait_for)


def test_a_reader_who_is_far_behind_loses_the_oldest_and_is_told() -> None:
    memory = Memory(Plan.bytes_of())
    plan, other = Plan(memory), Plan(memory)
    for i in range(ROWS_IN + 10):
        assert other.heard.write(bytes((0xB0, 7, i % 128)), 3, float(i))
    came = list(plan.heard.read())
    assert came[-1] == (ROWS_IN + 9.0, 3, bytes((0xB0, 7, (ROWS_IN + 9) % 128)))
    assert plan.heard.lost + len(came) == ROWS_IN + 10 and list(plan.heard.read()) == []
    assert not other.heard.write(bytes(LONGEST + 1), 0, 0.0) and not other.heard.write(b"", 0, 0.0)


def test_only_ports_that_are_meant_are_opened_and_never_our_own() -> None:
    there = ["Midi Through:Midi Through Port-0 14:0", "nanoKONTROL2 20:0", "installation show:in", "X-TOUCH 24:0"]
    assert matching(there, "") == ["nanoKONTROL2 20:0", "X-TOUCH 24:0"]
    assert matching(there, "x-touch") == ["X-TOUCH 24:0"]
    assert matching(there, "through") == there[:1] and matching(there, "show") == []


def test_a_clock_of_a_port_gives_its_tempo(device: Device, wait_for: Callable) -> None:
    made = tempo.create(tempo.Settings(source="midi", port="nano"))
    made.start()
    pace = threading.Event()  # who sends a clock keeps time

    def has_come() -> bool:
        pace.wait(0.02)
        device.send(0xF8)
        beat = made.read(0.0)
        return beat is not None and 20 <= beat.tempo_bpm <= 130

    try:
        wait_for(has_come)
    finally:
        made.close()
    assert not made.faults


class Shaky:
    """A driver of two ways: one that does not work here, and one whose ends fail at whatever `fails` names."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.ports = ["NANO", "other"]
        self.told: list[tuple[int, ...]] = []

    def get_compiled_api(self) -> list[int]:
        return [0, 1]

    def end(self, way: int, name: str) -> Any:
        if way == 0:
            raise RuntimeError("no JACK server")
        driver = self

        class End:
            def __getattr__(self, asked: str) -> Callable[..., Any]:
                def act(*arguments: Any, **_: Any) -> Any:
                    if asked in driver.fails:
                        raise RuntimeError(asked)
                    if asked == "send_message":
                        driver.told.append(tuple(arguments[0]))
                    return {"get_ports": list(driver.ports), "get_current_api": 1}.get(asked)

                return act

        return End()

    MidiIn = MidiOut = end


def test_a_driver_that_fails_at_anything_costs_that_alone_and_is_asked_again() -> None:
    driver = Shaky()
    side = Side(driver, "MidiIn", "nano")
    driver.fails = {"get_ports"}
    assert side.look() == [] and side.there == []
    driver.fails = {"open_port"}
    assert side.look() == [] and side.there == ["NANO", "other"] and not side.open
    driver.fails = {"delete"}
    assert [name for name, _ in side.look()] == ["NANO"]
    driver.ports, driver.fails = ["other"], {"close_port", "delete"}
    assert side.look() == [] and not side.open
    driver.ports, driver.fails = ["NANO"], set()
    assert [name for name, _ in side.look()] == ["NANO"], "plugged in again"


def test_what_is_said_to_a_port_that_was_just_pulled_out_is_lost_and_a_clock_is_not_passed_on() -> None:
    driver, plan = Shaky(), Plan(Memory(Plan.bytes_of()))
    opened = Opened(driver, plan, "nano", "")
    opened.look()
    driver.fails = {"send_message"}
    plan.told.write(bytes((0xB0, 7, 1)), 0, 0.0)
    opened.say()
    driver.fails = set()
    plan.told.write(bytes((0xB0, 7, 2)), 0, 0.0)
    opened.say()
    assert driver.told == [(0xB0, 7, 2)]
    for message in (bytes((0xF8,)), bytes((0xB0, 7, 3))):
        opened._take(message, 0)
    assert [message for _, _, message in plan.heard.read()] == [bytes((0xB0, 7, 3))]
