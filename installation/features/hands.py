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
from installation.features.euro import OneEuro, clamp, ease
from installation.features.hand_process import RenewedTracker, Sighting
from installation.features.hand_shape import centre_of, shape_of
from installation.features.hand_tracker import HandTracker, TrackerSettings
from installation.signals import CameraFrame

SOURCE = "camera"
SIDES = ("left", "right")
REST = {"x": 0.5, "y": 0.5, "height": 0.0, "openness": 0.0, "pinch": 0.0, "spread": 0.0, "roll": 0.5, "speed": 0.0}
FAST = 1.2  # picture heights a second: speed reads 0.63 there
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


class Hand:
    """One side's hand: what was last measured, smoothed, and how present it is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._filters = {name: OneEuro(settings.min_cutoff_hz, settings.slope) for name in REST}
        self._measured = dict(REST)
        self.centre = (0.5, 0.5)
        self.seen_s = -math.inf
        self.presence = 0.0

    def see(self, points: np.ndarray, aspect: float, time_s: float) -> None:
        """Take in landmarks [shape=(21, 3)] of the frame at time_s."""
        centre, step_s = centre_of(points), time_s - self.seen_s
        moved = math.hypot(centre[0] - self.centre[0], (centre[1] - self.centre[1]) * aspect) / aspect
        speed = moved / step_s if 0 < step_s < self._settings.hold_s else 0.0
        self._measured = shape_of(points, aspect) | {"speed": 1.0 - math.exp(-speed / FAST)}
        if self.presence < 0.02:  # a new hand: nothing of the last one's place may linger
            for name, smooth in self._filters.items():
                smooth.start_at(self._measured[name], time_s)
        self.centre, self.seen_s = centre, time_s

    def move_clock(self, by_s: float) -> None:
        self.seen_s += by_s
        for smooth in self._filters.values():
            smooth.move_clock(by_s)

    def held(self, now_s: float) -> bool:
        return now_s - self.seen_s <= self._settings.hold_s

    def values(self, now_s: float, step_s: float) -> dict[str, float]:
        """present and every name of REST at now_s: the smoothed measurement, faded from and to rest by presence."""
        here = self.held(now_s)
        fade_s = self._settings.appear_s if here else self._settings.rest_s
        self.presence = ease(self.presence, 1.0 if here else 0.0, step_s, fade_s)
        values = {"present": clamp(self.presence)}
        for name, rest in REST.items():
            smooth = self._filters[name](self._measured[name], now_s) if here else self._filters[name].value
            value = rest if math.isnan(smooth) else rest + self.presence * (smooth - rest)
            values[name] = clamp(value)
        return values


class Hands:
    """Follows two hands by where they are: a hand keeps its name, left or right of the picture, until it is gone."""

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
        """Give each set of landmarks to the side that it suits best: nearest to where that hand was, else by half."""
        found, time_s, aspect = sighting
        found = found[np.isfinite(found).all(axis=(1, 2))]
        centres = [centre_of(points) for points in found]
        if len(centres) == 2 and math.dist(*centres) < 0.04:
            centres = centres[:1]  # one hand seen twice
        if not centres:
            return
        choices = list(itertools.permutations(SIDES, len(centres)))
        costs = [
            sum(self._cost(side, centre, time_s) for side, centre in zip(sides, centres, strict=True))
            for sides in choices
        ]
        for side, points in zip(choices[int(np.argmin(costs))], found, strict=False):
            self._hands[side].see(points, aspect, time_s)

    def _cost(self, side: str, centre: tuple[float, float], time_s: float) -> float:
        hand = self._hands[side]
        if time_s - hand.seen_s < 2 * self._settings.hold_s:
            return math.dist(centre, hand.centre)
        wrong_half = max(0.0, centre[0] - 0.5 if side == "left" else 0.5 - centre[0])
        was_last = hand.seen_s > min(other.seen_s for other in self._hands.values())
        return 0.3 + 0.6 * wrong_half - (0.05 if was_last else 0.0)  # one in the middle comes back under its old name

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
