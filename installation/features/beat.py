"""A stream of onset strengths in; tempo, beat phase and how sure both are out, block by block."""

from __future__ import annotations

import math

import numpy as np

MEMORY_S = 8.0
PRIOR_BPM, PRIOR_OCTAVES = 120.0, 0.65
SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
LEAST_S = 3.0
SURE, UNSURE = 0.22, 0.15
MULTIPLES = ((1, 1.0), (2, 0.8), (4, 0.6))
KEPT = 1.15  # how much better a new tempo must fit than the one that runs


class BeatTracker:
    """Tempo from the autocorrelation of the onset envelope, its multiples added (bars repeat as beats do), times a
    log-normal prior around 120 BPM (Ellis 2007; librosa.beat.tempo has the same prior). The phase is pulled to the
    best-fitting pulse train as a phase-locked loop is.

    rate_hz is that of the envelope. tempo_bpm is 0 until a beat was found; phase 0..1 is 0 on the beat, and stays at
    rest (0) while no beat is sure.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.tempo_bpm = 0.0
        self.sureness = 0.0
        self.sure = False
        length = int(MEMORY_S * rate_hz)
        self._envelope = np.zeros(length, np.float32)
        self._heard = 0
        self._size = 1 << (2 * length - 1).bit_length()
        self._lags = np.arange(int(60 * rate_hz / FASTEST_BPM), int(60 * rate_hz / SLOWEST_BPM) + 1)
        self._bpm = 60 * rate_hz / self._lags
        self._prior = np.exp(-0.5 * (np.log2(self._bpm / PRIOR_BPM) / PRIOR_OCTAVES) ** 2)
        self._weights = np.exp(np.linspace(-2.0, 0.0, length)).astype(np.float32)
        self._phase = 0.0
        self._strange = 0

    @property
    def phase(self) -> float:
        return self._phase if self.sure else 0.0

    def hear(self, strengths: np.ndarray) -> None:
        """Append onset strengths [shape=(n,), 0 or above]; the phase moves on by their time."""
        count = min(len(strengths), len(self._envelope))
        if count == 0:
            return
        self._envelope[:-count] = self._envelope[count:]
        self._envelope[-count:] = strengths[-count:]
        self._heard = min(self._heard + len(strengths), len(self._envelope))
        self._phase = (self._phase + len(strengths) / self.rate_hz * self.tempo_bpm / 60) % 1.0

    def listen(self) -> None:
        """Find tempo and phase anew from the memory; to be called a few times a second."""
        if self._heard < LEAST_S * self.rate_hz:
            return
        heard = self._envelope[-self._heard :]
        strengths = np.minimum(heard, np.quantile(heard, 0.98))  # one crash must not drown the beat
        strengths -= strengths.mean()
        spectrum = np.fft.rfft(strengths, self._size)
        likeness = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, self._size)[: len(heard)]
        if likeness[0] <= 1e-9:
            self.sure, self.sureness = False, 0.0
            return
        # An autocorrelation over a finite memory fades with the lag; dividing by the overlap undoes it.
        likeness = likeness / likeness[0] * (len(heard) / (len(heard) - np.arange(len(heard))))
        fit = self._fit(likeness)
        score = fit * self._prior
        if self.sure and self.tempo_bpm:
            score[np.abs(np.log(self._bpm / self.tempo_bpm)) < 0.05] *= KEPT
        best = int(np.argmax(score))
        self.sureness += 0.35 * (float(fit[best]) - self.sureness)
        self.sure = self.sureness > (UNSURE if self.sure else SURE)
        self._follow(60 * self.rate_hz / self._exact(float(self._lags[best]), likeness))
        if self.sure:
            self._lock()

    def _fit(self, likeness: np.ndarray) -> np.ndarray:
        """How well the envelope repeats after one, two and four beats of each lag, 0..1. [shape=(lags,)]"""
        widest = np.maximum(np.maximum(likeness[:-2], likeness[1:-1]), likeness[2:])  # one frame of slack
        fit = np.zeros(len(self._lags))
        for multiple, weight in MULTIPLES:
            at = multiple * self._lags - 1
            inside = at < len(widest) * 0.8
            fit[inside] += weight * np.maximum(widest[at[inside]], 0.0)
        return fit / sum(weight for _, weight in MULTIPLES)

    def _exact(self, lag: float, likeness: np.ndarray) -> float:
        """The lag with its fraction of a frame: the tops of its multiples, each a finer ruler than the last."""
        for multiple in (1, 2, 4, 8):
            centre = round(lag * multiple)
            if centre + 3 > len(likeness) * 0.8:
                break
            peak = centre - 2 + int(np.argmax(likeness[centre - 2 : centre + 3]))
            left, middle, right = (float(v) for v in likeness[peak - 1 : peak + 2])
            bend = left - 2 * middle + right
            if bend < 0 and middle >= max(left, right):
                lag = (peak + 0.5 * (left - right) / bend) / multiple
        return lag

    def _follow(self, bpm: float) -> None:
        """Small changes are followed smoothly; a different tempo is taken only once it has been sure for a while."""
        if self.tempo_bpm == 0.0:
            self.tempo_bpm = bpm
        elif abs(math.log(bpm / self.tempo_bpm)) < 0.08:
            self.tempo_bpm += 0.3 * (bpm - self.tempo_bpm)
            self._strange = 0
        else:
            self._strange += 1
            if self._strange >= (8 if self.sure else 3):
                self.tempo_bpm, self._strange = bpm, 0

    def _lock(self) -> None:
        """Pull the phase to where the newest few seconds of onsets put it."""
        turns = np.arange(1 - len(self._envelope), 1) / self.rate_hz * (self.tempo_bpm / 60)
        pulse = np.exp(-2j * np.pi * turns) * self._weights * self._envelope
        # First and second harmonic together: off-beats alone must not turn the phase by half a beat.
        at = np.linspace(0, 1, 64, endpoint=False)
        first, second = pulse.sum(), (pulse * np.exp(-2j * np.pi * turns)).sum()
        fit = (first * np.exp(-2j * np.pi * at)).real + 0.5 * (second * np.exp(-4j * np.pi * at)).real
        heard = float(at[int(np.argmax(fit))])
        error = (heard - self._phase + 0.5) % 1.0 - 0.5
        self._phase = (self._phase + 0.25 * error) % 1.0
