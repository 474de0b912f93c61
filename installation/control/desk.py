"""OSC over UDP and TCP in, commands for the next frame out; status back to whoever asked for it.

One thread reads; the show asks once a frame. Between two frames only the newest value of each knob is kept, and a
bounded number of presses. From a sender who is too fast values wait, the newest of each, and none is lost for ever;
blackout, panic, cue calls and presses never wait, so they keep their order.
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
from itertools import chain, islice
from typing import Any

from installation.control.addresses import Space
from installation.control.answers import Answers, Sender, StatusValue
from installation.control.arguments import Reading
from installation.control.feedback import quiet
from installation.control.heard import Heard
from installation.control.patterns import is_pattern
from installation.control.places import KEPT, Place, Refused
from installation.control.ports import Ports
from installation.control.refusals import Refusals, Told
from installation.control.sockets import in_bytes
from installation.control.streams import Stream, Streams
from installation.control.table import osc_table as osc_table
from installation.control.telling import Telling
from installation.control.waiting import MESSAGES_PER_TOKEN, PATTERN_TOKENS, Late, Waiting, tokens_of
from installation.control.wishes import Wishes
from installation.packets import Argument, Message, read
from installation.senders import AllowList, Buckets
from installation.settings import Cue, Osc, SettingsError
from installation.signals import Command, Knob, Levels

MOMENTS_HZ, MOMENTS_AT_ONCE = 0.5, 5.0  # of one sender
CATCH_UP_S = 0.02
MOST_ROUNDS = 64  # of reading before the first frame
STATUS_EVERY_S = 0.5
IDLE_S = 0.25
log = quiet(logging.getLogger("installation.control.desk"))


class Desk:
    """The desk's way into the show: bind(), start(), then poll() and tell() once a frame, close().

    faults counts what was refused: malformed, overrun, refused sender, rate limited, unknown address, bad argument, bad
    pattern, out of range, too many triggers, overtaken, moment, vector dropped, too many streams, unfinished stream.
    """

    def __init__(self, osc: Osc, knobs: Mapping[str, Knob], cues: Sequence[Cue], heard: Heard | None = None) -> None:
        for name, port in (("port", osc.port), ("reply_port", osc.reply_port)):
            if not 0 <= port <= 65535:
                raise SettingsError(f"osc.{name}: must be 0 to 65535, found {port}")
        self.osc, self.port = osc, osc.port
        self.faults: Counter[str] = Counter()
        self.heard = heard or Heard()
        self.refuse = Refusals(self.faults, heard=self.heard)
        self.space = Space(knobs, cues, osc.aliases)
        self._allow = AllowList(osc.allow)
        self._buckets = Buckets(osc.packets_per_s)
        self._moments = Buckets(MOMENTS_HZ, MOMENTS_AT_ONCE)
        self._lock = threading.Lock()
        self._wishes = Wishes(self.refuse)
        self._waiting = Waiting()
        self._reading = Reading(self.refuse)
        self._answers = Answers(osc.reply_port)
        self._telling = Telling(self.space, self._answers, osc.feedback)
        self._thread: threading.Thread | None = None
        self._bound = self._closing = False

    def bind(self) -> None:
        """From now on what is sent waits for start(). Raises OSError when the port is taken."""
        self._selector = selectors.DefaultSelector()
        ahead = in_bytes(self.space.urgent)
        self._ports = Ports(self.osc.host, self.osc.port, self._selector, self._take_udp, self.refuse, ahead)
        may_come = self._allow.__contains__
        self._streams = Streams(self._ports.listener, self._selector, may_come, self._take_tcp, self.refuse)
        self._answers.open(self._ports.udp, self._streams)
        self._waker, self._bell = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, lambda now_s: None)
        self.port = self._ports.port
        self._bound = True

    def start(self) -> None:
        """Read what waits, then listen; bind first where that was not done. Raises OSError when the port is taken."""
        if self._thread is not None:
            return
        if not self._bound:
            self.bind()
        rounds = iter(lambda: self._selector.select(0.0), [])
        for key, _ in chain.from_iterable(islice(rounds, MOST_ROUNDS)):  # the very first frame is black if it was asked
            self._act(key.data, time.monotonic())
        self._thread = threading.Thread(target=self._listen, name="osc desk", daemon=True)
        self._thread.start()
        log.info("OSC: UDP and TCP port %d of %s, from %s", self.port, self.osc.host, ", ".join(self.osc.allow))

    def poll(self, now_s: float) -> list[Command]:
        """What people want since the last time: the newest value of each knob, every press, in order of arrival."""
        with self._lock:
            return self._wishes.take()

    def tell(self, values: Mapping[str, StatusValue], now_s: float = 0.0) -> None:
        """Say how the show is; subscribers hear it twice a second, and nothing once the show hangs."""
        self._answers.tell(values)

    def follow(self, levels: Levels, now_s: float) -> None:
        """Say once a frame what is set; desks are told of changes by the thread that listens."""
        self._telling.follow(levels)

    def close(self) -> None:
        """Stop listening; returns when the thread has ended."""
        if not self._bound:
            return
        self._bound, self._closing = False, True
        if self._thread is None:
            self._shut()
        else:
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")
            self._thread.join(5.0)
            self._thread = None

    def _listen(self) -> None:
        status_s = time.monotonic()
        while not self._closing:
            now_s = time.monotonic()
            rests = [self._ports.wait_s(now_s), CATCH_UP_S if self._waiting else None, self._telling.wait_s(now_s)]
            for key, _ in self._selector.select(min((s for s in rests if s is not None), default=IDLE_S)):
                self._act(key.data, now_s := time.monotonic())
            self._act(self._ports.resume, now_s)
            self._act(self._catch_up, now_s)
            self._act(self._telling.step, now_s)
            if now_s - status_s >= STATUS_EVERY_S:
                status_s = now_s
                self._act(self._report, now_s)
        self._report(time.monotonic())
        self._shut()

    def _shut(self) -> None:
        self._streams.close_all()
        self._ports.close()
        for one in (self._selector, self._waker, self._bell):
            one.close()

    def _act(self, act: Any, now_s: float) -> None:
        """One step of the thread, which nothing may end."""
        try:
            act(now_s)
        except Exception:
            self.faults["desk error"] += 1
            log.exception("OSC: a step failed; the desk goes on")

    def _report(self, now_s: float) -> None:
        """Twice a second: count what the kernel dropped, end what hangs, tell how the show is."""
        self._ports.count_dropped()
        self._streams.expire(now_s)
        self._answers.report(now_s)

    def _take_udp(self, packet: bytes, address: tuple[Any, ...], came_s: float, now_s: float) -> None:
        if address[0] in self._allow:
            self._take(packet, Sender(address[0], address[1]), came_s, now_s)
        else:
            self.refuse("refused sender", address[0])

    def _take_tcp(self, packet: bytes, stream: Stream, now_s: float) -> None:
        self._take(packet, Sender(stream.host, 0, stream), now_s, now_s)

    def _take(self, packet: bytes, sender: Sender, came_s: float, now_s: float) -> None:
        """Read a packet whole; what of it may wait does, when its sender is too fast or has something waiting."""
        messages, odd = read(packet)
        for error in odd:
            self.refuse("malformed", sender.host, error)
        if not messages:
            return
        cost = tokens_of(messages, self.osc.packets_per_s)
        in_time = sender.host not in self._waiting and self._buckets.take(sender.host, now_s, cost)
        if not in_time:
            self.refuse("rate limited", sender.host)
        for message in messages:
            try:
                self._obey(message, sender, came_s, now_s) if in_time else self._put_off(message, sender, came_s, now_s)
                self.heard.note("OSC", sender.host, *message)
                self._telling.hear(message, sender)
            except Refused as refused:
                self._refuse(refused, message, sender)
        self._answers.hear(sender, now_s)

    def _obey(self, message: Message, sender: Sender, came_s: float, now_s: float, waited: bool = False) -> None:
        """Do a message; one that waited has done already what of it could not wait. Raises Refused."""
        for place in self.space.find(message[0]):
            try:  # one that cannot be does not keep a pattern from the others
                if place.waits or not waited:
                    self._want(place, message[1], sender, came_s, now_s)
            except Refused as refused:
                self._refuse(refused, message, sender)

    def _put_off(self, message: Message, sender: Sender, came_s: float, now_s: float) -> None:
        """Do at once what never waits, let the rest wait. Raises Refused."""
        address, arguments = message
        if is_pattern(address):
            with contextlib.suppress(Refused):
                for place in self.space.find(address, urgent=True):
                    self._want(place, arguments, sender, came_s, now_s)
            if all(isinstance(value, int | float) for value in arguments):  # nothing else is a value
                self._waiting.put(address, Late(message, sender, came_s))
            return
        [place] = self.space.find(address)
        if not place.waits:
            self._want(place, arguments, sender, came_s, now_s)
        elif place.kind != "ping":
            self._telling.note(place, sender, now_s)
            for _, command in self._reading.commands(place, arguments, sender.host):
                self._waiting.put(Wishes.key(command), Late(command, sender, came_s))

    def _catch_up(self, now_s: float) -> None:
        """What waited, as far as its senders may speak again."""

        def may(host: str, late: Late) -> bool:
            tokens = 1.0 / MESSAGES_PER_TOKEN if isinstance(late.wish, Command) else PATTERN_TOKENS
            return self._buckets.take(host, now_s, min(tokens, self.osc.packets_per_s))

        for late in self._waiting.take(may):
            if isinstance(late.wish, Command):
                self._keep(late.wish, False, late.came_s)
                continue
            try:
                self._obey(late.wish, late.sender, late.came_s, now_s, waited=True)
            except Refused as refused:
                self._refuse(refused, late.wish, late.sender)

    def _refuse(self, refused: Refused, message: Message, sender: Sender) -> None:
        self.refuse(refused.kind, sender.host, Told(message[0], refused, self.space.nearest, message[1]))

    def _want(self, place: Place, arguments: Sequence[Argument], sender: Sender, came_s: float, now_s: float) -> None:
        if place.kind == "ping":
            self._answers.pong(sender)
        elif place.kind == "subscribe":
            self._telling.meet(self._answers.subscribe(sender, arguments, now_s))
        else:
            self._telling.note(place, sender, now_s)
            for pressed, command in self._reading.commands(place, arguments, sender.host):
                if command.verb in KEPT and not self._moments.take(sender.host, now_s):
                    self.refuse(f"{command.verb} dropped", sender.host)
                else:
                    self._keep(command, pressed, came_s)

    def _keep(self, command: Command, pressed: bool, came_s: float) -> None:
        with self._lock:
            self._wishes.add(command, pressed, came_s)
