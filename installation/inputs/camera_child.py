"""Settings in, frames in shared memory out: the process that opens a camera. It does not heal itself: it ends."""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from installation.children import Memory, enter, follow_parent
from installation.frames import LONGEST_SIDE_PX, FrameSlots

STUCK_S = 3.0
LATE_S = 1.0
SIGN_OF_LIFE_S = 1.0  # a film may show one frame for long: it is shown again before its process counts as silent
FROZEN = 7  # place in the memory's counts: the mark of the picture that this camera froze with
MOST_POLLS_HZ = 10.0  # how often a camera that gives still pictures only is asked for the next
ONE_THREAD_PX = 1280 * 720


class CameraError(RuntimeError):
    """The camera cannot be opened or has stopped; the text says what was expected and what to do."""


def main() -> None:
    memory, settings = enter()
    follow_parent()
    try:
        watch(memory, settings)
    except Exception as error:
        memory.say(without_password(str(error) or repr(error)))
        os._exit(1)


def watch(memory: Memory, settings: dict[str, Any]) -> None:
    """Publish frames until something fails. Raises CameraError or whatever the decoder raises."""
    device = str(settings["device"])
    slots = FrameSlots(memory)
    for rgb in frames_of(device, settings, memory.counts[FROZEN : FROZEN + 1]):
        turned = np.rot90(rgb, -(settings["rotate"] // 90))
        slots.write(turned[:, ::-1] if settings["mirror"] else turned)


def frames_of(device: str, settings: dict[str, Any], frozen: np.ndarray) -> Iterator[np.ndarray]:
    """RGB frames of whatever kind of camera this is. frozen [shape=(1,)] outlives this process: see StuckWatch."""
    if device.isdigit() or device.startswith("/dev/"):
        return device_frames(settings, StuckWatch(STUCK_S, frozen))
    watch = StuckWatch(settings["frozen_s"], frozen)
    if device.startswith(("http://", "https://")):
        from installation.inputs.web_camera import pictures

        answer = pictures(device, 1 / min(settings["fps"], MOST_POLLS_HZ))
        if answer is not None:
            return jpeg_frames(answer, watch)
    return played_frames(device, watch)


def size_within(width: int, height: int) -> tuple[int, int]:
    """The size of a picture scaled down, never up, to a longer side of LONGEST_SIDE_PX at most (even numbers)."""
    scale = min(1.0, LONGEST_SIDE_PX / max(width, height))
    return max(2, round(width * scale) & ~1), max(2, round(height * scale) & ~1)


def device_frames(settings: dict[str, Any], watch: StuckWatch) -> Iterator[np.ndarray]:
    """RGB frames of a live device through OpenCV, as they come. Raises CameraError when it is lost or stuck."""
    import cv2

    device = str(settings["device"])
    cv2.setNumThreads(1)
    number = device.removeprefix("/dev/video")
    capture = cv2.VideoCapture(int(number) if number.isdigit() else device)
    if not capture.isOpened():
        raise CameraError(f"cannot open camera {device}: is another program using it?")
    for key, value in (
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG")),  # type: ignore[attr-defined]
        (cv2.CAP_PROP_FRAME_WIDTH, settings["width"]),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings["height"]),
        (cv2.CAP_PROP_FPS, settings["fps"]),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        capture.set(key, value)
    while True:
        good, bgr = capture.read()
        if not good or bgr is None:
            raise CameraError(f"camera {device} stopped giving frames")
        watch.look(bgr)
        small = cv2.resize(bgr, size_within(bgr.shape[1], bgr.shape[0]), interpolation=cv2.INTER_AREA)
        yield cv2.cvtColor(small, cv2.COLOR_BGR2RGB)


class StuckWatch:
    """Notices a live camera that repeats one frame (OpenCV does so for some lost devices, opencv#5221).

    The mark of that frame is left in frozen [shape=(1,), int64]: whoever opens the camera next, and still finds the
    same frame, does not take it for a camera that is back.
    """

    def __init__(self, stuck_s: float = STUCK_S, frozen: np.ndarray | None = None) -> None:
        self._stuck_s = stuck_s
        self._frozen = np.zeros(1, np.int64) if frozen is None else frozen
        self._last = 0
        self._changed_s = time.monotonic()

    def look(self, frame: np.ndarray, now_s: float | None = None) -> None:
        """Raises CameraError when frames that show something have been identical for stuck_s."""
        now_s = time.monotonic() if now_s is None else now_s
        sample = np.ascontiguousarray(frame[::16, ::4])
        mark = zlib.crc32(sample.tobytes())
        if mark == self._frozen[0]:
            raise CameraError("the camera still shows the picture that it froze with")
        self._frozen[0] = 0
        # A covered lens may rightly give one flat colour for hours; only a picture with something in it can be stuck.
        if mark != self._last or int(sample.max()) - int(sample.min()) < 8:
            self._last, self._changed_s = mark, now_s
        elif now_s - self._changed_s > self._stuck_s:
            self._frozen[0] = mark
            raise CameraError(f"the camera repeated one frame for {self._stuck_s:g} s; opening it again")


def jpeg_frames(pictures: Iterator[bytes], watch: StuckWatch) -> Iterator[np.ndarray]:
    """RGB frames of pictures (JPEG); a damaged one is passed over. Raises CameraError when the first is none."""
    import cv2

    cv2.setNumThreads(1)
    good = False
    for jpeg in pictures:
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
        if bgr is None and not good:
            raise CameraError("expected a JPEG picture of the camera, found something else")
        if bgr is None:
            continue
        good = True
        watch.look(bgr)
        small = cv2.resize(bgr, size_within(bgr.shape[1], bgr.shape[0]), interpolation=cv2.INTER_AREA)
        yield cv2.cvtColor(small, cv2.COLOR_BGR2RGB)


def played_frames(address: str, watch: StuckWatch | None = None) -> Iterator[np.ndarray]:
    """RGB frames of a film file, looped at its own pace, or of a live stream as they come. Raises what PyAV raises."""
    import av

    url = "://" in address
    if not url and not os.path.isfile(address):
        raise CameraError(f"no such file {address}")
    options = {"rtsp_transport": "tcp", "flags": "low_delay"} if url else {}
    pace = Pace()
    rgb: np.ndarray | None = None
    while True:
        at_s, fresh = 0.0, False
        with av.open(address, options=options, timeout=(10.0, 5.0) if url else None) as film:
            if not film.streams.video:
                raise CameraError(f"{address} holds no picture")
            stream = film.streams.video[0]
            if stream.width * stream.height <= ONE_THREAD_PX:
                stream.thread_count = 1  # cheaper as a whole, and the painter needs the other cores
            live = url and not film.duration
            step_s = float(1 / stream.average_rate) if stream.average_rate else 1 / 25
            for at_s, frame in timed(film.decode(stream), step_s):
                while rgb is not None and pace.early_s(at_s, live) > SIGN_OF_LIFE_S:
                    time.sleep(SIGN_OF_LIFE_S)
                    yield rgb
                if pace.keep(at_s, step_s, live) or not fresh:
                    rgb, fresh = to_rgb(frame), True
                    if live and watch is not None:
                        watch.look(rgb)
                    yield rgb
        if live:
            raise CameraError(f"the stream {address.split('@')[-1]} ended")
        if rgb is None or not fresh:
            raise CameraError(f"{address} holds no frame that can be decoded")
        pace.origin_s += at_s + step_s
        while at_s == 0.0:  # a still picture: show it over and over
            time.sleep(min(step_s, SIGN_OF_LIFE_S))
            yield rgb


def timed(frames: Iterator[Any], step_s: float) -> Iterator[tuple[float, Any]]:
    """Each decoded frame with its time (s, 0 for the first); a frame that knows none comes a step after the last."""
    first_s, at_s = None, -step_s
    for frame in frames:
        time_s = frame.time
        if first_s is None:
            first_s = time_s or 0.0
        at_s = max(0.0, float(time_s - first_s)) if time_s is not None else at_s + step_s
        yield at_s, frame


class Pace:
    """The wall clock of a film: waits for frames that are early and tells which are too late to be shown."""

    def __init__(self) -> None:
        self.origin_s = time.monotonic()

    def early_s(self, at_s: float, live: bool) -> float:
        """How long a film's frame is still to wait; a stream's never is."""
        return 0.0 if live else self.origin_s + at_s - time.monotonic()

    def keep(self, at_s: float, step_s: float, live: bool) -> bool:
        """Wait until the film's time at_s; False for a frame that is late by more than a step (newest wins)."""
        late_s = time.monotonic() - self.origin_s - at_s
        if live or late_s > LATE_S:  # a stream sets the pace itself; after a long pause the count begins anew
            self.origin_s += late_s
        elif late_s < 0:
            time.sleep(-late_s)
        return live or late_s <= step_s or late_s > LATE_S


def to_rgb(frame: Any) -> np.ndarray:
    """A decoded frame as rgb [shape=(H, W, 3), uint8], scaled down and turned upright."""
    width, height = size_within(frame.width, frame.height)
    rgb = frame.reformat(width, height, "rgb24", interpolation="FAST_BILINEAR").to_ndarray()
    quarter_turns = round(getattr(frame, "rotation", 0) / 90)
    return np.rot90(rgb, quarter_turns) if quarter_turns % 4 else rgb


def without_password(text: str) -> str:
    """Text (an address, or what a decoder says of it) without user and password of a stream, fit for a log."""
    return re.sub(r"//[^/\s]*@", "//", text)


if __name__ == "__main__":
    main()
