"""Whole evenings of consoles, as the standards and the makers' documents describe them: streams, backups, habits."""

from __future__ import annotations

import errno
import uuid

import consoles
from consoles import GRANDMA, Heard, fixture
from rehearsal import CUES, KNOBS

from installation.control.dmx import artnet
from installation.control.dmx.listener import Dmx
from installation.settings import Dmx as Settings
from installation.signals import Command

BLACK, LIGHT = Command("blackout", value=1.0), Command("blackout", value=0.0)


def made(**more: object) -> Dmx:
    return Dmx(Settings(**{"protocol": "both", "knobs": ("effect.tear.amount",)} | more), KNOBS, CUES)  # type: ignore[arg-type]


def knob(value: int) -> Command:
    return Command("knob", "effect.tear.amount", value / 65_535)


def test_an_eos_sends_priorities_of_addresses_between_its_levels_and_slows_down_when_nothing_moves() -> None:
    heard, count, now_s, seen = Heard(made()), 0, 0.0, []

    def show(value: int, seconds: float) -> None:
        nonlocal count, now_s
        assert heard.sacn(now_s, bytes(b"\x64" * 512), count, start=0xDD) == [], "0xDD says who counts, not how bright"
        seen.extend(heard.sacn(now_s, fixture(ch10=value), count + 1))
        count, now_s = count + 2, now_s + seconds

    for value in range(1000, 11_000, 100):  # a fade, 44 times a second
        show(value, 1 / 44)
    for _ in range(3600):  # an hour of keeping alive, once a second
        show(10_900, 1.0)
    show(0, 1 / 44)
    assert seen == [knob(value) for value in range(1000, 11_000, 100)] + [knob(0)]
    assert not heard.dmx.faults


def test_an_eos_backup_takes_over_one_priority_higher_and_gives_back() -> None:
    heard, backup = Heard(made()), uuid.uuid4().bytes
    assert heard.sacn(0.0, fixture(ch10=1000), 0) == [knob(1000)]
    assert heard.sacn(0.1, fixture(ch10=2000), 0, cid=backup, priority=101, name=b"Eos Ti backup") == [knob(2000)]
    assert heard.sacn(0.2, fixture(ch10=1500), 1) == []
    for n in range(3):
        heard.sacn(0.3, fixture(ch10=9), 1 + n, cid=backup, priority=101, options=0x40)
    assert heard.sacn(0.4, fixture(ch10=1500), 2) == [], "what the primary said meanwhile acted as the backup ended"
    assert heard.sacn(0.5, fixture(ch10=1600), 3) == [knob(1600)]


def test_a_console_that_is_switched_off_and_on_begins_its_count_anew() -> None:
    heard = Heard(made())
    heard.sacn(0.0, fixture(ch10=1000), 250)
    assert heard.sacn(30.0, fixture(ch10=2000), 0) == [knob(2000)]
    heard.sacn(30.1, fixture(ch10=2100), 1)
    quick = [heard.sacn(31.0 + n / 44, fixture(ch10=3000), n) for n in (0, 1, 2)]
    assert quick == [[], [], [knob(3000)]], "within 2.5 s no more is lost than the count had gone on"


def test_a_grandma3_session_changes_its_master_station() -> None:
    """Both stations send under one CID and one count, the second from another address."""
    dmx = made()
    for n in range(100):
        station = Heard(dmx, "127.0.0.2" if n % 50 < 25 else "127.0.0.3")
        assert station.sacn(n / 33, fixture(ch10=1000 + n), n, cid=GRANDMA, name=b"grandMA3") == [knob(1000 + n)]
    assert not dmx.faults


def test_a_magicq_broadcasts_art_net_polls_every_few_seconds_and_synchronises() -> None:
    heard = Heard(made())
    for n in range(400):
        now_s = n / 40
        if n % 100 == 0:
            heard.raw(now_s, "artnet", consoles.artpoll(long=False))
        assert heard.artnet(now_s, fixture(ch10=n), 1 + n % 255) == ([knob(n)] if n else [])
        for universe in (0, 2, 3):
            assert heard.artnet(now_s, bytes(512), 1 + n % 255, universe=universe) == []
        assert heard.raw(now_s, "artnet", consoles.ARTSYNC) == []
    assert not heard.dmx.faults


def test_a_console_that_sends_only_as_many_channels_as_it_has_patched_is_heard() -> None:
    heard = Heard(made())
    assert heard.artnet(0.0, fixture(ch3=0)[:4], whole=False) == [BLACK]
    assert heard.artnet(0.1, fixture(ch3=255, ch10=500)[:12], whole=False) == [LIGHT, knob(500)]
    assert heard.artnet(0.2, b"\xff\xff", whole=False) == []


def test_art_net_of_one_desk_and_sacn_of_another_do_not_fight() -> None:
    heard = Heard(made())
    heard.sacn(0.0, fixture(ch10=1000), 0)
    for n in range(1, 400):
        assert heard.artnet(n / 40, fixture(ch10=60_000), 1 + n % 255) == []
        assert heard.sacn(n / 40, fixture(ch10=1000), n) == []
    assert heard.artnet(20.0, fixture(ch10=60_000), 7) == [knob(60_000)], "sACN has ended"


def test_an_answer_reaches_whoever_asks_on_every_network() -> None:
    dmx = made(host="0.0.0.0", universe=3)
    answers = []

    class Udp:
        def sendto(self, packet: bytes, address: tuple) -> None:
            answers.append((packet[10:14], address))
            raise OSError(errno.ENETUNREACH, "who asked is gone, which is no fault of the show")

    next(ear for ear in dmx._ears if ear.port == artnet.PORT).sockets = [Udp()]  # type: ignore[list-item]
    asker = Heard(dmx, "127.0.0.9")
    for lowest, highest in ((0, 2), (4, 9)):
        asker.raw(0.0, "artnet", consoles.artpoll(0x20, highest, lowest))
    assert answers == [], "others were asked"
    asker.raw(0.0, "artnet", consoles.artpoll(0x20, 3, 3))
    assert answers == [(bytes((127, 0, 0, 1)), ("127.0.0.9", 6454))]
    for _ in range(1000):
        asker.raw(0.0, "artnet", consoles.artpoll())
    assert len(answers) == 400 and dmx.faults == {"rate limited": 601}, "nobody is answered without an end"
