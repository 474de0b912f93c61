"""A codec's name and a quality in; how a film is encoded, and a frame as its encoder wants it, out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from installation.checking import SettingsError
from installation.files import shown

TIME_BASE = Fraction(1, 90_000)  # s
BT709, BT601 = 1, 6  # how FFmpeg numbers colours and transfers, and matrices: sRGB's own are those of BT.709
LIMITED = 1  # 16..235
# Each piece of two seconds goes to the system at once: a dark one is too small to fill a buffer, and would be lost.
WHOLE_PIECES = {"movflags": "frag_keyframe+empty_moov", "flush_packets": "1"}
# The same, and at the end a table of it all, without which few editors open a film; memory grows by 12 MB an hour.
FOR_EDITORS = {"movflags": "hybrid_fragmented", "frag_duration": "2000000", "flush_packets": "1"}
CRF_LOW, CRF_HIGH = 0, 51
PROFILES = {"proxy": 0, "lt": 1, "standard": 2, "hq": 3, "4444": 4}
CODECS = {"h264": ("libx264", "23"), "h265": ("libx265", "28"), "prores": ("prores", "hq")}  # encoder, usual quality


@dataclass(frozen=True)
class Coding:
    """encoder, pixels and options in FFmpeg's words; container is mp4 or mov, and tag how that calls the codec."""

    encoder: str
    pixels: str
    options: Mapping[str, str]
    container: str = "mp4"
    tag: str = ""

    @property
    def muxing(self) -> Mapping[str, str]:
        """Options of the file, which can be played up to its last seconds whenever it breaks off."""
        return FOR_EDITORS if self.container == "mov" else WHOLE_PIECES

    def frame(self, rgba: np.ndarray) -> Any:
        """An av.VideoFrame of pixels [shape=(H, W, 4), uint8, row 0 on top, both sides even]."""
        import av

        if self.pixels == "yuv420p":
            return av.VideoFrame.from_ndarray(to_i420(rgba), "yuv420p")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgba), "rgba")
        return frame.reformat(format=self.pixels, dst_colorspace="ITU709", dst_color_range="MPEG")

    def add_to(self, file: Any, size: tuple[int, int], fps: float, keyframe_s: float) -> Any:
        """A video stream of an av.OutputContainer; of a side with an odd number of pixels the last one is left out.

        It says what its numbers mean: a player that guesses shows other reds.
        """
        stream = file.add_stream(self.encoder, rate=max(1, round(fps)), options=dict(self.options))
        stream.width, stream.height = size[0] // 2 * 2, size[1] // 2 * 2
        context, stream.pix_fmt = stream.codec_context, self.pixels
        stream.time_base = context.time_base = TIME_BASE
        context.gop_size = round(fps * keyframe_s)  # 0: every frame is a key
        context.color_range, context.color_primaries, context.color_trc = LIMITED, BT709, BT709
        context.colorspace = BT601 if self.pixels == "yuv420p" else BT709
        if self.tag:
            context.codec_tag = self.tag
        return stream


def to_i420(rgba: np.ndarray) -> np.ndarray:
    """Pixels [shape=(H, W, 4), uint8, both sides even] as planes [shape=(H * 3 / 2, W)] of BT.601, limited range."""
    import cv2

    return np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2YUV_I420), np.uint8)  # three times quicker than FFmpeg's


def choose(path: Path, codec: str = "", quality: str = "", option: str = "--record") -> Coding:
    """How a film of this name is encoded: a .mov in ProRes and anything else in H.264, unless told otherwise.

    quality is a CRF for h264 and h265 (0 to 51, less is better), a profile for prores; option: how a command line asks
    for it. Raises SettingsError, one line that says what there is.
    """
    import av

    codec = codec or ("prores" if path.suffix.lower() == ".mov" else "h264")
    if codec not in CODECS:
        raise SettingsError(f"{option}-codec: no codec {shown(codec)}; there are: {', '.join(CODECS)}")
    encoder, usual = CODECS[codec]
    if encoder not in av.codecs_available:
        raise SettingsError(f"{option}-codec: the FFmpeg that PyAV brings here has no {encoder} to make {codec} with")
    if codec == "prores":
        return _prores(path, quality or usual, option)
    container = "mov" if path.suffix.lower() == ".mov" else "mp4"
    options = {"preset": "ultrafast", "crf": _crf(codec, quality or usual, option)}
    if codec == "h264":
        return Coding(encoder, "yuv420p", options | {"threads": "1"}, container)
    # no picture before its turn: a file in pieces would begin late for it, and its sound early
    options["x265-params"] = f"log-level=error:frame-threads=1:bframes=0:pools={_threads()}"
    return Coding(encoder, "yuv420p", options, container, "hvc1")  # the name under which Apple's players know it


def _crf(codec: str, quality: str, option: str) -> str:
    if not (quality.isdecimal() and CRF_LOW <= int(quality) <= CRF_HIGH):
        expected = f"{CRF_LOW} to {CRF_HIGH} for {codec}, less is better"
        raise SettingsError(f"{option}-quality: expected {expected}, found {shown(quality)}")
    return quality


def _prores(path: Path, profile: str, option: str) -> Coding:
    if path.suffix.lower() != ".mov":
        raise SettingsError(f"{option}: ProRes goes into a .mov, found {shown(path.name)}")
    if profile not in PROFILES:
        expected = ", ".join(PROFILES)
        raise SettingsError(f"{option}-quality: expected one of {expected} for prores, found {shown(profile)}")
    pixels = "yuv444p10le" if profile == "4444" else "yuv422p10le"
    return Coding("prores", pixels, {"profile": str(PROFILES[profile]), "threads": str(_threads())}, "mov")


def _threads() -> int:
    """Half of the cores: the show goes before its film."""
    return max(1, (os.cpu_count() or 1) // 2)
