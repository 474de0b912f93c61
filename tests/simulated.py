"""Projectors, a flat wall and a camera with a lens that bends: what it sees of any frames, and where all truly is."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np

from installation.rendering.wall import mesh as meshes

FRAME = (1280, 720)
CAMERA = (640, 360)
LIGHT = ((np.arange(256) / 255) ** 2.2 * 0.6).astype("f4")  # of a projector's values


@dataclass(eq=False)
class Room:
    """frame is each projector's size; frames: where its corners (upper left, upper right, lower left, lower right) fall
    in the picture of a perfect camera (0..1); lens: OpenCV's k1, k2 of the real one."""

    frames: list[np.ndarray]
    lens: tuple[float, float] = (-0.18, 0.05)
    noise: float = 0.02
    light: float = 0.12  # in the room
    frame: tuple[int, int] = FRAME
    seed: int = 0
    _chance: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        across, down = (np.linspace(-1, 1, side) ** 2 for side in CAMERA)
        self._falloff = (1 - 0.25 * (down[:, None] + across)).astype("f4")  # darker corners
        self._grain = self._chance.normal(0, self.noise, CAMERA[::-1]).astype("f4")
        self._at: dict[int, np.ndarray] = {}

    @property
    def ideal(self) -> np.ndarray:
        """Where a perfect camera would see what each pixel sees [shape=(pixels, 2), 0..1]."""
        return straightened(self.lens)

    def to_frame(self, number: int) -> np.ndarray:
        """From a perfect camera's picture to a projector's frame [shape=(3, 3)]."""
        return meshes.homography(self.frames[number], meshes.SQUARE)

    def see(self, shown: list[np.ndarray]) -> np.ndarray:
        """The camera's picture [shape=(h, w), 0..1] of what the projectors show [each shape=(H, W), uint8]."""
        light = np.full(CAMERA[::-1], self.light, "f4")
        for number, frame in enumerate(shown):
            if not frame.any():
                continue
            if number not in self._at:
                at = meshes.through(self.to_frame(number), self.ideal) * self.frame - 0.5
                self._at[number] = np.ascontiguousarray(at.reshape(*CAMERA[::-1], 2), "f4")
            soft = cv2.LUT(cv2.blur(frame, (3, 3)), LIGHT)
            light += cv2.remap(soft, self._at[number], None, cv2.INTER_LINEAR)
        pixels = cv2.pow(light * self._falloff, 1 / 2.2)  # a camera's gamma
        return np.clip(pixels + np.roll(self._grain, self._chance.integers(self._grain.size)), 0, 1)


@functools.cache
def straightened(lens: tuple[float, float]) -> np.ndarray:
    """Where each pixel of the camera would lie without its lens [shape=(pixels, 2), 0..1]."""
    rows, columns = np.mgrid[0 : CAMERA[1], 0 : CAMERA[0]].astype("f8")
    middle, focal = np.array(CAMERA) / 2, CAMERA[0] * 0.8
    bent = (np.stack([columns + 0.5, rows + 0.5], -1).reshape(-1, 2) - middle) / focal
    at = bent.copy()
    for _ in range(60):  # what OpenCV's model bends to here
        square = (at**2).sum(-1, keepdims=True)
        at = bent / (1 + lens[0] * square + lens[1] * square**2)
    return (at * focal + middle) / CAMERA
