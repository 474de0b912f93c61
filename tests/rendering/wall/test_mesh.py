"""Where a mesh has the picture: corners as on a flat wall, points between them, the same shape with more of them."""

from __future__ import annotations

import numpy as np
import pytest

from installation.rendering.wall import mesh as meshes
from installation.rendering.wall.venue import Mesh

PINS = Mesh(points=((0.1, 0.05), (0.92, 0.0), (0.03, 0.9), (1.0, 0.95)))
EVEN = np.linspace(0, 1, 33)


def bent(columns: int, rows: int, smooth: bool) -> Mesh:
    chance = np.random.default_rng(columns * 16 + rows)
    mesh = meshes.regrid(PINS, columns, rows)
    points = meshes.points_of(mesh) + chance.uniform(-0.01, 0.01, (rows, columns, 2))
    return Mesh(columns, rows, meshes.as_points(points), smooth)


def test_two_by_two_points_are_the_homography_of_their_corners() -> None:
    seen = meshes.place(PINS, EVEN, EVEN)
    expected = meshes.through(meshes.homography(meshes.SQUARE, np.array(PINS.points)), meshes.lattice(33, 33))
    assert np.allclose(seen, expected, atol=1e-12)
    (ax, ay), (bx, by) = seen[16, 5] - seen[16, 0], seen[16, 30] - seen[16, 0]
    assert abs(ax * by - ay * bx) < 1e-12, "a line of the picture is a line on the wall"


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("columns", "rows"), [(2, 2), (3, 2), (2, 5), (4, 4), (16, 16)])
def test_a_mesh_goes_through_its_points(columns: int, rows: int, smooth: bool) -> None:
    mesh = bent(columns, rows, smooth)
    seen = meshes.place(mesh, np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    assert np.abs(seen - meshes.points_of(mesh)).max() < 1e-9


@pytest.mark.parametrize("grid", [(3, 3), (16, 16), (2, 7)])
def test_corner_pins_keep_their_shape_with_more_points(grid: tuple[int, int]) -> None:
    finer = meshes.regrid(PINS, *grid)
    assert (finer.columns, finer.rows) == grid and meshes.is_flat(finer)
    assert np.abs(meshes.place(finer, EVEN, EVEN) - meshes.place(PINS, EVEN, EVEN)).max() < 2e-5


def test_a_bent_mesh_keeps_its_shape_with_points_between_and_without_them_again() -> None:
    mesh = bent(3, 3, False)
    finer = meshes.regrid(mesh, 5, 5)
    assert np.abs(meshes.place(finer, EVEN, EVEN) - meshes.place(mesh, EVEN, EVEN)).max() < 5e-6
    assert np.allclose(meshes.regrid(finer, 3, 3).points, mesh.points, atol=5e-6)


def test_a_smooth_mesh_has_no_kink_at_its_points_and_a_straight_one_has() -> None:
    kinks = []
    for smooth in (True, False):
        mesh = meshes.moved(meshes.regrid(Mesh(smooth=smooth), 3, 3), 4, (0.5, 0.6))
        y = meshes.place(mesh, np.array([0.5]), np.array([0.499, 0.5, 0.501]))[:, 0, 1]
        kinks.append(abs((y[2] - y[1]) - (y[1] - y[0])) / 0.001)
    assert kinks[0] < 0.01 < 0.3 < kinks[1]


def test_smooth_and_straight_meshes_that_are_even_change_nothing() -> None:
    for smooth in (True, False):
        mesh = Mesh(4, 5, meshes.straight(4, 5).points, smooth)
        assert meshes.is_straight(mesh)
        assert np.abs(meshes.place(mesh, EVEN, EVEN) - meshes.lattice(33, 33)).max() < 1e-5


def test_a_corner_takes_the_points_between_along_and_any_other_point_moves_alone() -> None:
    mesh = meshes.regrid(PINS, 3, 3)
    pulled = meshes.moved(mesh, 8, (0.8, 0.8))
    assert pulled.points[8] == (0.8, 0.8) and meshes.is_flat(pulled)
    assert pulled.points[4] != mesh.points[4] and pulled.points[0] == mesh.points[0]
    alone = meshes.moved(mesh, 4, (0.5, 0.6))
    assert [i for i in range(9) if alone.points[i] != mesh.points[i]] == [4]


@pytest.mark.parametrize("mesh", [PINS, bent(4, 3, True), bent(16, 16, False)], ids=["pins", "smooth", "fine"])
def test_what_is_drawn_in_place_of_a_mesh_lies_where_the_mesh_has_it(mesh: Mesh) -> None:
    within, frame, depth = meshes.fine(mesh)
    assert within.shape == frame.shape and depth.shape == frame.shape[:2] and depth.min() > 0
    assert within.min() < 0 and within.max() > 1, "a ring beyond, for the soft edge"
    columns = np.flatnonzero(np.isin(np.round(within[0, :, 0] * 1e6), np.round(EVEN * 1e6)))
    for column in columns:
        expected = meshes.place(mesh, within[0, column : column + 1, 0], within[:, 0, 1])[:, 0]
        assert np.allclose(frame[:, column], expected, atol=1e-9)
