"""Sound comes in whole and in time, from a real sound server and from files, and comes back after a kill."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from installation.inputs import microphone, microphone_child


def tone(hz: float, seconds: float, rate_hz: int = 44100) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


class Listener:
    """Collects what a microphone gives."""

    def __init__(self, device: str, **more: object) -> None:
        self.input = microphone.create(microphone.Settings(device=device, **more))  # type: ignore[arg-type]
        self.samples = np.zeros(0, np.float32)
        self.rate_hz = 0

    def heard(self, seconds: float = 0.0) -> bool:
        block = self.input.read(1.0)
        if block is not None:
            self.samples, self.rate_hz = np.concatenate([self.samples, block.samples]), block.sample_rate_hz
        return self.rate_hz > 0 and len(self.samples) >= seconds * self.rate_hz


@pytest.fixture
def tone_file(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(440, 0.7), 44100, subtype="FLOAT")
    return path


def test_a_tone_played_into_a_real_sound_server_is_heard_at_its_pitch(sound_server, monkeypatch, wait_for, tmp_path):
    for name, value in sound_server.items():
        monkeypatch.setenv(name, value)
    soundfile.write(tmp_path / "long.wav", tone(440, 20), 44100)
    listener = Listener("")
    listener.input.start()
    player = subprocess.Popen(["paplay", str(tmp_path / "long.wav")])
    try:
        wait_for(lambda: listener.heard() and np.abs(listener.samples[-4096:]).max() > 0.3, 20)
        start = len(listener.samples)
        wait_for(lambda: listener.heard((start + 44100) / 44100), 20)
        assert listener.input.alive and listener.input.describe() == "microphone default"
    finally:
        player.kill()
        player.wait()
        listener.input.close()
    sound = listener.samples[start : start + 44100]
    loudest_hz = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax() * listener.rate_hz / len(sound)
    assert loudest_hz == pytest.approx(440, abs=3)


def test_the_sound_server_is_listed_as_a_device(sound_server, monkeypatch):
    for name, value in sound_server.items():
        monkeypatch.setenv(name, value)
    assert any("pulse" in device or "default" in device for device in microphone.devices())


def test_a_file_plays_every_sample_once_and_loops_without_a_gap(tone_file, wait_for):
    listener = Listener(str(tone_file))
    listener.input.start()
    wait_for(lambda: listener.heard(1.6))
    listener.input.close()
    expected = np.tile(soundfile.read(tone_file, dtype="float32")[0], 3)[: len(listener.samples)]
    assert np.array_equal(listener.samples, expected)


def test_a_file_plays_at_the_pace_of_the_clock_and_after_a_halt_goes_on_without_rushing(tone_file, monkeypatch):
    class Clock:
        """Stands still but when somebody sleeps; the machine halts for a minute when 1 s has been played."""

        now_s, played_s = 100.0, 0.0

        def monotonic(self) -> float:
            return self.now_s

        def sleep(self, seconds: float) -> None:
            self.now_s += seconds

        def open(self, rate_hz: int) -> None:
            assert rate_hz == 44100

        def write(self, mono: np.ndarray) -> None:
            halted_s = 60 if self.played_s >= 1 else 0
            assert self.now_s - 100 - halted_s == pytest.approx(self.played_s, abs=0.012), "in time but for a block"
            self.now_s += 60 if self.played_s < 1 <= self.played_s + len(mono) / 44100 else 0
            self.played_s += len(mono) / 44100
            if self.played_s > 2:
                raise StopIteration

    clock = Clock()
    monkeypatch.setattr(microphone_child, "time", clock)
    with pytest.raises(StopIteration):
        microphone_child.play(str(tone_file), clock, 512)


def test_a_killed_sound_process_is_counted_once_and_comes_back(tone_file, wait_for):
    listener = Listener(str(tone_file))
    listener.input.start()
    wait_for(listener.heard)
    pid = listener.input.pids[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not listener.input.alive)
    wait_for(lambda: listener.input.alive and listener.input.pids != [pid])
    before = len(listener.samples)
    wait_for(lambda: listener.heard((before + 4410) / 44100))
    assert listener.input.faults == {"microphone": 1}
    listener.input.close()


def test_a_hung_sound_process_is_noticed_by_its_silence(tone_file, wait_for):
    listener = Listener(str(tone_file))
    listener.input.start()
    wait_for(listener.heard)
    pid = listener.input.pids[0]
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: listener.input.pids not in ([], [pid]))
    wait_for(lambda: listener.input.alive)
    assert listener.input.faults == {"microphone": 1}
    listener.input.close()


def test_a_missing_device_is_one_fault_with_a_reason_and_nothing_is_read(wait_for, caplog):
    absent = Listener("no such microphone")
    absent.input.start()
    wait_for(lambda: absent.input.faults)
    assert absent.input.read(0.0) is None and not absent.input.alive and absent.input.age_s(0.0) == float("inf")
    assert "no such microphone" in caplog.text and "doctor" in caplog.text
    absent.input.close()
