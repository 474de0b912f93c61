"""The recording plays a part exactly while its device is silent or absent, and never another's."""

from __future__ import annotations

import os
import signal

import pytest

from installation.live import opening
from installation.live.options import parse
from installation.live.senses import Senses
from installation.settings import Part, Show

PLAYED = {"motion.energy": 0.7, "sound.level": 0.9, "knob.one": 0.3}
CSV = "time_s,motion.energy,sound.level,knob.one\n0,0.7,0.9,0.3\n1,0.7,0.9,0.3\n"


@pytest.fixture
def recording(tmp_path) -> Part:
    (tmp_path / "played.csv").write_text(CSV)
    return Part("recording", {"file": str(tmp_path / "played.csv")})


@pytest.fixture
def senses(recording, tmp_path):
    """A recording, a camera that shows a still picture and a microphone that hears silence."""
    import numpy as np
    import soundfile
    from PIL import Image

    Image.new("RGB", (64, 48), (90, 90, 90)).save(tmp_path / "still.png")
    soundfile.write(tmp_path / "silence.wav", np.zeros(44100), 44100)
    parts = [
        recording,
        Part("camera", {"device": str(tmp_path / "still.png"), "silent_s": 1.5}),
        Part("microphone", {"device": str(tmp_path / "silence.wav")}),
    ]
    made = Senses(parts, [Part("motion"), Part("sound")])
    made.start()
    yield made
    made.close()


def test_each_device_is_played_by_the_recording_only_while_it_is_away(senses, wait_for) -> None:
    assert {name: round(senses.read(0.0)[name], 5) for name in PLAYED} == PLAYED, "before anything is seen"
    clock = iter(range(10**6))

    def features() -> dict[str, float]:
        return senses.read(next(clock) * 0.01)

    wait_for(lambda: features()["motion.energy"] < 0.1 and features()["sound.level"] < 0.1)
    camera = senses.inputs["camera"]
    os.kill(camera.pids[0], signal.SIGSTOP)  # it hangs, as with a dead plug
    heard: list[float] = []

    def is_played() -> bool:
        now = features()
        heard.append(now["sound.level"])
        return round(now["motion.energy"], 5) == 0.7

    wait_for(is_played)
    assert max(heard) < 0.1, "the microphone's part stays its own"
    wait_for(lambda: features()["motion.energy"] < 0.1)
    assert senses.all_faults() == {"camera": 1}


def test_a_show_without_any_device_does_not_wait_for_one_and_is_played_whole(recording, wait_for, monkeypatch) -> None:
    from installation.inputs import camera_places

    monkeypatch.setattr(camera_places, "places", list)
    made = Senses([recording, Part("camera")], [Part("hands"), Part("motion")])
    made.start()
    wait_for(lambda: made.read(0.0) and made.ready)
    assert made.read(0.0)["motion.energy"] == pytest.approx(0.7) and not made.extractors["hands"].pids
    assert made.extractors["hands"]._thread is None, "nobody to look for: no model, no tracker"
    made.close()


def test_a_device_that_is_not_here_stays_in_the_show_and_is_looked_for(monkeypatch, capsys) -> None:
    from installation.inputs import camera, microphone

    for kind in (camera, microphone):
        monkeypatch.setattr(kind, "devices", list)
    show = Show("x", inputs=(Part("recording"), Part("camera"), Part("microphone")))
    kept, _ = opening.prepare(parse("--headless"), show)
    assert kept.inputs == show.inputs and "No camera here yet" in capsys.readouterr().out
    without, _ = opening.prepare(parse("--headless", "--camera", "none", "--microphone", "none"), show)
    assert [part.name for part in without.inputs] == ["recording"]


@pytest.mark.parametrize(
    ("option", "device"),
    [
        ("camera", "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0"),
        ("camera", "USB2.0 Camera: USB2.0 Camera"),
        ("camera", "Kamera v1.5"),
        ("microphone", "USB2.0 Camera: Audio (hw:1,0)"),
        ("microphone", "alsa_input.usb-046d_0825-02.mono-fallback"),
    ],
)
def test_names_and_paths_of_devices_are_never_taken_for_missing_files(option, device) -> None:
    show, _ = opening.prepare(parse("--headless", f"--{option}", device), Show("x", inputs=(Part(option),)))
    assert show.inputs[0].settings == {"device": device}


@pytest.mark.parametrize(("option", "file"), [("camera", "a/missing.mp4"), ("microphone", "missing.WAV")])
def test_a_file_that_is_not_there_is_named_at_once(option, file) -> None:
    with pytest.raises(FileNotFoundError, match=f"--{option}: no file '{file}'"):
        opening.prepare(parse("--headless", f"--{option}", file), Show("x", inputs=(Part(option),)))


def test_a_feature_that_breaks_and_a_driver_that_breaks_cost_themselves_alone(senses, wait_for, monkeypatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    wait_for(lambda: senses.read(0.0)["sound.level"] < 0.1)
    monkeypatch.setattr(senses.extractors["motion"], "extract", breaks)
    monkeypatch.setattr(senses.inputs["camera"], "read", breaks)
    before = dict(senses.faults)
    for n in range(3):
        features = senses.read(n / 30)
    assert "sound.level" in features and senses.camera is None
    assert {name: senses.faults[name] - before.get(name, 0) for name in ("motion", "camera")} == {
        "motion": 3,
        "camera": 3,
    }
