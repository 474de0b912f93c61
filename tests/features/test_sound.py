"""Filters are librosa's; tempo, beat and onsets are those of real recordings; levels follow the room."""

import librosas
import numpy as np
import pytest
import soundfile

from installation.features import sound
from installation.features.spectrum import chroma_filters, mel_filters
from installation.signals import SoundBlock


def heard(samples: np.ndarray, rate_hz: int, block: int = 1470, begin_s: float = 0.0):
    """An extractor that has heard samples, and its features [shape=(blocks, names)] with their times."""
    made = sound.create(sound.Settings())
    rows, times = [], []
    for first in range(0, len(samples), block):
        now_s = begin_s + (first + block) / rate_hz
        rows.append(list(made.extract(SoundBlock(samples[first : first + block], rate_hz, now_s), now_s).values()))
        times.append(now_s)
    return made, dict(zip(made.names, np.array(rows).T, strict=True)), np.array(times)


@pytest.fixture(scope="module")
def vibe(shared):
    """Vibe Ace: a groove of about 129 beats a minute."""
    return librosas.vibe(shared)


@pytest.fixture(scope="module")
def theirs():
    """What librosa makes of the same."""
    return np.load(librosas.ANSWERS)


@pytest.fixture(scope="module")
def groove(vibe):
    return heard(*vibe)


def tone(hz: float, seconds: float, amplitude: float = 0.5, rate_hz: int = 44100) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def clicks(bpm: float, seconds: float, rate_hz: int = 44100) -> np.ndarray:
    samples = 0.001 * np.random.default_rng(0).standard_normal(int(seconds * rate_hz))
    for beat in range(int(seconds * bpm / 60)):
        first = int(beat * 60 / bpm * rate_hz)
        burst = np.exp(-np.arange(2000) / 300) * np.random.default_rng(beat).standard_normal(2000) * 0.5
        samples[first : first + 2000] += burst[: len(samples) - first]
    return samples.astype(np.float32)


@pytest.mark.parametrize("rate_hz", librosas.RATES_HZ)
def test_mel_and_chroma_filters_are_librosas(theirs, rate_hz):
    assert np.allclose(mel_filters(rate_hz, 2048, 64, 27.5, 7000.0), theirs[f"mel {rate_hz}"], atol=1e-7)
    assert np.allclose(chroma_filters(rate_hz, 2048), theirs[f"chroma {rate_hz}"], atol=1e-6)


def test_the_tempo_of_a_groove_is_found_within_twenty_seconds_and_kept(groove):
    made, at, times = groove
    tempos = 60 + 120 * at["sound.tempo"]
    assert tempos[times > 15] == pytest.approx(np.full((times > 15).sum(), 129.0), rel=0.03)
    assert made.tempo_bpm == pytest.approx(129, rel=0.03)


@pytest.mark.parametrize("begin_s", [7.3, 21.9, 33.1])
def test_the_tempo_does_not_depend_on_where_the_listening_begins(vibe, begin_s):
    samples, rate_hz = vibe
    made, _, _ = heard(samples[int(begin_s * rate_hz) :][: 20 * rate_hz], rate_hz)
    assert made.tempo_bpm == pytest.approx(129, rel=0.03)


def test_the_beat_falls_where_librosa_hears_it(theirs, groove):
    made, at, times = groove
    phase = at["sound.beat"]
    wraps = np.flatnonzero(np.diff(phase) < -0.5) + 1
    beats = times[wraps] - phase[wraps] * 60 / made.tempo_bpm
    error_s = np.abs(beats[beats > 12][:, None] - theirs["beats"][None, :]).min(axis=1)
    assert len(error_s) > 50 and np.median(error_s) < 0.04 and (error_s < 0.08).mean() > 0.9


@pytest.mark.parametrize("bpm", [75, 96, 120, 150])
def test_a_metronome_is_counted_exactly(bpm):
    made, _, _ = heard(clicks(bpm, 14), 44100)
    assert made.tempo_bpm == pytest.approx(bpm, rel=0.01)


def test_onsets_of_a_groove_are_about_as_many_as_librosa_finds(groove):
    made, at, _ = groove
    assert 287 * 0.7 < made.onset_count < 287 * 1.3
    assert at["sound.onset"].max() > 0.8


@pytest.mark.parametrize("name", ["198-209-0000.hq.ogg", "glacier-bay-humpback.hq.ogg"])
def test_speech_and_the_sea_have_no_beat(shared, name):
    samples, rate_hz = soundfile.read(shared / "data" / "audio" / name, dtype="float32", always_2d=True)
    _, at, _ = heard(samples.mean(axis=1)[: 30 * rate_hz], rate_hz)
    assert (np.diff(at["sound.beat"]) < -0.5).sum() <= 3


def test_a_tone_sounds_in_its_own_band_and_note():
    noise = 3e-3 * np.random.default_rng(0).standard_normal(3 * 44100).astype(np.float32)
    for hz, band, note in ((110.0, "bass", 9), (523.25, "mid", 0), (4186.0, "treble", 0)):
        _, at, _ = heard(np.concatenate([noise, tone(hz, 1.0)]), 44100)
        assert at[f"sound.{band}"][-5] > 0.6
        notes = [at[f"sound.chroma.{n}"][-5] for n in range(12)]
        assert int(np.argmax(notes)) == note
    assert at["sound.brightness"][-5] > 0.8


def test_steady_noise_becomes_the_rooms_silence_and_a_voice_stands_out_of_it():
    random = np.random.default_rng(0)
    hum = (0.02 * random.standard_normal(44100 * 20)).astype(np.float32)
    hum[44100 * 19 :] += tone(300, 1.0, 0.4)
    _, at, times = heard(hum, 44100)
    assert at["sound.level"][(times > 10) & (times < 19)].mean() < 0.2
    assert at["sound.level"][times > 19.3].mean() > 0.7


def test_a_quiet_room_and_a_loud_one_move_the_show_alike(vibe):
    samples, rate_hz = vibe
    loud, quiet = (heard(samples[: 10 * rate_hz] * gain, rate_hz)[1]["sound.level"][100:] for gain in (1.0, 0.05))
    assert np.abs(loud - quiet).mean() < 0.05


def test_silence_is_nothing_at_all():
    made, at, _ = heard(np.zeros(44100 * 5, np.float32), 44100)
    assert all(values.max() == 0 for values in at.values()) and made.tempo_bpm == 0


def test_when_the_microphone_dies_everything_eases_out():
    made, _, times = heard(clicks(120, 8), 44100)
    now_s, values = float(times[-1]), {}
    for i in range(100):
        values = made.extract(None, now_s + 0.04 * i)
    assert max(values.values()) < 0.02


def test_how_the_sound_is_cut_into_blocks_hardly_matters(vibe):
    samples, rate_hz = vibe
    tempos = [heard(samples[: 15 * rate_hz], rate_hz, block)[0].tempo_bpm for block in (700, 4410)]
    assert max(tempos) - min(tempos) < 1.0


def test_a_replay_is_identical(vibe):
    samples, rate_hz = vibe
    first, second = (heard(samples[: 6 * rate_hz], rate_hz)[1] for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
