"""A cue that names a vector, and one that names another model, in a whole show: what a visitor sees on the wall."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from installation import files
from installation.__main__ import parser
from installation.latent import vectors
from installation.live import opening
from installation.live.loop import Live
from installation.signals import Command
from installation.weights import read_own, to_toml

SHOW = """
[generator]
name = "stylegan2"
settings = {{ model = "bloom" }}
[[vectors]]
name = "rose"
seed = 5
[[keyframes]]
name = "dance"
vectors = ["rose", "seed 6"]
seconds = 4.0
[[directions]]
name = "open"
from = "ganspace 1"
zone = "coarse"
[[cues]]
number = "1"
model = "bloom"
vector = "walk"
[[cues]]
number = "2"
fade_s = 0.4
vector = "rose"
[[cues]]
number = "3"
fade_s = 0.4
model = "{other}"
[[cues]]
number = "4"
fade_s = 0.2
model = "bloom"
vector = "dance"
[[cues]]
number = "5"
fade_s = 0.2
model = "{negative}"
values = {{ "generator.feedback" = 0.5, "generator.noise.fine" = 0.25, "generator.feedbck" = 1.0 }}
[screen]
size = [160, 90]
working_size = [160, 90]
fps = 20.0
"""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """bloom with the colours turned round."""
    folder, card = tmp_path / "night bloom", read_own("bloom")
    folder.mkdir()
    tensors = load_file(files.shipped("models") / "bloom" / "weights.safetensors")
    turned = {
        name: -tensor if ".torgb." in name and "affine" not in name else tensor for name, tensor in tensors.items()
    }
    save_file(turned, folder / "weights.safetensors")
    sha256 = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    kept = {word: card[word] for word in ("kind", "file", "rim_px", "network", "licence")}
    files.write_text(folder / "model.toml", to_toml({"name": folder.name, **kept, "sha256": sha256}))
    return folder


@pytest.fixture
def live(other: Path, negative: Path, tmp_path: Path) -> Iterator[Live]:
    path = tmp_path / "led.toml"
    path.write_text(SHOW.format(other=other, negative=negative))
    words = ["live", "--show", str(path), "--headless", "--no-panel", "--osc-port", "0"]
    words += ["--vectors", str(tmp_path / "kept")]
    show, options = opening.prepare(parser().parse_args(words))
    with ExitStack() as closing:
        live = Live(show, options, closing, sheds=False)
        with opening.curtain(live.senses, live.studio):
            yield live


def play(live: Live, until: Callable[[], bool], frames: int = 900) -> list[np.ndarray]:
    """Present frames until it is so; what was on the wall."""
    wall = []
    for heard in itertools.islice(live.heard(), frames):
        live.frame(heard)
        wall.append(live.screen.read_now().astype(int))
        if until():
            return wall
        live.pace(heard.now_s)
    raise AssertionError(f"did not happen within {frames} frames")


def painted(live: Live, **knobs: float) -> bool:
    """Whether what is on the wall was painted with these values."""
    drawing = live.studio.newest()
    values = drawing.controls.values if drawing else {}
    return all(abs(values.get(f"generator.{name}", np.inf) - value) < 1e-6 for name, value in knobs.items())


def light_after(live: Live, pictures: int) -> float:
    """How light the wall is, 0..255, in the second half of so many more pictures."""
    drawing = live.studio.newest()
    enough = pictures + (drawing.picture if drawing else 0)
    walls = play(live, lambda: (now := live.studio.newest()) is not None and now.picture >= enough)
    return float(np.mean(walls[len(walls) // 2 :]))


def test_the_wall_fades_to_a_vector_to_another_model_with_knobs_of_its_own_and_back(
    live: Live, tmp_path: Path, wait_for
) -> None:
    assert live.knobs["generator.open"].low == -3
    assert live.studio.newest() is None or not painted(live, **{"to.rose": 1.0})
    live.board.apply(Command("cue", "2"), live.clock.now_s())
    play(live, lambda: painted(live, **{"to.rose": 1.0}))
    live.board.apply(Command("knob", "generator.speed", 0.0), live.clock.now_s())
    rose = play(live, lambda: painted(live, **{"to.rose": 1.0, "speed": 0.0}))[-1]

    live.chronicle.studio.keep_vector()
    play(live, lambda: bool(list((tmp_path / "kept").glob("led-*.npz"))))
    [path] = wait_for(lambda: list((tmp_path / "kept").glob("led-*.npz")))
    generator = opening.open_generator(live.show).now
    kept = vectors.read(path).w
    assert kept is not None and torch.allclose(kept, generator.of_seed(5), atol=1e-4)

    knob = "model.night_bloom"
    live.board.apply(Command("cue", "3"), live.clock.now_s())

    def turned() -> bool:
        wall = live.screen.read_now().astype(int)
        return painted(live, **{knob: 1.0}) and np.corrcoef(wall.ravel(), rose.ravel())[0, 1] < -0.5

    play(live, turned)
    live.board.apply(Command("cue", "4"), live.clock.now_s())
    play(live, lambda: painted(live, **{knob: 0.0, "to.rose": 0.0, "to.dance": 1.0}))
    live.board.apply(Command("cue", "5"), live.clock.now_s())  # its model has a knob that the show's own has not
    play(live, lambda: painted(live, **{"model.negative": 1.0, "feedback": 0.5, "noise.fine": 0.25}))
    light_after(live, 30)  # it has appeared
    lights = []
    for verb in ("knob", "release"):  # at 0, and as the cue has it
        live.board.apply(Command(verb, "generator.feedback"), live.clock.now_s())
        lights.append(light_after(live, 10))
    assert lights[0] > lights[1] + 15, "the graph is handed its own answer again"
    live.board.apply(Command("cue", "4"), live.clock.now_s())
    play(live, lambda: painted(live, **{"model.negative": 0.0, "feedback": 0.0}))
    assert "generator.feedbck" not in live.knobs
    assert not live.faults()
