"""Sound in; level, bass, mid, treble, brightness, onset, beat, tempo and twelve notes out, ranged to the room."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from installation.features.beat import BeatTracker
from installation.features.euro import clamp, ease
from installation.features.spectrum import chroma_filters, mel_filters
from installation.signals import SoundBlock

SOURCE = "microphone"
WINDOW_S, BANDS = 0.0464, 64  # 2048 samples at 44.1 kHz, as librosa's default; a hop is a quarter of it
LOW_HZ, BASS_HZ, TREBLE_HZ, HIGH_HZ = 27.5, 250.0, 2500.0, 11025.0
MOST_HOPS = 32  # a longer gap is not worth catching up
SILENCE_DB = -72.0


@dataclass(frozen=True)
class Settings:
    """smooth_s eases levels down (they rise at once); an onset rings for onset_s; tempo is sought every listen_s."""

    smooth_s: float = 0.12
    onset_s: float = 0.18
    listen_s: float = 0.25
    release_s: float = 0.6


class Sound:
    """Spectra of 2048 samples every 512 (at 44.1 kHz), by librosa's definitions (mel: Slaney; chroma: Ellis).

    Levels are in decibels between a floor and a ceiling that follow the room; onsets are spectral flux over its own
    running mean and deviation. Without sound for release_s every feature eases to 0. Values are 0..1.
    """

    names = (
        *(f"sound.{name}" for name in ("level", "bass", "mid", "treble", "brightness", "onset", "beat", "tempo")),
        *(f"sound.chroma.{note}" for note in range(12)),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rate_hz = 0
        self._values = dict.fromkeys(self.names, 0.0)
        self._asked_s: float | None = None
        self._heard_s = -math.inf

    @property
    def tempo_bpm(self) -> float:
        """Beats a minute, 0 until a beat was found."""
        return self._beat.tempo_bpm if self._rate_hz else 0.0

    @property
    def onset_count(self) -> int:
        """Onsets heard so far."""
        return self._onsets.count if self._rate_hz else 0

    def extract(self, signal: SoundBlock | None, now_s: float) -> dict[str, float]:
        """All features at now_s, by name, 0..1; never blocks."""
        step_s = 0.0 if self._asked_s is None else max(0.0, now_s - self._asked_s)
        self._asked_s, self._heard_s = now_s, min(now_s, self._heard_s)
        if signal is not None and len(signal.samples):
            if signal.sample_rate_hz != self._rate_hz:
                self._tune(signal.sample_rate_hz)
            self._heard_s = now_s
            self._hear(signal.samples)
        elif now_s - self._heard_s > self._settings.release_s:
            for name in self.names:
                self._values[name] = ease(self._values[name], 0.0, step_s, self._settings.smooth_s * 2)
        return dict(self._values)

    def _tune(self, rate_hz: int) -> None:
        """Build everything that depends on the sample rate; once, or when the device changes."""
        self._rate_hz = rate_hz
        self.window = window = 1 << round(math.log2(WINDOW_S * rate_hz))
        self.hop = window // 4
        self._mel = mel_filters(rate_hz, window, BANDS, LOW_HZ, min(HIGH_HZ, rate_hz / 2))
        self._chroma = chroma_filters(rate_hz, window)
        self._scale = np.float32((2 / window) ** 2)  # a full-scale sine has a power of about 0.25
        self._window = np.hanning(window + 1)[:-1].astype(np.float32)
        bins_hz = np.arange(window // 2 + 1) * rate_hz / window
        edges = np.searchsorted(bins_hz, (LOW_HZ, BASS_HZ, TREBLE_HZ, HIGH_HZ))
        self._bands = [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
        self._octaves = np.log2(np.maximum(bins_hz, 1.0)).astype(np.float32)
        self._tail = np.zeros(window, np.float32)
        self._ranges = [Range() for _ in range(4)]
        self._last_mel = np.zeros(BANDS, np.float32)
        self._onsets = OnsetPicker(rate_hz / self.hop)
        self._beat = BeatTracker(rate_hz / self.hop)
        self._since_listen_s = 0.0

    def _hear(self, samples: np.ndarray) -> None:
        samples = np.clip(samples[-MOST_HOPS * self.hop :], -4.0, 4.0).astype(np.float32, copy=False)
        if math.isnan(float(samples.sum())):
            samples = np.nan_to_num(samples)
        sound = np.concatenate([self._tail, samples])
        hops = (len(sound) - self.window) // self.hop
        if hops:
            frames = np.lib.stride_tricks.sliding_window_view(sound, self.window)[self.hop :: self.hop][:hops]
            self._analyse(frames, hops * self.hop / self._rate_hz)
            sound = sound[hops * self.hop :]
        self._tail = sound

    def _analyse(self, frames: np.ndarray, length_s: float) -> None:
        """Take in the frames [shape=(n, window)] that became complete, length_s of new sound."""
        spectra = np.fft.rfft(frames * self._window, axis=1).astype(np.complex64)
        power = (spectra.real**2 + spectra.imag**2) * self._scale  # (n, bins)
        self._set_levels(power, length_s)
        strengths = self._flux(power)
        onset = self._onsets.pick(strengths)
        values, settings = self._values, self._settings
        values["sound.onset"] = max(onset, ease(values["sound.onset"], 0.0, length_s, settings.onset_s))
        self._beat.hear(strengths)
        self._since_listen_s += length_s
        if self._since_listen_s >= settings.listen_s:
            self._since_listen_s = 0.0
            self._beat.listen()
        values["sound.beat"] = self._beat.phase
        if self._beat.sure:
            values["sound.tempo"] = clamp((self._beat.tempo_bpm - 60) / 120)

    def _set_levels(self, power: np.ndarray, length_s: float) -> None:
        mean = power.mean(axis=0)
        energies = [mean[1:].sum(), *(mean[band].sum() for band in self._bands)]
        values, smooth_s = self._values, self._settings.smooth_s
        for name, energy, room in zip(("level", "bass", "mid", "treble"), energies, self._ranges, strict=True):
            loud = room.place(10 * math.log10(float(energy) + 1e-12), length_s)
            last = values[f"sound.{name}"]
            values[f"sound.{name}"] = loud if loud > last else ease(last, loud, length_s, smooth_s)
        heard = clamp(values["sound.level"] * 4)
        sizes = np.sqrt(mean[1:])  # librosa.feature.spectral_centroid weighs by magnitude
        centre = float(sizes @ self._octaves[1:]) / (float(sizes.sum()) + 1e-9)
        bright = clamp((centre - math.log2(100)) / 5) * heard  # 100 Hz..3.2 kHz
        values["sound.brightness"] = ease(values["sound.brightness"], bright, length_s, smooth_s)
        notes = np.einsum("j,kj->k", mean, self._chroma)
        notes -= 0.9 * notes.min()  # what all notes share is noise, or too low to be told apart
        notes *= heard / max(float(notes.max()), 1e-12)
        for note in range(12):
            name = f"sound.chroma.{note}"
            values[name] = clamp(ease(values[name], float(notes[note]), length_s, smooth_s))

    def _flux(self, power: np.ndarray) -> np.ndarray:
        """Mean rise of the mel bands in decibels from frame to frame, as librosa.onset.onset_strength. [shape=(n,)]"""
        # einsum, not matmul: BLAS would share so small a product among threads and wait for the painter's cores.
        mel_db = 10 * np.log10(np.maximum(np.einsum("ij,kj->ik", power, self._mel), 1e-9))
        before = np.concatenate([self._last_mel[None], mel_db[:-1]])
        self._last_mel = mel_db[-1]
        return np.maximum(mel_db - before, 0.0).mean(axis=1)


class Range:
    """The floor and ceiling of a level in decibels, following the room as running quantiles (about 10 % and 98 %).

    Steady noise thus becomes the floor and reads as 0; rates are in dB a second, faster while the room is new.
    """

    def __init__(self, least_span_db: float = 18.0) -> None:
        self._least_db = least_span_db
        self._low_db = self._high_db = math.nan
        self._known_s = 0.0

    def place(self, level_db: float, step_s: float) -> float:
        """Where level_db lies between floor and ceiling, 0..1."""
        if level_db < SILENCE_DB:
            return 0.0
        if math.isnan(self._low_db):
            # The first sound is most likely neither the room's noise nor its loudest.
            self._low_db = level_db - 0.7 * self._least_db
            self._high_db = self._low_db + self._least_db
        haste = step_s * (5.0 if self._known_s < 3.0 else 1.0)
        self._known_s += step_s
        above, below = level_db - self._high_db, self._low_db - level_db
        self._high_db += min(above, 40 * haste) if above > 0 else -min(-above, 0.7 * haste)
        self._low_db -= min(below, 8 * haste) if below > 0 else -min(-below, 0.9 * haste)
        return clamp((level_db - self._low_db) / max(self._least_db, self._high_db - self._low_db))


class OnsetPicker:
    """Onset strengths (decibels of rise) in, peaks out: a local top, well above its own running mean (Dixon 2006).

    A peak's strength is measured against the strongest of the last while, so that a quiet room stays quiet.
    """

    def __init__(self, rate_hz: float, *, least_db: float = 0.8, gap_s: float = 0.06, memory_s: float = 0.3) -> None:
        self._least_db = least_db
        self._share = 1.0 / (memory_s * rate_hz)
        self._forget = 1.0 - 1.0 / (10.0 * rate_hz)
        self._gap = self._since = max(1, round(gap_s * rate_hz))
        self._mean, self._top_db = 1.0, 3.0
        self._last = self._before = 0.0
        self.count = 0

    def pick(self, strengths: np.ndarray) -> float:
        """How strong the strongest onset among these is, 0..1; 0 when there is none."""
        strongest = 0.0
        for value in strengths.tolist():
            self._since += 1
            above = self._last - self._mean - self._least_db
            if self._before <= self._last > value and above > 0 and self._since >= self._gap:
                strongest = max(strongest, clamp(math.sqrt(1.4 * above / self._top_db)))
                self._since = 0
                self.count += 1
            self._before, self._last = self._last, value
            self._mean += self._share * (value - self._mean)
            self._top_db = max(value, 3.0, self._top_db * self._forget)
        return strongest


def create(settings: Settings) -> Sound:
    return Sound(settings)
