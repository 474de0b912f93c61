"""Films of a show: in time with what was heard, whatever the sound device gives and however full the disk is."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from installation.rendering.recorder import Recorder

FPS = 25
RATE_HZ = 44100


def beep(rate_hz: int = RATE_HZ) -> np.ndarray:
    """One frame's time of a loud tone."""
    return (0.8 * np.sin(np.arange(rate_hz // FPS) * 2 * np.pi * 1000 / rate_hz)).astype(np.float32)


def record(path: Path, sounds: dict[int, np.ndarray], wait_for, frames: int = 125, rate_hz: int = RATE_HZ) -> Recorder:
    """A film whose frame n hears sounds[n], or nothing where there is none."""
    recorder = Recorder(path, (64, 36), FPS, RATE_HZ)
    for n in range(frames):
        recorder.write(np.full((36, 64, 3), n, np.uint8), n / FPS)
        if n in sounds:
            recorder.hear(sounds[n], n / FPS, rate_hz)
        wait_for(lambda: recorder._waiting.empty() or not recorder._thread.is_alive())
    recorder.close()
    return recorder


def heard(path: Path) -> np.ndarray:
    """The film's sound from its beginning on [shape=(n,)], at RATE_HZ."""
    with av.open(str(path)) as film:
        assert film.streams.audio[0].start_time in (0, None)
        return np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])


def loud_s(path: Path) -> tuple[float, float]:
    """When the sound of a film is loud first and last, in seconds."""
    at = np.flatnonzero(np.abs(heard(path)) > 0.4) / RATE_HZ
    return float(at[0]), float(at[-1])


def test_sound_belongs_to_its_picture_though_the_microphone_came_late_and_was_lost(tmp_path, wait_for):
    silence = np.zeros(RATE_HZ // FPS, np.float32)
    sounds = {n: silence for n in (*range(50, 80), *range(110, 250))} | {60: beep(), 200: beep()}
    recorder = record(tmp_path / "film.mp4", sounds, wait_for, 250)
    assert not recorder.faults
    assert loud_s(tmp_path / "film.mp4") == pytest.approx((60 / FPS, 200 / FPS), abs=0.15)


@pytest.mark.parametrize("rate_hz", [8000, 48000, 192000])
def test_a_device_of_another_rate_is_heard_at_its_pitch_and_length(tmp_path, wait_for, rate_hz):
    tone = (0.5 * np.sin(np.arange(rate_hz * 3) * 2 * np.pi * 1000 / rate_hz)).astype(np.float32)
    blocks = dict(enumerate(np.split(tone, 3 * FPS)))
    recorder = record(tmp_path / "film.mp4", blocks, wait_for, 3 * FPS, rate_hz)
    sound = heard(tmp_path / "film.mp4")
    second = sound[RATE_HZ : 2 * RATE_HZ]
    assert not recorder.faults and len(sound) / RATE_HZ == pytest.approx(3.0, abs=0.15)
    assert np.abs(np.fft.rfft(second)).argmax() == pytest.approx(1000, abs=2)


def test_sound_that_is_not_finite_does_not_end_the_recording(tmp_path, wait_for):
    bad = np.full(RATE_HZ // FPS, np.nan, np.float32)
    bad[::2] = np.inf
    recorder = record(tmp_path / "film.mp4", {n: bad for n in range(10, 20)}, wait_for, 50)
    assert not recorder.faults and recorder.frames == 50 and np.isfinite(heard(tmp_path / "film.mp4")).all()


def test_a_disk_that_is_full_from_the_start_ends_the_recording_and_not_the_process(tmp_path):
    """In a process of its own: FFmpeg crashes when it is given more after a header that could not be written."""
    (tmp_path / "film.mp4.part").symlink_to("/dev/full")
    code = f"""
import sys
from pathlib import Path
import numpy as np
from installation.rendering.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), (64, 36), {FPS}, {RATE_HZ})
for n in range(200):
    recorder.write(np.random.default_rng(n).integers(0, 255, (36, 64, 3), dtype=np.uint8), n / {FPS})
    recorder._thread.join(0.004)
recorder.close()
print(recorder.faults["recorder"] > 0, Path(sys.argv[1]).exists())
"""
    words = [sys.executable, "-c", code, str(tmp_path / "film.mp4")]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0 and answer.stdout.split() == ["True", "False"] and "No space left" in answer.stderr


def test_a_film_of_darkness_is_on_the_disk_too_when_its_process_is_killed(tmp_path, wait_for):
    code = f"""
import os, sys
from pathlib import Path
import numpy as np
from installation.rendering.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), (64, 36), {FPS})
while recorder.frames < {FPS} * 6:
    if recorder._waiting.empty():
        recorder.write(np.zeros((36, 64, 3), np.uint8), recorder.frames / {FPS})
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "film.mp4")], timeout=60, check=False)
    with av.open(str(tmp_path / "film.mp4.part")) as film:
        assert len(list(film.decode(video=0))) >= 2 * FPS


def test_a_recording_that_broke_off_with_much_waiting_is_closed_at_once(tmp_path, wait_for, monkeypatch):
    recorder, may_fail = Recorder(tmp_path / "film.mp4", (64, 36), FPS, RATE_HZ), threading.Event()

    def stuck(rgb: np.ndarray, now_s: float) -> None:
        may_fail.wait()
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(recorder, "_encode_frame", stuck)
    recorder.write(np.zeros((36, 64, 3), np.uint8), 0.0)
    wait_for(recorder._waiting.empty)
    for n in range(40):
        recorder.hear(beep(), n / FPS, RATE_HZ)
    may_fail.set()
    wait_for(lambda: not recorder._thread.is_alive())
    closing = threading.Thread(target=recorder.close, daemon=True)
    closing.start()
    closing.join(5)
    assert not closing.is_alive() and recorder.faults["recorder dropped"] > 0


def test_a_film_whose_folder_was_moved_away_is_counted_and_the_show_ends_in_order(tmp_path, wait_for):
    (tmp_path / "films").mkdir()
    recorder = Recorder(tmp_path / "films" / "film.mp4", (64, 36), FPS)
    recorder.write(np.zeros((36, 64, 3), np.uint8), 0.0)
    wait_for(recorder._waiting.empty)
    (tmp_path / "films").rename(tmp_path / "away")
    recorder.close()
    assert recorder.faults["recorder"] == 1


def test_a_microphone_that_hands_over_nothing_ends_no_recording(tmp_path, wait_for):
    sounds = {n: beep()[: 0 if n % 2 else None] for n in range(50)}
    recorder = record(tmp_path / "o.mp4", sounds, wait_for, frames=50)
    assert not recorder.faults and recorder.frames == 50
