"""A venue's corner pins in; the homography from projector to picture out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from installation import files
from installation.settings import SettingsError, read_toml

CALIBRATION = Path("calibration")  # looked for in `files.places`
IDENTITY = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], "f8")


def read_corners(venue: str, folder: Path = CALIBRATION, mirror: bool = False) -> np.ndarray:
    """Where a venue has the picture's corners [shape=(4, 2), 0..1 of the projector's frame, y down]: top left first,
    then the picture's top right, bottom right and bottom left.

    In the projector's frame that is clockwise, or anticlockwise from behind a screen; mirror turns the one into the
    other. No venue means no warp. Raises SettingsError for a file that is absent or whose corners make no convex shape.
    """
    corners = _read(venue, folder) if venue else IDENTITY.copy()
    return corners[[1, 0, 3, 2]] if mirror else corners


def _read(venue: str, folder: Path) -> np.ndarray:
    path = files.find(folder, f"{venue}.toml")
    if path is None:
        there = ", ".join(file.stem for file in files.there_are(folder, "*.toml"))
        raise SettingsError(f"no calibration for venue {venue!r}; there are: {there}; or leave venue out")
    table = read_toml(path)
    try:
        corners = np.array(table.get("corners", IDENTITY), "f8")
    except (ValueError, TypeError, OverflowError) as error:
        raise SettingsError(f"{path.name}: expected corners = [[x, y], ...], found: {error}") from error
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise SettingsError(f"{path.name}: expected 4 corners of 2 numbers, found {files.shown(table.get('corners'))}")
    if not _is_convex(corners):
        raise SettingsError(
            f"{path.name}: expected corners around one convex shape from top left on, found {corners.tolist()}"
        )
    return corners


def _is_convex(corners: np.ndarray) -> bool:
    """Whether every corner turns the same way: clockwise, or anticlockwise for a picture seen from behind."""
    one = np.roll(corners, -1, 0) - corners
    two = np.roll(one, -1, 0)
    turns = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    return bool((turns > 1e-6).all() or (turns < -1e-6).all())


def homography(source: np.ndarray, destination: np.ndarray) -> np.ndarray:
    """The matrix [shape=(3, 3)] that takes four points [shape=(4, 2)] to four others: direct linear transform."""
    rows = []
    for (x, y), (u, v) in zip(source, destination, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = np.linalg.solve(np.array(rows, "f8"), np.asarray(destination, "f8").reshape(8))
    return np.append(solved, 1.0).reshape(3, 3)


def to_picture(corners: np.ndarray) -> np.ndarray | None:
    """The matrix from projector to picture for these corners, or None where nothing is to be warped."""
    if np.allclose(corners, IDENTITY, atol=1e-5):
        return None
    return homography(corners, IDENTITY)
