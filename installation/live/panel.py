"""What is set and shown in, a page for browsers out, served by a process of its own; what people do there, as commands.

Browsers never cost the show a frame: it leaves what there is to see in shared memory, and only while somebody looks,
and once a frame it reads the small messages that came back, without waiting and no more than MOST_READ of them.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from installation.children import Child, Memory
from installation.control import said
from installation.control.desks import Sight
from installation.control.heard import Heard
from installation.control.learning import Learner, Teachable
from installation.control.places import KEPT, Refused
from installation.control.refusals import Refusals
from installation.control.wishes import Wishes
from installation.frames import Words
from installation.live.fitting import Fitting
from installation.live.inviting import beyond_loopback, say_address
from installation.live.kept import TOKEN
from installation.live.panel_plan import LOOKED, PICTURE_PX, Plan, shape_of_paper
from installation.senders import Buckets
from installation.settings import Show
from installation.signals import Command, Knob, Levels

log = logging.getLogger("installation.live.panel")
MOST_READ = 128  # messages of one frame
STATE_EVERY_S, PICTURE_EVERY_S, GONE_S = 0.1, 0.125, 2.0
SILENT_S, OPENING_S = 5.0, 40.0
MOMENTS_HZ, MOMENTS_AT_ONCE = 0.5, 5.0


class Panel:
    """The page as one more desk: bind(), start(), then poll(), follow() and tell() once a frame, close().

    faults counts what was refused (malformed, unknown address, bad argument, out of range, too many triggers), a port
    that cannot be had (cannot listen), and processes that were lost (panel).
    """

    def __init__(
        self,
        show: Show,
        options: Namespace,
        knobs: Mapping[str, Knob],
        heard: Heard,
        teachers: Mapping[str, Teachable],
        again: bool = False,
    ) -> None:
        """again: its address is known by now, from a show before this one."""
        self.asked, self.show, self.knobs, self.heard = show.panel, show, knobs, heard
        self.learner = Learner(heard, teachers)
        self.sight: Sight | None = None
        self._cues = {cue.number for cue in show.cues}
        self._refused: Counter[str] = Counter()
        self._refuse = Refusals(self._refused, protocol="Panel", heard=heard)
        self._wishes = Wishes(self._refuse)
        self._moments, self._fitting = Buckets(MOMENTS_HZ, MOMENTS_AT_ONCE), Fitting()
        self._memory = Memory(Plan.bytes_of())
        self._plan = Plan(self._memory)
        self._pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        for ours, _ in self._pairs:
            ours.setblocking(False)
        self._options = options
        self._token, self._port, self._said = os.environ.pop(TOKEN, ""), self.asked.port, again
        self._state_s = self._picture_s = 0.0
        self._state: dict[str, Any] = {}
        self._fault_times: dict[str, tuple[int, float]] = {}
        self._trouble, self._has_watched = "", False
        self._drawn = 0  # number of the drawing that was laid last
        self._child = Child(
            "panel",
            "installation.live.panel_child",
            self._settings,
            self._memory,
            log=log,
            silent_s=SILENT_S,
            opening_s=OPENING_S,
            pass_fds=[theirs.fileno() for _, theirs in self._pairs],
        )

    @property
    def faults(self) -> Counter[str]:
        return self._refused + self._child.faults

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    @property
    def page(self) -> Mapping[str, Any]:
        """What the page's process says of itself: address, port, and what keeps it from them (trouble)."""
        return self._plan.page.read()

    @property
    def is_looked_at(self) -> bool:
        """Whether a browser has the page open."""
        return time.monotonic() - float(self._memory.times[LOOKED]) < GONE_S

    def look(self, sight: Sight) -> None:
        """From now on there is something to see."""
        self.sight, self._fitting.wall = sight, sight.wall

    def bind(self) -> None:
        """Nothing waits to be heard."""

    def start(self) -> None:
        """Let the page's process open its port, now or when it can be had."""
        self._child.start()

    def poll(self, now_s: float) -> list[Command]:
        """What people did since the last time: the newest value of each knob, every press."""
        for message in self._messages():
            try:
                if said.WALL in (told := said.parse(message)):
                    self._fitting.hear(told)
                    continue
                command, at_s = said.read(told, self.knobs, self._cues)
                self._want(command, min(at_s or time.monotonic(), time.monotonic()))
            except Refused as refused:
                self._refuse(refused.kind, "page", refused)
        self.learner.look()
        if self.sight is not None and (drawing := self._plan.paper.read(self._drawn)) is not None:
            pixels, _, self._drawn = drawing
            self.sight.lay(pixels)
        if self.sight is not None and self.is_looked_at:
            self._leave_picture(self.sight, now_s)
        return self._wishes.take()

    def follow(self, levels: Levels, now_s: float) -> None:
        """Leave what is set where the page sees it, a few times a second, if anything is new."""
        if now_s < self._state_s or not self.is_looked_at:
            return
        self._state_s = now_s + STATE_EVERY_S
        table = asdict(replace(levels, base={}, held={})) | {
            "values": [round(levels.base.get(name, knob.default), 5) for name, knob in self.knobs.items()],
            "held": dict(levels.held),
            "master": round(levels.master, 4),
            "come": round(levels.come, 3),
            "may_show": self._may_show(),
            "learning": self.learner.knob,
            "learnt": [[*key, knob] for key, knob in self.learner.learnt.items()],
            "lines": self.learner.lines(),
        }
        if table != self._state:
            self._state = table
            self._write(self._plan.state, table)
        if wall := self._fitting.news():
            self._write(self._plan.wall, wall)

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """Say how the show is."""
        self._hear_of_page()
        faults = self.sight.faults() if self.sight else {}
        for kind, count in faults.items():
            if self._fault_times.get(kind, (0, 0.0))[0] != count:
                self._fault_times[kind] = count, time.time()
        if self.is_looked_at:
            rows = [[kind, *row] for kind, row in self._fault_times.items()]
            devices = dict(self.sight.devices()) if self.sight else {}
            self._write(
                self._plan.health,
                {"status": dict(values), "faults": rows, "devices": devices, "messages": self.heard.last()},
            )

    def remember(self) -> object:
        """The port, for the next show."""
        return self.page.get("port", self._port)

    def recall(self, told: object) -> None:
        """Come back at that port, unless another is asked for."""
        if isinstance(told, int) and not self.asked.port and 0 < told < 65536:
            self._port = told

    def close(self) -> None:
        self._child.close()
        for pair in self._pairs:
            for end in pair:
                end.close()

    def _messages(self) -> Iterator[bytes]:
        """What came, blackout and panic first."""
        for ours, _ in self._pairs:
            for _ in range(MOST_READ):
                try:
                    yield ours.recv(said.LONGEST + 1)
                except OSError:
                    break

    def _want(self, command: Command, came_s: float) -> None:
        if command.verb == "learn":
            self.learner.begin(command.name)
        elif command.verb == "forget":
            self.learner.forget()
        elif command.verb in KEPT and not self._moments.take("panel", came_s):
            self._refuse(f"{command.verb} dropped", "page")
        else:
            self._wishes.add(command, said.is_pressed(command, self.knobs), came_s)
            self.heard.note("Panel", "page", f"{command.verb} {command.name}".strip(), (command.value,))

    def _leave_picture(self, sight: Sight, now_s: float) -> None:
        if now_s < self._picture_s or not self._may_show():
            return
        self._picture_s = now_s + PICTURE_EVERY_S
        rgb = sight.picture()
        step = -(-max(rgb.shape[:2]) // PICTURE_PX)
        self._plan.pictures.write(rgb[::step, ::step])

    def _may_show(self) -> bool:
        """Whether the wall may be seen on the page; a show that has painted from the camera may do so in all that
        follows, as feedback and echoes keep what they were given."""
        self._has_watched |= self.sight is not None and self.sight.watches()
        return self.asked.preview and (self.asked.camera or not self._has_watched)

    def _write(self, words: Words, table: Mapping[str, Any]) -> None:
        with suppress(ValueError):  # longer than there is room for: the page keeps what it has
            words.write(table)

    def _hear_of_page(self) -> None:
        """Say the address once, and what keeps the page from it once."""
        told = self.page
        if (trouble := str(told.get("trouble", ""))) != self._trouble:
            self._trouble = trouble
            if trouble:
                self._refuse("cannot listen", text=trouble)
        if told.get("addresses") and not self._said:
            self._said = True
            say_address(told["addresses"], self.asked, bool(shape_of_paper(self.show.generator)))
        if told.get("addresses") and self.sight and beyond_loopback(self.asked):
            self.sight.put_up(told["addresses"][0])
            self.sight = replace(self.sight, put_up=lambda words: None)

    def _settings(self) -> Mapping[str, Any]:
        """What the page's process is told; one that takes another's place gets port and token of that."""
        told = self._plan.page.read()
        return {
            "panel": asdict(self.asked) | {"port": told.get("port", self._port), "any": not self.asked.port},
            "token": told.get("token", self._token),
            "descriptors": [theirs.fileno() for _, theirs in self._pairs],
            "show": self._options.show,
            "draws": shape_of_paper(self.show.generator),
            "moments": str(self._options.moments),
            "sheet": {
                "name": self.show.name,
                "about": self.show.about,
                "knobs": [[k.name, k.low, k.high, k.default, k.about, k.kind] for k in self.knobs.values()],
                "cues": [[cue.number, cue.name, cue.fade_s] for cue in self.show.cues],
            },
        }
