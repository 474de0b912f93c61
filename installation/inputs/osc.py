"""Sensors that speak OSC over UDP in, features out: /sensor/1 becomes osc.sensor.1, brought from its range to 0..1.

    [[inputs]]
    name = "osc"
    [inputs.settings]
    port = 9001
    sensors = [{ address = "/distance", low = 0.0, high = 3.5, feature = "osc.near" }]

Without `sensors`, any address is taken, up to 64 of them, as 0..1. Only the newest value of each counts; a packet is
checked by installation/packets.py before anything of it is believed.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from installation.packets import UDP_LIMIT_BYTES, Argument, read
from installation.senders import AllowList
from installation.settings import SettingsError

UNDECLARED_LIMIT = 64
PACKETS_PER_READ = 1024
BUFFER_BYTES = 1 << 20
RETRY_S = 5.0
EASE_OUT_S = 1.0
log = logging.getLogger("installation.inputs.osc")


@dataclass(frozen=True)
class Sensor:
    """The argument (0 = first) of an address, from low..high to 0..1; high may lie below low, which turns it round."""

    address: str
    low: float = 0.0
    high: float = 1.0
    feature: str = ""  # "" makes osc.sensor.1 of /sensor/1
    argument: int = 0


@dataclass(frozen=True)
class Settings:
    """allow lists networks (CIDR); after hold_s without news a feature eases to 0 in a second, hold_s 0 keeps it."""

    host: str = "127.0.0.1"
    port: int = 9001
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    sensors: tuple[Sensor, ...] = ()
    hold_s: float = 0.0


class OscInput:
    """Reads its socket once a frame, without ever waiting; a port that is taken is tried again every five seconds.

    faults counts malformed, refused sender, unknown address, bad argument, socket error.
    """

    pids: Sequence[int] = ()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults: collections.Counter[str] = collections.Counter()
        self._allow = AllowList(settings.allow, "inputs.osc.allow")
        self._sensors: dict[str, list[Sensor]] = {}
        for sensor in settings.sensors:
            self._sensors.setdefault(sensor.address, []).append(_checked(sensor))
        self._newest: dict[str, tuple[float, float]] = {}  # feature -> value 0..1, when it came
        self._heard_s = -math.inf
        self._socket: socket.socket | None = None
        self._retry_s = -math.inf
        self._buffer = bytearray(UDP_LIMIT_BYTES + 1)

    @property
    def alive(self) -> bool:
        """Whether the port is open."""
        return self._socket is not None

    @property
    def port(self) -> int:
        """The port that is listened on: what was asked for, or, for 0, what the system gave."""
        return self._socket.getsockname()[1] if self._socket else self._settings.port

    def start(self) -> None:
        """Open the port; when it is taken, say so and try again later."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_DGRAM)
        try:
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            listening.bind((self._settings.host, self._settings.port))
            listening.setblocking(False)
        except OSError as error:
            listening.close()
            if not self.faults["socket error"]:
                log.warning("%s: cannot listen (%s); trying again every %g s", self.describe(), error, RETRY_S)
            self.faults["socket error"] += 1
            return
        self._socket = listening

    def read(self, now_s: float) -> dict[str, float] | None:
        """The newest value 0..1 of every feature heard so far; None while the port is not open. Never blocks."""
        if self._socket is None and now_s >= self._retry_s:
            self._retry_s = now_s + RETRY_S
            self.start()
        if self._socket is None:
            return None
        self._drain(self._socket, now_s)
        return {feature: value * self._ease(now_s - came_s) for feature, (value, came_s) in self._newest.items()}

    def age_s(self, now_s: float) -> float:
        """Seconds since the newest value; infinite before the first."""
        return now_s - self._heard_s

    def describe(self) -> str:
        return f"osc sensors on UDP {self._settings.host}:{self._settings.port}"

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._retry_s = math.inf

    def _drain(self, listening: socket.socket, now_s: float) -> None:
        for _ in range(PACKETS_PER_READ):
            try:
                size, address = listening.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("%s: %s; opening it again", self.describe(), error)
                self.faults["socket error"] += 1
                listening.close()
                self._socket = None
                return
            if address[0] in self._allow:
                self._take(bytes(memoryview(self._buffer)[:size]), now_s)
            else:
                self.faults["refused sender"] += 1

    def _take(self, packet: bytes, now_s: float) -> None:
        messages, odd = read(packet)
        if odd and not self.faults["malformed"]:
            log.warning("%s: left out of a packet: %s", self.describe(), odd[0])
        self.faults["malformed"] += len(odd)
        for address, arguments in messages:
            sensors = self._sensors.get(address) or self._undeclared(address)
            if not sensors:
                self.faults["unknown address"] += 1
            for sensor in sensors:
                self._believe(sensor, arguments, now_s)

    def _undeclared(self, address: str) -> list[Sensor]:
        if self._settings.sensors or len(self._sensors) >= UNDECLARED_LIMIT:
            return []
        return self._sensors.setdefault(address, [_checked(Sensor(address))])

    def _believe(self, sensor: Sensor, arguments: Sequence[Argument], now_s: float) -> None:
        value = arguments[sensor.argument] if sensor.argument < len(arguments) else None
        if not isinstance(value, int | float):
            self.faults["bad argument"] += 1
            return
        if isinstance(value, bool):  # true and false are the ends of the range, whatever it is
            value = max(sensor.low, sensor.high) if value else min(sensor.low, sensor.high)
        along = (value - sensor.low) / (sensor.high - sensor.low)
        self._newest[sensor.feature] = (min(max(along, 0.0), 1.0), now_s)
        self._heard_s = now_s

    def _ease(self, age_s: float) -> float:
        late_s = age_s - self._settings.hold_s
        return 1.0 if self._settings.hold_s <= 0 or late_s <= 0 else max(0.0, 1.0 - late_s / EASE_OUT_S)


def create(settings: Settings) -> OscInput:
    """The input, not yet listening. Raises SettingsError for a network, range or address that cannot be."""
    return OscInput(settings)


def _checked(sensor: Sensor) -> Sensor:
    if not sensor.address.startswith("/") or sensor.argument < 0:
        raise SettingsError(f"inputs.osc: expected an address such as /sensor/1 and an argument of 0 or more: {sensor}")
    if sensor.low == sensor.high or not (math.isfinite(sensor.low) and math.isfinite(sensor.high)):
        raise SettingsError(
            f"inputs.osc: {sensor.address}: low and high must differ, found {sensor.low}, {sensor.high}"
        )
    feature = sensor.feature or "osc." + ".".join(part for part in sensor.address.split("/") if part)
    return Sensor(sensor.address, sensor.low, sensor.high, feature, sensor.argument)
