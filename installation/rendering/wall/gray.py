"""Stripes for a projector out, a camera's pictures of them in; for every camera pixel the place of the frame it sees.

The reflected binary code (Gray's): neighbouring stripes differ in one picture only, so that a pixel on a boundary is
off by one stripe at most. Every picture is followed by its negative: what counts is which of the two is brighter there,
and neither the wall's colour nor the light in the room matters (Inokuchi, Sato and Matsuda 1984; Scharstein and
Szeliski 2003).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from installation.rendering.wall.venue import Size

FINE_BITS = 3  # whose stripes may run together in a camera's picture
BITS = 8  # stripes across and down: 256, finer than most cameras tell apart from where they stand
LEAST_CONTRAST = 0.06  # of white, between a projector's white and its black: darker pixels do not look at its light
RIM_PX = 7  # of a projector's light in the camera's picture, left out
LEAST_APART = 0.6  # of it, for most pixels
LEAST_SURE = 0.2  # of that contrast, between a stripe and its negative


def stripes(size: Size) -> Iterator[np.ndarray]:
    """White, black, then each stripe picture and its negative, across and down [each shape=(H, W), uint8]."""
    yield np.full(size[::-1], 255, np.uint8)
    yield np.zeros(size[::-1], np.uint8)
    for axis, length in enumerate(size):
        number = (np.arange(length) * 2 + 1) * 2**BITS // (length * 2)  # by the middles of pixels
        code = number ^ (number >> 1)
        for bit in range(BITS):
            lit = ((code >> (BITS - 1 - bit)) & 1).astype(np.uint8) * 255
            one = np.broadcast_to(lit[None] if axis == 0 else lit[:, None], size[::-1])
            yield np.ascontiguousarray(one)
            yield np.ascontiguousarray(255 - one)


COUNT = 2 + 4 * BITS  # pictures


def decode(seen: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """From the camera's pictures of the stripes, in their order [each shape=(h, w), 0..1, float32]: places of the
    camera and of the projector's frame that are one on the wall [both shape=(n, 2), 0..1]. Empty where it saw none."""
    white, black = seen[0], seen[1]
    contrast = np.asarray(cv2.blur(white - black, (5, 5)))
    lit_up = (contrast > LEAST_CONTRAST).astype(np.uint8)
    sure = cv2.erode(lit_up, np.ones((RIM_PX, RIM_PX))) > 0
    places = []
    for axis in range(2):
        number, lit, bits = np.zeros(white.shape, np.int32), np.zeros(white.shape, bool), 0
        for bit in range(BITS):
            at = 2 + 2 * (axis * BITS + bit)
            difference = seen[at] - seen[at + 1]
            if bit < BITS - FINE_BITS:  # wide stripes: what is seen beside a pixel says the same, with less noise
                difference = np.asarray(cv2.blur(difference, (5, 5)))
                sure &= np.abs(difference) > LEAST_SURE * contrast
            elif not _are_apart(difference[sure], contrast[sure]):
                break
            lit = lit ^ (difference > 0)  # back from Gray's code: each bit turns those below
            number, bits = number * 2 + lit, bits + 1
        places.append((number + 0.5) / 2**bits)
    rows, columns = np.nonzero(sure)
    camera = np.stack([(columns + 0.5) / white.shape[1], (rows + 0.5) / white.shape[0]], -1)
    return camera, np.stack(places, -1)[rows, columns]


def _are_apart(difference: np.ndarray, contrast: np.ndarray) -> bool:
    """Whether a camera tells stripes of this width apart at all: those that run together say what is not there."""
    return len(contrast) > 0 and float(np.median(np.abs(difference) / contrast)) > LEAST_APART
