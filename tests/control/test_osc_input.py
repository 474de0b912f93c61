"""Sensors on the network become features 0..1, and a broken one does not reach the show."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from pythonosc.udp_client import SimpleUDPClient
from rehearsal import wait_for

from installation import plugins
from installation.inputs.osc import OscInput, Sensor, Settings, create
from installation.settings import SettingsError, check


@pytest.fixture
def open_input() -> Iterator[Callable[..., tuple[OscInput, SimpleUDPClient]]]:
    opened: list[OscInput] = []

    def make(**settings: object) -> tuple[OscInput, SimpleUDPClient]:
        made = create(Settings(**{"port": 0} | settings))  # type: ignore[arg-type]
        made.start()
        opened.append(made)
        return made, SimpleUDPClient("127.0.0.1", made.port)

    yield make
    for made in opened:
        made.close()


def read(made: OscInput, now_s: float, feature: str) -> float:
    wait_for(lambda: feature in (made.read(now_s) or {}), lambda: (feature, dict(made.faults)))
    return (made.read(now_s) or {})[feature]


def test_a_show_file_can_choose_it_by_name() -> None:
    assert "osc" in plugins.available("inputs")
    table = {"port": 9002, "sensors": [{"address": "/distance", "low": 0.5, "high": 3.5, "feature": "osc.near"}]}
    assert check(Settings, table, "osc").sensors == (Sensor("/distance", 0.5, 3.5, "osc.near"),)


def test_any_sensor_is_a_feature_without_a_word_of_set_up(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]],
) -> None:
    made, sensor = open_input()
    assert made.read(0.0) == {} and made.alive and made.age_s(0.0) > 1e9
    sensor.send_message("/sensor/1", 0.25)
    assert read(made, 1.0, "osc.sensor.1") == 0.25
    sensor.send_message("/sensor/1", 7)
    wait_for(lambda: made.read(2.0) == {"osc.sensor.1": 1.0})
    assert made.age_s(3.5) == 1.5


def test_a_declared_range_is_brought_to_0_to_1_and_may_be_turned_round(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]],
) -> None:
    near = Sensor("/distance", low=3.0, high=1.0, feature="osc.near")
    made, sensor = open_input(sensors=(near, Sensor("/xy", argument=1, feature="osc.y"), Sensor("/door")))
    sensor.send_message("/distance", 1.5)
    sensor.send_message("/xy", [0.1, 0.9])
    sensor.send_message("/door", True)
    sensor.send_message("/undeclared", 1.0)
    wait_for(lambda: len(made.read(0.0) or {}) == 3 and made.faults["unknown address"])
    assert made.read(0.0) == {"osc.near": 0.75, "osc.y": pytest.approx(0.9), "osc.door": 1.0}


@pytest.mark.parametrize(
    ("low", "high", "shut", "open_"), [(0.0, 1.0, 0.0, 1.0), (0.0, 3.5, 0.0, 1.0), (1.0, 0.0, 1.0, 0.0)]
)
def test_true_and_false_are_turned_round_with_their_range(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]], low: float, high: float, shut: float, open_: float
) -> None:
    made, sensor = open_input(sensors=(Sensor("/door", low, high),))
    for state, value in ((False, shut), (True, open_)):
        sensor.send_message("/door", state)
        wait_for(lambda value=value: made.read(0.0) == {"osc.door": value})


def test_a_silent_sensor_eases_out_after_its_time(open_input: Callable[..., tuple[OscInput, SimpleUDPClient]]) -> None:
    made, sensor = open_input(hold_s=2.0)
    sensor.send_message("/s", 1.0)
    assert read(made, 10.0, "osc.s") == 1.0
    assert [(made.read(s) or {})["osc.s"] for s in (12.0, 12.5, 13.0, 99.0)] == [1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (b"/s\0\0,f\0\0" + struct.pack(">f", float("nan")), "malformed"),
        (b"/s\0\0,f\0\0", "malformed"),
        (b"#bundle\0" + struct.pack(">Qii", 1, -4, 0), "malformed"),
        (b"/s\0\0,s\0\0one\0", "bad argument"),
        (b"/s\0\0,\0\0\0", "bad argument"),
    ],
)
def test_a_broken_packet_is_counted_and_changes_nothing(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]], packet: bytes, kind: str
) -> None:
    made, _ = open_input()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(packet, ("127.0.0.1", made.port))
    wait_for(lambda: made.read(0.0) is not None and made.faults[kind] == 1)
    assert made.read(0.0) == {}


def test_strangers_and_too_many_addresses_are_kept_out(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]],
) -> None:
    made, sensor = open_input(allow=("10.0.0.0/8",))
    sensor.send_message("/s", 1.0)
    wait_for(lambda: made.read(0.0) == {} and made.faults["refused sender"])
    made, sensor = open_input()
    for i in range(100):
        sensor.send_message(f"/s/{i}", 1.0)
    wait_for(lambda: len(made.read(0.0) or {}) == 64 and made.faults["unknown address"] == 36)


def test_a_taken_port_is_tried_again_until_it_is_free(
    open_input: Callable[..., tuple[OscInput, SimpleUDPClient]],
) -> None:
    first, _ = open_input()
    second, sensor = open_input(port=first.port)
    assert not second.alive and second.read(0.0) is None
    first.close()
    assert second.read(1.0) is None, "not before five seconds"
    assert second.read(6.0) == {} and second.alive
    sensor.send_message("/s", 0.5)
    assert read(second, 7.0, "osc.s") == 0.5


@pytest.mark.parametrize(
    "settings", [{"allow": ("everyone",)}, {"sensors": (Sensor("x"),)}, {"sensors": (Sensor("/x", 1.0, 1.0),)}]
)
def test_settings_that_cannot_be_stop_the_start(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        create(Settings(**settings))  # type: ignore[arg-type]
