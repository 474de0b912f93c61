"""Effects that somebody saves while they play, that break, that grow slow, and that play for half a year."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from flower import pixels_of

from installation import files, settings
from installation.rendering import effect, effects, link, trial
from installation.rendering.effects import Chain

SIZE = (64, 36)
OURS = sorted(path.stem for path in files.shipped("shaders/effects").glob("*.fs"))
RED = '/*{"INPUTS": []}*/\nvoid main() { gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0); }'

TINTED = RED.replace("[]", '[{"NAME": "tint", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.0, "MAX": 1.0}]')


def write(path: Path, text: str) -> None:
    """Save as an editor does, at another instant than the last time."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


class Playing:
    """One effect, live.fs, that is drawn over and over while somebody saves it."""

    def __init__(self, context, flower, folder: Path, wait_for: Callable[..., object]) -> None:
        self.file, self.flower, self.wait_for = folder / "live.fs", flower, wait_for
        write(self.file, RED)
        self.chain = Chain(context, [settings.Effect("live")], SIZE, folder)

    def colour(self, now_s: float = 0.0) -> list[int]:
        return pixels_of(self.chain.draw(self.flower, {}, now_s))[0, 0].tolist()

    def save(self, text: str, then: Callable[[], object]) -> None:
        """Save it, and go on drawing until that has had its effect."""
        write(self.file, text)
        self.wait_for(lambda: self.colour() and then(), within_s=90)


@pytest.fixture
def playing(context, flower, tmp_path, wait_for, monkeypatch) -> Iterator[Playing]:
    monkeypatch.setattr(effects, "LOOK_EVERY_S", 0.0)
    made = Playing(context, flower, tmp_path, wait_for)
    yield made
    made.chain.release()


def test_a_saved_shader_is_seen_and_a_broken_one_keeps_the_last(playing: Playing, caplog) -> None:
    assert playing.colour() == [255, 0, 0, 255]
    with caplog.at_level(logging.ERROR, "installation.rendering"):
        for count, text in enumerate((RED.replace("vec4(1.0", "vec4(\n wrong"), "not an effect at all"), 1):
            playing.save(text, lambda n=count: playing.chain.faults["shader"] == n)
            assert [playing.colour(n / 30) for n in range(5)] == [[255, 0, 0, 255]] * 5
    assert len(caplog.records) == 2, "counted and said once for each save"
    assert "live.fs:3" in caplog.text and "wrong" in caplog.text
    green = RED.replace("1.0, 0.0, 0.0", "0.0, 1.0, 0.0")
    playing.save(green, lambda: playing.colour() == [0, 255, 0, 255])


def test_a_shader_that_vanishes_keeps_the_last_program(playing: Playing) -> None:
    playing.file.unlink()
    assert playing.colour() == [255, 0, 0, 255]


def test_a_new_knob_appears_when_the_file_is_saved(playing: Playing) -> None:
    header = RED.replace("[]", '[{"NAME": "level", "TYPE": "float", "DEFAULT": 0.5}]')
    playing.save(header.replace("vec4(1.0", "vec4(level"), lambda: playing.colour()[0] == 128)
    assert playing.chain.knobs["effect.live.level"].default == 0.5


@pytest.mark.parametrize(("limit", "why"), [("SLOW_S", "hold the show up"), ("ANSWER_S", "a loop without an end")])
def test_an_effect_too_heavy_for_any_wall_never_joins_the_show(
    playing: Playing, caplog, monkeypatch, limit: str, why: str
) -> None:
    monkeypatch.setattr(trial, limit, -1.0)  # every file is too heavy then, on every machine
    with caplog.at_level(logging.ERROR, "installation.rendering"):
        green = RED.replace("1.0, 0.0, 0.0", "0.0, 1.0, 0.0")
        playing.save(green, lambda: playing.chain.faults["shader"] == 1)
    assert "live.fs" in caplog.text and why in caplog.text
    assert playing.colour() == [255, 0, 0, 255]


def test_a_file_that_crashes_its_trial_costs_only_that(playing: Playing, monkeypatch, caplog) -> None:
    def crash(self: trial.Trial, path: Path, size: tuple[int, int]) -> None:
        self.path, self._began_s = path, time.monotonic()
        code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        self._process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)

    monkeypatch.setattr(trial.Trial, "__init__", crash)
    with caplog.at_level(logging.ERROR, "installation.rendering"):
        playing.save(RED + " ", lambda: playing.chain.faults["shader"] == 1)
    assert "the graphics driver ended with it" in caplog.text and playing.colour() == [255, 0, 0, 255]


ENDLESS = (  # nearly: a software driver leaves a loop after 65,535 rounds
    '/*{"INPUTS": []}*/\nvoid main() { float x = TIME; while (x > -1.0) x = fract(x + 0.37) + 0.001;'
    " gl_FragColor = vec4(x); }"
)


def test_a_trial_ends_with_whoever_began_it_be_its_file_without_an_end(tmp_path, wait_for) -> None:
    (tmp_path / "endless.fs").write_text(ENDLESS)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom installation.rendering.trial import Trial\n"
        "print(Trial(Path(sys.argv[1]), (64, 36))._process.pid, flush=True)\ntime.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "endless.fs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as began:
        on_trial = psutil.Process(int(began.stdout.readline()))
        wait_for(lambda: any("swrast" in m.path or "gallium" in m.path for m in on_trial.memory_maps()), within_s=60)
        on_trial.suspend()  # what is at work in a driver hears nothing else either
        began.kill()
    try:
        wait_for(lambda: not files.is_alive(on_trial.pid))
    finally:
        if files.is_alive(on_trial.pid):
            on_trial.kill()


def test_after_an_hour_that_the_show_stood_still_an_effect_goes_on_and_does_not_leap(context, flower, tmp_path) -> None:
    write(tmp_path / "step.fs", RED.replace("vec4(1.0, 0.0", "vec4(TIMEDELTA / 10.0, 0.0"))
    chain = Chain(context, [settings.Effect("step")], SIZE, tmp_path)
    red = [int(pixels_of(chain.draw(flower, {}, now_s))[0, 0, 0]) for now_s in (0.0, 0.5, 3600.0)]
    assert red == [0, 13, 26]
    chain.release()


def test_an_effect_that_grows_slow_is_left_out_and_tried_again_later(context, flower, monkeypatch) -> None:
    now, calls = [1000.0], []
    chain = Chain(context, [settings.Effect("grain"), settings.Effect("vignette")], SIZE)
    loaded, real = chain.links[0].loaded, chain.links[0].loaded.draw
    monkeypatch.setattr(effects.time, "monotonic", lambda: now[0])

    def draw(*arguments: object) -> None:
        calls.append(now[0])
        now[0] += 0.5
        real(*arguments)

    monkeypatch.setattr(loaded, "draw", draw)

    def play() -> int:
        for _ in range(10):
            chain.draw(flower, {"effect.grain.amount": 1.0, "effect.vignette.amount": 1.0}, 0.0)
        return len(calls)

    assert play() == link.SLOW_FRAMES and chain.faults["slow effect"] == 1 and chain.links[1].drawn_last
    now[0] += link.FIRST_PAUSE_S
    assert play() == 2 * link.SLOW_FRAMES, "tried again"
    now[0] += link.FIRST_PAUSE_S
    assert play() == 2 * link.SLOW_FRAMES, "and left out for longer"


def test_whatever_an_effect_raises_the_others_are_drawn(context, flower, monkeypatch) -> None:
    chain = Chain(context, [settings.Effect("grain"), settings.Effect("mirror")], SIZE)
    monkeypatch.setattr(chain.links[0].loaded, "draw", lambda *_: {}["nothing foresees this"])
    chain.draw(flower, {"effect.grain.amount": 1.0, "effect.mirror.amount": 1.0}, 0.0)
    assert chain.faults["shader"] == 1 and chain.links[1].drawn_last


def loudest(chain: Chain) -> dict[str, float]:
    return {n: (k.high if n.endswith(".amount") else k.default) for n, k in chain.knobs.items()}


@pytest.mark.parametrize("name", OURS)
def test_an_effect_moves_after_half_a_year_as_on_the_first_day(context, flower, name: str) -> None:
    different = []
    for start_s in (10.0, 1.6e7):
        chain = Chain(context, [settings.Effect(name)], SIZE)
        values = loudest(chain)
        seen = {pixels_of(chain.draw(flower, values, start_s + n / 30)).tobytes() for n in range(24)}
        different.append(len(seen))
        chain.release()
    assert different[1] >= different[0] - 2, f"different frames out of 24, on day 0 and on day 185: {different}"


@pytest.mark.parametrize("name", ["kaleidoscope", "pulse", "scanline", "wilt"])
def test_when_its_clock_is_set_back_an_effect_does_not_jump(context, flower, name: str) -> None:
    chain = Chain(context, [settings.Effect(name)], SIZE)
    values = loudest(chain)

    def steps(start_s: float) -> np.ndarray:
        drawn = [pixels_of(chain.draw(flower, values, start_s + n / 30)).astype(float) for n in range(90)]
        return np.array([np.abs(a - b).mean() for a, b in itertools.pairwise(drawn)])

    usual, over = steps(100.0), steps(effect.ROUND_S - 0.5)
    assert over.max() <= 1.6 * usual.max() + 0.5
    chain.release()


def test_a_trial_whose_show_ended_before_it_began_draws_nothing(tmp_path) -> None:
    (tmp_path / "plain.fs").write_text("/*{}*/\nvoid main() { gl_FragColor = vec4(1.0); }")
    line = [sys.executable, "-m", "installation.rendering.trial", str(tmp_path / "plain.fs"), "16", "16"]
    drawn = [subprocess.run([*line, parent], capture_output=True, text=True) for parent in (str(os.getpid()), "0")]
    assert "draw_s" in drawn[0].stdout and drawn[1].stdout == ""


def test_a_file_that_changed_again_since_its_trial_keeps_the_program_that_works(
    context, flower, tmp_path: Path
) -> None:
    write(tmp_path / "live.fs", TINTED)
    chain = Chain(context, [settings.Effect("live", knobs={"tint": 0.5})], SIZE, tmp_path)
    (playing,) = chain.links
    red = pixels_of(chain.draw(flower, {}, 0.0))[0, 0].tolist()
    for text, why in ((TINTED.replace("vec4(1.0", "vec4(oops"), "oops"), (RED, "has no knob 'tint'")):
        write(tmp_path / "live.fs", text)
        assert why in playing._load() and playing.broken
        assert pixels_of(chain.draw(flower, {}, 0.0))[0, 0].tolist() == red
        assert "effect.live.tint" in playing.knobs
    write(tmp_path / "live.fs", TINTED.replace("1.0, 0.0, 0.0, 1.0", "0.0, 1.0, 0.0, 1.0"))
    assert playing._load() == "" and not playing.broken
    assert pixels_of(chain.draw(flower, {}, 1.0))[0, 0].tolist() != red


def test_an_effect_that_grows_slow_again_and_again_is_left_out_for_minutes_and_no_longer() -> None:
    pause, outs = link.Pause(), []
    now_s = 0.0
    while len(outs) < 20:
        now_s += 1.0
        if pause.note(link.SLOW_S * 2, now_s):
            outs.append(pause.until_s - now_s)
            now_s = pause.until_s
    assert outs[0] == link.FIRST_PAUSE_S and outs[1] == 2 * outs[0] and max(outs) == outs[-1] == link.LONGEST_PAUSE_S


def test_a_trial_says_itself_why_an_effect_cannot_be_drawn(tmp_path: Path, wait_for: Callable[..., object]) -> None:
    said: list[str] = []
    for text in (RED.replace("gl_FragColor", "oops"), "void main() {}\0", RED):
        write(tmp_path / "live.fs", text)
        made = trial.Trial(tmp_path / "live.fs", SIZE)
        wait_for(lambda made=made: (why := made.poll()) is not None and (said.append(why) or True), within_s=90)
    assert "oops" in said[0] and "zero bytes" in said[1] and said[2] == ""


def test_no_effect_is_told_that_time_went_back(context, flower, tmp_path: Path) -> None:
    write(tmp_path / "step.fs", RED.replace("vec4(1.0, 0.0", "vec4(0.5 + TIMEDELTA, 0.0"))
    chain = Chain(context, [settings.Effect("step")], SIZE, tmp_path)
    seen = [pixels_of(chain.draw(flower, {}, now_s))[0, 0, 0] for now_s in (10.0, 10.25, 3.0, 3.125)]
    assert [int(one) for one in seen] == pytest.approx([128, 191, 128, 159], abs=1)
