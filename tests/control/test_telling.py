"""Every desk sees what the others do, on real sockets: at its own addresses, never its own doing, never too often."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from rehearsal import CUES, KNOBS, hear, open_desk, wait_for

from installation.control import telling
from installation.control.addresses import Space
from installation.control.answers import Sender
from installation.control.cues import Board
from installation.control.desk import Desk
from installation.control.told import Told, said, settings_of
from installation.packets import Frames, decode, encode
from installation.signals import Command, Knob

TEAR, MASTER = "/installation/effect/tear/amount", "/installation/master"
POINT = [Knob("effect.warp.point.x"), Knob("effect.warp.point.y", high=2.0)]
Said = tuple[str, tuple[object, ...]]


class Stage:
    """A desk and a board, frame after frame."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.board, self.now_s = desk, Board(desk_knobs(), CUES), 0.0

    def frame(self, *commands: Command) -> None:
        self.now_s += 1.0
        for command in (*self.desk.poll(self.now_s), *commands):
            self.board.apply(command, self.now_s)
        self.desk.follow(self.board.levels(self.now_s), self.now_s)


class Console:
    """One who sends over UDP from a port of its own, or by TCP, and hears what comes back."""

    def __init__(self, stage: Stage, tcp: bool = False, host: str = "127.0.0.1") -> None:
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        self.stage, self.line, self.frames, self.tcp = stage, socket.socket(socket.AF_INET, kind), Frames(), tcp
        self.line.bind((host, 0))
        self.line.connect(("127.0.0.1", stage.desk.port))
        self.line.settimeout(0.01)
        self.frames.framing = "length"
        self.heard: list[Said] = []

    def send(self, address: str, *arguments: object) -> None:
        packet = encode(address, *arguments)  # type: ignore[arg-type]
        self.line.sendall(self.frames.wrap(packet) if self.tcp else packet)

    def listen(self) -> list[Said]:
        with contextlib.suppress(TimeoutError):
            while True:
                came = self.line.recv(65_536)
                packets = list(self.frames.feed(came)) if self.tcp else [came]
                self.heard += [message for packet in packets for message in decode(packet)]
        return self.heard

    def newest(self) -> dict[str, tuple[object, ...]]:
        return dict(self.listen())

    def until(self, address: str, *arguments: object) -> None:
        wait_for(lambda: self.stage.frame() or self.newest().get(address) == arguments, lambda: self.heard)


def desk_knobs() -> dict[str, Knob]:
    return KNOBS


@pytest.fixture
def stage() -> Iterator[Stage]:
    desk = open_desk(allow=("127.0.0.0/8",))
    yield Stage(desk)
    desk.close()


@pytest.fixture
def console(stage: Stage) -> Iterator[Callable[..., Console]]:
    made: list[Console] = []

    def make(**how: object) -> Console:
        made.append(Console(stage, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.line.close()


def heard_by(stage: Stage, *hosts: str) -> None:
    """Wait until the desk tells these of changes."""
    wait_for(lambda: stage.frame() or {told.host for told in stage.desk._telling._told.values()} >= set(hosts))


def test_what_the_panel_sets_comes_to_a_desk_that_was_heard(stage: Stage, console: Callable[..., Console]) -> None:
    touch = console()
    touch.send("/installation/ping")
    heard_by(stage, "127.0.0.1")
    stage.frame(Command("knob", "effect.tear.amount", 0.25, by="panel"), Command("master", value=0.5, by="panel"))
    stage.frame(Command("blackout", value=1.0, by="panel"), Command("cue", "2", fade_s=0.0, by="panel"))
    touch.until("/installation/effect/mirror/sides", 3)
    told = touch.newest()
    assert told[TEAR] == (0.25,) and told[MASTER] == (0.5,)
    assert told["/installation/blackout"] == (1,) and told["/installation/cue"] == ("2",)
    assert "/installation/effect/echo/on" in told and "/installation/bend/melt/amount" not in told  # unchanged


def test_nothing_goes_back_to_where_it_came_from_and_the_others_see_it(
    stage: Stage, console: Callable[..., Console]
) -> None:
    one, other = console(host="127.0.0.2"), console(host="127.0.0.3")
    one.send(MASTER, 1.0)
    other.send("/installation/ping")
    heard_by(stage, "127.0.0.2", "127.0.0.3")
    one.send(TEAR, 0.5)
    one.send(MASTER, 0.25)
    other.until(MASTER, 0.25)
    other.until(TEAR, 0.5)
    other.send(TEAR, 0.75)
    one.until(TEAR, 0.75)
    assert one.heard == [(TEAR, (0.75,))]
    assert all(arguments != (0.75,) for _, arguments in other.listen())


def test_what_came_by_a_pattern_does_not_go_back_either(stage: Stage, console: Callable[..., Console]) -> None:
    one, other = console(host="127.0.0.2"), console(host="127.0.0.3")
    for each in (one, other):
        each.send("/installation/ping")
    heard_by(stage, "127.0.0.2", "127.0.0.3")
    one.send("/installation/*/tear/amount", 0.5)
    other.until(TEAR, 0.5)
    stage.frame(Command("master", value=0.5, by="panel"))
    one.until(MASTER, 0.5)
    assert TEAR not in one.newest()


def test_a_show_never_tells_itself(stage: Stage, console: Callable[..., Console]) -> None:
    touch = console()
    touch.send("/installation/status/subscribe", stage.desk.port)
    touch.send("/installation/status/subscribe", touch.line.getsockname()[1])
    stage.frame(Command("master", value=0.5, by="panel"))
    touch.until(MASTER, 0.5)
    touch.send("/installation/ping")
    wait_for(lambda: stage.frame() or "/installation/pong" in touch.newest())
    assert stage.board.levels(stage.now_s).by["master"] == "panel"
    assert not stage.board.levels(stage.now_s).held and not stage.desk.faults


def test_two_programs_of_one_machine_see_each_other_over_tcp(stage: Stage, console: Callable[..., Console]) -> None:
    one, other = console(tcp=True), console(tcp=True)
    one.send("/installation/ping")
    other.send("/installation/ping")
    other.until(TEAR, pytest.approx(0.2))
    one.until(TEAR, pytest.approx(0.2))
    one.send(TEAR, 0.5)
    other.until(TEAR, 0.5)
    one.send(MASTER, 0.5)
    other.until(MASTER, 0.5)
    assert (TEAR, (0.5,)) not in one.listen() and (MASTER, (0.5,)) not in one.heard


def test_a_stream_that_begins_to_speak_is_told_everything_that_is_set(
    stage: Stage, console: Callable[..., Console]
) -> None:
    stage.frame(Command("knob", "bend.melt.amount", -0.5, by="panel"), Command("freeze", value=1.0, by="key"))
    eos = console(tcp=True)
    eos.send("/installation/ping")
    eos.until("/installation/bend/melt/amount", -0.5)
    wait_for(lambda: len(eos.newest()) >= len(KNOBS) + 5 + 1, lambda: eos.newest())
    told = eos.newest()
    assert told["/installation/freeze"] == (1,) and told["/installation/blackout"] == (0,)
    assert told["/installation/cue"] == ("1",) and told["/installation/effect/mirror/sides"] == (6,)


def test_who_subscribes_is_told_everything_and_again_when_he_asks_again(
    stage: Stage, console: Callable[..., Console]
) -> None:
    touch = console()
    for _ in range(2):
        touch.send("/installation/status/subscribe")
        touch.until("/installation/effect/mirror/sides", 6)
        touch.heard.clear()
    stage.frame(Command("master", value=0.5, by="panel"))
    touch.until(MASTER, 0.5)
    waited(stage)
    assert [address for address, _ in touch.listen()].count(MASTER) == 1  # not once more as a mere sender


def test_a_desk_that_counts_in_percent_is_told_whole_percents() -> None:
    desk = open_desk(aliases={"/Page1/Fader201": "/installation/master/percent"})
    stage = Stage(desk)
    ma, touch = Console(stage, host="127.0.0.2"), Console(stage, host="127.0.0.3")
    ma.send("/Page1/Fader201", 40)
    touch.send("/installation/bend/melt/amount/norm", 0.5)
    heard_by(stage, "127.0.0.2", "127.0.0.3")
    panel = [Command("master", value=0.705, by="panel"), Command("knob", "bend.melt.amount", -0.5, by="panel")]
    stage.frame(*panel)
    ma.until("/Page1/Fader201", 70)
    touch.until("/installation/bend/melt/amount/norm", 0.25)
    assert MASTER not in ma.newest() and MASTER in touch.newest()
    assert "/installation/bend/melt/amount" not in touch.newest()
    ma.line.close(), touch.line.close()
    desk.close()


def test_a_point_is_told_as_one_message_to_a_desk_that_sends_it_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.KNOBS", KNOBS | {knob.name: knob for knob in POINT})
    monkeypatch.setattr(f"{__name__}.KNOBS", KNOBS | {knob.name: knob for knob in POINT})
    desk = open_desk()
    stage = Stage(desk)
    pad = Console(stage, host="127.0.0.2")
    pad.send("/installation/effect/warp/point", 0.5, 1.5)
    heard_by(stage, "127.0.0.2")
    stage.frame(Command("knob", "effect.warp.point.y", 1.0, by="panel"))
    pad.until("/installation/effect/warp/point", 0.5, 1.0)
    assert set(pad.newest()) == {"/installation/effect/warp/point"}
    pad.line.close()
    desk.close()


def test_an_alias_that_leaves_arguments_out_says_nothing_so_our_own_address_does() -> None:
    desk = open_desk(aliases={"/accxyz": {"argument": 2, "to": "master"}})
    stage = Stage(desk)
    phone = Console(stage)
    phone.send("/accxyz", 0.0, 0.0, 1.0)
    heard_by(stage, "127.0.0.1")
    stage.frame(Command("master", value=0.5, by="panel"))
    phone.until(MASTER, 0.5)
    assert "/accxyz" not in phone.newest()
    phone.line.close()
    desk.close()


def test_a_desk_that_uses_ever_new_addresses_for_a_knob_is_told_at_the_last_four() -> None:
    told, space = Told("10.0.0.1"), Space(KNOBS, CUES)
    for number in range(50):
        told.use(f"/fader/{number}", space.places[TEAR], False)
    now = settings_of(Board(KNOBS, CUES).levels(0.0))
    told.freshen(now)
    assert [address for address, _ in told.news(now, lambda key: False, 99)] == [f"/fader/{n}" for n in range(46, 50)]


def test_a_panic_does_not_move_the_master_but_says_black(stage: Stage, console: Callable[..., Console]) -> None:
    touch = console(host="127.0.0.2")
    touch.send("/installation/ping")
    heard_by(stage, "127.0.0.2")
    touch.send("/installation/blackout", 0)
    wait_for(lambda: stage.frame() or stage.board.levels(stage.now_s).by.get("blackout") == "osc 127.0.0.2")
    touch.send("/installation/panic", 1, 0.0)
    touch.until("/installation/blackout", 1)  # who pressed panic did not say so himself
    stage.frame(Command("blackout", value=0.0, by="key"))
    touch.until("/installation/blackout", 0)
    assert MASTER not in touch.newest()


def test_a_released_knob_comes_back_to_the_hand_that_held_it(stage: Stage, console: Callable[..., Console]) -> None:
    touch = console(host="127.0.0.2")
    touch.send(TEAR, 0.9)
    heard_by(stage, "127.0.0.2")
    touch.send("/installation/release/effect/tear/amount")
    touch.until(TEAR, pytest.approx(0.2))


def test_echoing_desks_do_not_keep_each_other_talking(stage: Stage, console: Callable[..., Console]) -> None:
    desks = [console(host=f"127.0.0.{n}") for n in (2, 3)]
    for one in desks:
        one.send("/installation/ping")
    heard_by(stage, "127.0.0.2", "127.0.0.3")
    stage.frame(Command("knob", "effect.tear.amount", 0.3, by="panel"))
    for one in desks:
        one.until(TEAR, pytest.approx(0.3))
    for one in desks * 3:
        one.send(TEAR, 0.3)
        wait_for(lambda: stage.desk.poll(0.0) and True)
    stage.frame(*[Command("knob", "effect.tear.amount", decode(encode("/x", 0.3))[0][1][0], by="osc 127.0.0.3")])
    stage.frame(Command("master", value=0.5, by="panel"))
    for one in desks:
        one.until(MASTER, 0.5)
        assert len([1 for address, _ in one.heard if address == TEAR]) <= 2


def test_a_fade_is_told_at_most_twenty_times_a_second_and_ends_where_it_ends(
    stage: Stage, console: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = console()
    touch.send("/installation/ping")
    heard_by(stage, "127.0.0.1")
    began_s, step, before_s = time.monotonic(), 0, stage.desk._telling._next_s
    while stage.desk._telling._next_s < before_s + 10 * telling.ROUND_S:  # ten rounds of the desk's, many frames
        step += 1
        touch.send("/installation/effect/mirror/sides", 6)  # the desk is awake between its rounds too
        stage.frame(Command("master", value=1.0 - step % 1000 / 2000, by="panel"))
    stage.frame(Command("master", value=0.5, by="panel"))
    touch.until(MASTER, 0.5)
    rounds = (time.monotonic() - began_s) / telling.ROUND_S
    assert len([1 for address, _ in touch.heard if address == MASTER]) <= rounds + 2


def test_more_than_fits_one_round_waits_for_the_next_and_nothing_is_lost(
    stage: Stage, console: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_EACH", 2)
    touch = console()
    touch.send("/installation/status/subscribe")
    wait_for(lambda: stage.frame() or len(touch.newest()) >= len(KNOBS) + 5, lambda: touch.newest())


def test_a_reader_who_does_not_read_is_told_the_newest_when_he_reads_again(
    stage: Stage, console: Callable[..., Console]
) -> None:
    slow = console(tcp=True)
    slow.send("/installation/ping")
    slow.until(MASTER, 1.0)
    [stream] = stage.desk._streams.open
    stream.unsent = stream.frames.wrap(b"/held\0\0\0,\0\0\0")
    stream.connection, real = Shut(), stream.connection
    for level in (0.9, 0.8, 0.7):
        stage.frame(Command("master", value=level, by="panel"))
        waited(stage)
    stream.connection = real
    slow.until(MASTER, pytest.approx(0.7))
    levels = [arguments[0] for address, arguments in slow.heard if address == MASTER]
    assert levels == [1.0, pytest.approx(0.7)]


class Shut:
    """A connection whose other end takes nothing."""

    def send(self, packet: bytes) -> int:
        raise BlockingIOError


def waited(stage: Stage) -> None:
    """Until the desk has looked round once more."""
    before = stage.desk._telling._next_s
    wait_for(lambda: stage.desk._telling._next_s > before)


def test_nothing_is_told_where_that_is_not_wanted_or_nobody_listens() -> None:
    desk = open_desk(feedback=False)
    stage = Stage(desk)
    quiet = Console(stage, tcp=True)
    quiet.send("/installation/ping")
    quiet.send(TEAR, 0.5)
    hear(desk)
    stage.frame(Command("master", value=0.5, by="panel"))
    quiet.send("/installation/ping")
    wait_for(lambda: len(quiet.listen()) == 2)
    assert {address for address, _ in quiet.heard} == {"/installation/pong"}
    quiet.line.close()
    desk.close()


def test_many_desks_share_what_may_be_said_in_a_round(
    stage: Stage, console: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST", 6)
    desks = [console(host=f"127.0.0.{n}") for n in (2, 3, 4)]
    said: list[int] = []
    reach = stage.desk._answers.reach
    monkeypatch.setattr(
        stage.desk._answers, "reach", lambda whom, packets: said.append(len(packets)) or reach(whom, packets)
    )
    for one in desks:
        one.send("/installation/status/subscribe")
    for one in desks:
        wait_for(lambda o=one: stage.frame() or len(o.newest()) >= len(KNOBS) + 5, lambda o=one: o.newest())
    assert max(said[-3:]) <= 2 and max(said) <= 6


def test_nobody_listens_and_nothing_is_looked_at(stage: Stage) -> None:
    stage.frame(Command("master", value=0.5, by="panel"))
    assert stage.desk._telling.wait_s(0.0) is None and not stage.desk._telling._before


def test_a_frame_only_leaves_its_levels_behind(stage: Stage) -> None:
    levels = dataclasses.replace(stage.board.levels(0.0), base=Untouchable())
    stage.desk.follow(levels, 0.0)
    assert stage.desk.faults == {}


class Untouchable(dict[str, float]):
    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a frame has no time to compare")


def test_an_address_that_is_used_again_and_again_is_told_once() -> None:
    told, space = Told("10.0.0.1"), Space(KNOBS, CUES)
    for address in ("/b", *["/a"] * 6):
        told.use(address, space.places[TEAR], False)
    now = settings_of(Board(KNOBS, CUES).levels(0.0))
    told.freshen(now)
    assert [address for address, _ in told.news(now, lambda key: False, 99)] == ["/b", "/a"]


def test_what_is_not_known_now_is_not_told_and_comes_when_it_is() -> None:
    told, space = Told("10.0.0.1"), Space(KNOBS, CUES)
    told.show(MASTER, space.places[MASTER])
    now = settings_of(Board(KNOBS, CUES).levels(0.0))
    dimmed = {key: setting for key, setting in now.items() if key != ("master", "")}  # so it is in a panic
    assert list(told.news(dimmed, lambda key: False, 99)) == []
    for settings, heard in ((now, [(MASTER, (1.0,))]), (dimmed, []), (now, [])):
        told.freshen(now)
        assert list(told.news(settings, lambda key: False, 99)) == heard


def test_an_address_that_is_spoken_again_and_again_is_noted_once(
    stage: Stage, console: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(Told, "use", lambda told, address, place, whole: used.append(address))
    touch = console()
    touch.send("/installation/ping")
    heard_by(stage, "127.0.0.1")
    wait_for(lambda: stage.frame() or stage.desk._telling._told)
    for value in (0.1, 0.2, 0.3):
        stage.desk._telling.hear((TEAR, (value,)), Sender("127.0.0.1", 0))
    stage.desk._telling.hear((TEAR, (1,)), Sender("127.0.0.1", 0))
    stage.desk._telling.hear(("/installation/none", (1,)), Sender("127.0.0.1", 0))
    assert used == [TEAR, TEAR], "once with parts of one, once whole"


def test_switches_and_whole_numbers_are_told_whole() -> None:
    space, now = Space(KNOBS, CUES), settings_of(Board(KNOBS, CUES).levels(0.0))
    for path, value in (("effect/echo/on", 0), ("effect/mirror/sides", 6), ("effect/tear/amount", 0.2)):
        (found,) = said(space.places[f"/installation/{path}"], now) or ()
        assert found == value and type(found) is type(value)


def test_a_point_may_wait_as_its_parts_may() -> None:
    space = Space(KNOBS | {knob.name: knob for knob in POINT}, CUES)
    assert space.places["/installation/effect/warp/point"].waits and not space.places["/installation/blackout"].waits
