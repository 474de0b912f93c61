"""A mesh's few points in; where any place of the source lies in the frame, and the mesh with other points, out.

The four corners make a homography, as a flat wall does; the other points are how far the wall is from that. So two by
two points are exact, a finer grid begins as the very same shape, and a curve is led through the differences alone.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from installation.rendering.wall.faults import ring_of, turns
from installation.rendering.wall.venue import CORNERS, Mesh, Point

SQUARE = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "f8")
STRAIGHT = 1e-5  # parts of the frame that nobody sees
FINE = 128  # cells along a side of what is drawn in place of a mesh that is no plain homography


def homography(source: np.ndarray, destination: np.ndarray) -> np.ndarray:
    """The matrix [shape=(3, 3)] that takes four points [shape=(4, 2)] to four others: direct linear transform."""
    rows = []
    for (x, y), (u, v) in zip(source, destination, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = np.linalg.solve(np.array(rows, "f8"), np.asarray(destination, "f8").reshape(8))
    return np.append(solved, 1.0).reshape(3, 3)


def through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [shape=(..., 2)] through a homography [shape=(3, 3)]."""
    carried = points @ matrix[:, :2].T + matrix[:, 2]
    return carried[..., :2] / carried[..., 2:]


def points_of(mesh: Mesh) -> np.ndarray:
    """Its points [shape=(rows, columns, 2), float64]."""
    return np.array(mesh.points, "f8").reshape(mesh.rows, mesh.columns, 2)


def corners_of(mesh: Mesh) -> np.ndarray:
    """Upper left, upper right, lower left, lower right [shape=(4, 2)]."""
    return points_of(mesh)[[0, 0, -1, -1], [0, -1, 0, -1]]


def base_of(mesh: Mesh) -> np.ndarray:
    """The homography [shape=(3, 3)] from the source (0..1) to where the mesh's corners have it in the frame."""
    return homography(SQUARE, corners_of(mesh))


def beyond_base(mesh: Mesh) -> np.ndarray:
    """How far each point lies from where the corners alone would have it [shape=(rows, columns, 2)]."""
    return points_of(mesh) - through(base_of(mesh), lattice(mesh.columns, mesh.rows))


def lattice(columns: int, rows: int, beyond: int = 0) -> np.ndarray:
    """An even grid over 0..1 [shape=(rows, columns, 2), x first]; beyond: so many further lines on every side."""
    x, y = (np.arange(-beyond, count + beyond) / (count - 1) for count in (columns, rows))
    return np.stack(np.meshgrid(x, y), -1)


def middles(size: tuple[int, int]) -> np.ndarray:
    """The middles of a frame's pixels [shape=(H, W, 2), 0..1, float32] for a size (W, H)."""
    found = np.empty((size[1], size[0], 2), "f4")
    found[..., 0] = (np.arange(size[0]) + 0.5) / size[0]
    found[..., 1] = ((np.arange(size[1]) + 0.5) / size[1])[:, None]
    return found


def is_flat(mesh: Mesh) -> bool:
    """Whether the corners alone say all: the mesh is a homography."""
    return mesh.columns == mesh.rows == 2 or bool(np.abs(beyond_base(mesh)).max() < STRAIGHT)


def is_straight(mesh: Mesh) -> bool:
    """Whether the source fills the frame as it is."""
    return bool(np.abs(corners_of(mesh) - SQUARE).max() <= STRAIGHT) and is_flat(mesh)


def place(mesh: Mesh, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where the lines x [shape=(n,)] and y [shape=(m,)] of the source cross in the frame [shape=(m, n, 2)].

    Places a little beyond 0..1 go on as the mesh does at its edge.
    """
    flat = through(base_of(mesh), np.stack(np.meshgrid(x, y), -1))
    across, down = weights(x, mesh.columns, mesh.smooth), weights(y, mesh.rows, mesh.smooth)
    return flat + np.einsum("mr,rck,nc->mnk", down, beyond_base(mesh), across, optimize=True)


def weights(at: np.ndarray, count: int, smooth: bool) -> np.ndarray:
    """How much each of `count` even points has to say at places 0..1 [shape=(n, count)]: lines, or Catmull-Rom."""
    x = np.asarray(at, "f8") * (count - 1)
    cell = np.clip(np.floor(x), 0, count - 2).astype(int)
    f = x - cell
    if smooth:
        four = [f * (-0.5 + f * (1 - 0.5 * f)), 1 + f * f * (-2.5 + 1.5 * f)]
        four += [f * (0.5 + f * (2 - 1.5 * f)), f * f * (-0.5 + 0.5 * f)]
    else:
        four = [np.zeros_like(f), 1 - f, f, np.zeros_like(f)]
    padded = np.zeros((len(x), count + 2))
    for i, weight in enumerate(four):
        np.put_along_axis(padded, (cell + i)[:, None], weight[:, None], 1)
    inner = padded[:, 1:-1].copy()
    for side, edge, next_one in ((0, 0, 1), (-1, -1, -2)):  # beyond its ends a curve goes on straight: 2 p0 - p1
        inner[:, edge] += 2 * padded[:, side]
        inner[:, next_one] -= padded[:, side]
    return inner


def fine(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is drawn in place of a mesh: places of the source, the same in the frame [both shape=(m, n, 2)], and the
    depth [shape=(m, n)] that makes straight what lies between them. One ring lies beyond the source, for soft edges."""
    cells = [1 if is_flat(mesh) else FINE // (count - 1) * (count - 1) for count in (mesh.columns, mesh.rows)]
    within = lattice(cells[0] + 1, cells[1] + 1, beyond=1)
    if is_flat(mesh):  # the ring keeps near, where the homography still holds
        within = np.clip(within, -0.05, 1.05)
    base = base_of(mesh)
    return within, place(mesh, within[0, :, 0], within[:, 0, 1]), within @ base[2, :2] + base[2, 2]


def regrid(mesh: Mesh, columns: int, rows: int) -> Mesh:
    """The same shape with another number of points (2 to 16 each way)."""
    points = place(mesh, np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return dataclasses.replace(mesh, columns=columns, rows=rows, points=as_points(points))


def moved(mesh: Mesh, number: int, to: Point) -> Mesh:
    """The same with one point elsewhere. A corner takes the points between along with it: the shape is kept."""
    points = points_of(mesh)
    row, column = divmod(number, mesh.columns)
    corner = row in (0, mesh.rows - 1) and column in (0, mesh.columns - 1)
    if not corner:
        points[row, column] = to
        return dataclasses.replace(mesh, points=as_points(points))
    away = beyond_base(mesh)
    points[row, column] = to
    pulled = dataclasses.replace(mesh, points=as_points(points))
    if not turns(ring_of(pulled)):
        return pulled  # no shape any more, and nothing to take along
    flat = through(base_of(pulled), lattice(mesh.columns, mesh.rows))
    return dataclasses.replace(mesh, points=as_points(flat + away))


def as_points(points: np.ndarray) -> tuple[Point, ...]:
    """Points [shape=(..., 2)] as a venue keeps them: a millionth of the frame is nothing that anybody sees."""
    return tuple((round(float(x), 6) + 0.0, round(float(y), 6) + 0.0) for x, y in points.reshape(-1, 2))


def straight(columns: int = 2, rows: int = 2) -> Mesh:
    """The mesh that changes nothing."""
    return regrid(Mesh(points=CORNERS), columns, rows)
