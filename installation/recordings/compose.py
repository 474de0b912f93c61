"""A choreography in; performance.csv out: 30 s of two hands and a slow beat, made by us, for machines without devices.

Run it again after a change: python installation/recordings/compose.py
Hands move from pose to pose as people's do (minimum jerk: Flash and Hogan 1985) with a little tremor; everything is
periodic in 30 s, so that the loop has no seam.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from installation import files

LENGTH_S, RATE_HZ, TEMPO_BPM = 30.0, 25.0, 96.0
BAR_S = 4 * 60 / TEMPO_BPM
TIME_S = np.arange(int(LENGTH_S * RATE_HZ)) / RATE_HZ
REST = {"x": 0.5, "y": 0.5, "height": 0.0, "openness": 0.0, "pinch": 0.0, "spread": 0.0, "roll": 0.5, "speed": 0.0}

# When (s), and then x, y (0 is the top), openness, pinch, spread, roll. Two equal poses in a row are stillness.
RIGHT = [
    (1.5, 0.86, 0.95, 0.30, 0.0, 0.1, 0.60),  # in from below
    (3.2, 0.68, 0.36, 0.90, 0.0, 0.6, 0.55),  # raised, open
    (4.6, 0.68, 0.36, 0.90, 0.0, 0.6, 0.55),
    (5.3, 0.66, 0.40, 0.45, 1.0, 0.2, 0.52),  # takes something between two fingers
    (6.0, 0.74, 0.50, 0.45, 1.0, 0.2, 0.60),  # and leads it around
    (6.7, 0.66, 0.62, 0.45, 1.0, 0.2, 0.50),
    (7.4, 0.57, 0.50, 0.45, 1.0, 0.2, 0.42),
    (8.1, 0.66, 0.38, 0.45, 1.0, 0.2, 0.50),
    (8.9, 0.76, 0.30, 0.95, 0.0, 0.9, 0.62),  # lets go
    (10.6, 0.76, 0.30, 0.95, 0.0, 0.9, 0.62),
    (12.4, 0.58, 0.50, 0.80, 0.0, 0.4, 0.48),  # to the other hand
    (14.6, 0.88, 0.42, 1.00, 0.0, 1.0, 0.66),  # apart
    (15.6, 0.88, 0.42, 1.00, 0.0, 1.0, 0.66),
    (17.4, 0.57, 0.46, 0.30, 0.3, 0.1, 0.47),  # together, nearly fists
    (18.2, 0.70, 0.16, 1.00, 0.0, 1.0, 0.58),  # thrown up, open
    (20.2, 0.70, 0.16, 1.00, 0.0, 1.0, 0.58),  # still, for two seconds
    (21.2, 0.72, 0.44, 0.15, 0.2, 0.0, 0.52),  # a slow pulse of the fist
    (22.0, 0.72, 0.40, 0.95, 0.0, 0.7, 0.54),
    (22.8, 0.72, 0.45, 0.15, 0.2, 0.0, 0.52),
    (23.6, 0.72, 0.40, 0.95, 0.0, 0.7, 0.54),
    (25.4, 0.64, 0.60, 0.60, 0.0, 0.3, 0.72),
    (27.0, 0.84, 0.97, 0.30, 0.0, 0.1, 0.64),  # out
]
LEFT = [
    (9.4, 0.12, 0.95, 0.40, 0.0, 0.2, 0.40),
    (11.0, 0.30, 0.44, 0.85, 0.0, 0.5, 0.45),
    (12.4, 0.42, 0.50, 0.80, 0.0, 0.4, 0.52),
    (14.6, 0.12, 0.42, 1.00, 0.0, 1.0, 0.34),
    (15.6, 0.12, 0.42, 1.00, 0.0, 1.0, 0.34),
    (17.4, 0.43, 0.46, 0.30, 0.3, 0.1, 0.53),
    (18.2, 0.30, 0.16, 1.00, 0.0, 1.0, 0.42),
    (20.2, 0.30, 0.16, 1.00, 0.0, 1.0, 0.42),
    (21.0, 0.22, 0.36, 0.70, 0.0, 0.4, 0.40),
    (21.8, 0.34, 0.30, 0.70, 0.0, 0.4, 0.50),
    (22.6, 0.34, 0.46, 0.70, 0.0, 0.4, 0.55),
    (23.4, 0.22, 0.40, 0.70, 0.0, 0.4, 0.44),
    (24.6, 0.16, 0.95, 0.40, 0.0, 0.2, 0.38),
]
# How loud each of the twelve bars is, and which notes it holds (C is 0): A minor, F, C, G and back.
BARS = (0.25, 0.35, 0.5, 0.6, 0.8, 0.9, 0.12, 0.55, 1.0, 1.0, 0.7, 0.4)
CHORDS = (
    (9, 0, 4),
    (5, 9, 0),
    (0, 4, 7),
    (7, 11, 2),
    (9, 0, 4),
    (5, 9, 0),
    (2, 5, 9),
    (4, 8, 11),
    (9, 0, 4),
    (5, 9, 0),
    (0, 4, 7),
    (4, 8, 11),
)


def main() -> None:
    columns = hand_columns() | sound_columns()
    path = Path(__file__).with_name("performance.csv")
    with files.whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["time_s", *columns])
        for i, time_s in enumerate(TIME_S):
            rows.writerow(
                [
                    f"{time_s:.2f}",
                    *(f"{float(np.clip(c[i], 0, 1)):.3f}".rstrip("0").rstrip(".") for c in columns.values()),
                ]
            )


def hand_columns() -> dict[str, np.ndarray]:
    """Features of both hands, and of what a camera would see move."""
    right, left = one_hand(RIGHT, seed=1), one_hand(LEFT, seed=2)
    columns = {f"hands.left.{name}": c for name, c in left.items()} | {f"hands.right.{n}": c for n, c in right.items()}
    both = np.minimum(left["present"], right["present"])
    apart = np.hypot(left["x"] - right["x"], left["y"] - right["y"])
    columns["hands.distance"] = both * apart
    columns["hands.count"] = 0.5 * (left["present"] > 0.5) + 0.5 * (right["present"] > 0.5)
    moves = {side: hand["speed"] + 1e-3 for side, hand in (("left", left), ("right", right))}
    total = moves["left"] + moves["right"]
    columns["motion.energy"] = smooth(0.8 * (total - 2e-3), 0.12)
    for axis in ("x", "y"):
        columns[f"motion.{axis}"] = smooth((moves["left"] * left[axis] + moves["right"] * right[axis]) / total, 0.3)
    columns["motion.presence"] = smooth(0.45 * left["present"] + 0.45 * right["present"], 0.4)
    return columns


def one_hand(poses: Sequence[tuple[float, ...]], seed: int) -> dict[str, np.ndarray]:
    """Features of a hand that goes from pose to pose, present from the first to the last."""
    table = np.array(poses)
    track = {name: minimum_jerk(table[:, 0], table[:, i + 1]) for i, name in enumerate(("x", "y"))}
    shape = {
        n: minimum_jerk(table[:, 0], table[:, i + 3]) for i, n in enumerate(("openness", "pinch", "spread", "roll"))
    }
    for i, name in enumerate(track):
        track[name] = track[name] + 0.006 * wander(0.2, 1.2, seed + 10 * i) + 0.0015 * wander(6, 10, seed + 10 * i + 5)
    for i, name in enumerate(shape):
        shape[name] = shape[name] + 0.015 * wander(0.3, 2.0, seed + 50 + 10 * i)
    speed = smooth(np.hypot(np.gradient(track["x"], 1 / RATE_HZ) * 1.6, np.gradient(track["y"], 1 / RATE_HZ)), 0.08)
    height = (0.9 - track["y"]) / 0.8
    values = track | {"height": height} | shape | {"speed": 1 - np.exp(-speed / 1.2)}
    present = smooth(np.where(np.clip(TIME_S, table[0, 0], table[-1, 0]) == TIME_S, 1.0, 0.0), 0.15)
    eased = {name: REST[name] + present * (np.clip(values[name], 0, 1) - REST[name]) for name in REST}
    return {"present": present} | eased


def sound_columns() -> dict[str, np.ndarray]:
    """Features of a slow four-four: kick, snare, hats, a bass and chords that change with the bar."""
    bar = (TIME_S / BAR_S).astype(int)
    loud = smooth(np.array(BARS)[bar] ** 0.6, 0.25)
    beat = 60 / TEMPO_BPM
    kick = struck([b * BAR_S + beat * i for b in range(12) if BARS[b] > 0.3 for i in (0, 2, 2.5)], 0.16)
    snare = struck([b * BAR_S + beat * i for b in range(12) if BARS[b] > 0.5 for i in (1, 3)], 0.12)
    hats = struck([beat / 2 * i for i in range(96) if BARS[int(i * beat / 2 / BAR_S)] > 0.3], 0.07)
    pad = 0.55 + 0.25 * wander(0.05, 0.3, 90)
    columns = {
        "sound.level": loud * (0.6 * pad + 0.5 * kick + 0.45 * snare + 0.1 * hats),
        "sound.bass": loud * (0.35 + 0.65 * kick),
        "sound.mid": loud * (0.75 * pad + 0.5 * snare),
        "sound.treble": loud * (0.15 + 0.45 * snare + 0.6 * hats),
        "sound.brightness": smooth(0.25 + 0.35 * loud * (0.5 * snare + 0.7 * hats) + 0.08 * wander(0.1, 0.5, 91), 0.06),
        "sound.onset": np.maximum.reduce([loud * kick, 0.9 * loud * snare, 0.45 * loud * hats]),
        "sound.beat": TIME_S / beat % 1.0,
        "sound.tempo": np.full_like(TIME_S, (TEMPO_BPM - 60) / 120),
    }
    for note in range(12):
        held = np.array([0.25 + 0.75 * (note == CHORDS[b][0]) if note in CHORDS[b] else 0.06 for b in range(12)])
        held = np.where([note in CHORDS[b] for b in range(12)], np.maximum(held, 0.7), held)
        columns[f"sound.chroma.{note}"] = smooth(np.minimum(1.0, 2 * loud) * held[bar], 0.2)
    return columns


def minimum_jerk(times_s: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places at TIME_S, going from each to the next as an unhurried arm does; held before the first, after the last."""
    at = np.clip(np.searchsorted(times_s, TIME_S, side="right") - 1, 0, len(times_s) - 2)
    u = np.clip((TIME_S - times_s[at]) / (times_s[at + 1] - times_s[at]), 0, 1)
    return places[at] + (places[at + 1] - places[at]) * (10 * u**3 - 15 * u**4 + 6 * u**5)


def wander(low_hz: float, high_hz: float, seed: int) -> np.ndarray:
    """Noise between two frequencies, about -1..1, periodic in LENGTH_S."""
    random = np.random.default_rng(seed)
    cycles = random.integers(int(low_hz * LENGTH_S), int(high_hz * LENGTH_S) + 1, 7)
    waves = [np.sin(2 * np.pi * (n * TIME_S / LENGTH_S + random.random())) for n in cycles]
    return np.sum(waves, axis=0) / 3.0


def smooth(values: np.ndarray, width_s: float) -> np.ndarray:
    """values under a Gaussian of width_s, around the loop."""
    frequencies_hz = np.fft.rfftfreq(len(values), 1 / RATE_HZ)
    return np.fft.irfft(np.fft.rfft(values) * np.exp(-2 * (np.pi * frequencies_hz * width_s) ** 2), len(values))


def struck(times_s: list[float], ring_s: float) -> np.ndarray:
    """1 at each time, ringing down with the time constant ring_s, around the loop."""
    since_s = (TIME_S[:, None] - np.array(times_s)[None, :]) % LENGTH_S
    return np.exp(-since_s / ring_s).max(axis=1)


if __name__ == "__main__":
    main()
