"""Twenty thousand packets at once cost the show nothing: blackout arrives, memory and log stay as they were."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import Counter

import pytest
from flood import flood, packets
from rehearsal import hear, open_desk, wait_for

from installation.control import steering
from installation.control.desk import Desk
from installation.control.feedback import resident_mb
from installation.control.ports import BATCH, Ports
from installation.packets import encode, encode_bundle
from installation.signals import Command

BLACK = Command("blackout", value=1.0)
BLACKOUT = "/installation/blackout"


def without_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems whose kernel takes no program."""

    def cannot(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(steering, "steer", cannot)


def refused(desk: Desk) -> int:
    return sum(desk.faults.values())


@pytest.mark.parametrize("sorting", [True, False], ids=["kernel sorts", "kernel does not sort"])
def test_a_flood_is_survived_and_counted_and_the_desk_still_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sorting: bool
) -> None:
    if not sorting:
        without_sorting(monkeypatch)
    desk = open_desk()
    flood(desk.port, 2000, seed=3)
    before_mb = resident_mb()
    with caplog.at_level(logging.INFO, "installation"):
        flood(desk.port, 20_000, seed=3)
    wait_for(lambda: refused(desk) > 15_000, lambda: dict(desk.faults))
    assert len(caplog.records) < 40
    assert resident_mb() - before_mb < 8
    desk.poll(0.0)
    with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
        packet = encode("/installation/cue/go", 1)
        tcp.sendall(len(packet).to_bytes(4, "big") + packet)
        wait_for(lambda: any(c.verb == "go" for c in desk.poll(0.0)) or _again(tcp, packet), lambda: dict(desk.faults))
    desk.close()


def _again(tcp: socket.socket, packet: bytes) -> bool:
    """Press once more: the sender's bucket fills again within a second of the flood."""
    tcp.sendall(len(packet).to_bytes(4, "big") + packet)
    return False


@pytest.mark.parametrize("how", ["message", "bundle", "tcp"])
def test_blackout_gets_through_in_the_middle_of_a_flood_of_good_messages(how: str) -> None:
    desk = open_desk(packets_per_s=50.0)  # so that the slowest machine sends too many
    over = threading.Event()

    def pour() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", desk.port))
            fader = encode("/installation/master", 0.5)
            while not over.is_set():
                udp.send(fader)

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        wait_for(lambda: desk.faults["rate limited"] > 1000, lambda: dict(desk.faults))
        packet = encode("/installation/blackout", 1)
        if how == "bundle":
            packet = encode_bundle([packet, encode("/installation/freeze", 1)])
        if how == "tcp":
            with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
                tcp.sendall(len(packet).to_bytes(4, "big") + packet)
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto(packet, ("127.0.0.1", desk.port))
        wait_for(lambda: BLACK in desk.poll(0.0), lambda: dict(desk.faults))
    finally:
        over.set()
        pouring.join()
        desk.close()


@pytest.mark.parametrize(
    ("address", "how"),
    [
        (BLACKOUT, "message"),
        ("/Page1/Key101", "message"),
        ("/black/out/of/16", "bundle"),
        (BLACKOUT, "nested"),
        (BLACKOUT, "last"),
        (BLACKOUT, "cut"),
    ],
)
def test_a_show_that_hangs_for_a_second_in_a_flood_still_hears_its_blackout(address: str, how: str) -> None:
    """Nobody reads while the queue overflows: the kernel keeps blackout in a queue of its own, whatever its name."""
    black = encode(address, 1)
    if how == "bundle":
        black = encode_bundle([black, encode("/installation/freeze", 1)])
    if how == "nested":
        inner = encode_bundle([encode("/installation/freeze", 1), encode_bundle([encode("/x"), black])])
        black = encode_bundle([encode("/installation/master", 1), inner, encode("/x")])
    if how in ("last", "cut"):
        black = encode_bundle([encode("/installation/master/norm", 1.0)] * 6 + [black] + [encode("/x", "y")] * 3)
    if how == "cut":
        black = black[:-3]
    names = (
        ("/Page1/Key101", "/black/out/of/16", "/" + "x" * 255, "/" + "x" * 999) if how in ("message", "bundle") else ()
    )
    aliases = dict.fromkeys(names, BLACKOUT)
    desk = open_desk(aliases=aliases)
    if not desk._ports.sorted_by_kernel:
        desk.close()
        pytest.skip("blackout has no queue of its own: the kernel takes no SO_ATTACH_REUSEPORT_CBPF (Linux 4.6 does)")
    with desk._lock:  # the reading thread stops at its first message
        fader = encode("/installation/master", 0.5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for i in range(20_000):
                udp.sendto(fader, ("127.0.0.1", desk.port))
                if i == 19_000:
                    udp.sendto(black, ("127.0.0.1", desk.port))
    wait_for(lambda: BLACK in desk.poll(0.0), lambda: dict(desk.faults))
    wait_for(lambda: desk.faults["overrun"] > 0, lambda: dict(desk.faults))
    desk.close()


@pytest.mark.parametrize("sorting", [True, False], ids=["kernel sorts", "kernel does not sort"])
def test_a_show_that_hangs_while_its_queue_still_has_room_hears_blackout_on_every_system(
    monkeypatch: pytest.MonkeyPatch, sorting: bool
) -> None:
    if not sorting:
        without_sorting(monkeypatch)
    desk = open_desk()
    assert sorting or not desk._ports.sorted_by_kernel
    with desk._lock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for packet in [encode("/installation/master", 0.5)] * 100 + [encode(BLACKOUT, 1)]:
            udp.sendto(packet, ("127.0.0.1", desk.port))
    wait_for(lambda: BLACK in desk.poll(0.0), lambda: dict(desk.faults))
    assert not desk.faults["overrun"]
    desk.close()


def test_a_pattern_costs_a_sender_more_than_a_message() -> None:
    desk = open_desk(packets_per_s=100.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(10):
            udp.sendto(encode("/installation/*/*/amount", 0.5), ("127.0.0.1", desk.port))
    wait_for(lambda: desk.faults["rate limited"] >= 4, lambda: dict(desk.faults))
    assert {c.name for c in hear(desk, 2)} == {"effect.tear.amount", "bend.melt.amount"}
    desk.close()


def test_a_pattern_is_heard_however_low_the_rate_is_set() -> None:
    desk = open_desk(packets_per_s=10.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(encode("/installation/*/*/amount", 0.5), ("127.0.0.1", desk.port))
    assert len(hear(desk, 2)) == 2 and not desk.faults
    desk.close()


def test_triggers_between_two_frames_are_bounded() -> None:
    desk = open_desk()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(200):
            udp.sendto(encode("/installation/cue/go", 1), ("127.0.0.1", desk.port))
        udp.sendto(encode("/installation/panic"), ("127.0.0.1", desk.port))
    wait_for(lambda: desk.faults["too many triggers"] == 136, lambda: dict(desk.faults))
    heard = hear(desk, 65)
    assert [c.verb for c in heard].count("go") == 64 and [c.verb for c in heard].count("panic") == 1
    desk.close()


def test_the_flood_is_the_same_for_the_same_seed() -> None:
    assert packets(1000, 5) == packets(1000, 5) != packets(1000, 6)
    assert not any(word in packet for packet in packets(1000, 5) for word in (b"blackout", b"panic"))


def test_a_desk_that_rests_from_a_flood_can_be_closed() -> None:
    selector = selectors.DefaultSelector()
    ports = Ports("127.0.0.1", 0, selector, lambda *_: None, Counter())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(BATCH):
            udp.sendto(encode("/installation/master", 0.5), ("127.0.0.1", ports.port))
    for key, _ in selector.select(30.0):
        key.data(0.0)
    assert ports.wait_s(0.0) or not ports.sorted_by_kernel, "it reads no more for a moment"
    ports.close()
    ports.listener.close()
    open_desk(port=ports.port).close()


def test_closing_frees_the_port_at_once() -> None:
    desk = open_desk()
    port = desk.port
    desk.close()
    again = open_desk(port=port)
    assert again.port == port
    again.close()
