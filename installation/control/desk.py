"""OSC over UDP and TCP in, commands for the next frame out; status back to whoever asked for it.

One thread reads; the show asks once a frame. Between two frames only the newest value of each address is kept, and a
bounded number of triggers. Blackout and panic are looked for even in packets that come too fast to be read otherwise.
UDP senders can be forged: the allow-list keeps out accidents, not attackers; give the show a network of its own.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import installation
from installation.control.addresses import ROOT, Place, Refused, Space, command_for
from installation.control.addresses import osc_table as osc_table
from installation.control.answers import Answers, Sender, StatusValue
from installation.control.feedback import quiet
from installation.control.patterns import is_pattern
from installation.control.ports import Ports
from installation.control.streams import Stream, Streams
from installation.packets import ADDRESS_LIMIT_BYTES, Argument, Message, PacketError, decode, encode
from installation.senders import AllowList, Buckets
from installation.settings import Cue, Osc, SettingsError
from installation.signals import Command, Knob

TRIGGERS_LIMIT = 64  # between two frames
PATTERN_TOKENS = 20.0
STATUS_EVERY_S = 0.5
PRESSES_KEPT = 1024
IDLE_S = 0.25
_NEVER_DROPPED = frozenset({"blackout", "panic"})
log = quiet(logging.getLogger("installation.control.desk"))


class _Hint(NamedTuple):
    """What was probably meant; looked up only if the line is really written."""

    space: Space
    address: str
    kind: str

    def __str__(self) -> str:
        return f"; did you mean {self.space.nearest(self.address)}?" if self.kind == "unknown address" else ""


class Desk:
    """The desk's way into the show: start(), then poll() and tell() once a frame, close().

    faults counts what was refused: malformed, overrun, refused sender, rate limited, unknown address, bad argument,
    bad pattern, out of range, too many triggers, too many streams, unfinished stream.
    """

    def __init__(self, osc: Osc, knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> None:
        for name, port in (("port", osc.port), ("reply_port", osc.reply_port)):
            if not 0 <= port <= 65535:
                raise SettingsError(f"osc.{name}: must be 0 to 65535, found {port}")
        self.osc = osc
        self.port = osc.port
        self.faults: Counter[str] = Counter()
        self.space = Space(knobs, cues, osc.aliases)
        self._allow = AllowList(osc.allow)
        self._buckets = Buckets(osc.packets_per_s)
        self._urgent = self._urgent_addresses()
        self._lock = threading.Lock()
        self._wishes: dict[tuple[str, str, int], Command] = {}  # in the order of their newest arrival
        self._triggers = 0
        self._presses: dict[tuple[str, Place], float] = {}
        self._status: Mapping[str, StatusValue] | None = None
        self._frame = 0
        self._thread: threading.Thread | None = None
        self._closing = False

    def start(self) -> None:
        """Bind and listen. Raises OSError when the port is taken."""
        self._selector = selectors.DefaultSelector()
        ahead = sorted(address for address in self._urgent if len(address) <= ADDRESS_LIMIT_BYTES)
        self._ports = Ports(self.osc.host, self.osc.port, self._selector, self._take_udp, self.faults, ahead)
        listener = self._ports.listener
        self._streams = Streams(listener, self._selector, self._allow.__contains__, self._take_tcp, self.faults)
        self._answers = Answers(self._ports.udp, self._streams, self.osc.reply_port)
        self._waker, self._bell = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, lambda now_s: None)
        self.port = self._ports.port
        self._thread = threading.Thread(target=self._listen, name="osc desk", daemon=True)
        self._thread.start()
        log.info("OSC: UDP and TCP port %d of %s, from %s", self.port, self.osc.host, ", ".join(self.osc.allow))

    def poll(self, now_s: float) -> list[Command]:
        """What people want since the last time: the newest value of each knob, every trigger, in order of arrival."""
        with self._lock:
            wishes, self._wishes, self._triggers = self._wishes, {}, 0
        return list(wishes.values())

    def tell(self, values: Mapping[str, StatusValue], now_s: float = 0.0) -> None:
        """Say once a frame how the show is; subscribers hear it twice a second, and nothing once the show hangs.

        ping answers with `frame`, or else with how often this was called.
        """
        self._frame = int(values.get("frame", self._frame + 1))
        self._status = values

    def close(self) -> None:
        """Stop listening; returns when the thread has ended."""
        if self._thread is None:
            return
        self._closing = True
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")
        self._thread.join(5.0)
        self._thread = None

    def _listen(self) -> None:
        status_s = time.monotonic()
        while not self._closing:
            now_s = time.monotonic()
            rest_s = self._ports.wait_s(now_s)
            for key, _ in self._selector.select(IDLE_S if rest_s is None else rest_s):
                self._act(key.data, now_s := time.monotonic())
            self._act(self._ports.resume, now_s)
            if now_s - status_s >= STATUS_EVERY_S:
                status_s = now_s
                self._act(self._report, now_s)
        self._report(time.monotonic())
        self._streams.close_all()
        self._ports.close()
        self._selector.close()
        self._waker.close()
        self._bell.close()

    def _act(self, act: Any, now_s: float) -> None:
        """One step of the thread, which nothing may end."""
        try:
            act(now_s)
        except Exception:
            self.faults["desk error"] += 1
            log.exception("OSC: a step failed; the desk goes on")

    def _report(self, now_s: float) -> None:
        """Twice a second: count what the kernel dropped, end what hangs, tell subscribers how the show is."""
        self._ports.count_dropped()
        self._streams.expire(now_s)
        values, self._status = self._status, None
        self._answers.report(values, now_s)

    def _take_udp(self, packet: bytes, address: tuple[Any, ...], now_s: float) -> None:
        if address[0] not in self._allow:
            self.faults["refused sender"] += 1
            return
        self._take(packet, Sender(address[0], address[1]), now_s)

    def _take_tcp(self, packet: bytes, stream: Stream, now_s: float) -> None:
        self._take(packet, Sender(stream.host, 0, stream), now_s)

    def _take(self, packet: bytes, sender: Sender, now_s: float) -> None:
        """Decode and do; a packet that comes too fast only when blackout or panic is in it."""
        paid = self._buckets.take(sender.host, now_s)
        if not paid and not self._sounds_urgent(packet):
            self.faults["rate limited"] += 1
            return
        try:
            messages = decode(packet)
        except PacketError as error:
            self.faults["malformed"] += 1
            log.warning("OSC: refused a packet from %s: %s", sender.host, error)
            return
        for i, message in enumerate(messages):
            self._obey(message, sender, now_s, paid=paid and i == 0)
        self._answers.hear(sender.host)

    def _obey(self, message: Message, sender: Sender, now_s: float, paid: bool) -> None:
        address, arguments = message
        tokens = min(PATTERN_TOKENS if is_pattern(address) else 1.0, self.osc.packets_per_s) - paid
        may = self._buckets.take(sender.host, now_s, tokens) if tokens > 0 else True
        if not may and address.encode() not in self._urgent:
            self.faults["rate limited"] += 1
            return
        try:
            places = self.space.find(address)
        except Refused as refused:
            self._refuse(refused, address, sender)
            return
        for place in places:
            try:
                self._want(place, arguments, sender, now_s)
            except Refused as refused:  # one that cannot be does not keep a pattern from the others
                self._refuse(refused, address, sender)

    def _refuse(self, refused: Refused, address: str, sender: Sender) -> None:
        self.faults[refused.kind] += 1
        hint = _Hint(self.space, address, refused.kind)
        log.warning("OSC: from %s: %.80s: %s%s", sender.host, address, refused, hint)

    def _want(self, place: Place, arguments: Sequence[Argument], sender: Sender, now_s: float) -> None:
        if place.kind == "ping":
            self._answers.send(sender, encode(f"{ROOT}/pong", installation.__version__, self._frame))
        elif place.kind == "subscribe":
            self._answers.subscribe(sender, arguments, now_s)
        else:
            command, outside = command_for(place, arguments)
            if outside:
                self.faults["out of range"] += 1
                log.warning("OSC: %s from %s was outside its range", place.name or place.verb, sender.host)
            pressed = place.kind in ("trigger", "cue", "release")
            if pressed and arguments and not self._pressed(sender.host, place, command.value):
                return
            self._keep(command, trigger=place.kind in ("trigger", "cue", "recall") and command.verb != "panic")

    def _pressed(self, host: str, place: Place, value: float) -> bool:
        """Above 0 after a 0, after nothing, or the same again: a fader on its way up presses once."""
        before = self._presses.pop((host, place), 0.0)
        self._presses[host, place] = value
        if len(self._presses) > PRESSES_KEPT:
            del self._presses[next(iter(self._presses))]
        return value > 0 and (before <= 0 or before == value)

    def _keep(self, command: Command, trigger: bool) -> None:
        with self._lock:
            if trigger:
                if self._triggers >= TRIGGERS_LIMIT:
                    self.faults["too many triggers"] += 1
                    return
                self._triggers += 1
                self._wishes[command.verb, command.name, self._triggers] = command
                return
            verb = "knob" if command.verb == "release" and command.name else command.verb
            self._wishes.pop((verb, command.name, 0), None)
            self._wishes[verb, command.name, 0] = command

    def _sounds_urgent(self, packet: bytes) -> bool:
        if packet.startswith(self._urgent_starts):
            return True
        return packet[:1] == b"#" and any(start in packet for start in self._urgent_starts)

    def _urgent_addresses(self) -> frozenset[bytes]:
        """Blackout and panic, by their own addresses and by aliases."""
        own = {f"{ROOT}/{word}" for word in _NEVER_DROPPED}
        urgent = own | {there for there, here in self.space.aliases.items() if here in own}
        self._urgent_starts = tuple(address.encode() + b"\0" for address in urgent)
        return frozenset(address.encode() for address in urgent)
