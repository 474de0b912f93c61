"""sACN and Art-Net over UDP in, commands for the next frame out: a lighting console that runs the show as a fixture.

One thread reads; the show asks once a frame. What counts of several consoles, `merging` says; what it means,
`personality`. A port that is taken and a network that is not there yet are tried again for as long as the show plays.
UDP senders can be forged: the allow list keeps out accidents, not attackers; give the lights a network of their own.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from installation.control.dmx import artnet, sacn, sieve
from installation.control.dmx.ears import Ear, Packet, own_address
from installation.control.dmx.merging import SOURCES_LIMIT, Merging
from installation.control.dmx.personality import Personality
from installation.control.dmx.sent import Sent
from installation.control.feedback import quiet
from installation.control.heard import Heard
from installation.control.refusals import Refusals
from installation.control.wishes import Wishes
from installation.senders import AllowList, Buckets
from installation.settings import Cue, SettingsError
from installation.settings import Dmx as Settings
from installation.signals import Command, Knob

PROTOCOLS = {"sacn": sacn, "artnet": artnet}
KEEP_EVERY_S = 5.0  # a port that could not be had, a network that was not there
IDLE_S = 0.25
PAUSE_S = 0.005  # after a full batch: a flood must not take time from the picture
CATCH_UP_S = 0.02
MOST_ROUNDS = 64  # of reading before the first frame
log = quiet(logging.getLogger("installation.control.dmx"))


class Dmx:
    """The console's way into the show: bind(), start(), then poll() and tell() once a frame, close(); as the OSC desk.

    faults counts what was refused: no sACN, no Art-Net, cut short, wrong length, unknown vector, unknown addressing,
    unknown version, no such universe, no such priority, out of sequence, too many sources, refused sender, rate
    limited, too many triggers, overtaken; and cannot listen. Raises SettingsError, naming what is to mend.
    """

    def __init__(
        self,
        asked: Settings,
        knobs: Mapping[str, Knob],
        cues: Sequence[Cue],
        show: str = "",
        heard: Heard | None = None,
    ) -> None:
        check_settings(asked)
        self.asked, self.show, self.heard = asked, show, heard or Heard()
        self.faults: Counter[str] = Counter()
        self.refuse = Refusals(self.faults, protocol="DMX", heard=self.heard)
        self.personality = Personality(asked, knobs, cues)
        self._allow = AllowList(asked.allow, "dmx.allow")
        self._buckets = Buckets(asked.packets_per_s, where="dmx.packets_per_s")
        self._said = self.personality.remember()
        self._merging = Merging()
        self._wishes = Wishes(self.refuse)
        self._late: dict[bytes, tuple[Packet, Sent]] = {}  # the newest of each source that is too fast
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._ears = list(self._wanted())
        self._bound, self._over = False, threading.Event()
        self._thread: threading.Thread | None = None
        self._kept_s = 0.0
        self._leader, self._answered = "", 0
        self._told: Mapping[str, object] = {}

    def _wanted(self) -> Iterator[Ear]:
        host, universe, address, asked = self.asked.host, self.asked.universe, self.asked.address, self.asked.protocol
        if asked != "artnet":
            sifting, group = sieve.of_sacn(universe, address), sacn.group_of(universe)
            yield Ear(host, sacn.PORT, group, sifting, self._selector, self._take_sacn)
        if asked != "sacn":
            sifting = sieve.of_artnet(universe, address)
            yield Ear(host, artnet.PORT, "", sifting, self._selector, self._take_artnet)

    def bind(self) -> None:
        """From now on what is sent waits for start(), if the ports can be had; if not, it is tried again."""
        if not self._bound:
            self._bound = True
            self._waker, self._bell = socket.socketpair()
            self._selector.register(self._bell, selectors.EVENT_READ, lambda now_s: False)
            self._keep(time.monotonic())

    def start(self) -> None:
        """Read what waits, then listen."""
        if self._thread is not None:
            return
        self.bind()
        for _ in range(MOST_ROUNDS):  # the very first frame is black if it was asked
            if not self._step(0.0, time.monotonic()):
                break
        self._thread = threading.Thread(target=self._listen, name="dmx", daemon=True)
        self._thread.start()
        where = f"universe {self.asked.universe}, address {self.asked.address}, on {self.asked.host}"
        log.info("DMX: %s, %s, from %s", self.asked.protocol, where, ", ".join(self.asked.allow))

    def poll(self, now_s: float) -> list[Command]:
        """What the console changed since the last time: the newest value of each knob, every press."""
        with self._lock:
            self._said = self.personality.remember()
            return self._wishes.take()

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """Say how the show is: Art-Net consoles read it in the list of their nodes."""
        self._told = values

    def remember(self) -> object:
        """What the console had said when it was polled last, for the next show: what came since then is still to do."""
        return self._said

    def recall(self, said: object) -> None:
        """Take up what was said to an earlier show, before start(): only what differs from it is a change."""
        self.personality.recall(said)
        self._said = self.personality.remember()

    def close(self) -> None:
        """Stop listening; returns when the thread has ended."""
        if not self._bound:
            return
        self._bound = False
        self._over.set()
        if self._thread is not None:
            self._waker.send(b"\0")
            self._thread.join(5.0)
            self._thread = None
        for ear in self._ears:
            ear.close()
        for one in (self._selector, self._waker, self._bell):
            one.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            if self._step(CATCH_UP_S if self._late else IDLE_S, time.monotonic()):
                self._over.wait(PAUSE_S)

    def _step(self, wait_s: float, now_s: float) -> bool:
        """Wait for packets and take a batch of them; whether there may be more. Nothing ends it."""
        more = False
        for key, _ in self._selector.select(wait_s):
            try:
                more |= key.data(now_s := time.monotonic())
            except OSError as error:
                self.refuse("cannot listen", text=error)
            except Exception:
                self.faults["desk error"] += 1
                log.exception("DMX: a step failed; the listener goes on")
        self._catch_up(now_s)
        if now_s - self._kept_s >= KEEP_EVERY_S:
            self._keep(now_s)
        return more

    def _keep(self, now_s: float) -> None:
        """Open what is not open."""
        self._kept_s = now_s
        for ear in self._ears:
            try:
                ear.keep()
            except OSError as error:
                self.refuse("cannot listen", text=f"{ear.host} port {ear.port}: {error}")

    def _take_sacn(self, packet: Packet) -> None:
        if self._may_speak(packet):
            self._sort(sacn.decode(packet.raw), packet)

    def _take_artnet(self, packet: Packet) -> None:
        if self._may_speak(packet):
            self._sort(artnet.decode(packet.raw, packet.address[0], self.asked.artnet_priority), packet)

    def _may_speak(self, packet: Packet) -> bool:
        if packet.address[0] in self._allow:
            return True
        self.refuse("refused sender", packet.address[0], count=packet.stands_for)
        return False

    def _sort(self, said: Sent | artnet.Poll | str | None, packet: Packet) -> None:
        """Refusals, questions, levels of ours: those of a source that is too fast wait, unless they ask for black."""
        host = packet.address[0]
        if isinstance(said, str):
            self.refuse(said, host, count=packet.stands_for)
        elif isinstance(said, artnet.Poll):
            self._answer(said, packet)
        elif said is not None and said.universe == self.asked.universe:
            in_time = self._buckets.take(host, packet.now_s)
            if not in_time:
                self.refuse("rate limited", host)
            if in_time or packet.dark:
                self._late.pop(said.source, None)
                self._obey(said, packet.now_s, packet.came_s)
                return
            self._late[said.source] = packet, said
            if len(self._late) > SOURCES_LIMIT:
                del self._late[next(iter(self._late))]

    def _catch_up(self, now_s: float) -> None:
        for source, (packet, said) in list(self._late.items()):
            if self._buckets.take(packet.address[0], now_s):
                del self._late[source]
                self._obey(said, now_s, packet.came_s)

    def _obey(self, said: Sent, now_s: float, came_s: float) -> None:
        look = self._merging.take(said, now_s, came_s)
        if self._merging.leader != self._leader:
            self._leader = self._merging.leader
            log.info("DMX: %s", f"{self._leader!r} leads" if self._leader else "nobody sends; the last look stays")
        if isinstance(look, str):
            self.refuse(look, said.name)
        elif look is not None:
            with self._lock:
                for pressed, command in self.personality.read(look, now_s):
                    self._wishes.add(replace(command, by=f"dmx {self._leader}"), pressed, now_s)
            for channel, value in self.personality.moved:
                self.heard.note("DMX", said.name, channel.name, (value,), spare=channel.spare)

    def _answer(self, poll: artnet.Poll, packet: Packet) -> None:
        """An ArtPoll: this show is here, and how it is. To the port that asked, which a console's own always is."""
        ear, address = self._ears[-1], packet.address  # Art-Net's is the last
        if not poll.lowest <= self.asked.universe <= poll.highest or ear.udp is None:
            return
        if not self._buckets.take(address[0], packet.now_s):
            self.refuse("rate limited", address[0])
            return
        self._answered = (self._answered + 1) % 10_000
        told = ", ".join(f"{name} {self._told[name]}" for name in ("cue", "fps") if name in self._told)
        report = f"#0001 [{self._answered:04d}] {told}"
        live = self._merging.live(packet.now_s)
        with contextlib.suppress(OSError):  # who asks and is gone is no fault of the show
            own = self.asked.host if self.asked.host != "0.0.0.0" else own_address(address)
            ear.udp.sendto(artnet.answer(own, self.asked.universe, self.show, report, live), address)


def check_settings(asked: Settings) -> None:
    """Raises SettingsError for a protocol, host, universe or priority that cannot be."""
    if asked.protocol not in (*PROTOCOLS, "both"):
        raise SettingsError(f"dmx.protocol: expected sacn, artnet or both, found {asked.protocol[:40]!r}")
    try:
        ipaddress.IPv4Address(asked.host)
    except ValueError as error:
        raise SettingsError(f"dmx.host: {str(error)[:80]}; expected one of this machine's, such as 10.0.0.5") from None
    for name in PROTOCOLS if asked.protocol == "both" else (asked.protocol,):
        low, high = PROTOCOLS[name].LOWEST, PROTOCOLS[name].HIGHEST
        if not low <= asked.universe <= high:
            raise SettingsError(f"dmx.universe: must be {low} to {high} for {name}, found {asked.universe}")
    if not 0 <= asked.artnet_priority <= sacn.MOST_PRIORITY:
        raise SettingsError(f"dmx.artnet_priority: must be 0 to {sacn.MOST_PRIORITY}, found {asked.artnet_priority}")
