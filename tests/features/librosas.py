"""What librosa makes of a sample rate and of a recording: librosas.npz, against which our own sound is held.

Run this file to ask librosa anew; it compiles for half a minute before it answers, which is why the tests do not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

ANSWERS = Path(__file__).with_suffix(".npz")
RATES_HZ = (16000, 44100, 48000)
VIBE = "data/audio/Kevin_MacLeod_-_Vibe_Ace.hq.ogg"  # a groove of about 129 beats a minute


def vibe(shared: Path) -> tuple[np.ndarray, int]:
    """The groove [shape=(n,), float32] and its rate in Hz."""
    samples, rate_hz = soundfile.read(shared / VIBE, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate_hz


def ask(shared: Path) -> dict[str, np.ndarray]:
    """The filters of every rate, and the beats of the groove, in seconds."""
    import librosa

    answers = {}
    for rate_hz in RATES_HZ:
        answers[f"mel {rate_hz}"] = librosa.filters.mel(sr=rate_hz, n_fft=2048, n_mels=64, fmin=27.5, fmax=7000.0)
        answers[f"chroma {rate_hz}"] = librosa.filters.chroma(sr=rate_hz, n_fft=2048)
    samples, rate_hz = vibe(shared)
    low = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1)
    answers["beats"] = librosa.beat.beat_track(y=low, sr=rate_hz / 2, units="time")[1]
    answers["onsets"] = librosa.onset.onset_detect(y=low, sr=rate_hz / 2, units="time")
    return answers


if __name__ == "__main__":
    np.savez_compressed(ANSWERS, **ask(Path(__file__).resolve().parents[3] / "shared"))
