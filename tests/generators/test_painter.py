"""The painter: newest request first, the last good picture held, whatever the generator does."""

import threading
from collections import Counter

import psutil
import pytest
import torch

from installation.generators import painter as room
from installation.generators import pattern
from installation.generators.painter import FAULT, NOT_FINITE, PATIENCE, Painter
from installation.generators.stylegan2 import StyleGAN2
from installation.generators.stylegan2.network import Generator, NetworkConfig
from installation.settings import Bend
from installation.signals import Controls, Knob, Picture


class Easel:
    """A generator of plain surfaces: brightness is the controls' turns. It can be told to wait, fail or go wrong."""

    def __init__(self) -> None:
        self.knobs: dict[str, Knob] = {}
        self.layers: list[tuple[str, int, int]] = []
        self.weights_sha256, self.size = "none", (16, 16)
        self.device, self.faults = torch.device("cpu"), Counter[str]()
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()
        self.painted: list[float] = []
        self.error: Exception | None = None
        self.fill, self.resets, self.threads = 0.0, 0, 0

    def render(self, controls: Controls, size: tuple[int, int] | None = None) -> Picture:
        self.begun.release()
        assert self.go_on.wait(10)
        self.threads = torch.get_num_threads()
        if self.error:
            raise self.error
        self.painted.append(controls.turns)
        return Picture(torch.full((3, 16, 16), controls.turns) + self.fill, controls)

    def shed(self, level: int) -> None: ...

    def reset(self) -> None:
        self.resets += 1


@pytest.fixture
def easel():
    return Easel()


@pytest.fixture
def painter(easel):
    painter = Painter(easel, threads=1).start()
    yield painter
    easel.go_on.set()
    painter.close()


def paint(painter: Painter, turns: float) -> None:
    """Ask for one picture and wait until the painter is done with it, well or not."""
    done = painter.number_done
    painter.request(Controls(0.0, {}, turns))
    assert painter.wait_done(done + 1)


def shown(painter: Painter) -> Picture:
    picture = painter.newest()
    assert picture is not None
    return picture


def test_there_is_no_picture_before_the_first_request(painter):
    assert painter.newest() is None
    assert painter.picture_s == 0.0


def test_a_request_becomes_a_picture_with_a_number_and_a_time(painter):
    paint(painter, 0.25)
    picture = painter.newest()
    assert picture.pixels.max() == 0.25
    assert picture.number == 1
    assert 0 < picture.seconds == painter.picture_s


def test_the_newest_request_wins_and_stale_ones_are_never_painted(painter, easel):
    easel.go_on.clear()
    painter.request(Controls(0.0, {}, 0.1))
    assert easel.begun.acquire(timeout=10)
    for turns in (0.2, 0.3, 0.4):
        painter.request(Controls(0.0, {}, turns))
    easel.go_on.set()
    assert painter.wait_done(2)
    assert easel.painted == [0.1, 0.4]


def test_asking_does_not_wait_for_the_generator(painter, easel):
    easel.go_on.clear()
    for turns in (0.1, 0.2, 0.3):
        painter.request(Controls(0.0, {}, turns))
    assert painter.newest() is None, "still painting, and we are here already"


def test_an_error_is_counted_and_the_last_good_picture_stays(painter, easel, caplog):
    paint(painter, 0.5)
    easel.error = RuntimeError("out of paint")
    paint(painter, 0.6)
    paint(painter, 0.7)
    assert painter.newest().pixels.max() == 0.5
    assert painter.faults[FAULT] == 2
    assert caplog.text.count("out of paint") == 1, "said once, not every frame"
    easel.error = None
    paint(painter, 0.8)
    assert painter.newest().pixels.max() == pytest.approx(0.8)


@pytest.mark.parametrize("rubbish", [float("nan"), float("inf")])
def test_a_picture_that_is_not_finite_is_never_shown(painter, easel, rubbish):
    paint(painter, 0.5)
    easel.fill = rubbish
    paint(painter, 0.6)
    assert painter.newest().pixels.max() == 0.5
    assert painter.faults[NOT_FINITE] == 1
    assert easel.resets == 1, "what a bend remembers may hold the rubbish"


def test_after_some_failures_the_pattern_stands_in_and_says_so(painter, easel, caplog):
    easel.error = RuntimeError("out of paint")
    for _ in range(PATIENCE + 1):
        paint(painter, 0.5)
    picture = painter.newest()
    assert picture.pixels.shape == (3, 16, 16)
    assert picture.pixels.isfinite().all()
    assert "`pattern` stands in" in caplog.text


def test_a_generator_that_got_well_paints_again(painter, easel, monkeypatch):
    easel.error = RuntimeError("out of paint")
    for _ in range(PATIENCE + 1):
        paint(painter, 0.5)
    easel.error = None
    monkeypatch.setattr(room, "RETRY_S", 0.0)
    paint(painter, 0.75)
    assert painter.standing_in is None
    assert painter.newest().pixels.max() == 0.75


def test_faults_inside_the_generator_are_part_of_the_count(painter, easel):
    easel.faults["bend not finite"] += 3
    assert painter.faults["bend not finite"] == 3


def test_the_worker_keeps_to_its_threads_and_ends_when_closed(painter, easel):
    paint(painter, 0.5)
    assert easel.threads == 1
    painter.close()
    assert not any(t.name == "painter" and t.is_alive() for t in threading.enumerate())


def test_closing_a_painter_that_never_started_is_fine(easel):
    Painter(easel).close()


def test_a_network_that_goes_wrong_inside_heals_without_a_trace():
    """A real network, a bend that remembers, and NaN in the tensor everything starts from."""
    torch.manual_seed(0)
    net = Generator(NetworkConfig(32, 16, 24, 2, {4: 24, 8: 24, 16: 16, 32: 12}))
    generator = StyleGAN2(net, bends=[Bend("echo", "b8.conv1", "feedback", 0.5)], device="cpu")
    painter = Painter(generator, threads=1).start()
    try:
        paint(painter, 0.3)
        good = shown(painter)
        healthy = generator.synthesis.const.clone()
        generator.synthesis.const.fill_(torch.nan)
        paint(painter, 0.3)
        assert shown(painter).number == good.number
        assert painter.faults[NOT_FINITE] == 1
        assert painter.faults["bend not finite"] == 1
        generator.synthesis.const.copy_(healthy)
        paint(painter, 0.3)
        assert shown(painter).number == good.number + 1
        assert shown(painter).pixels.equal(good.pixels)
    finally:
        painter.close()


def test_a_thousand_pictures_take_no_more_memory_than_a_hundred():
    painter = Painter(
        pattern.create(pattern.Settings(detail=16), [Bend("a", "hidden1", "feedback", 0.5)], (48, 32)), threads=1
    )
    painter.start()
    try:
        used = []
        for number in range(1000):
            paint(painter, number / 1000)
            if number % 100 == 99:
                used.append(psutil.Process().memory_info().rss)
        assert max(used[5:]) - used[1] < 4_000_000
    finally:
        painter.close()
