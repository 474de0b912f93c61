"""Camera frames in; what a left and a right hand do out, 0..1, smooth, easing out when a hand goes."""

from __future__ import annotations

import collections
import itertools
import logging
import math
import threading
from dataclasses import dataclass

import numpy as np

from installation import weights
from installation.features.euro import clamp
from installation.features.hand import REST, Hand
from installation.features.hand_process import RenewedTracker, Sighting
from installation.features.hand_shape import centre_of
from installation.features.hand_tracker import HandTracker, TrackerSettings
from installation.signals import CameraFrame

SOURCE = "camera"
SIDES = ("left", "right")
SHAPE_COUNTS = 0.04  # of a picture's width: how far the shape of a hand reaches beside its place
SURELY = 0.75
log = logging.getLogger("installation.features")


@dataclass(frozen=True)
class Settings:
    """How hands are followed.

    rate_hz is the most a second that pictures are looked at (idle_rate_hz while no hand is there); hold_s bridges the
    tracker's blinks; appear_s and rest_s are time constants of coming and going; min_cutoff_hz and slope are the 1-euro
    filter's. synchronous tracks inside this process, every frame, for replays and tests.
    """

    rate_hz: float = 15.0
    idle_rate_hz: float = 8.0
    hands: int = 2
    confidence: float = 0.3
    hold_s: float = 0.35
    appear_s: float = 0.12
    rest_s: float = 0.35
    min_cutoff_hz: float = 1.6
    slope: float = 3.0
    renew_s: float = 1800.0
    synchronous: bool = False


class Hands:
    """Follows two hands. A visitor's right hand is right, as the tracker sees it by its shape; from frame to frame it
    keeps its name by where it is and where it goes, so that hands may cross, or show a side that is hard to tell.

    Where nothing tells right from left, the half of the picture in which a hand appears does.
    """

    names = (
        *(f"hands.{side}.{name}" for side in SIDES for name in ("present", *REST)),
        "hands.distance",
        "hands.count",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hands = {side: Hand(settings) for side in SIDES}
        self._asked_s: float | None = None
        self._looked_s = -math.inf
        self._own_faults: collections.Counter[str] = collections.Counter()
        self._tracker: RenewedTracker | None = None
        self._in_process: HandTracker | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._hopeless = False
        self._mirrored = False  # whether the pictures are as in a mirror, where a right hand is shaped like a left one

    @property
    def ready(self) -> bool:
        """Whether the tracker is awake, or there will be none, or nobody has needed it yet."""
        return self._thread is None or self._hopeless or (self._tracker is not None and self._tracker.ready)

    @property
    def faults(self) -> collections.Counter[str]:
        return self._own_faults + (self._tracker.faults if self._tracker is not None else collections.Counter())

    @property
    def pids(self) -> list[int]:
        return self._tracker.pids if self._tracker is not None else []

    def start(self) -> None:
        """Fetch the model if need be and start the tracker; returns at once (synchronous: when it is awake)."""
        if self._thread is None and self._in_process is None:
            if self._settings.synchronous:
                self._in_process = HandTracker(str(weights.hand_model()), self._tracker_settings())
                return
            self._thread = threading.Thread(target=self._open, name="open hands", daemon=True)
            self._thread.start()

    def extract(self, signal: CameraFrame | None, now_s: float) -> dict[str, float]:
        """All features at now_s, by name, 0..1; never blocks (synchronous: as long as tracking takes)."""
        step_s = 0.0 if self._asked_s is None else now_s - self._asked_s
        if step_s < 0.0:  # the clock began anew
            self._looked_s = -math.inf
            for hand in self._hands.values():
                hand.move_clock(step_s)
            step_s = 0.0
        self._asked_s = now_s
        if signal is not None:  # a machine without a camera needs neither model nor tracker
            self.start()
        if signal is not None:
            self._mirrored = signal.mirrored
        sighting = self._look(signal)
        if sighting is not None and sighting[1] <= now_s:  # a later one is of before the clock began anew
            self._name(sighting)
        values = {}
        for side, hand in self._hands.items():
            for name, value in hand.values(now_s, step_s).items():
                values[f"hands.{side}.{name}"] = value
        return values | self._together(now_s)

    def close(self) -> None:
        self._closing.set()
        if self._tracker is not None:
            self._tracker.close()
        if self._in_process is not None:
            self._in_process.close()

    def _look(self, frame: CameraFrame | None) -> Sighting | None:
        if self._in_process is not None:
            if frame is None:
                return None
            aspect = frame.rgb.shape[0] / frame.rgb.shape[1]
            return self._in_process.track(frame.rgb, frame.time_s), frame.time_s, aspect
        if self._tracker is None:
            return None
        if frame is not None:
            someone = any(hand.presence > 0.02 for hand in self._hands.values())
            rate_hz = self._settings.rate_hz if someone else self._settings.idle_rate_hz
            # A frame may come a little early: 0.9 keeps every second frame of 30 Hz from becoming every third.
            if frame.time_s - self._looked_s >= 0.9 / rate_hz and self._tracker.idle:
                self._looked_s = frame.time_s
                self._tracker.ask(frame)
        return self._tracker.answer()

    def _name(self, sighting: Sighting) -> None:
        """Give each hand that was found to the side that it suits best, see _cost."""
        (points, right), time_s, aspect = sighting
        there = np.isfinite(points).all(axis=(1, 2))
        points, right = points[there], (1.0 - right if self._mirrored else right)[there]
        centres = [centre_of(hand) for hand in points]
        if len(centres) == 2 and math.dist(*centres) < 0.04 and self._was_alone(time_s):
            centres = centres[:1]  # one hand seen twice
        if not centres:
            return
        found = [(centre, float(sure)) for centre, sure in zip(centres, right, strict=False)]
        choices = list(itertools.permutations(SIDES, len(found)))
        costs = [
            sum(self._cost(side, *hand, time_s) for side, hand in zip(sides, found, strict=True)) for sides in choices
        ]
        for side, hand, (_, sure) in zip(choices[int(np.argmin(costs))], points, found, strict=False):
            self._hands[side].see(hand, sure, aspect, time_s)
        self._mend(time_s)

    def _was_alone(self, time_s: float) -> bool:
        return sum(hand.held(time_s) for hand in self._hands.values()) < 2

    def _cost(self, side: str, centre: tuple[float, float], right: float, time_s: float) -> float:
        """How ill a hand at this place, so surely a right one, suits this side, mostly 0..1."""
        hand = self._hands[side]
        doubt = 1.0 - right if side == "right" else right
        if time_s - hand.seen_s < 2 * self._settings.hold_s:
            return math.dist(centre, hand.expected(time_s)) + SHAPE_COUNTS * doubt
        wrong_half = max(0.0, centre[0] - 0.5 if side == "left" else 0.5 - centre[0])
        was_last = hand.seen_s > min(other.seen_s for other in self._hands.values())
        # One in the middle that cannot be told comes back under its old name.
        return 0.3 + 0.8 * doubt + 0.6 * wrong_half * (1.0 - abs(2.0 * right - 1.0)) - (0.05 if was_last else 0.0)

    def _mend(self, time_s: float) -> None:
        """Exchange the names once all that was seen of the hands that are there says that they are wrong."""
        here = [side for side in SIDES if self._hands[side].held(time_s)]
        wrong = [(1.0 - self._hands[side].right if side == "right" else self._hands[side].right) for side in here]
        if here and min(wrong) > SURELY:
            self._hands = {"left": self._hands["right"], "right": self._hands["left"]}

    def _together(self, now_s: float) -> dict[str, float]:
        left, right = self._hands["left"], self._hands["right"]
        both = min(left.presence, right.presence)
        count = sum(hand.held(now_s) for hand in (left, right))
        return {"hands.distance": clamp(both * math.dist(left.centre, right.centre)), "hands.count": count / 2}

    def _tracker_settings(self) -> TrackerSettings:
        return TrackerSettings(self._settings.hands, self._settings.confidence)

    def _open(self) -> None:
        """Have the model, then the tracker; without a network try again, ever more rarely."""
        wait_s = 60.0
        while not self._closing.is_set():
            try:
                model = str(weights.hand_model())
            except (OSError, RuntimeError) as error:  # no source, no home folder, one that may not be read
                if not self._hopeless:
                    log.warning("hands: %s; the show goes on without hands", error)
                    self._own_faults["hands model"] += 1
                self._hopeless = True
                self._closing.wait(wait_s)
                wait_s = min(2 * wait_s, 3600.0)
                continue
            self._tracker = RenewedTracker(model, self._tracker_settings(), self._settings.renew_s)
            self._hopeless = False
            if self._closing.is_set():
                self._tracker.close()
            return


def create(settings: Settings) -> Hands:
    return Hands(settings)
