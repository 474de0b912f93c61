"""Shown frames and what was heard in, an MP4 file out, streamed: memory does not grow, the show never waits."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np

log = logging.getLogger("installation.recorder")
TIME_BASE = Fraction(1, 90_000)
WAITING = 6  # frames that may wait for the encoder before one is dropped


class Recorder:
    """Encodes H.264 (and AAC when sound comes) in a thread of its own.

    The file is written under a temporary name, in fragments, so that a run that is killed still leaves a playable
    video; close() renames it. size is (width, height) in pixels, both even.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, sample_rate_hz: int = 0) -> None:
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._part = path, path.with_name(path.name + ".part")
        self.faults: Counter[str] = Counter()
        self.frames = 0
        self._file = av.open(str(self._part), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"})
        self._video = self._file.add_stream(
            "libx264", rate=round(fps), options={"preset": "ultrafast", "crf": "23", "threads": "1"}
        )
        self._video.width, self._video.height = size[0] // 2 * 2, size[1] // 2 * 2
        self._video.pix_fmt = "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = TIME_BASE
        self._video.codec_context.gop_size = round(fps) * 2
        self._sound = self._file.add_stream("aac", rate=sample_rate_hz, layout="mono") if sample_rate_hz else None
        self._heard = 0
        self._last_pts = -1
        self._waiting: queue.Queue[tuple[str, np.ndarray, float] | None] = queue.Queue(WAITING * 4)
        self._thread = threading.Thread(target=self._encode, name="recorder", daemon=True)
        self._thread.start()

    def write(self, rgb: np.ndarray, now_s: float) -> None:
        """Take one frame [shape=(H, W, 3), uint8, row 0 on top]; returns at once. The array must not change later."""
        self._put(("video", rgb, now_s), WAITING)

    def hear(self, samples: np.ndarray) -> None:
        """Take what was heard since the last call [shape=(n,), float32, -1..1]."""
        if self._sound is not None:
            self._put(("sound", samples, 0.0), WAITING * 4)

    def _put(self, item: tuple[str, np.ndarray, float], limit: int) -> None:
        if self._waiting.qsize() >= limit or not self._thread.is_alive():
            self.faults["recorder dropped"] += 1
            return
        self._waiting.put_nowait(item)

    def _encode(self) -> None:
        try:
            while (item := self._waiting.get()) is not None:
                kind, array, now_s = item
                if kind == "video":
                    self._encode_frame(array, now_s)
                else:
                    self._encode_sound(array)
        except Exception as error:  # a full disk ends the recording, not the show
            self.faults["recorder"] += 1
            log.error("recording to %s stopped: %s", self.path, error)

    def _encode_frame(self, rgb: np.ndarray, now_s: float) -> None:
        import av

        # a read-back frame is a view of RGBA pixels: handing those over saves the copy that tightens the rows
        whole = rgb.base if rgb.base is not None and rgb.base.shape == (*rgb.shape[:2], 4) else rgb
        layout = "rgba" if whole.shape[2] == 4 else "rgb24"
        frame = av.VideoFrame.from_ndarray(whole[: self._video.height, : self._video.width], layout)
        pts = max(int(now_s / TIME_BASE), self._last_pts + 1)
        frame.pts, frame.time_base, self._last_pts = pts, TIME_BASE, pts
        self._file.mux(self._video.encode(frame))
        self.frames += 1

    def _encode_sound(self, samples: np.ndarray) -> None:
        import av

        assert self._sound is not None
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "fltp", "mono")
        rate = int(self._sound.rate or 44100)
        frame.sample_rate, frame.pts, frame.time_base = rate, self._heard, Fraction(1, rate)
        self._heard += len(samples)
        self._file.mux(self._sound.encode(frame))

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._waiting.put(None)
        self._thread.join(timeout=30)
        try:
            for stream in (self._video, self._sound):
                if stream is not None:
                    self._file.mux(stream.encode(None))
            self._file.close()
            os.replace(self._part, self.path)
        except Exception as error:
            self.faults["recorder"] += 1
            log.error("%s could not be finished: %s", self.path, error)
