"""A picture in, what a translator is shown of it out: its edges, its greys, its masses; the same in training and live.

Each is found in a few milliseconds by plain filters, because what a network has not been shown in training it cannot
translate in the show.
"""

from __future__ import annotations

import cv2
import numpy as np

CHANNELS = {"edges": 1, "blur": 3, "grey": 1, "mask": 1, "flow": 2, "picture": 3}
SHARE = (0.015, 0.15)  # of the pixels on an edge for certain, at detail 0 and 1
WEAK = 0.4  # of a certain edge's steepness: what touches one is taken up to here (Canny's hysteresis)
FAINTEST = 40  # steepness (of Sobel's, 0..2040) below which nothing is an edge: the noise of an even wall
BLUR_PART = 1 / 12  # of a picture's side, at detail 0; at detail 1 a quarter of it
FLOW_FULL = 0.1  # of a picture's side: the flow that is told as 1


def see(kind: str, rgb: np.ndarray, detail: float = 0.5, before: np.ndarray | None = None) -> np.ndarray:
    """rgb (H, W, 3) uint8 -> (channels, H, W) float32, 0..1; of flow, -1..1, from the picture before. detail 0..1."""
    if kind == "edges":
        return edges(rgb, detail)[None]
    if kind == "grey":
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)[None] / 255
    if kind == "mask":
        return mask(rgb, detail)[None]
    if kind == "flow":
        return flow(rgb if before is None else before, rgb)
    if kind == "blur":
        sigma = max(rgb.shape[:2]) * BLUR_PART * (1 - 0.75 * detail)
        small = cv2.resize(rgb, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(sigma / 4, 0.5))
        rgb = cv2.resize(small, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float32) / 255


def edges(rgb: np.ndarray, detail: float) -> np.ndarray:
    """Thin lines (H, W), 0..1, where brightness is steepest (Canny 1986), as soft as a pen's.

    The thresholds follow the picture: a share of its pixels is on a certain edge, in dim rooms and in bright ones.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    across, down = (cv2.Sobel(grey, cv2.CV_16S, x, 1 - x, borderType=cv2.BORDER_REPLICATE) for x in (1, 0))
    steep = np.abs(across).astype(np.int32) + np.abs(down)
    share = SHARE[0] + (SHARE[1] - SHARE[0]) * min(max(detail, 0.0), 1.0)
    spot = min(int(steep.size * (1 - share)), steep.size - 1)
    high = max(float(np.partition(steep, spot, axis=None)[spot]), FAINTEST)
    return soft(np.asarray(cv2.Canny(across, down, high * WEAK, high), np.float32) / 255)


def ink(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Lines (height, width), 0..1, of a drawing (H, W, 3) uint8 in dark ink on a pale ground, as `edges` gives them."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dark = cv2.erode(grey, np.ones((3, 3), np.uint8)) if grey.shape[0] > 2 * height else grey
    dark = cv2.resize(dark, (width, height), interpolation=cv2.INTER_AREA)
    paper = max(float(np.percentile(dark, 90)), 1.0)
    return np.clip((paper - dark.astype(np.float32)) / paper * 1.6, 0, 1)


def soft(lines: np.ndarray) -> np.ndarray:
    """Lines of one pixel, 0 or 1 -> lines of about two, with soft borders."""
    return np.clip(cv2.GaussianBlur(lines, (0, 0), 0.7) * 1.8, 0, 1)


def mask(rgb: np.ndarray, detail: float) -> np.ndarray:
    """Where a thing lies before its ground (H, W), 0..1: what differs from the border's colour (Otsu 1979)."""
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 1 + 3 * (1 - detail)), cv2.COLOR_RGB2LAB).astype(np.float32)
    rim = np.concatenate([lab[:4].reshape(-1, 3), lab[-4:].reshape(-1, 3), lab[:, :4].reshape(-1, 3)])
    far = np.linalg.norm(lab - np.median(rim, axis=0), axis=2)
    if far.max() < 12:  # an even wall
        return np.zeros(far.shape, np.float32)
    far = np.clip(far * (255 / far.max()), 0, 255).astype(np.uint8)
    _, flat = cv2.threshold(far, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(cv2.GaussianBlur(flat, (0, 0), 1.0), np.float32) / 255


def flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What moved where between two pictures: (2, H, W), across and down, -1..1 (Dense Inverse Search, Kroeger 2016)."""
    first, second = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    found = search.calc(first, second, None)  # type: ignore[call-overload]
    return np.clip(found.transpose(2, 0, 1) / (FLOW_FULL * max(before.shape[:2])), -1, 1).astype(np.float32)


def resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W, 3) uint8 at size (width, height): shrunk by area, enlarged smoothly."""
    if (rgb.shape[1], rgb.shape[0]) == size:
        return np.ascontiguousarray(rgb)
    how = cv2.INTER_AREA if size[0] < rgb.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), size, interpolation=how))
