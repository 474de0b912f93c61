"""A log that cannot be flooded, a status that tells what matters, and who may ask for it."""

from __future__ import annotations

import logging

import pytest

from installation.control.answers import SUBSCRIBED_S, Subscribers
from installation.control.feedback import describe_status, quiet
from installation.memory import resident_mb
from installation.senders import AllowList, Buckets
from installation.settings import SettingsError
from installation.signals import Levels


def test_the_same_text_a_thousand_times_is_three_lines_and_then_a_count(caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    logger = quiet(logging.getLogger("installation.control.test_quiet"), lambda: clock[0])
    for i in range(1000):
        logger.warning("refused %s", i)
    logger.warning("something else")
    clock[0] = 11.0
    logger.warning("refused %s", "again")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["refused 0", "refused 1", "refused 2", "something else", "refused again (and 997 more like it)"]


def test_the_status_tells_how_the_show_is() -> None:
    levels = Levels({}, master=0.5, blackout=True, cue="1.5")
    status = describe_status(levels, {"malformed": 2, "overrun": 3}, frame=9, fps=29.97, frame_age_s=0.0123)
    assert (status["cue"], status["master"], status["blackout"], status["faults"]) == ("1.5", 0.5, True, 5)
    assert (status["frame"], status["fps"], status["frame_age_s"]) == (9, 30.0, 0.012)
    assert 5 < float(status["rss_mb"]) == pytest.approx(resident_mb(), rel=0.2)


def test_subscribers_are_bounded_and_forgotten_when_they_fall_silent() -> None:
    subscribers = Subscribers()
    for i in range(40):
        subscribers.hear(("10.0.0.1", 2000 + i), float(i))
    assert subscribers.now(40.0) == [("10.0.0.1", 2000 + i) for i in range(24, 40)]
    assert subscribers.now(30.0 + SUBSCRIBED_S) == [("10.0.0.1", 2000 + i) for i in range(31, 40)]


@pytest.mark.parametrize(
    ("host", "may"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", True), ("nonsense", False)],
)
def test_an_allow_list_knows_networks_of_both_families(host: str, may: bool) -> None:
    assert (host in AllowList(["10.1.0.0/16", "fe80::/10"])) is may


def test_a_bucket_lets_a_burst_through_and_then_so_many_a_second() -> None:
    buckets = Buckets(100.0)
    assert sum(buckets.take("a", 0.0) for _ in range(500)) == 100
    assert sum(buckets.take("a", 0.5) for _ in range(500)) == 50
    assert buckets.take("b", 0.5), "one sender's flood is not another's"


def test_forged_addresses_together_get_no_more_than_four_senders() -> None:
    buckets = Buckets(100.0)
    assert sum(buckets.take(f"10.0.{i // 250}.{i % 250}", 0.0) for i in range(5000)) == 400


def test_a_rate_of_nothing_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="above 0"):
        Buckets(0.0)
