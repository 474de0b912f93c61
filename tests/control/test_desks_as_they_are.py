"""What desks of the trade send, byte by byte, over real sockets: nothing of it is lost, and nothing else suffers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from rehearsal import hear, wait_for

from installation.control.addresses import AliasError
from installation.control.answers import Sender
from installation.control.cues import Board
from installation.control.desk import Desk, osc_table
from installation.packets import Frames, encode, encode_bundle
from installation.settings import Cue, Osc, check
from installation.signals import Command, Knob

BLACK = Command("blackout", value=1.0)
BLACKOUT, TEAR = "/installation/blackout", "/installation/effect/tear/amount"
COLOUR = [Knob(f"effect.edges.ink.{axis}", about="colour of the lines", default=1.0) for axis in "rgba"]
KNOBS = {
    knob.name: knob
    for knob in (
        Knob("generator.x", -1.0),
        Knob("generator.y", -1.0),
        Knob("generator.truncation", 0.0, 1.5, 0.7),
        Knob("effect.tear.amount", about="width of the tear"),
        *COLOUR,
        Knob("effect.warp.point.x"),
        Knob("effect.warp.point.y", high=2.0),
        Knob("effect.flash.bang", about="one flash", kind="event"),
        *(Knob(f"effect.many.k{n}") for n in range(500)),
    )
}
CUES = (Cue("1"), Cue("1.5", values={"effect.tear.amount": 0.5}), Cue("2"), Cue("3"), Cue("4"))
MANY = [f"/installation/effect/many/k{n}" for n in range(500)]
Send = Callable[[bytes], object]


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def open_one(**settings: object) -> Desk:
        made.append(Desk(Osc(**{"port": 0} | settings), KNOBS, CUES))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield open_one
    for desk in made:
        desk.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


def udp(desk: Desk, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        for packet in packets:
            line.sendto(packet, ("127.0.0.1", desk.port))


def text(value: str) -> bytes:
    raw = value.encode("latin-1")
    return raw + b"\0" * (4 - len(raw) % 4)


def values(commands: list[Command]) -> dict[str, float]:
    return {command.name: command.value for command in commands}


ODD = [
    text("/colour") + text(",r") + b"\xff\0\0\xff",
    text("/note") + text(",m") + b"\0\x90\x40\x7f",
    text("/letter") + text(",c") + b"\0\0\0A",
    text("/symbol") + text(",S") + text("go"),
    text("/list") + text(",[ff]") + struct.pack(">ff", 0.5, 0.5),
    text("/x") + text(",f") + struct.pack(">f", float("nan")),
    text("/my fader") + text(",f") + struct.pack(">f", 0.5),
    text("/name") + text(",s") + text("gr\xfc\xdfe"),
    text("/x") + text(",Q") + b"\0\0\0\0",
    text(TEAR) + text(",r") + b"\xff\0\0\xff",
    text(TEAR) + text(",[ff]") + struct.pack(">ff", 0.5, 0.5),
]


@pytest.mark.parametrize("odd", ODD, ids=[str(n) for n in range(len(ODD))])
def test_one_odd_element_does_not_cost_the_blackout_beside_it(desk: Desk, odd: bytes) -> None:
    udp(desk, encode_bundle([encode(TEAR, 0.25), odd, encode(BLACKOUT, 1), odd]))
    assert hear(desk, 2) == [Command("knob", "effect.tear.amount", 0.25), BLACK]
    assert sum(desk.faults.values()) == 2
    assert sum(desk.refuse.of(kind, "127.0.0.1") for kind in desk.faults) == 2


def test_grandma3_eos_magicq_qlab_and_touchosc_are_understood_side_by_side(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(
        aliases={
            "/Page1/Fader201": "/installation/master/percent",
            "/Page1/Key101": "/installation/cue/go",
            "/eos/out/active/cue/1": "/installation/cue",
            "/ch/playback/1": "/installation/effect/tear/amount/percent",
            "/3/xy": ["generator.x", "generator.y"],
        }
    )
    udp(desk, encode("/Page1/Fader201", 40), encode("/Page1/Key101", 100), encode("/Page1/Key101", 0))
    udp(desk, encode("/ch/playback/1", 75), encode(TEAR + "/norm", 0.5), encode("/3/xy", 1.0, -0.5))
    heard = hear(desk, 5)
    assert [c.verb for c in heard if c.verb in ("master", "go")] == ["master", "go"]
    assert values(heard) | {"": 0} == {"": 0, "effect.tear.amount": 0.5, "generator.x": 1.0, "generator.y": -0.5}
    for framing, packet in (
        ("length", encode("/eos/out/active/cue/1", "1.5")),
        ("slip", encode("/installation/cue", "2")),
    ):
        frames = Frames()
        frames.framing = framing
        with socket.create_connection(("127.0.0.1", desk.port)) as tcp:
            tcp.sendall(frames.wrap(packet))
            [command] = hear(desk)
            assert (command.verb, command.name) == ("cue", "1.5" if framing == "length" else "2")
    assert not desk.faults


@pytest.mark.parametrize("count", [53, 500])
def test_a_whole_frame_of_knobs_sixty_times_a_second_keeps_no_old_value(desk: Desk, count: int) -> None:
    newest: dict[str, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        for frame in range(90):
            level = (frame + 1) / 90
            line.sendto(encode_bundle(encode(a, level) for a in MANY[:count]), ("127.0.0.1", desk.port))
            wait_for(lambda n=level: newest.update(values(desk.poll(0.0))) or level_of(newest, count) >= n - 1e-6)
    assert newest == dict.fromkeys([f"effect.many.k{n}" for n in range(count)], 1.0)


def level_of(newest: dict[str, float], count: int) -> float:
    return min(newest.values()) if len(newest) == count else 0.0


def test_ninety_frames_of_500_knobs_at_once_end_at_the_newest_values(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(packets_per_s=40.0)  # far too few: nearly all of it must wait
    packets = [encode_bundle(encode(a, (frame + 1) / 90) for a in MANY[:120]) for frame in range(90)]
    udp(desk, *packets)
    newest: dict[str, float] = {}
    goal = dict.fromkeys([f"effect.many.k{n}" for n in range(120)], 1.0)
    wait_for(lambda: newest.update(values(desk.poll(0.0))) or newest == goal, lambda: dict(desk.faults))
    assert desk.faults["rate limited"] > 10 and set(desk.faults) == {"rate limited"}


def test_a_lone_fader_arrives_out_of_the_flood_of_another_one(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(packets_per_s=40.0)
    udp(desk, *[encode(MANY[0], 0.5)] * 300, encode(MANY[1], 0.7), *[encode(MANY[0], 0.9)] * 300)
    newest: dict[str, float] = {}
    goal = {"effect.many.k0": pytest.approx(0.9), "effect.many.k1": pytest.approx(0.7)}
    wait_for(lambda: newest.update(values(desk.poll(0.0))) or newest == goal, lambda: (newest, dict(desk.faults)))


BLACKOUTS = {
    "alone": encode(BLACKOUT, 1),
    "last": encode_bundle([encode(TEAR, 0.5), encode(MANY[3], 0.5), encode(BLACKOUT, 1)]),
    "nested": encode_bundle(
        [encode(TEAR, 0.5), encode_bundle([encode(TEAR, 0.1), encode_bundle([encode(BLACKOUT, 1)])])]
    ),
    "after 500": encode_bundle([*(encode(a, 0.5) for a in MANY), encode(BLACKOUT, 1)]),
    "pattern": encode("/installation/black*", 1),
    "braces": encode("/installation/{blackout,freeze}", 1),
    "alias": encode("/Page1/Key101", 100),
    "alias last": encode_bundle([encode(TEAR, 0.5), encode("/Page1/Key101", 100)]),
    "alias of arguments": encode("/two", 0.5, 1),
}
ALIASES = {"/Page1/Key101": BLACKOUT, "/two": ["generator.x", BLACKOUT]}


@pytest.mark.parametrize("packet", BLACKOUTS.values(), ids=list(BLACKOUTS))
def test_blackout_is_obeyed_however_fast_its_sender_is(open_desk: Callable[..., Desk], packet: bytes) -> None:
    desk = open_desk(packets_per_s=20.0, aliases=ALIASES)
    udp(desk, *[encode(TEAR, 0.5)] * 200)
    wait_for(lambda: desk.faults["rate limited"] > 100)
    desk.poll(0.0)
    udp(desk, packet)
    black: list[Command] = []
    wait_for(lambda: black.extend(desk.poll(0.0)) or any(c.verb == "blackout" for c in black))
    assert [c.value > 0 for c in black if c.verb == "blackout"] == [True]


class Standing:
    """A desk whose clock stands where it is put: who is too fast stays so."""

    def __init__(self, **settings: object) -> None:
        self.desk = Desk(Osc(**settings), KNOBS, CUES)  # type: ignore[arg-type]

    def at(self, now_s: float, *packets: bytes) -> list[Command]:
        for packet in packets:
            self.desk._take(packet, Sender("10.0.0.1", 9000), now_s, now_s)
        return self.desk.poll(now_s)


@pytest.mark.parametrize("packet", BLACKOUTS.values(), ids=list(BLACKOUTS))
def test_blackout_waits_for_nothing(packet: bytes) -> None:
    standing = Standing(packets_per_s=2.0, aliases=ALIASES)
    assert {c.name for c in standing.at(0.0, *(encode(a, 1.0) for a in MANY[:9]))} == {
        "effect.many.k0",
        "effect.many.k1",
    }
    assert "blackout" in [c.verb for c in standing.at(0.0, packet)]


def test_a_release_is_not_undone_by_a_value_that_waited_longer() -> None:
    standing = Standing(packets_per_s=2.0)
    standing.at(0.0, encode(TEAR, 0.1), encode(TEAR, 0.2), encode(TEAR, 0.3), encode(MANY[0], 0.4))
    heard = standing.at(1.0, encode("/installation/release", 1))
    standing.desk._catch_up(1.0)
    assert [c.verb for c in heard + standing.at(1.0)] == ["release"]


def test_a_go_sent_before_a_panic_never_comes_out_after_it(open_desk: Callable[..., Desk]) -> None:
    """Panic has a queue of its own: it is read first. What was sent before it must not bring the light back."""
    desk = open_desk()
    board, black = Board(KNOBS, CUES), []

    def frame() -> bool:
        for command in desk.poll(0.0):
            board.apply(command, 0.0)
        black.append(board.levels(60.0).blackout)
        return black[-1]

    with desk._lock:  # the reading thread stops at its first message, and both queues fill
        udp(desk, *[encode("/installation/master", 0.5)] * 300)
        udp(desk, *[encode("/installation/cue/go", 1)] * 3, encode("/installation/panic"))
        udp(desk, encode("/installation/freeze", 1))
    wait_for(frame)
    wait_for(lambda: frame() and board.levels(0.0).freeze)
    assert all(black[black.index(True) :])
    udp(desk, encode("/installation/cue", "3"))
    wait_for(lambda: not frame(), lambda: dict(desk.faults))


def test_of_two_blackouts_the_one_that_was_sent_last_counts(desk: Desk) -> None:
    if not desk._ports.sorted_by_kernel:
        pytest.skip("one queue: what is sent last is read last")
    long_bundle = encode_bundle([*(encode(a, 0.5) for a in MANY), encode(BLACKOUT, 1)])
    with desk._lock:
        udp(desk, *[encode("/installation/master", 0.5)] * 100, long_bundle, encode(BLACKOUT, 0))
        udp(desk, encode("/installation/freeze", 1))
    lit: list[Command] = []
    wait_for(lambda: lit.extend(desk.poll(0.0)) or any(c.verb == "freeze" for c in lit))
    assert [c.value for c in lit if c.verb == "blackout"][-1] == 0.0


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (encode("/installation/effect/warp/point", 0.25, 1.5), {"x": 0.25, "y": 1.5}),
        (encode("/installation/effect/warp/point", (0.25, 1.5)), {"x": 0.25, "y": 1.5}),
        (encode("/installation/effect/warp/point/percent", 50, 50), {"x": 0.5, "y": 1.0}),
        (encode("/installation/effect/edges/ink", 0.25, 0.5, 0.75, 1.0), {"r": 0.25, "g": 0.5, "b": 0.75, "a": 1.0}),
        (encode("/installation/effect/edges/ink", 0.25, 0.5, 0.75), {"r": 0.25, "g": 0.5, "b": 0.75}),
        (encode("/installation/effect/edges/ink/dmx", 255, 51, 0), {"r": 1.0, "g": 0.2, "b": 0.0}),
        (text("/installation/effect/edges/ink") + text(",r") + b"\xff\x33\0\xff", {"r": 1, "g": 0.2, "b": 0, "a": 1}),
        (encode("/3/xy", 1.0, 0.75), {"x": 1.0, "y": 0.75}),
        (encode("/accxyz", 9.0, 0.5, 9.0), {"x": 0.5}),
        (encode("/skip", 0.1, 0.5), {"y": 0.5}),
    ],
)
def test_a_point_and_a_colour_are_one_message(
    open_desk: Callable[..., Desk], packet: bytes, expected: dict[str, float]
) -> None:
    desk = open_desk(
        aliases={
            "/3/xy": ["generator.x", "generator.y"],
            "/accxyz": {"argument": 1, "to": "generator.x"},
            "/skip": ["", "/installation/generator/y"],
        }
    )
    udp(desk, packet)
    heard = hear(desk, len(expected))
    assert {c.name.rpartition(".")[2]: c.value for c in heard} == pytest.approx(expected)
    assert all(c.fade_s is None for c in heard) and not desk.faults


@pytest.mark.parametrize("arguments", [(0.5,), (0.5, 0.5, 3.0), (0.5, "y"), ()])
def test_half_a_point_moves_nothing(desk: Desk, arguments: tuple[object, ...]) -> None:
    udp(desk, encode("/installation/effect/warp/point", *arguments))  # type: ignore[arg-type]
    wait_for(lambda: desk.faults["bad argument"] == 1)
    assert desk.poll(0.0) == []


@pytest.mark.parametrize(
    ("alias", "says"),
    [
        ({"/a": ["generator.x", "generator.z"]}, "no address 'generator.z'; did you mean '/installation/generator/"),
        ({"/a": {"argument": -1, "to": "generator.x"}}, "argument counts from 0"),
        ({"/a": {"argumnet": 1, "to": "generator.x"}}, "expected { argument = 1"),
        ({"/a": {"argument": 1}}, "expected { argument = 1"),
        ({"/a": []}, "expected an address, a list of them, or a table"),
        ({"/a": ["/installation/effect/edges/ink"]}, "addresses of single knobs"),
        ({"a": "/installation/master"}, "begins with /"),
    ],
)
def test_an_alias_that_cannot_be_says_what_is_wrong_with_it(alias: dict[str, object], says: str) -> None:
    with pytest.raises(AliasError, match=says.replace("{", r"\{")):
        Desk(check(Osc, {"port": 0, "aliases": alias}, "osc"), KNOBS, CUES)


def test_the_table_lists_points_colours_and_events() -> None:
    table = osc_table(KNOBS, CUES)
    for line in (
        "| `/installation/effect/warp/point` | ff | 0..1, 0..2, at start 0 0 | x y at once |",
        "| `/installation/effect/edges/ink` | fff or ffff | 0..1, at start 1 1 1 1 | r g b [a] at once |",
        "| `/installation/effect/flash/bang` | [press] | fires on a press | one flash |",
    ):
        assert line in table
    assert "bang/norm" not in table


@pytest.mark.parametrize(
    ("sent", "presses"),
    [([(1,), (0,)], 1), ([(1,), (0,), (1,), (0,)], 2), ([(1,)] * 3, 3), ([()], 1), ([(), ()], 2), ([(0,)], 0)],
    ids=["push and release", "twice", "never lets go", "no argument", "no argument twice", "release only"],
)
def test_an_event_counts_every_press(desk: Desk, sent: list[tuple[int, ...]], presses: int) -> None:
    bang = "/installation/effect/flash/bang"
    udp(desk, encode_bundle([*(encode(bang, *arguments) for arguments in sent), encode("/installation/freeze", 1)]))
    board, ended = Board(KNOBS, CUES), False
    while not ended:
        for command in hear(desk):
            board.apply(command, 0.0)
            ended = ended or command.verb == "freeze"
    assert board.levels(0.0).base["effect.flash.bang"] == presses
    assert board.describe(0.0)["held"] == 0, "a press holds nothing"


def test_every_refusal_is_said_once_for_each_kind_with_what_to_do(
    open_desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = open_desk(packets_per_s=20.0)
    for _ in range(30):
        udp(desk, encode("/nowhere", 1), encode(TEAR, "loud"), encode(TEAR, 7.0), encode("/a{b", 1), b"/nul")
        udp(desk, encode("/installation/moment", 1))
    wait_for(lambda: desk.faults["rate limited"] > 20 and desk.faults["moment dropped"] > 5, lambda: dict(desk.faults))
    desk.close()
    said = [record.getMessage() for record in caplog.records if "127.0.0.1" in record.getMessage()]
    said = [line for line in said if line.startswith("OSC: ") and "port" not in line]
    assert sorted(line.split(" from ")[0] for line in said) == sorted(f"OSC: {kind}" for kind in desk.faults)
    assert any("rate limited" in line and "raise [osc] packets_per_s" in line for line in said)
    assert all(desk.refuse.of(kind, "127.0.0.1") == count for kind, count in desk.faults.items())
