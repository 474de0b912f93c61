"""Files by the caller's clock: every picture and every sample, at its own instant, however long the caller takes."""

import numpy as np
import pytest
import soundfile

from installation.inputs import camera, microphone
from installation.sounds import SoundError


def test_a_film_shows_the_frame_of_each_instant_and_begins_anew(film):
    eye = camera.create(camera.Settings(device=str(film), synchronous=True))
    eye.start()
    greys = []
    for n in range(60):  # at twice its rate, for two and a half laps
        seen = eye.read(n / 50)
        greys.append(greys[-1] if seen is None else round(float(seen.rgb[48, 100].mean())))
        assert (seen is None) == (n % 2 == 1)
    assert greys == pytest.approx([20 + 16 * (n // 2 % 12) for n in range(60)], abs=4)


def test_a_sound_is_heard_up_to_each_instant_once_and_to_its_end(tmp_path):
    ramp = np.linspace(-0.5, 0.5, 1000, dtype=np.float32)
    soundfile.write(tmp_path / "ramp.wav", np.stack([ramp, ramp], 1), 1000, subtype="FLOAT")
    ear = microphone.create(microphone.Settings(str(tmp_path / "ramp.wav"), synchronous=True, ahead_s=0.05))
    ear.start()
    blocks = [ear.read(n / 10) for n in range(12)]
    assert [len(block.samples) for block in blocks[:11]] == [50, *[100] * 9, 50] and blocks[11] is None
    assert np.array_equal(np.concatenate([block.samples for block in blocks[:11]]), ramp)
    assert blocks[3].place_s == pytest.approx(0.35) and blocks[3].piece.endswith("ramp.wav")


def test_a_sound_that_breaks_off_says_so(tmp_path):
    path = tmp_path / "torn.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 100_000).astype("f4"), 44100)
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) // 2])
    ear = microphone.create(microphone.Settings(str(path), synchronous=True))
    with pytest.raises(SoundError, match=r"torn\.flac"):
        for n in range(100):
            ear.read(n / 10)
