"""Films in the codec and quality that were asked for, as players and editors find them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from installation.rendering.encoding import choose
from installation.rendering.recorder import Recorder
from installation.settings import SettingsError

SIZE, FPS = (128, 72), 25


def picture(n: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A smooth one that moves [shape=(H, W, 3), uint8]."""
    rough = np.random.default_rng(4).integers(0, 255, (3, 4, 3), np.uint8)
    return np.roll(cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC), 4 * n, 1)


def record(path: Path, wait_for, codec: str = "", quality: str = "", size: tuple[int, int] = SIZE) -> Path:
    recorder = Recorder(path, size, FPS, 44100, choose(path, codec, quality))
    for n in range(12):
        recorder.write(picture(n, size), n / FPS)
        recorder.hear(np.zeros(44100 // FPS, np.float32), n / FPS, 44100)
        wait_for(recorder._waiting.empty)
    recorder.close()
    assert not recorder.faults and not path.with_name(path.name + ".part").exists()
    return path


@pytest.mark.parametrize(
    ("name", "codec", "quality", "found", "pixels", "off"),
    [
        ("a.mp4", "", "", "h264", "yuv420p", 5.0),
        ("a.mp4", "h264", "0", "h264", "yuv420p", 4.0),
        ("a.mov", "h264", "", "h264", "yuv420p", 5.0),
        ("a.mp4", "h265", "", "hevc", "yuv420p", 6.0),
        ("a.mov", "", "", "prores", "yuv422p10le", 3.0),
        ("a.mov", "prores", "4444", "prores", "yuv444p", 1.0),
    ],
)
def test_a_film_is_what_was_asked_for_and_in_the_pictures_colours(
    tmp_path, wait_for, name, codec, quality, found, pixels, off
) -> None:
    with av.open(str(record(tmp_path / name, wait_for, codec, quality))) as film:
        video = film.streams.video[0]
        context = video.codec_context
        assert context.name == found and str(context.pix_fmt).startswith(pixels) and film.streams.audio
        frames = list(film.decode(video=0))
    assert len(frames) == 12 and float(frames[5].pts * video.time_base) == pytest.approx(5 / FPS, abs=0.03)
    assert np.abs(frames[5].to_ndarray(format="rgb24").astype(int) - picture(5)).mean() < off
    assert frames[5].colorspace == (1 if found == "prores" else 6), "players need not guess which reds are meant"


def test_a_quality_is_heard(tmp_path, wait_for) -> None:
    fine = record(tmp_path / "fine.mp4", wait_for, "h264", "5").stat().st_size
    assert fine > 1.5 * record(tmp_path / "rough.mp4", wait_for, "h264", "45").stat().st_size
    hq = record(tmp_path / "hq.mov", wait_for, "prores", "hq")
    proxy = record(tmp_path / "proxy.mov", wait_for, "prores", "proxy")
    assert hq.stat().st_size > 1.5 * proxy.stat().st_size
    with av.open(str(proxy)) as film:
        assert film.streams.video[0].codec_context.codec_tag == "apco"


def test_what_apple_plays_is_called_as_apple_calls_it(tmp_path, wait_for) -> None:
    with av.open(str(record(tmp_path / "a.mp4", wait_for, "h265"))) as film:
        assert film.streams.video[0].codec_context.codec_tag == "hvc1"


def test_a_side_with_an_odd_number_of_pixels_loses_the_last(tmp_path, wait_for) -> None:
    for codec, name in (("h264", "a.mp4"), ("prores", "a.mov")):
        with av.open(str(record(tmp_path / name, wait_for, codec, size=(131, 73)))) as film:
            frame = next(film.decode(video=0))
        assert (frame.width, frame.height) == (130, 72)


@pytest.mark.parametrize(
    ("name", "codec", "quality", "why"),
    [
        ("a.mp4", "vp9", "", "--record-codec: no codec 'vp9'; there are: h264, h265, prores"),
        ("a.mp4", "prores", "", "--record: ProRes goes into a .mov, found 'a.mp4'"),
        ("a.mov", "", "23", "--record-quality: expected one of proxy, lt, standard, hq, 4444 for prores, found '23'"),
        ("a.mp4", "", "hq", "--record-quality: expected 0 to 51 for h264, less is better, found 'hq'"),
        ("a.mp4", "h265", "52", "expected 0 to 51 for h265"),
        ("a.mp4", "", "-1", "expected 0 to 51"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(name, codec, quality, why) -> None:
    with pytest.raises(SettingsError) as found:
        choose(Path(name), codec, quality)
    assert why in str(found.value) and "\n" not in str(found.value)


def test_a_codec_that_ffmpeg_here_cannot_make_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"libx264"})
    assert choose(Path("a.mp4")).encoder == "libx264"
    with pytest.raises(SettingsError, match="has no libx265 to make h265 with"):
        choose(Path("a.mp4"), "h265")


def boxes(path: Path) -> list[str]:
    """The names of a film's outermost boxes, in their order."""
    found, data, at = [], path.read_bytes(), 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 8].decode("latin-1"))
        at += int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size or len(data)
    return found


def test_a_mov_ends_as_editors_want_it(tmp_path, wait_for) -> None:
    assert "moof" not in boxes(record(tmp_path / "a.mov", wait_for))
    assert boxes(tmp_path / "a.mov").count("moov") == 1


@pytest.mark.parametrize("name", ["film.mov", "film.mp4"])
def test_a_film_whose_process_is_killed_plays_up_to_there(tmp_path, name: str) -> None:
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
    subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], timeout=60, check=False)
    with av.open(str(tmp_path / f"{name}.part")) as film:
        assert len(list(film.decode(video=0))) >= 2 * FPS


@pytest.mark.parametrize(("cores", "threads"), [(None, 1), (1, 1), (2, 1), (9, 4)])
def test_a_film_takes_half_of_the_cores_and_one_at_the_least(monkeypatch, cores: int | None, threads: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert choose(Path("o.mov"), "prores", "", "--out").options["threads"] == str(threads)


def test_a_film_of_less_than_a_frame_a_second_can_be_written(tmp_path: Path) -> None:
    coding = choose(tmp_path / "o.mp4", "h264", "20", "--out")
    with av.open(str(tmp_path / "o.mp4"), "w") as film:
        stream = coding.add_to(film, (64, 36), 0.3, 2.0)
        film.mux(stream.encode(coding.frame(np.zeros((36, 64, 4), np.uint8))))
        film.mux(stream.encode(None))
    with av.open(str(tmp_path / "o.mp4")) as film:
        assert len(list(film.decode(video=0))) == 1
