"""The picture as a video stream: MPEG-TS by UDP, RTP or SRT, FLV by RTMP, encoded and sent by FFmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from installation.files import shown
from installation.rendering.encoding import TIME_BASE, Coding

FORMATS = {"udp": "mpegts", "rtp": "rtp_mpegts", "srt": "mpegts", "rtmp": "flv", "rtmps": "flv"}
ENCODERS = {"h264": "libx264", "h265": "libx265"}
WHOLE_PACKETS = {"udp": {"pkt_size": "1316"}, "rtp": {"pkt_size": "1328"}}  # seven of MPEG-TS each, and RTP's header
AT_ONCE = {"flush_packets": "1", "muxdelay": "0", "muxpreload": "0"}


@dataclass(frozen=True)
class Settings:
    """address: udp://, rtp://, srt://, rtmp:// or rtmps://, with a host and what that protocol's options may be.

    codec is h264 or h265, mbit_per_s what it may take at most. Who comes later sees a picture within keyframe_s.
    """

    address: str = "rtp://127.0.0.1:5004"
    codec: str = "h264"
    mbit_per_s: float = 8.0
    keyframe_s: float = 1.0


class Stream:
    """One connection. Raises FFmpeg's errors: who is not there, or goes."""

    def __init__(self, settings: Settings, size: tuple[int, int], fps: float) -> None:
        import av

        scheme = urlsplit(settings.address).scheme
        options = AT_ONCE | WHOLE_PACKETS.get(scheme, {})
        self._file: Any = av.open(settings.address, "w", format=FORMATS[scheme], options=options)
        self._coding = _coding(settings)
        self._video = self._coding.add_to(self._file, size, fps, settings.keyframe_s)
        self._began_s: float | None = None
        self._last_pts = -1
        self._file.start_encoding()  # connects: who is not there is noticed now

    def send(self, rgba: np.ndarray, time_s: float) -> None:
        """Encode a picture and send it at once."""
        self._began_s = time_s if self._began_s is None else self._began_s
        frame = self._coding.frame(rgba[: self._video.height, : self._video.width])
        frame.pts = self._last_pts = max(int((time_s - self._began_s) / TIME_BASE), self._last_pts + 1)
        frame.time_base = TIME_BASE
        self._file.mux(self._video.encode(frame))


def _coding(settings: Settings) -> Coding:
    """No picture waits for a later one, and none is much longer on its way than the one before."""
    rate, room = settings.mbit_per_s * 1e6, settings.mbit_per_s * 1e6 / 4
    options = {"preset": "ultrafast", "tune": "zerolatency", "maxrate": f"{rate:.0f}", "bufsize": f"{room:.0f}"}
    more = {"threads": "1"} if settings.codec == "h264" else {"x265-params": "log-level=error:frame-threads=1:pools=1"}
    return Coding(ENCODERS[settings.codec], "yuv420p", options | more)


def refusal(settings: Settings) -> str:
    """An address of another kind, or a protocol that the FFmpeg here does not speak. Connects to nothing."""
    try:
        parts = urlsplit(settings.address)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in FORMATS or not host:
        kinds = ", ".join(f"{scheme}://" for scheme in FORMATS)
        found = shown(f"{parts.scheme}://..." if parts.scheme else settings.address)  # the rest may be a secret
        return f"address: expected a host behind one of {kinds}, found {found}"
    if settings.codec not in ENCODERS:
        return f"codec: expected {' or '.join(ENCODERS)}, found {shown(settings.codec)}"
    if not 0.01 <= settings.mbit_per_s <= 1000 or not 0 < settings.keyframe_s <= 60:
        return "expected mbit_per_s from 0.01 to 1000 and keyframe_s from 0 to 60"
    if parts.scheme == "srt" and not speaks_srt():
        return "the FFmpeg that PyAV brings here speaks no SRT; rtp:// goes, or a PyAV built with libsrt"
    return ""


def speaks_srt() -> bool:
    """Whether FFmpeg was built with libsrt, which PyAV's own packages are not."""
    import av

    try:
        av.open("srt://").close()
    except av.error.ProtocolNotFoundError:
        return False
    except (av.error.FFmpegError, OSError):  # it knows the protocol, and no such address
        pass
    return True


def create(settings: Settings, size: tuple[int, int], fps: float) -> Stream:
    """Connect. Raises what FFmpeg raises where nobody answers."""
    return Stream(settings, size, fps)
