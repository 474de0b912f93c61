"""Pieces of a film: the same frames make the very same file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import soundfile

from installation.rendering import encoding, pieces

# 12 blocks of 16 px in a row, 11 rows: where an encoder looks past a row's end, filled memory is a motion of 9 blocks
MADE = """
import sys
from pathlib import Path
import cv2, numpy as np
from installation.rendering import encoding, pieces
path, (width, height) = Path(sys.argv[1]), (192, 176)
rough = np.random.default_rng(4).integers(0, 255, (11, 12, 4), np.uint8)
picture = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
coding = pieces.careful(encoding.choose(path, "h264", "17", "--out"))
with pieces.piece(path, (width, height), 25.0, coding, 0) as piece:
    for n in range(40):
        piece.write(np.ascontiguousarray(np.roll(picture, (n, 2 * n), (0, 1))))
"""


def test_what_memory_held_before_is_not_seen_in_a_piece(tmp_path: Path) -> None:
    made = set()
    for filled in ("0", "1"):  # by glibc's malloc: not at all, or with 0xfe; elsewhere nothing differs
        path = tmp_path / f"{filled}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": filled}
        subprocess.run([sys.executable, "-c", MADE, str(path)], check=True, capture_output=True, env=environment)
        made.add(path.read_bytes())
    assert len(made) == 1


def test_music_that_ends_sooner_than_it_said_is_silence_from_there_on(tmp_path: Path) -> None:
    t = np.arange(22050) / 44100
    soundfile.write(tmp_path / "short.wav", np.sin(2 * np.pi * 440 * t).astype("f4"), 44100)
    with av.open(str(tmp_path / "o.mp4"), "w") as film:
        sound = pieces._Sound(film, tmp_path / "short.wav")
        sound.until(2.0)
        sound.close()
    with av.open(str(tmp_path / "o.mp4")) as film:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
    assert 0.4 < len(heard) / 44100 < 0.6 and np.abs(heard[4000:18000]).max() > 0.5


def test_the_first_picture_of_a_piece_is_made_small_and_never_larger(tmp_path: Path) -> None:
    coding = pieces.careful(encoding.choose(tmp_path / "o.mp4", "h264", "20", "--out"))
    with pieces.piece(tmp_path / "o.mp4", (64, 36), 25.0, coding, 0) as piece:
        piece.write(np.zeros((36, 64, 4), np.uint8))
    assert pieces.first_frame(tmp_path / "o.mp4", 32).shape == (18, 32, 3)
    assert pieces.first_frame(tmp_path / "o.mp4", 640).shape == (36, 64, 3)
