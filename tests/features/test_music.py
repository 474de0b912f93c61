"""A whole piece is heard ahead: beats where librosa hears them, sections, parts and notes where they were put."""

import librosa
import numpy as np
import pytest
import soundfile

from installation.features import music, score
from installation.signals import SoundBlock

FPS = 30
RATE_HZ = 22050


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of these tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def played(path, seconds: float) -> dict[str, np.ndarray]:
    """The features of every frame of a film to this piece, by name, [shape=(frames,)]."""
    made = music.create(music.Settings(synchronous=True))
    rows = []
    for frame in range(round(seconds * FPS)):
        now_s, place_s = frame / FPS, (frame + 0.5) / FPS
        rows.append(made.extract(SoundBlock(np.zeros(1, np.float32), RATE_HZ, now_s, str(path), place_s), now_s))
    return {name: np.array([row[name] for row in rows]) for name in made.names}


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Twenty seconds of a quiet A, then twenty of loud claps."""
    t = np.arange(20 * RATE_HZ) / RATE_HZ
    tone = 0.02 * np.sin(2 * np.pi * 440 * t)
    claps = np.random.default_rng(1).standard_normal(len(t)) * 0.5 * np.exp(-(t % 0.5) / 0.02)
    path = tmp_path_factory.mktemp("piece") / "halves.wav"
    soundfile.write(path, np.concatenate([tone, claps]).astype("f4"), RATE_HZ)
    return played(path, 40)


def test_beats_fall_on_the_frames_on_which_librosa_hears_them(shared, tmp_path):
    source = shared / "data" / "audio" / "Kevin_MacLeod_-_Vibe_Ace.hq.ogg"
    samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True, frames=12 * 44100, start=10 * 44100)
    soundfile.write(tmp_path / "excerpt.wav", samples, rate_hz)
    at = played(tmp_path / "excerpt.wav", 12)
    low = librosa.resample(samples.mean(axis=1), orig_sr=rate_hz, target_sr=RATE_HZ)
    tempo, theirs = librosa.beat.beat_track(y=low, sr=RATE_HZ, units="time")
    ours = np.flatnonzero(at["music.beat"] == 1.0) / FPS
    assert len(ours) == len(theirs) > 15
    assert np.abs(ours - theirs).max() < 0.04
    assert 60 + 120 * at["music.tempo"][FPS * 6] == pytest.approx(float(tempo[0]), rel=0.03)


def test_a_beat_fades_until_the_next(halves):
    beat = halves["music.beat"][25 * FPS : 35 * FPS]
    struck = np.flatnonzero(beat == 1.0)
    assert np.diff(struck) == pytest.approx(np.full(len(struck) - 1, FPS / 2), abs=1)
    fades = np.delete(np.diff(beat), struck[struck > 0] - 1)
    assert (fades < 0).all()


def test_sections_begin_where_the_music_changes_and_know_how_loud_they_are(halves):
    change = 20 * FPS
    section, level, through = (halves[f"music.{name}"] for name in ("section", "section_level", "section_place"))
    assert section[0] == 0.0 and section[-1] == 1.0
    assert section[change - FPS] < section[change + FPS] and level[change - FPS] < 0.2 < 0.8 < level[change + FPS]
    begun = np.flatnonzero(np.diff(section) > 0) + 1
    assert np.abs(begun - change).min() < 0.6 * FPS
    assert through[begun].max() < 0.05 and through[begun - 1].min() > 0.95
    assert halves["music.place"][change] == pytest.approx(0.5, abs=0.01)


def test_a_tone_is_harmonic_and_a_note_and_claps_are_percussive(halves):
    tone, claps = slice(5 * FPS, 15 * FPS), slice(25 * FPS, 35 * FPS)
    assert halves["music.harmonic"][tone].mean() > 2 * halves["music.percussive"][tone].mean()
    assert halves["music.percussive"][claps].max() > 0.9 and halves["music.onset"][claps].max() > 0.9
    notes = [halves[f"music.chroma.{note}"][tone].mean() for note in range(12)]
    assert int(np.argmax(notes)) == 9 and notes[9] > 3 * sorted(notes)[-2]


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.7])
def test_a_piece_may_be_short_or_silent(seconds, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.zeros(max(1, int(seconds * RATE_HZ)), "f4"), RATE_HZ)
    at = played(tmp_path / "short.wav", 1.0)
    assert at["music.beat"].max() == 0.0 and at["music.harmonic"].max() == 0.0


def test_what_was_heard_is_not_heard_again_and_a_torn_note_of_it_is(tmp_path, monkeypatch):
    path = tmp_path / "click.wav"
    soundfile.write(path, np.eye(1, RATE_HZ, 9000)[0].astype("f4"), RATE_HZ)
    first, counted = score.open_score(path), []
    monkeypatch.setattr(score, "hear", lambda path: counted.append(path) or first)
    score.open_score(path)
    assert not counted
    (kept,) = (p for p in (tmp_path.parent).rglob("*.npz") if p.name.startswith(score.digest(path)))
    kept.write_bytes(kept.read_bytes()[:100])
    assert np.array_equal(score.open_score(path).onsets, first.onsets) and counted == [path]
