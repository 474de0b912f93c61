"""The panel's own process, from inside: what pages say is bounded and known, what is not there is said."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installation.control.places import Refused
from installation.live.desk_of_page import PageDesk
from installation.live.fitting import Fitting
from installation.live.panel_child import MOST_PRESSES, Outbox, open_server
from installation.settings import SettingsError


class Bench:
    """A page's desk; what the show has told is put into `told`, what the page wants lands in `sent`."""

    def __init__(self, folder: Path) -> None:
        self.told: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []
        self.moments = folder / "moments"
        words = {"sheet": {"name": "garden", "knobs": [["generator.x"]]}, "show": "garden", "moments": self.moments}
        plan = SimpleNamespace(
            state=SimpleNamespace(read=lambda: self.told),
            health=SimpleNamespace(read=dict),
            wall=SimpleNamespace(read=dict),
        )
        self.desk = PageDesk(words, plan, self.sent.append, lambda: None)  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Bench(tmp_path)


@pytest.mark.parametrize("text", ["no JSON", "[" * 100_000, "[1]", "7", '{"verb": "adopt"}', '{"verb": ["knob"]}'])
def test_what_is_no_wish_goes_no_further(bench: Bench, text: str) -> None:
    bench.desk.hear(text)
    assert bench.sent == []


def test_of_a_wish_only_what_belongs_to_it_goes_on(bench: Bench) -> None:
    bench.desk.hear('{"verb": "knob", "name": "generator.x", "value": 0.5, "by": "somebody else"}')
    bench.desk.hear('{"wall": "undo", "verb": "panic"}')
    assert bench.sent == [{"verb": "knob", "name": "generator.x", "value": 0.5}, {"wall": "undo"}]


def test_a_thumbnail_is_a_moments_own_and_one_that_went_is_not_there(bench: Bench, tmp_path: Path) -> None:
    assert bench.desk.news()["moments"] == [], "there is no folder yet"
    bench.moments.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (bench.moments / "rose.jpg").write_bytes(b"rose")
    (bench.moments / "rose.json").write_text("{}")
    assert bench.desk.thumbnail("rose") == b"rose" and bench.desk.news()["moments"] == ["rose"]
    for name in ("../secret", "gone", "/etc/passwd"):
        with pytest.raises(KeyError):
            bench.desk.thumbnail(name)


def test_nothing_is_saved_before_there_is_something(bench: Bench) -> None:
    with pytest.raises(SettingsError, match="nothing is known of the show yet"):
        bench.desk.save()
    bench.told = {"cue": "1", "values": [0.5], "held": [], "lines": {"osc": {}, "dmx": {}, "midi": {}}}
    with pytest.raises(SettingsError, match="nothing was set up"):
        bench.desk.save()
    bench.told = bench.told | {"held": ["generator.x"]}
    with pytest.raises(SettingsError, match="the show 'garden' has no file any more"):
        bench.desk.save()


def test_a_wish_about_a_wall_that_is_none_or_not_there_is_refused() -> None:
    fitting = Fitting()
    for act in ("undo", 3, None, ["undo"]):
        with pytest.raises(Refused) as refused:
            fitting.hear({"wall": act})
        assert refused.value.kind == "malformed"
        fitting.wall = SimpleNamespace(hear=lambda act, more: None)  # type: ignore[assignment]
    fitting.hear({"wall": "undo"})


@pytest.fixture
def lines() -> Iterator[list[socket.socket]]:
    """The show's end and the panel's of both lines: urgent, urgent, plain, plain."""
    made = [
        *socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
        *socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
    ]
    for one in made:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    made[0].settimeout(10.0), made[2].settimeout(10.0)
    yield made
    for one in made:
        one.close()


def test_for_a_show_that_does_not_read_only_so_many_presses_wait_and_the_newest_values(
    lines: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "_send", lambda outbox: None)
    outbox = Outbox(lines[1], lines[3])
    for n in range(4 * MOST_PRESSES):
        outbox.put({"verb": "go", "value": 1})
        outbox.put({"verb": "knob", "name": "generator.x", "value": n})
    outbox.put({"wall": "save"})
    outbox.put({"verb": "knob", "name": "x" * 100_000, "value": 1})
    assert len(outbox._waiting) <= MOST_PRESSES + 1
    said = [json.loads(one) for one in outbox._waiting.values()]
    assert said[-1]["value"] == 4 * MOST_PRESSES - 1 and not any("wall" in one for one in said)


def test_black_that_finds_its_own_line_full_takes_the_other(lines: list[socket.socket]) -> None:
    outbox = Outbox(lines[1], lines[3])
    outbox.put({"verb": "blackout", "value": 1})
    assert json.loads(lines[0].recv(4096))["verb"] == "blackout"
    lines[0].close()
    outbox.put({"verb": "panic", "value": 1})
    assert json.loads(lines[2].recv(4096))["verb"] == "panic"


@pytest.mark.parametrize("any_port", [True, False])
def test_a_port_that_is_taken_is_another_one_only_where_any_would_do(any_port: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = {"panel": {"host": "127.0.0.1", "port": port, "any": any_port}, "token": "a-long-enough-token"}
        if not any_port:
            with pytest.raises(OSError, match="in use"):
                open_server(told, {})
            return
        server = open_server(told, {})
        assert server.guard.port not in (0, port) and server.guard.token == told["token"]
        server.close()
