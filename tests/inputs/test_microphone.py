"""Sound comes in whole and in time, from a real sound server and from files, and comes back after a kill."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from installation.inputs import microphone, microphone_child
from installation.settings import SettingsError


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

        def begin(self) -> None:
            pass

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


@pytest.fixture
def interface(sound_server, monkeypatch, tmp_path) -> Iterator[Path]:
    """A real sound server's source of four channels, into whose second and third a tone is played: 440 and 880 Hz."""
    for name, value in (sound_server | {"PULSE_SOURCE": "desk.monitor", "PULSE_SINK": "desk"}).items():
        monkeypatch.setenv(name, value)
    places = "front-left,front-right,rear-left,rear-right"
    load = ["pactl", "load-module", "module-null-sink", "sink_name=desk", "channels=4", f"channel_map={places}"]
    module = subprocess.run([*load, "rate=44100"], check=True, capture_output=True, text=True).stdout.strip()
    silence = np.zeros(44100 * 30, np.float32)
    four = np.stack([silence, tone(440, 30), 0.2 * tone(880, 30), silence], axis=1)
    soundfile.write(tmp_path / "four.wav", four, 44100)
    player = subprocess.Popen(["paplay", f"--channel-map={places}", str(tmp_path / "four.wav")])
    yield tmp_path / "four.wav"
    player.kill()
    player.wait()
    subprocess.run(["pactl", "unload-module", module], check=True)


def pitch(listener: Listener, wait_for, level: float) -> tuple[float, float]:
    """The loudest pitch in Hz of a second that a listener hears, and its amplitude."""
    listener.input.start()
    wait_for(lambda: listener.heard() and np.abs(listener.samples[-4096:]).max() > level, 30)
    start = len(listener.samples)
    wait_for(lambda: listener.heard((start + 44100) / 44100), 30)
    listener.input.close()
    sound = listener.samples[start : start + 44100]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    loudest = int(spectrum.argmax())
    return loudest * listener.rate_hz / len(sound), float(spectrum[loudest]) * 4 / len(sound)


@pytest.mark.parametrize(("channel", "hz", "amplitude"), [(2, 440, 0.5), (3, 880, 0.1), (0, 440, 0.5)])
def test_each_input_of_an_interface_can_be_chosen_and_the_loudest_is_heard_by_default(
    interface, wait_for, channel, hz, amplitude
):
    heard_hz, heard_amplitude = pitch(Listener("", channel=channel), wait_for, amplitude / 2)
    assert heard_hz == pytest.approx(hz, abs=3) and heard_amplitude == pytest.approx(amplitude, rel=0.2)


def test_an_input_that_the_interface_does_not_have_is_named(interface, wait_for, caplog):
    listener = Listener("", channel=7)
    listener.input.start()
    wait_for(lambda: listener.input.faults)
    listener.input.close()
    assert "4 channels, channel = 7 is not among them" in caplog.text
    with pytest.raises(SettingsError, match="expected 1 or more"):
        Listener("", channel=-1)


def test_the_loudest_input_is_kept_until_another_is_clearly_louder_for_a_while():
    mix, quiet, loud = microphone_child.Mix(), np.full(512, 0.1, np.float32), np.full(512, 0.4, np.float32)
    for _ in range(100):
        assert mix(np.stack([quiet, 0 * quiet], 1))[-1] == pytest.approx(0.1)
    heard = [float(mix(np.stack([0 * quiet, loud], 1))[-1]) for _ in range(100)]
    assert heard[0] < 0.01 and heard[-1] == pytest.approx(0.4) and sorted(heard) == heard
    for _ in range(100):
        assert mix(np.stack([1.3 * loud, loud], 1))[-1] == pytest.approx(0.4), "not for a little"


def test_one_channel_of_a_file_can_be_chosen(interface, wait_for):
    assert pitch(Listener(str(interface), channel=3), wait_for, 0.05)[0] == pytest.approx(880, abs=3)


def test_a_sound_device_that_is_not_there_at_the_start_is_heard_when_it_comes(sound_server, monkeypatch, wait_for):
    for name, value in sound_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere/native")
    listener = Listener("")
    listener.input.start()
    wait_for(lambda: listener.input.faults)
    assert not listener.heard() and not listener.input.alive
    monkeypatch.setenv("PULSE_SERVER", sound_server["PULSE_SERVER"])
    wait_for(listener.heard, 60)
    wait_for(lambda: listener.input.alive)
    listener.input.close()
