"""Pictures in, hands as 21 landmarks each out: MediaPipe's HandLandmarker, at half of its usual cost for one hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LANDMARKS = 21
MOST_HANDS = 2
Found = tuple[np.ndarray, np.ndarray]
"""Landmarks [shape=(0..2, 21, 3)]: x and y 0..1 of the picture's width and height from its upper left, z in picture
widths towards the back; and how surely each is a right hand, 0..1 [shape=(0..2,)], in a picture that is not mirrored
(measured on photographs of palms: a thumb on the picture's right is a right hand's)."""


@dataclass(frozen=True)
class TrackerSettings:
    """confidence is asked of palm detection and tracking alike; scout_s is how often a second hand is looked for."""

    hands: int = 2
    confidence: float = 0.3
    scout_s: float = 0.5


class HandTracker:
    """Two landmarkers: one that follows a single hand, one that follows two and looks for the second.

    With fewer hands in view than it follows, a landmarker runs its palm detector on every frame (half of the whole
    cost). So while one hand is there the single one works, and the pair only scouts every scout_s.
    Source: Zhang et al. 2020, MediaPipe Hands (arXiv:2006.10214).
    """

    def __init__(self, model: str, settings: TrackerSettings) -> None:
        self._settings = settings
        self._single = _landmarker(model, 1, settings.confidence)
        self._pair = _landmarker(model, 2, settings.confidence) if settings.hands > 1 else None
        self._two = self._pair is not None
        self._scouted_s = -1e9
        self._last_ms: dict[int, int] = {}

    def track(self, rgb: np.ndarray, time_s: float) -> Found:
        """The hands in rgb [shape=(H, W, 3), uint8] at time_s."""
        if self._pair is None or not (self._two or abs(time_s - self._scouted_s) >= self._settings.scout_s):
            return self._detect(self._single, rgb, time_s)
        found = self._detect(self._pair, rgb, time_s)
        self._scouted_s = time_s
        self._two = len(found[0]) == MOST_HANDS
        return found

    def warm_up(self) -> None:
        """Run both landmarkers once: the first run loads what the later ones need."""
        for landmarker in (self._single, self._pair):
            if landmarker is not None:
                self._detect(landmarker, np.zeros((64, 64, 3), np.uint8), 0.0)

    def close(self) -> None:
        self._single.close()
        if self._pair is not None:
            self._pair.close()

    def _detect(self, landmarker: Any, rgb: np.ndarray, time_s: float) -> Found:
        import mediapipe

        # Video mode refuses a time that repeats or goes back, so time only ever goes on, by 1 ms at least.
        time_ms = max(int(time_s * 1000), self._last_ms.get(id(landmarker), -1) + 1)
        self._last_ms[id(landmarker)] = time_ms
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        result = landmarker.detect_for_video(image, time_ms)
        points = [[(p.x, p.y, p.z) for p in hand] for hand in result.hand_landmarks[:MOST_HANDS]]
        sides = [hand[0] for hand in result.handedness[:MOST_HANDS]]
        right = [side.score if side.category_name == "Right" else 1.0 - side.score for side in sides]
        return np.array(points, np.float32).reshape(-1, LANDMARKS, 3), np.array(right, np.float32)


def _landmarker(model: str, hands: int, confidence: float) -> Any:
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model, delegate=BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.VIDEO,
        num_hands=hands,
        min_hand_detection_confidence=confidence,
        min_hand_presence_confidence=confidence,
        min_tracking_confidence=confidence,
    )
    return vision.HandLandmarker.create_from_options(options)
