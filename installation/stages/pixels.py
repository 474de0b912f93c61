"""Pixels of a still in, the form that a method needs out: float, linear light, resized, laid on a ground."""

from __future__ import annotations

import cv2
import numpy as np


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 0..max, or float 0..1 -> float32 0..1, a copy; still sRGB-encoded."""
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return np.array(pixels, np.float32)


def to_uint16(pixels: np.ndarray) -> np.ndarray:
    """float 0..1 or uint8 -> uint16, rounded; NaN becomes black, what lies outside is clipped."""
    if pixels.dtype == np.uint16:
        return pixels
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * 257
    return (np.nan_to_num(np.clip(pixels, 0, 1)) * 65535 + 0.5).astype(np.uint16)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """float 0..1 or uint16 -> uint8, rounded."""
    return ((to_uint16(pixels).astype(np.uint32) + 128) // 257).astype(np.uint8)


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """sRGB-encoded float 0..1 -> linear light (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_encoded(linear: np.ndarray) -> np.ndarray:
    """Linear light 0..1 -> sRGB-encoded (IEC 61966-2-1)."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def split(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Any pixels (H, W, 3 or 4) -> rgb (H, W, 3) and alpha (H, W), float32 0..1; a picture without alpha is opaque."""
    whole = to_float(pixels)
    alpha = whole[..., 3] if whole.shape[2] == 4 else np.ones(whole.shape[:2], np.float32)
    return np.ascontiguousarray(whole[..., :3]), np.ascontiguousarray(alpha)


def join(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """rgb (H, W, 3) and alpha (H, W) -> (H, W, 4)."""
    return np.dstack([rgb, alpha])


def flatten(pixels: np.ndarray, ground: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Lay a picture on a plain ground (default: white paper), in linear light -> (H, W, 3) float32 0..1 encoded."""
    rgb, alpha = split(pixels)
    if alpha.min() >= 1:
        return rgb
    below = to_linear(np.asarray(ground, np.float32))
    return to_encoded(to_linear(rgb) * alpha[..., None] + below * (1 - alpha[..., None]))


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale to size (width, height): by area downwards, Lanczos upwards, colour weighted by alpha -> float32 0..1.

    Mixed as encoded, as image programs do: enlarging in linear light rings around dark lines.
    """
    whole = to_float(pixels)
    if (whole.shape[1], whole.shape[0]) == size:
        return whole
    how = cv2.INTER_AREA if size[0] <= whole.shape[1] and size[1] <= whole.shape[0] else cv2.INTER_LANCZOS4
    if whole.shape[2] == 3:
        return np.clip(cv2.resize(whole, size, interpolation=how), 0, 1)
    whole[..., :3] *= whole[..., 3:]
    scaled = np.clip(cv2.resize(whole, size, interpolation=how), 0, 1)
    alpha = scaled[..., 3:]
    scaled[..., :3] = np.where(alpha > 1e-4, np.clip(scaled[..., :3] / np.maximum(alpha, 1e-4), 0, 1), 0)
    return scaled


def fit(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """The size (width, height) scaled so that its longer side is at most longest_px; never enlarged."""
    scale = min(1.0, longest_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
