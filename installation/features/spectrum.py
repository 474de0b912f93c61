"""Sample rate and window in; librosa's mel and chroma filterbanks out, in numpy (librosa takes seconds to warm up)."""

from __future__ import annotations

import numpy as np


def mel_filters(sample_rate_hz: int, window: int, bands: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Triangles on Slaney's mel scale, each of unit area: librosa.filters.mel. [shape=(bands, window/2+1)]"""
    bins_hz = np.arange(window // 2 + 1) * sample_rate_hz / window
    edges_hz = mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), bands + 2))
    widths = np.diff(edges_hz)
    ramps = edges_hz[:, None] - bins_hz[None, :]
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).astype(np.float32)


def chroma_filters(sample_rate_hz: int, window: int, notes: int = 12) -> np.ndarray:
    """How much of each frequency bin belongs to each note, C first: librosa.filters.chroma. [shape=(notes, window/2+1)]

    Gaussians around the note, weighted by a Gaussian around A4's octave 5 (Ellis 2007, chromagram).
    """
    bins_hz = np.arange(1, window) * sample_rate_hz / window
    octaves = np.log2(bins_hz / (440.0 / 16))
    bins = notes * np.concatenate([[octaves[0] - 1.5], octaves])
    widths = np.concatenate([np.maximum(np.diff(bins), 1.0), [1.0]])
    distance = bins[None, :] - np.arange(notes)[:, None]
    half = np.round(notes / 2)
    distance = np.remainder(distance + half + 10 * notes, notes) - half
    weights = np.exp(-0.5 * (2 * distance / widths[None, :]) ** 2)
    weights /= np.maximum(np.linalg.norm(weights, axis=0, keepdims=True), np.finfo(np.float64).tiny)
    weights *= np.exp(-0.5 * ((bins / notes - 5.0) / 2.0) ** 2)[None, :]
    weights = np.roll(weights, -3 * (notes // 12), axis=0)
    return np.ascontiguousarray(weights[:, : window // 2 + 1]).astype(np.float32)


def hz_to_mel(hz: float | np.ndarray) -> np.ndarray:
    """Slaney's scale: linear below 1000 Hz, logarithmic above."""
    hz = np.asarray(hz, np.float64)
    return np.where(hz < 1000.0, hz * 3 / 200, 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) * 27 / np.log(6.4))


def mel_to_hz(mel: float | np.ndarray) -> np.ndarray:
    mel = np.asarray(mel, np.float64)
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27))
