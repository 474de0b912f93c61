"""What every feature owes the show: all of its names at every call, 0..1, finite, whatever comes in or does not."""

import numpy as np
import pytest

from installation import plugins
from installation.signals import Beat, CameraFrame, Number, SoundBlock

RANDOM = np.random.default_rng(5)
NAN = float("nan")
SIGNALS = {
    "camera": [
        CameraFrame(RANDOM.integers(0, 255, (90, 160, 3), dtype=np.uint8), 0.1, 1),
        CameraFrame(np.zeros((640, 360, 3), np.uint8), 0.2, 2),
        CameraFrame(np.full((2, 2, 3), 255, np.uint8), 0.2, 3),
        CameraFrame(RANDOM.integers(0, 255, (480, 640, 3), dtype=np.uint8), 0.1, 4),
    ],
    "microphone": [
        SoundBlock(np.zeros(0, np.float32), 44100, 0.0),
        SoundBlock(np.zeros(3000, np.float32), 44100, 0.0),
        SoundBlock(np.full(5000, np.nan, np.float32), 44100, 0.0),
        SoundBlock(np.full(5000, np.inf, np.float32), 44100, 0.0),
        SoundBlock(RANDOM.uniform(-1, 1, 100_000).astype(np.float32), 44100, 0.0),
        SoundBlock(np.full(9000, 1e30, np.float32), 8000, 0.0),
        SoundBlock(RANDOM.uniform(-1, 1, 9000).astype(np.float32), 96000, 0.0),
    ],
    "tempo": [Beat(beat, bpm, bar, 0.0) for beat, bpm, bar in ((7.3, 120.0, 4), (-1e9, 1e9, 1), (0.0, 0.0, 64))],
    "ticker": [
        Number(v, 0.0, a, b) for v, a, b in ((1, 0, 2), (NAN, 0, 1), (1e300, -1e300, 1e300), (3, 3, 3), (1, 5, 2))
    ],
}


@pytest.fixture(params=plugins.available("features"))
def extractor(request):
    module = plugins.load("features", request.param)
    made = module.create(module.Settings())
    yield made, SIGNALS[module.SOURCE]
    if hasattr(made, "close"):
        made.close()


def test_a_feature_gives_all_its_names_from_0_to_1_whatever_comes(extractor):
    made, signals = extractor
    now_s = 0.0
    for signal in [None, *signals, None, *signals[::-1], None, None]:
        for step_s in (0.04, 0.0, 0.04, 3.0, -1.0):
            now_s += step_s
            values = made.extract(signal, now_s)
            assert tuple(values) == made.names
            assert all(type(v) is float and 0.0 <= v <= 1.0 for v in values.values()), values


def test_names_begin_with_the_feature_and_are_all_different():
    names = []
    for name in plugins.available("features"):
        module = plugins.load("features", name)
        made = module.create(module.Settings())
        assert made.names and all(n.startswith(f"{name}.") for n in made.names)
        names += made.names
    assert len(set(names)) == len(names)
