"""Which console counts: priority, the first of equals, what is lost, late, previewed or not meant as light."""

from __future__ import annotations

from dataclasses import replace

import consoles
import pytest
from consoles import EOS, GRANDMA, MAGICQ

from installation.control.dmx import artnet, sacn
from installation.control.dmx.merging import SOURCES_LIMIT, Look, Merging
from installation.control.dmx.sent import Sent


def said(level: int, cid: bytes = EOS, sequence: int = 0, **more: object) -> Sent:
    found = sacn.decode(consoles.sacn(bytes((level,)), sequence=sequence, cid=cid, name=cid[:1], **more))
    assert isinstance(found, Sent)
    return found


def art(level: int, host: str = "2.0.0.1", sequence: int = 0, priority: int = 100) -> Sent:
    found = artnet.decode(consoles.artdmx(bytes((level,)), sequence=sequence), host, priority)
    assert isinstance(found, Sent)
    return found


def level(look: Look | str | None) -> int | str | None:
    return look.levels[0] if isinstance(look, Look) else look


def test_the_higher_priority_counts_whoever_was_first() -> None:
    merging = Merging()
    assert level(merging.take(said(10, EOS, priority=100), 0.0)) == 10
    assert level(merging.take(said(20, GRANDMA, priority=120), 0.1)) == 20
    assert merging.take(said(11, EOS, 1, priority=100), 0.2) is None
    assert level(merging.take(said(11, EOS, 2, priority=150), 0.3)) == 11, "a source may be raised while it sends"
    assert merging.take(said(21, GRANDMA, 1, priority=120), 0.4) is None
    assert level(merging.take(said(12, EOS, 3, priority=80), 0.5)) == 21, "what the other said last counts at once"


def test_two_of_equal_priority_never_alternate_the_first_holds() -> None:
    merging = Merging()
    merging.take(said(10, EOS), 0.0)
    seen = [level(merging.take(said(n, (EOS, GRANDMA)[n % 2], n), 0.02 * n)) for n in range(1, 200)]
    assert set(seen[1::2]) == set(range(2, 200, 2)), "the first goes on"
    assert set(seen[0::2]) == {None}, "the second is not heard"


def test_whoever_counts_goes_on_when_another_becomes_its_equal() -> None:
    merging = Merging()
    merging.take(said(10, EOS, 0, priority=100), 0.0)
    merging.take(said(20, GRANDMA, 0, priority=120), 0.1)
    assert merging.take(said(11, EOS, 1, priority=120), 0.2) is None
    assert level(merging.take(said(21, GRANDMA, 1, priority=120), 0.3)) == 21


def test_a_source_is_lost_after_two_and_a_half_seconds_and_the_next_takes_over() -> None:
    merging = Merging()
    merging.take(said(10, EOS), 0.0)
    assert merging.take(said(20, GRANDMA), 2.5) is None
    assert level(merging.take(said(21, GRANDMA, 1), 2.6)) == 21
    assert merging.take(said(11, EOS, 1), 2.7) is None, "who comes back waits, as the other is the first now"


def test_whoever_is_lost_takes_nothing_with_it_and_may_come_back_with_any_count() -> None:
    merging = Merging()
    first = merging.take(said(10, EOS, 200), 0.0)
    assert not merging.live(3.0) and merging.leader == ""
    again = merging.take(said(12, EOS, 190), 4.0)
    assert isinstance(first, Look) and isinstance(again, Look)
    assert level(again) == 12 and again.begun_s != first.begun_s, "a stream of its own"


def test_a_terminated_stream_ends_at_once_and_its_levels_say_nothing() -> None:
    merging = Merging()
    merging.take(said(10, EOS, 0), 0.0)
    merging.take(said(20, GRANDMA, 0), 0.1)
    assert level(merging.take(said(0, EOS, 1, options=0x40), 0.2)) == 20
    for n in range(3):
        assert merging.take(said(0, GRANDMA, 1 + n, options=0x40, start=0xDD * (n == 0)), 0.3) is None
    assert not merging.live(0.4)


def test_preview_and_other_start_codes_are_no_light_and_keep_no_source_alive() -> None:
    merging = Merging()
    assert merging.take(said(99, options=0x80), 0.0) is None
    assert merging.take(said(99, start=0xDD), 0.0) is None, "priorities of single addresses"
    assert level(merging.take(said(10, EOS, 5), 0.1)) == 10
    for n in range(30):
        assert merging.take(said(99, EOS, 6 + n, options=0x80), 0.2 + n / 10) is None
        assert merging.take(said(99, EOS, 6 + n, start=0xDD), 0.2 + n / 10) is None
    assert level(merging.take(said(20, GRANDMA), 3.0)) == 20


def test_start_codes_may_share_a_count_or_have_one_each() -> None:
    merging = Merging()
    for n in range(100):
        assert merging.take(said(100, EOS, 2 * n, start=0xDD), n / 44) is None
        assert level(merging.take(said(n, EOS, 2 * n + 1), n / 44)) == n
    merging = Merging()
    for n in range(100):
        assert level(merging.take(said(n, EOS, n), n / 44)) == n
        assert merging.take(said(100, EOS, 7 * n, start=0xDD), n / 44) is None


@pytest.mark.parametrize("jump", [1, 2, 100, 127, -20, -100, -127])
def test_a_count_that_goes_on_or_far_back_is_heard(jump: int) -> None:
    for start in (0, 1, 19, 128, 236, 255):
        merging = Merging()
        merging.take(said(10, EOS, start), 0.0)
        assert level(merging.take(said(11, EOS, start + jump), 0.1)) == 11


@pytest.mark.parametrize("jump", [0, -1, -2, -19])
def test_what_was_overtaken_on_its_way_changes_nothing(jump: int) -> None:
    for start in (0, 1, 19, 128, 236, 255):
        merging = Merging()
        merging.take(said(10, EOS, start), 0.0)
        assert merging.take(said(9, EOS, start + jump), 0.1) == "out of sequence"
        assert level(merging.take(said(11, EOS, start + 1), 0.2)) == 11, "the count is where it was"


def test_each_source_counts_for_itself() -> None:
    merging = Merging()
    merging.take(said(10, EOS, 250), 0.0)
    assert level(merging.take(said(20, GRANDMA, 3, priority=101), 0.0)) == 20


def test_an_art_net_console_that_does_not_count_is_heard_and_one_that_does_wraps_to_one() -> None:
    merging = Merging()
    assert [level(merging.take(art(n), n / 44)) for n in range(5)] == [0, 1, 2, 3, 4]
    counting = Merging()
    seen = [level(counting.take(art(n % 256, sequence=1 + n % 255), n / 44)) for n in range(600)]
    assert seen == [n % 256 for n in range(600)]
    stuck = Merging()
    assert [level(stuck.take(art(n, sequence=9), 0.0)) for n in range(3)] == [0, 1, 2]
    assert counting.take(art(7, sequence=80), 14.0) == "out of sequence"


def test_an_art_net_console_may_be_silent_for_ten_seconds() -> None:
    merging = Merging()
    merging.take(art(10), 0.0)
    assert merging.take(art(20, "2.0.0.2"), 9.9) is None
    assert level(merging.take(art(21, "2.0.0.2"), 10.1)) == 21


def test_art_net_and_sacn_meet_by_the_priority_that_the_show_gives() -> None:
    merging = Merging()
    merging.take(said(10), 0.0)
    assert merging.take(art(20, priority=99), 0.1) is None
    assert level(merging.take(art(20, priority=101), 0.2)) == 20


def test_a_crowd_of_made_up_sources_takes_no_memory_and_not_the_place_of_the_one_that_counts() -> None:
    merging = Merging()
    merging.take(said(10, EOS, 0), 0.0)
    crowd = [replace(said(99), source=n.to_bytes(16, "big")) for n in range(SOURCES_LIMIT - 1)]
    assert {merging.take(one, 0.1) for one in crowd} == {None}
    more = {merging.take(replace(one, source=b"+" + one.source[1:]), 0.2) for one in crowd}
    assert more == {"too many sources"} and len(merging._sources) == SOURCES_LIMIT
    assert level(merging.take(said(11, EOS, 1), 0.3)) == 11
    assert level(merging.take(said(30, MAGICQ, 0, priority=110), 0.4)) == 30, "and who has a right to count does"
