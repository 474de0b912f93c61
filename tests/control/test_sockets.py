"""The desk's ports outlive the show: what is sent while nobody reads is done by the next one, in its order."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Iterator

import pytest
from rehearsal import CUES, KNOBS, hear

from installation.control import ports, sockets, steering
from installation.control.desk import Desk
from installation.control.sockets import HANDED_DOWN, Sockets, bind, urgent_of
from installation.packets import encode
from installation.settings import Osc

OSC = Osc(port=0, aliases={"/stop": "/installation/blackout", "/x": "generator.truncation"})


class Keeper:
    """Holds the ports; opens one show's desk after another, as if each were a process of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.held = bind(OSC.host, OSC.port, urgent_of(OSC))

    def send(self, *packets: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for packet in packets:
                udp.sendto(packet, (OSC.host, self.held.port))

    def open(self, osc: Osc = OSC, start: bool = True) -> Desk:
        copies = Sockets(
            self.held.host, self.held.asked, self.held.listener.dup(), tuple(u.dup() for u in self.held.udp)
        )
        words = copies.words[HANDED_DOWN].replace(str(os.getpid()), str(os.getppid()))
        for one in (copies.listener, *copies.udp):
            one.detach()
        self.monkeypatch.setenv(HANDED_DOWN, words)
        desk = Desk(osc, KNOBS, CUES)
        desk.start() if start else desk.bind()
        return desk


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    made = Keeper(monkeypatch)
    yield made
    made.held.close()


def test_what_was_sent_while_there_was_no_show_is_done_by_the_next_in_its_order(keeper: Keeper) -> None:
    sent = [encode("/installation/panic"), encode("/installation/cue/go", 1), encode("/stop", 1)]
    for _ in range(2):
        keeper.send(*sent)
        desk = keeper.open()
        assert desk.port == keeper.held.port
        assert [command.verb for command in hear(desk, 3)] == ["panic", "go", "blackout"]
        assert not desk.faults
        desk.close()


def test_a_show_that_dies_before_its_first_frame_leaves_all_of_it_to_the_next(keeper: Keeper) -> None:
    keeper.send(encode("/stop", 1))
    keeper.open(start=False).close()
    desk = keeper.open()
    assert [command.verb for command in hear(desk)] == ["blackout"]
    desk.close()


def test_what_waited_is_there_for_the_very_first_frame(keeper: Keeper) -> None:
    keeper.send(encode("/installation/cue/go", 1), encode("/stop", 1))
    desk = keeper.open()
    assert {command.verb for command in desk.poll(0.0)} == {"go", "blackout"}
    desk.close()


def test_a_flood_while_there_is_no_show_leaves_room_for_blackout(keeper: Keeper) -> None:
    if len(keeper.held.udp) < 2:
        pytest.skip("blackout has no queue of its own: the kernel takes no SO_ATTACH_REUSEPORT_CBPF (Linux 4.6 does)")
    keeper.send(*[encode("/installation/master", 0.5)] * 20_000, encode("/stop", 1))
    desk = keeper.open()
    found = {command.verb for command in hear(desk, 2)}
    assert "blackout" in found
    desk.close()


def test_a_connection_made_while_there_is_no_show_is_heard_by_the_next(keeper: Keeper) -> None:
    packet = encode("/installation/blackout", 1)
    with socket.create_connection((OSC.host, keeper.held.port)) as tcp:
        tcp.sendall(len(packet).to_bytes(4, "big") + packet)
        desk = keeper.open()
        assert hear(desk)[0].verb == "blackout"
        desk.close()


def test_ports_that_the_show_no_longer_asks_for_are_not_taken(keeper: Keeper) -> None:
    desk = keeper.open(Osc(host="127.0.0.2", port=0))
    assert desk.port != keeper.held.port or desk._ports.listener.getsockname()[0] == "127.0.0.2"
    assert HANDED_DOWN not in os.environ
    desk.close()


def test_a_packet_of_minutes_ago_is_as_old_as_it_is_only_where_nobody_read_meanwhile(keeper: Keeper) -> None:
    desk = keeper.open()
    reading, now_s = desk._ports, time.monotonic()
    reading._apart_s = time.time() - now_s

    def came_s(age_s: float) -> float:
        seconds, part = divmod(time.time() - age_s, 1.0)
        stamp = ports._STAMP.pack(int(seconds), int(part * 1e9))
        return reading._came_s([(socket.SOL_SOCKET, ports._SO_TIMESTAMPNS, stamp)], now_s)

    reading._began_s = now_s - 1.0
    assert came_s(100.0) == pytest.approx(now_s - 100.0, abs=1.0)
    assert came_s(-3.0) == now_s, "of a clock that was set back"
    reading._began_s = now_s - 60.0
    assert came_s(100.0) == now_s, "of a clock that was set"
    desk.close()


def test_a_port_that_another_program_has_is_said_and_free_sockets_are_closed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="is another show running"):
            sockets.open_sockets("127.0.0.1", taken.getsockname()[1])


class Halting:
    """The clocks of a busy machine: between looking at one and at the other, others have their turn."""

    def __init__(self) -> None:
        self.lost_s, self.halts = 0.0, False

    def time(self) -> float:
        now_s = time.time() + self.lost_s
        self.lost_s += 0.05 if self.halts else 0.0
        return now_s

    def monotonic(self) -> float:
        return time.monotonic() + self.lost_s


def test_a_thread_that_is_halted_while_it_compares_clocks_makes_no_packet_older_than_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks, came = Halting(), list[float]()
    monkeypatch.setattr(ports, "time", clocks)
    with selectors.DefaultSelector() as selector:
        made = ports.Ports("127.0.0.1", 0, selector, lambda packet, sender, came_s, now_s: came.append(came_s), print)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for halts in (False, True, False):
                udp.sendto(encode("/installation/master", 0.5), ("127.0.0.1", made.port))
                clocks.halts = halts
                made._read(made.udp, time.monotonic() + 1.0)  # it lay there for a while
                made.resume(time.monotonic() + 60.0)
        made.listener.close()
        made.close()
    assert len(came) == 3 and came == sorted(came)


def test_what_comes_while_a_halted_thread_reads_is_not_taken_to_be_older_than_what_it_read_before() -> None:
    came: list[float] = []
    with selectors.DefaultSelector() as selector:
        made = ports.Ports("127.0.0.1", 0, selector, lambda packet, sender, came_s, now_s: came.append(came_s), print)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for behind_s in (0.0, 10 * ports.CLOCK_SET_S):  # the batch began so long before the packet came
                udp.sendto(encode("/installation/master", 0.5), ("127.0.0.1", made.port))
                made._read(made.udp, time.monotonic() - behind_s)
                made.resume(time.monotonic() + 60.0)
        made.listener.close()
        made.close()
    assert len(came) == 2 and came == sorted(came)


def test_a_socket_that_fails_is_counted_and_read_again() -> None:
    refused: list[str] = []
    held = ports.Ports(
        "127.0.0.1", 0, selectors.DefaultSelector(), lambda *_: None, lambda kind, **_: refused.append(kind)
    )

    class Failing:
        def recvmsg_into(self, *_: object) -> None:
            raise OSError(errno.ENETDOWN, "Network is down")

    try:
        held._read(Failing(), 0.0)  # type: ignore[arg-type]
        assert refused == ["socket error"]
    finally:
        held.listener.close()
        held.close()


def test_ports_are_closed_while_reading_rests_too() -> None:
    selector = selectors.DefaultSelector()
    held = ports.Ports("127.0.0.1", 0, selector, lambda *_: None, lambda *_, **__: None)
    selector.unregister(held.udp)  # as after a batch
    held._resume_s = time.monotonic() + 60.0
    held.close()
    held.listener.close()
    assert held.udp.fileno() < 0


def test_where_the_kernel_does_not_sort_or_count_it_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Untold:
        def getsockopt(self, *_: object) -> bytes:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    assert steering.count_dropped(Untold()) == 0  # type: ignore[arg-type]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        monkeypatch.setattr(steering.sys, "platform", "darwin")
        assert steering.count_dropped(Untold()) == 0  # type: ignore[arg-type]
        with pytest.raises(OSError, match="only Linux"):
            steering.attach(udp, 0, [])


def test_a_program_too_long_for_the_kernel_is_tried_shorter_and_other_errors_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []

    def attach(udp: object, option: int, lines: list[object]) -> None:
        tried.append(len(lines))
        if len(tried) < 2:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(steering, "attach", attach)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        steering.admit(udp, 1, urgent_of(OSC))
        assert len(tried) == 2 and tried[1] <= tried[0]
        for code, times in ((errno.EPERM, 1), (errno.ENOMEM, len(steering._LINES))):
            tried.clear()

            def refuse(*_: object, code: int = code) -> None:
                tried.append(code)
                raise OSError(code, "no")

            monkeypatch.setattr(steering, "attach", refuse)
            with pytest.raises(OSError, match="no"):
                steering.admit(udp, 1, urgent_of(OSC))
            assert len(tried) == times


def test_clocks_are_compared_again_while_this_thread_is_halted_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bool] = []
    answers = iter([False, False, True, True])
    monkeypatch.setattr(ports.Ports, "_measure", lambda made: compared.append(next(answers)) or compared[-1])
    with selectors.DefaultSelector() as selector:
        made = ports.Ports("127.0.0.1", 0, selector, lambda *_: None, print)
        made.listener.close()
        made.close()
    assert compared == [False, False, True]


def test_a_sink_is_emptied_and_an_empty_one_is_no_fault() -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.setblocking(False)
        for _ in range(5):
            one.send(b"copy")
        ports._pour_away(other, 0.0)
        with pytest.raises(BlockingIOError):
            other.recv(1)


def test_where_room_cannot_be_forced_it_is_asked_for() -> None:
    asked: list[int] = []

    class Udp:
        def setsockopt(self, level: int, option: int, value: int) -> None:
            asked.append(option)
            if option == sockets._SO_RCVBUFFORCE:
                raise PermissionError(errno.EPERM, "Operation not permitted")

    sockets.widen(Udp())  # type: ignore[arg-type]
    assert asked[-2:] == [sockets._SO_RCVBUFFORCE, socket.SO_RCVBUF]


def test_ports_that_were_handed_down_are_used_though_they_cannot_be_sorted_anew(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(sockets, "_steer", full)
    keeper.send(encode("/installation/blackout", 1))
    desk = keeper.open()
    assert hear(desk)[0].verb == "blackout" and desk.port == keeper.held.port
    desk.close()
