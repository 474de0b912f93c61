"""A picture in main memory in; one projector's frame, fitted to its piece of wall, out: by OpenCV on the processor.

What a fitting means for each pixel is worked out once. A frame is then scaled towards the projector's size and taken
from there pixel by pixel: that is ten times as quick as to do both at once.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from installation.rendering.canvas import Canvas
from installation.rendering.wall import light, mesh
from installation.rendering.wall.cloth import places
from installation.rendering.wall.venue import Output

FEW = 0.02  # of the frame's pixels: those are dimmed one by one
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
OUTSIDE = -16.0  # px: nothing of the picture reaches there
NEAR_PX = 0.02  # of the picture, that nobody sees
FINE = 1.6  # times, at most: 43 dB from a cubic at every pixel, which nobody sees, in a tenth of its time
Size = tuple[int, int]


class Fitting:
    """One output's, for frames of one size. Raises SettingsError for a mask that cannot be read."""

    def __init__(self, canvas: Canvas, output: Output, size: Size, folder: Path) -> None:
        self.output, self.size = output, size
        mask = light.mask_of(output, size, folder)
        self._straight = mesh.is_straight(output.mesh)
        if self._straight:
            self._at, covered = light.in_picture(mesh.middles(size), output), np.ones(size[::-1], "f4")
        else:
            self._at, covered = places(canvas, output, size)
        self._covered = covered > 0
        self._box = light.box_of(self._covered)
        self._shade = Shade(output, self._at, covered, mask)
        self._maps: dict[tuple[Size, Size], tuple[np.ndarray, np.ndarray]] = {}  # x and y in what is scaled; by sizes
        self._scaled = np.empty((0, 0, 4), np.uint8)  # used again: fresh memory costs as much as the scaling

    def lay(self, picture: np.ndarray) -> np.ndarray:
        """The frame [shape=(h, w, 4), uint8, row 0 on top] of a picture [shape=(H, W, 4), uint8, row 0 below]."""
        x, y, width, height = self.output.source
        sides = np.array([x, y, x + width, y + height]) * (picture.shape[1::-1] * 2)
        even = self._straight and np.abs(sides - np.round(sides)).max() < NEAR_PX
        laid = self._lay_straight(np.asarray(cv2.flip(picture, 0))) if even else self._lay_bent(picture)
        return self._shade.dim(laid)

    def _lay_straight(self, upright: np.ndarray) -> np.ndarray:
        """Whole pixels of the picture that fill the frame: as exact as a picture that is only scaled."""
        (left, top, right, bottom), _ = self._cut(upright.shape[1::-1])
        piece = np.ascontiguousarray(upright[top:bottom, left:right])
        if self.output.rotation:
            piece = np.asarray(cv2.rotate(piece, TURNS[self.output.rotation]))
        if self.output.mirror_x or self.output.mirror_y:
            both = self.output.mirror_x and self.output.mirror_y
            piece = np.asarray(cv2.flip(piece, -1 if both else 1 if self.output.mirror_x else 0))
        if piece.shape[1::-1] != self.size:
            return np.asarray(cv2.resize(piece, self.size, interpolation=cv2.INTER_CUBIC))
        return piece

    def _lay_bent(self, picture: np.ndarray) -> np.ndarray:
        """Scale the piece of the picture, then take every pixel from where the mesh has it, and turn it over so."""
        size = picture.shape[1::-1]
        (left, top, right, bottom), scaled = self._cut(size)
        piece = np.ascontiguousarray(picture[size[1] - bottom : size[1] - top, left:right])
        if scaled != piece.shape[1::-1]:
            if self._scaled.shape[1::-1] != scaled:
                self._scaled = np.empty((scaled[1], scaled[0], 4), np.uint8)
            piece = np.asarray(cv2.resize(piece, scaled, self._scaled, interpolation=cv2.INTER_CUBIC))
        y, x = self._box
        fills = (y.stop - y.start, x.stop - x.start) == self.size[::-1]
        frame = (np.empty if fills else np.zeros)((self.size[1], self.size[0], 4), np.uint8)
        if frame[y, x].size:
            across, down = self._map(size, (left, top, right, bottom), scaled)
            cv2.remap(piece, across, down, cv2.INTER_LINEAR, frame[y, x], cv2.BORDER_CONSTANT)
        return frame

    def _cut(self, picture: Size) -> tuple[tuple[int, int, int, int], Size]:
        """Which pixels of the picture are looked at, and the size that they are scaled to: never down."""
        x, y, width, height = self.output.source
        left, top = int(x * picture[0] + NEAR_PX), int(y * picture[1] + NEAR_PX)
        right, bottom = (int(np.ceil(side - NEAR_PX)) for side in ((x + width) * picture[0], (y + height) * picture[1]))
        turned = self.size[::-1] if self.output.rotation in (90, 270) else self.size
        across = min(FINE, max(1.0, turned[0] / (width * picture[0])))
        down = min(FINE, max(1.0, turned[1] / (height * picture[1])))
        return (left, top, right, bottom), (round((right - left) * across), round((bottom - top) * down))

    def _map(self, picture: Size, cut: tuple[int, int, int, int], scaled: Size) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel of the box its x and y in the scaled piece, px from the middle of its first one below."""
        key = (picture, scaled)
        if key not in self._maps:
            self._maps.clear()  # the governor goes from size to size, never to and fro in every frame
            left, top, right, bottom = cut
            outside = ~self._covered[self._box]
            both = []
            for axis, (start, end) in enumerate(((left, right), (top, bottom))):
                times = scaled[axis] / (end - start)
                at = self._at[..., axis][self._box] * np.float32(picture[axis] * times)
                at = np.clip(at - np.float32(start * times + 0.5), 0.0, np.float32(scaled[axis] - 1))
                at = np.float32(scaled[axis] - 1) - at if axis else at
                at[outside] = OUTSIDE
                both.append(at)
            self._maps[key] = both[0], both[1]
        return self._maps[key]


class Shade:
    """How every pixel of a frame is dimmed: by edges, blends, masks, colour; and the black that is added."""

    def __init__(self, output: Output, at: np.ndarray, covered: np.ndarray, mask: np.ndarray | None) -> None:
        self._lift: np.ndarray | None = None
        share = covered if mask is None else covered * (mask / np.float32(255))
        dimmed = (share < 1) & (covered > 0)  # what lies outside is black by itself
        gain = share[..., None]
        if light.is_blended(output):
            shade, lift = light.shade(light.in_source(at, output), output)
            dimmed |= (shade.min(-1) < 1) & (covered > 0)
            gain = shade * gain
            self._lift = None if lift is None else _bytes(lift * share[..., None])
        few = np.flatnonzero(dimmed)
        self._few = few if len(few) < FEW * dimmed.size else None
        self._few_gains = _wide(_bytes(gain.reshape(-1, 1, gain.shape[-1])[few], 255)[:, 0])
        boxes = [] if self._few is not None else light.boxes_of(dimmed)
        self._gains = [(box, _bytes(gain[box], 255)) for box in boxes]

    def dim(self, frame: np.ndarray) -> np.ndarray:
        """Dim a frame [shape=(H, W, 4), uint8] in place."""
        for box, gain in self._gains:
            part = frame[box]
            cv2.multiply(part, gain, part, 1 / 255)
        if self._few is not None and len(self._few):
            flat = frame.view(np.uint32).reshape(-1)  # whole pixels are found and put back four times as quickly
            few = flat[self._few].view(np.uint8).reshape(-1, 4)
            flat[self._few] = ((few * self._few_gains + 128) >> 8).astype(np.uint8).view(np.uint32)[:, 0]
        if self._lift is not None:
            cv2.add(frame, self._lift, frame)
        return frame


def _bytes(values: np.ndarray, alpha: int = 0) -> np.ndarray:
    """Parts of 1 [shape=(H, W, 3 or 1), float32] as bytes with a fourth channel [shape=(H, W, 4)]."""
    four = np.full((*values.shape[:2], 4), alpha, np.uint8)
    four[..., :3] = values * np.float32(255) + np.float32(0.5)
    return four


def _wide(gains: np.ndarray) -> np.ndarray:
    """Gains of 255 as such of 256, so that a shift divides by them."""
    return gains.astype(np.uint16) + (gains > 127)
