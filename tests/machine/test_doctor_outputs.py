"""What hands the picture to other software is told apart, on any machine; all of it is optional."""

import pytest

from installation.machine.doctor import outputs
from installation.machine.doctor.outputs import Cameras, Ndi

MINE = ("/dev/video9 installation",)


@pytest.mark.parametrize(
    ("ndi", "state", "cause", "advice"),
    [
        (Ndi(True, "NDI SDK 6.3"), "ok", "", ""),
        (Ndi(False), "note", "none", "pip install ndi-python"),
        (Ndi(True), "note", "unusable", "--force-reinstall ndi-python"),
    ],
)
def test_ndi_is_here_or_not_or_does_not_run(ndi: Ndi, state: str, cause: str, advice: str) -> None:
    found = outputs.judge_ndi("output", ndi)
    assert (found.state, found.cause) == (state, cause) and advice in found.advice and ndi.words in found.found


@pytest.mark.parametrize(
    ("cameras", "state", "cause", "advice"),
    [
        (Cameras(True, MINE), "ok", "", ""),
        (Cameras(True, MINE, MINE), "note", "no-permission", "usermod -aG video"),
        (Cameras(False, MINE), "note", "none", "pip install pyvirtualcam"),
        (Cameras(True), "note", "none", "modprobe v4l2loopback"),
        (Cameras(False), "note", "none", "pip install pyvirtualcam; sudo modprobe v4l2loopback"),
    ],
)
def test_a_virtual_camera_that_is_here_is_named(cameras: Cameras, state: str, cause: str, advice: str) -> None:
    found = outputs.judge_cameras("output", cameras)
    assert (found.state, found.cause) == (state, cause) and advice in found.advice
    assert all(place in found.found for place in cameras.places)


def test_srt_is_promised_only_where_ffmpeg_speaks_it() -> None:
    assert "no SRT" in outputs.judge_streams("output", ["udp", "rtp"]).found
    assert "no SRT" not in outputs.judge_streams("output", ["udp", "srt"]).found
    assert {"udp", "rtp", "rtmp"} <= set(outputs.read_schemes())


def test_libndi_that_falls_over_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(outputs, "ASK_NDI", "import os; os.kill(os.getpid(), 11)")
    assert outputs.read_ndi() == Ndi(True, "")
    monkeypatch.setattr(outputs, "ASK_NDI", "print('NDI SDK 6.3')")
    assert outputs.read_ndi() == Ndi(True, "NDI SDK 6.3")
