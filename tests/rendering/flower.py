"""A soft flower made from numbers, so that tests see something like what the show shows."""

from __future__ import annotations

import moderngl
import numpy as np

from installation import settings
from installation.signals import Controls, Picture

SMALL = settings.Screen(size=(128, 72), working_size=(64, 36))


def picture(width: int, height: int, time_s: float = 0.0, petals: int = 7, crisp: float = 14.0) -> np.ndarray:
    """A flower that turns and opens over a dark ground [shape=(H, W, 3), float32, 0..1, row 0 on top].

    crisp says how sharply a petal ends.
    """
    y, x = np.mgrid[0:height, 0:width].astype("f4") + 0.5
    x, y = (x - width / 2) / height * 2 + 0.1 * np.sin(time_s), (y - height / 2) / height * 2
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    edge = 0.55 + 0.25 * np.cos(petals * angle + time_s) + 0.1 * np.sin(time_s * 1.7)
    petal = 1 / (1 + np.exp(-(edge - far) * crisp))
    vein = 0.75 + 0.25 * np.cos(petals * 4 * angle + time_s) * far
    heart = np.exp(-((far / 0.2) ** 2))
    ground = np.stack([0.05 + 0.06 * (1 - y), 0.09 - 0.04 * y, 0.10 + 0.03 * x], -1)
    rose = np.stack([0.92 * vein, 0.25 + 0.4 * far * vein, 0.45 + 0.2 * vein], -1)
    rgb = ground * (1 - petal[..., None]) + rose * petal[..., None]
    rgb += heart[..., None] * (np.array([0.98, 0.8, 0.2]) - rgb)
    return np.clip(rgb, 0, 1).astype("f4")


def upload(context: moderngl.Context, rgb: np.ndarray) -> moderngl.Texture:
    """The picture as effects get it: row 0 at the bottom."""
    rgba = np.dstack([rgb, np.ones(rgb.shape[:2])])[::-1]
    texture = context.texture(rgb.shape[1::-1], 4, (rgba * 255 + 0.5).astype("u1").tobytes())
    texture.repeat_x = texture.repeat_y = False
    return texture


def painted(rgb: np.ndarray, number: int = 1) -> Picture:
    """The same as a generator hands it over."""
    pixels = np.ascontiguousarray(rgb.transpose(2, 0, 1) * 2 - 1, np.float32)
    return Picture(pixels, Controls(0.0, {}), number)


def even(value: float, number: int = 1, size: int = 16) -> Picture:
    """One grey, 0..1, everywhere."""
    return painted(np.full((size, size, 3), value, "f4"), number)


def pixels_of(texture: moderngl.Texture) -> np.ndarray:
    """What a texture holds [shape=(H, W, 4), uint8, row 0 at the bottom]."""
    return np.frombuffer(texture.read(), "u1").reshape(texture.height, texture.width, 4)
