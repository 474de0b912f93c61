"""A whole sound file in; its score out: beats, tempo, onsets, harmonic and percussive parts, notes and sections.

librosa hears it, once for each content: what it heard is kept in the user's cache.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from installation import files
from installation.sounds import mono_of, track_of
from installation.weight_files import digest

VERSION = 1  # counts the changes in what is heard: it belongs in the name of what is kept
RATE_HZ, WINDOW, HOP = 22050, 2048, 512  # librosa's own: beats are those that it finds
STEP_S = HOP / RATE_HZ
BANDS, COEFFICIENTS = 128, 13
BLOCK, MARGIN = 2048, 32  # frames that are taken apart at once, and those on either side that the filters look at
SECTION_S, MOST_SECTIONS, LEAST_BEATS = 18.0, 32, 8
TEMPO_BEATS = 4  # on either side, of which the tempo of a place is the median
LOUD = 0.99  # of the frames are no louder than what counts as 1


@dataclass(frozen=True, eq=False)
class Score:
    """beats, onsets, sections: times [shape=(n,), s], of sections the beginnings; tempos [shape=(beats,), 1 / min];
    strengths of the onsets and levels of the sections [shape=(n,), 0..1]; harmonic, percussive [shape=(frames,), 0..1]
    and notes [shape=(frames, 12), 0..1, C first], a frame every STEP_S; seconds: how long it is [shape=(1,)]."""

    seconds: np.ndarray
    beats: np.ndarray
    tempos: np.ndarray
    onsets: np.ndarray
    strengths: np.ndarray
    sections: np.ndarray
    levels: np.ndarray
    harmonic: np.ndarray
    percussive: np.ndarray
    notes: np.ndarray

    def to_bytes(self) -> bytes:
        """All of it as one file."""
        file = io.BytesIO()
        np.savez(file, **vars(self))
        return file.getvalue()


def of_bytes(packed: bytes) -> Score:
    """What to_bytes gave. Raises ValueError for anything else."""
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as table:
            return Score(*(table[field.name] for field in fields(Score)))
    except (KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"no score: {error}") from error


def open_score(path: str | Path, say: Callable[[str], object] = lambda line: None) -> Score:
    """The score of a sound file, heard now unless it was before: that takes its time, and is said.

    Raises SoundError and OSError, as reading it does.
    """
    kept = files.of_user("XDG_CACHE_HOME", ".cache") / "music" / f"{digest(Path(path))}-{VERSION}.npz"
    try:
        return of_bytes(kept.read_bytes())
    except (OSError, ValueError):
        say(f"listening to {Path(path).name}, once: seconds, or a minute in a new installation, while librosa compiles")
        score = hear(path)
    with contextlib.suppress(OSError):  # a home that cannot be written to costs the time to hear it anew
        files.write_bytes(kept, score.to_bytes(), lasting=False)
    return score


def hear(path: str | Path) -> Score:
    """Let librosa hear a sound file from start to end. Raises SoundError and OSError."""
    import librosa

    samples = _samples(path)
    frames = Frames(samples)
    mel_db = librosa.power_to_db(frames.mel)
    envelope = librosa.onset.onset_strength(S=mel_db, sr=RATE_HZ, hop_length=HOP)
    steady = librosa.onset.onset_strength(S=mel_db, sr=RATE_HZ, hop_length=HOP, aggregate=np.median)
    _, beats = librosa.beat.beat_track(onset_envelope=steady, sr=RATE_HZ, hop_length=HOP)
    onsets = librosa.onset.onset_detect(onset_envelope=envelope, sr=RATE_HZ, hop_length=HOP)
    rises = envelope[onsets] if len(onsets) else np.zeros(0)
    starts = _sections(frames, mel_db, beats, len(samples) / RATE_HZ)
    power = frames.harmonic**2 + frames.percussive**2
    return Score(
        np.array([len(samples) / RATE_HZ]),
        beats * STEP_S,
        _tempos(beats * STEP_S),
        onsets * STEP_S,
        np.sqrt(_ranged(rises)),
        starts * STEP_S,
        _levels(power, starts),
        _ranged(frames.harmonic),
        _ranged(frames.percussive),
        frames.notes,
    )


def _samples(path: str | Path) -> np.ndarray:
    """All of a file, mixed, [shape=(n,), float32] at RATE_HZ. Raises SoundError."""
    import librosa

    track = track_of(path)
    blocks = [block for _, block in mono_of(path)]
    samples = np.nan_to_num(np.concatenate(blocks), posinf=0.0, neginf=0.0).clip(-4.0, 4.0)
    return np.asarray(librosa.resample(samples, orig_sr=track.rate_hz, target_sr=RATE_HZ), np.float32)


class Frames:
    """What each frame of the spectrum says; taken apart block by block, so that memory does not grow with the piece.

    mel [shape=(BANDS, frames)] is power; harmonic and percussive [shape=(frames,)] are root mean squares of the two
    parts (Fitzgerald 2010, median filters); notes [shape=(frames, 12), 0..1] are of the harmonic part.
    """

    def __init__(self, samples: np.ndarray) -> None:
        import librosa

        bands = librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=BANDS)
        keys = librosa.filters.chroma(sr=RATE_HZ, n_fft=WINDOW)
        mel, harmonic, percussive, notes = [], [], [], []
        for sizes, inner in _blocks(samples):
            tones, beats = librosa.decompose.hpss(sizes)
            mel.append(bands @ sizes[:, inner] ** 2)
            harmonic.append(np.sqrt((tones[:, inner] ** 2).mean(axis=0)))
            percussive.append(np.sqrt((beats[:, inner] ** 2).mean(axis=0)))
            notes.append((keys @ tones[:, inner] ** 2).T)
        self.mel = np.concatenate(mel, axis=1)
        self.harmonic, self.percussive = np.concatenate(harmonic), np.concatenate(percussive)
        self.notes = _ranged(self.harmonic)[:, None] ** 0.5 * _shares(np.concatenate(notes))


def _blocks(samples: np.ndarray) -> Iterator[tuple[np.ndarray, slice]]:
    """Sizes of the spectrum [shape=(bins, frames)], block by block, and which frames are not of its neighbours."""
    import librosa

    count = 1 + len(samples) // HOP
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + HOP))  # as librosa centres its frames
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        low, high = max(0, first - MARGIN), min(count, last + MARGIN)
        piece = padded[low * HOP : (high - 1) * HOP + WINDOW]
        sizes = np.abs(librosa.stft(piece, n_fft=WINDOW, hop_length=HOP, center=False))
        yield sizes, slice(first - low, last - low)


def _ranged(values: np.ndarray) -> np.ndarray:
    """Loudness [shape=(n,)] as a share of the loudest that is no exception, 0..1; silence is 0."""
    top = float(np.quantile(values, LOUD)) if len(values) else 0.0
    return np.clip(values / top, 0.0, 1.0) if top > 1e-6 else np.zeros(len(values))


def _shares(notes: np.ndarray) -> np.ndarray:
    """Notes [shape=(frames, 12)] with the strongest of each frame at 1, less what all twelve have in common."""
    notes = notes - 0.9 * notes.min(axis=1, keepdims=True)
    return notes / np.maximum(notes.max(axis=1, keepdims=True), 1e-9)


def _tempos(beats: np.ndarray) -> np.ndarray:
    """Beats a minute around each beat."""
    if len(beats) < 2:
        return np.zeros(len(beats))
    gaps = np.diff(beats)
    near = [gaps[max(0, i - TEMPO_BEATS) : i + TEMPO_BEATS] for i in range(len(beats))]
    return np.array([60.0 / np.median(some) for some in near])


def _sections(frames: Frames, mel_db: np.ndarray, beats: np.ndarray, seconds: float) -> np.ndarray:
    """The first frame of each section: neighbouring beats that sound alike are one (McFee and Ellis 2014)."""
    import librosa

    borders = np.unique(np.concatenate([[0], beats])) if len(beats) >= LEAST_BEATS else np.arange(0, len(mel_db.T), 43)
    count = min(max(1, round(seconds / SECTION_S)), MOST_SECTIONS, len(borders))
    if count < 2:
        return np.zeros(1, np.int64)
    timbre = librosa.feature.mfcc(S=mel_db, n_mfcc=COEFFICIENTS)
    rows = np.concatenate([_evened(timbre), _evened(frames.notes.T)])
    alike = librosa.util.sync(rows, borders[1:].tolist(), aggregate=np.mean)
    found: Any = librosa.segment.agglomerative(alike, count)
    return np.unique(borders[np.minimum(found, len(borders) - 1)])


def _evened(rows: np.ndarray) -> np.ndarray:
    """Each row of zero mean and unit deviation; all rows together weigh as one."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(rows.std(axis=1, keepdims=True), 1e-9) / len(rows) ** 0.5


def _levels(power: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """How loud each section is among them: 0 the quietest, 1 the loudest; one alone is 1."""
    means = np.array([part.mean() for part in np.split(power, starts[1:])])
    means = 10 * np.log10(means + 1e-9)
    span = means.max() - means.min()
    return (means - means.min()) / span if span > 0 else np.ones(len(means))
