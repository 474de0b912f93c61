"""Streams of the wall, received by FFmpeg on this machine as OBS or VLC would."""

from __future__ import annotations

from argparse import Namespace

import av
import numpy as np
import pytest
from receiving import FPS, SIZE, Receiver, even, free_port, offering, sending

from installation.rendering.outputs import stream
from installation.settings import Part

ORANGE = even(250, 120, 20)


@pytest.mark.parametrize(
    ("scheme", "codec", "receives", "name"),
    [
        ("udp", "h264", {}, "h264"),
        ("rtp", "h264", {}, "h264"),
        ("udp", "h265", {}, "hevc"),
        ("rtmp", "h264", {"listen": "1"}, "h264"),
    ],
)
def test_a_receiver_sees_the_wall_in_its_colours(wait_for, scheme, codec, receives, name) -> None:
    address = f"{scheme}://127.0.0.1:{free_port()}" + "/live/wall" * (scheme == "rtmp")
    receiver = Receiver(address, **receives)
    with sending(Part("stream", {"address": address, "codec": codec})) as outputs:
        wait_for(offering(outputs, ORANGE, lambda: len(receiver.frames) >= 3 or receiver.error))
        receiver.ending = True
    assert receiver.error is None and receiver.codec == name
    assert receiver.frames[-1].shape == (36, 64, 3) and receiver.sees(ORANGE)


def test_srt_is_received_too_where_ffmpeg_speaks_it(wait_for) -> None:
    if not stream.speaks_srt():
        pytest.skip("this PyAV was built without libsrt")
    port = free_port()
    receiver = Receiver(f"srt://127.0.0.1:{port}?mode=listener")
    with sending(Part("stream", {"address": f"srt://127.0.0.1:{port}"})) as outputs:
        wait_for(offering(outputs, ORANGE, lambda: receiver.sees(ORANGE) or receiver.error))
        receiver.ending = True
    assert receiver.error is None


def test_a_receiver_that_comes_later_sees_the_wall_within_a_keyframe(wait_for) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    with sending(Part("stream", {"address": address, "keyframe_s": 0.2})) as outputs:
        wait_for(offering(outputs, ORANGE, lambda: outputs.sent["stream"] > 20))
        receiver = Receiver(address)
        wait_for(offering(outputs, ORANGE, lambda: receiver.sees(ORANGE) or receiver.error))
        receiver.ending = True
    assert receiver.error is None and not outputs.faults


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_picture_leaves_at_once_and_all_of_them_take_no_more_than_is_allowed(codec: str, monkeypatch) -> None:
    settings = stream.Settings(f"udp://127.0.0.1:{free_port()}", codec, mbit_per_s=0.2)
    one, left = stream.create(settings, SIZE, FPS), []
    mux = one._file.mux
    monkeypatch.setattr(
        one, "_file", Namespace(mux=lambda packets: left.append([p.size for p in packets]) or mux(packets))
    )
    noise = np.random.default_rng(1)
    for n in range(50):
        one.send(noise.integers(0, 255, (SIZE[1], SIZE[0], 4), np.uint8), n / FPS)
        assert len(left[n]) == 1, "none waits in the encoder for the next"
    assert sum(map(sum, left)) * 8 < 1.5 * 0.2e6 * 50 / FPS


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (stream.Settings("rtmp2://host/live/secret"), "address: expected a host behind one of udp://, rtp://"),
        (stream.Settings("rtmp:///live/secret"), "address: expected a host"),
        (stream.Settings("rtmp://[secret"), "address: expected a host"),
        (stream.Settings("secret"), "address: expected a host"),
        (stream.Settings(codec="vp9"), "codec: expected h264 or h265, found 'vp9'"),
        (stream.Settings(mbit_per_s=0.0), "mbit_per_s"),
        (stream.Settings(keyframe_s=-1.0), "keyframe_s"),
    ],
)
def test_a_slip_is_refused_in_one_line_that_tells_no_key(settings: stream.Settings, why: str) -> None:
    said = stream.refusal(settings)
    assert why in said and "\n" not in said and "/secret" not in said
    assert not stream.refusal(stream.Settings())


def test_srt_is_refused_where_ffmpeg_does_not_speak_it(monkeypatch) -> None:
    settings = stream.Settings("srt://10.0.0.5:9000")
    monkeypatch.setattr(stream, "speaks_srt", lambda: False)
    assert "speaks no SRT" in stream.refusal(settings)
    monkeypatch.setattr(stream, "speaks_srt", lambda: True)
    assert not stream.refusal(settings)


def test_an_ffmpeg_that_knows_srt_is_told_from_one_that_does_not(monkeypatch) -> None:
    def answers(error: Exception) -> None:
        def opened(address: str) -> None:
            raise error

        monkeypatch.setattr(av, "open", opened)

    for error, speaks in (
        (av.error.ProtocolNotFoundError(1, "Protocol not found"), False),
        (av.error.InvalidDataError(1, "Invalid data"), True),
        (OSError(22, "Invalid argument"), True),
    ):
        answers(error)
        assert stream.speaks_srt() is speaks
