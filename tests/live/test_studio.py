"""What paints and draws may fail in any way: the wall keeps its last picture, and the picture comes back."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from stopped import stop

from installation import files
from installation.bending.operations import OPERATIONS, Operation
from installation.children import Memory
from installation.generators.painter import BEYOND_HELP
from installation.live import studio as studios
from installation.live.leaving import without
from installation.live.studio import AT, AWAKE, DRAWN, FIRST_EFFECT, REQUESTED, Plan, Studio
from installation.live.studio_child import TOLD_EVERY_S, Hung, Room
from installation.settings import Bend, Effect, Part, Screen, SettingsError, Show
from installation.signals import Controls, Picture, SoundBlock

Wait = Callable[..., object]
SCREEN = Screen(size=(160, 90), working_size=(80, 45), fps=20.0)
SHOW = Show("small", generator=Part("pattern"), effects=(Effect("grain"),), screen=SCREEN)
SLOW = (  # a second and more of one draw call on any machine that the tests run on
    '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}, {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.0,'
    ' "MIN": 0.0, "MAX": 1.0, "IDENTITY": 0.0}]}*/ void main() { vec4 sum = vec4(0.0);'
    "for (int i = 0; i < int(amount * 4000000.0); i++) sum += fract(IMG_THIS_PIXEL(inputImage) * float(i) + sum);"
    "gl_FragColor = sum / 4000000.0 + IMG_THIS_PIXEL(inputImage); }"
)

GOOD = (files.shipped("shaders/effects") / "grain.fs").read_text("utf-8")
BROKEN = GOOD.replace("void main() {", "void main() { oops")


# ---- inside: one room, no processes


class Inside:
    """A room whose requests the test hands over itself."""

    def __init__(self, show: Show) -> None:
        px = SCREEN.size[0] * SCREEN.size[1]
        self.memory = Memory(Plan.bytes_of(px))
        self.plan = Plan(self.memory, px)
        self.room = Room(show, self.memory, self.plan, True)
        self.values = {row[0]: row[3] for row in self.plan.opened.read()["knobs"]}
        self.number = 0

    def draw(self, **values: float) -> np.ndarray | None:
        """One request, painted and drawn: the newest picture [shape=(H, W, 4)]."""
        self.number += 1
        numbers = np.array([{**self.values, **values}[name] for name in self.room.order], np.float64)
        head = np.array([self.number, self.number / 20, 0.1 * self.number, self.number / 20, 1, 0, numbers.size], float)
        self.room._draw(np.concatenate([head, numbers]))
        found = self.plan.pictures.read()
        return None if found is None else found[0]


@pytest.fixture
def inside() -> Iterator[Callable[[Show], Inside]]:
    opened: list[Inside] = []

    def open_one(show: Show = SHOW) -> Inside:
        opened.append(Inside(show))
        return opened[-1]

    yield open_one
    for one in opened:
        one.room.close()


def test_a_generator_that_gives_nan_is_counted_and_the_last_good_picture_stays(inside) -> None:
    here = inside()
    good = here.draw()
    painter, real = here.room.painter, here.room.painter.generator.render

    def torn(controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        picture = real(controls, size)
        picture.pixels[:] = float("nan")
        return picture

    painter.generator.render = torn
    painter.generator.reset = lambda: 1 / 0  # clearing it fails too
    number = painter.newest().number
    for _ in range(3):
        assert (here.draw() > 0).any()
    assert painter.newest().number == number and painter.faults["picture not finite"] == 3
    painter.generator.render = real
    assert np.abs(here.draw().astype(int) - good).mean() > 0 and painter.newest().number > number


def test_a_layer_full_of_nan_is_counted_and_the_show_goes_on(inside, monkeypatch) -> None:
    broken = Operation("broken", lambda x, amount, site: x * float("nan"), "Break the layer.")
    monkeypatch.setitem(OPERATIONS, "broken", broken)
    here = inside(dataclasses.replace(SHOW, bends=(Bend("swell", "hidden1", "broken"),)))
    here.draw(**{"bend.swell.amount": 1.0})
    assert here.room.painter.faults["bend not finite"] > 0
    assert (here.draw(**{"bend.swell.amount": 1.0})[..., :3] > 60).any()


def test_what_is_slow_to_paint_is_bent_no_more_and_what_is_slow_to_draw_is_drawn_smaller(inside) -> None:
    here = inside()
    shed: list[int] = []
    here.room.painter.generator.shed = shed.append
    here.room.painter._seconds.extend([2.0] * 31)
    for _ in range(200):
        here.room._govern(0.5)
    assert shed == [1]
    assert here.draw().shape[:2] == (22, 40)


def test_a_network_that_takes_half_a_minute_a_picture_is_not_called_hung_and_one_that_hangs_is(inside) -> None:
    here = inside()
    here.draw()
    for picture_s, busy_s in ((0.001, 1.0), (25.0, 60.0)):
        here.room.painter._seconds.extend([picture_s] * 31)
        here.room.painter._began_s = time.monotonic() - busy_s
        here.room._check()
    here.room.painter._began_s = time.monotonic() - 600.0
    with pytest.raises(Hung, match="has not answered"):
        here.room._check()
    here.room.painter._began_s = 0.0


def test_a_generator_whose_gpu_fails_for_good_ends_its_process(inside) -> None:
    here = inside()
    here.draw()
    painter, processor = here.room.painter, here.room.painter.generator.device
    try:
        painter.generator.device, painter._failures = torch.device("cuda"), BEYOND_HELP
        with pytest.raises(Hung, match="does not recover"):
            here.room._check()
    finally:
        painter.generator.device = processor
    here.room._check()


def test_a_generator_whose_thread_ended_ends_its_process(inside) -> None:
    here = inside()
    here.draw()
    real = here.room.painter._thread
    here.room.painter._thread = threading.Thread(target=print)  # never begun
    with pytest.raises(Hung, match="thread ended"):
        here.room._check()
    here.room.painter._thread = real


def test_a_show_that_is_to_be_exact_sheds_nothing(inside) -> None:
    here = inside()
    here.room.sheds = False
    here.room.painter._seconds.extend([2.0] * 31)
    for _ in range(200):
        here.room._govern(0.5)
    assert here.draw().shape[:2] == (45, 80)


def test_the_show_is_told_where_the_time_goes_now_and_then_and_not_with_every_frame(inside, monkeypatch) -> None:
    here = inside()
    told: list[dict[str, object]] = []
    monkeypatch.setattr(here.plan.status, "write", told.append)
    here.room._told_s = 100.0
    here.room._tell(100.0 + TOLD_EVERY_S / 2)
    assert not told
    here.room._tell(100.0 + TOLD_EVERY_S)
    assert len(told) == 1


def test_while_a_replay_waits_for_a_slow_picture_the_process_shows_that_it_lives(inside) -> None:
    here = inside()
    real, goes_on = here.room.painter.generator.render, threading.Event()
    here.room.painter.generator.render = lambda *asked: goes_on.wait(60) and real(*asked)
    asking = threading.Thread(target=here.room._request, args=(Controls(0.0, here.values), 1, True))
    asking.start()
    signs = set()
    while asking.is_alive():
        signs.add(float(here.memory.times[DRAWN]))
        if len(signs) > 2:
            goes_on.set()
        asking.join(0.01)
    assert len(signs) > 2 and here.room.painter.number_done == 1


def test_one_that_is_to_be_waited_for_is_not_waited_for_longer_as_others_before_it_were_dropped(
    inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = inside()
    painter = here.room.painter
    real, wait, begun, goes_on = painter.generator.render, painter.wait_done, threading.Event(), threading.Event()
    answers: list[bool] = []

    def render(*asked: object) -> Picture:
        begun.set()
        assert goes_on.wait(60)
        return real(*asked)

    def wait_done(number: int, _: float) -> bool:
        goes_on.set()
        answers.append(wait(number, 30.0))
        return answers[-1]

    monkeypatch.setattr(painter.generator, "render", render)
    monkeypatch.setattr(painter, "wait_done", wait_done)
    here.room._request(Controls(0.0, here.values), 1, False)
    assert begun.wait(60)
    for number in (2, 3):
        here.room._request(Controls(0.0, here.values), number, False)
    last = Controls(1.0, here.values)
    here.room._request(last, 4, True)
    assert answers == [True] and painter.newest().controls is last


# ---- outside: real processes


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    made: list[Studio] = []

    def open_one(show: Show = SHOW) -> Studio:
        made.append(Studio(show))
        made[-1].open()
        return made[-1]

    yield open_one
    for studio in made:
        studio.close()


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    """One that several tests ask, stop and kill: it counts on."""
    made = Studio(SHOW)
    made.open()
    yield made
    made.close()


def ask(studio: Studio, **values: float) -> None:
    """What a show does in every frame."""
    now_s = time.monotonic()
    given = {name: knob.default for name, knob in studio.knobs.items()} | values
    studio.request(Controls(now_s, given, now_s), now_s)


def awake(studio: Studio) -> bool:
    """Whether the process that is there now has drawn something."""
    return int(studio._memory.counts[AWAKE]) in studio.pids


def until_newer(studio: Studio, wait_for: Wait, number: int, **values: float) -> None:
    """Go on asking until a newer drawing hangs there."""

    def newer() -> bool:
        ask(studio, **values)
        newest = studio.newest()
        return newest is not None and newest.number > number

    wait_for(newer, within_s=90)


def test_a_drawing_knows_the_controls_it_was_made_from(studio: Studio) -> None:
    controls = Controls(0.0, {name: knob.default for name, knob in studio.knobs.items()}, 0.0)
    for n in range(4):
        asked = dataclasses.replace(controls, time_s=float(n), turns=n / 4)
        studio.request(asked, n / 20, SoundBlock(np.zeros(400, np.float32), 44100, 0.0), patient=True)
        assert studio.wait_done(60)
        drawing = studio.newest()
        assert drawing.controls == asked and drawing.rgba.shape == (45, 80, 4)
        assert studio.newest() is drawing, "the same object is the same picture"
    assert studio.knobs["effect.grain.amount"].high == 1.0 and len(studio.weights_sha256) == 64


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
def test_killed_or_hung_it_is_replaced_and_the_last_picture_stays(
    studio: Studio, wait_for: Wait, by: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio._child, "_silent_s", 1.0)
    ask(studio)
    assert studio.wait_done(90)
    until_newer(studio, wait_for, studio.newest().number)
    before = studio.painted
    painted = wait_for(lambda: ask(studio) or (studio.painted > before and studio.painted))
    (pid,), held, lost = studio.pids, studio.newest(), studio.faults["studio"]
    os.kill(pid, by)
    wait_for(lambda: ask(studio) or studio.faults["studio"] > lost)
    assert studio.newest() is not None and studio.newest().number >= held.number
    until_newer(studio, wait_for, studio.newest().number)
    assert studio.pids != [pid] and studio.faults["studio"] == lost + 1
    wait_for(lambda: ask(studio) or studio.painted > studio.status.get("painted", 0) >= 1)
    assert studio.painted > painted, "pictures of the process before count too"


def test_an_effect_that_fails_twice_is_left_out_and_the_others_are_drawn(opened, wait_for: Wait, tmp_path) -> None:
    (tmp_path / "slow.fs").write_text(SLOW)
    studio = opened(dataclasses.replace(SHOW, effects=(Effect("grain"), Effect(str(tmp_path / "slow.fs")))))
    until_newer(studio, wait_for, 0)
    for _ in range(studios.STRIKES):
        at_work = wait_for(
            lambda: (
                ask(studio, **{"effect.slow.amount": 1.0})
                or (awake(studio) and studio._memory.counts[AT] == FIRST_EFFECT + 1 and studio.pids[0])
            ),
            within_s=90,
        )
        os.kill(int(at_work), signal.SIGKILL)  # a driver that crashes in this effect's draw call
        wait_for(lambda killed=at_work: studio.pids and studio.pids != [killed], within_s=60)
    assert studio.left_out == ["slow"]
    until_newer(studio, wait_for, studio.newest().number, **{"effect.slow.amount": 1.0})


def test_a_show_that_was_frozen_for_hours_is_not_called_hung_when_it_asks_again(studio: Studio, wait_for: Wait) -> None:
    ask(studio)
    counts, times = studio._memory.counts, studio._memory.times
    wait_for(lambda: awake(studio) and counts[DRAWN] >= counts[REQUESTED])
    times[DRAWN] -= 3600.0
    times[REQUESTED] -= 3600.0
    assert studio._silence_s() == 0.0, "nothing is owed"
    stop(studio.pids[0])  # so that the answer stays owed
    ask(studio)
    assert studio._silence_s() < 3000.0
    os.kill(studio.pids[0], signal.SIGCONT)
    wait_for(lambda: counts[DRAWN] >= counts[REQUESTED])


def test_what_does_not_come_in_time_is_not_waited_for(studio: Studio, wait_for: Wait) -> None:
    ask(studio)
    wait_for(lambda: awake(studio) and studio.wait_done(0.0))
    stop(studio.pids[0])
    ask(studio)
    assert not studio.wait_done(0.05)
    os.kill(studio.pids[0], signal.SIGCONT)
    assert studio.wait_done(90)


def test_a_process_that_never_gets_ready_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(SHOW)
    monkeypatch.setattr(studio._child, "start", lambda: None)
    with pytest.raises(RuntimeError, match="was not ready"):
        studio.open(timeout_s=0.05)
    studio.close()


def test_what_was_asked_of_a_process_that_crashed_is_drawn_by_the_next_one(studio: Studio) -> None:
    ask(studio)
    assert studio.wait_done(90)
    (pid,) = studio.pids
    stop(pid)
    ask(studio)
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)
    assert studio.wait_done(90), "nobody asked again"


@pytest.fixture(scope="module")
def mending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, Path]]:
    """One whose second effect somebody writes just now, and that effect's file; what it complains of lies beside."""
    effect = tmp_path_factory.mktemp("effects") / "mine.fs"
    effect.write_text(GOOD)
    made = Studio(dataclasses.replace(SHOW, effects=(Effect("grain"), Effect(str(effect)))))
    ours = os.dup(2)
    with effect.with_suffix(".txt").open("w") as said:
        os.dup2(said.fileno(), 2)  # it complains where we do
        try:
            made.open()
        finally:
            os.dup2(ours, 2)
            os.close(ours)
    yield made, effect
    made.close()


def test_an_effect_broken_while_it_plays_keeps_its_last_good_program(mending, wait_for: Wait) -> None:
    studio, effect = mending
    until_newer(studio, wait_for, 0)
    effect.write_text(BROKEN)
    os.utime(effect, (1, 1))
    wait_for(lambda: ask(studio) or studio.faults["shader"] > 0)
    until_newer(studio, wait_for, studio.newest().number)
    assert studio.newest().rgba[..., :3].max() > 60
    assert "mine.fs" in effect.with_suffix(".txt").read_text()


def test_an_effect_whose_file_is_broken_at_a_restart_is_left_out_alone_and_comes_back(mending, wait_for: Wait) -> None:
    studio, effect = mending
    wait_for(lambda: ask(studio) or awake(studio), within_s=90)
    effect.write_text(BROKEN)
    os.kill(studio.pids[0], signal.SIGKILL)
    wait_for(lambda: ask(studio) or (studio.left_out and awake(studio)), within_s=90)
    assert studio.left_out == ["mine"]
    until_newer(studio, wait_for, studio.newest().number)
    effect.write_text(GOOD)
    lost, before = studio.faults["studio"], studio.pids
    studio._left_out["mine"] = 0.0  # its time is over
    wait_for(lambda: ask(studio) or (studio.pids != before and awake(studio)), within_s=90)
    assert studio.left_out == studio._told_without == [] and studio.faults["studio"] == lost


def test_two_deaths_months_apart_are_no_reason_to_leave_out_the_generator() -> None:
    studio = Studio(SHOW)
    studio._strikes["generator"] = [time.monotonic() - studios.LEFT_OUT_S]
    studio._blame()
    assert studio.left_out == []
    studio._blame()
    assert studio.left_out == ["generator"]


def test_without_what_failed_there_is_always_something_to_play() -> None:
    show = dataclasses.replace(SHOW, generator=Part("stylegan2"), bends=(Bend("a", "b", "c"),))
    safe = without(show, ["generator", "grain"])
    assert safe.generator == Part("pattern") and safe.bends == () and safe.effects == ()
    assert without(show, []) == show


def test_a_show_that_cannot_be_opened_says_why_at_once() -> None:
    with pytest.raises(SettingsError, match="no effect 'glow'"):
        Inside(dataclasses.replace(SHOW, effects=(Effect("glow"),)))
    studio = Studio(dataclasses.replace(SHOW, generator=Part("stylegan2", {"model": "blom"})))
    try:
        with pytest.raises(SettingsError, match="blom"):
            studio.open()
    finally:
        studio.close()
