# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The grid against one marched cell by cell, and what it knows of painted worlds."""

from __future__ import annotations

import numpy as np
import pytest
from ground_cameras import LENSES, any_camera, camera
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_ground import OTHER, ROAD, UNLABELLED, painted, road

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.error import range_error
from drivseg_ros.ground.space import DrivableSpace, merge_grids
from drivseg_ros.ground.spec import GridSpec

SMALL = GridSpec(x_max_m=25, y_min_m=-5, y_max_m=6, resolution_m=0.25)


def at(grid: np.ndarray, spec: GridSpec, x: float, y: float) -> int:
    column, row = spec.cells(np.array([[x, y]]))[0]
    return int(grid[row, column])


def marched(seen: GroundCamera, spec: GridSpec, mask: np.ndarray) -> np.ndarray:
    """The grid by the book: each cell's ray from below the camera, in small steps."""
    foot, height = np.array(seen.pose.position[:2]), seen.pose.height
    out = np.full((spec.ny, spec.nx), -1)
    for row in range(spec.ny):
        for column in range(spec.nx):
            cell = np.array([spec.x_min_m, spec.y_min_m])
            cell = cell + (np.array([column, row]) + 0.5) * spec.resolution_m
            distance = float(np.hypot(*(cell - foot)))
            error = range_error(np.array(distance), height_m=height)
            if error > spec.max_error_m or distance < spec.near_m:
                continue
            steps = np.arange(0.5, 1, 0.005 / distance)[:, None]
            pixels = np.rint(seen.pixels(np.vstack([foot + steps * (cell - foot), [cell]])))
            if np.isnan(pixels[-1]).any():
                continue
            pixels = pixels[~np.isnan(pixels[:, 0])].astype(int)
            ids = mask[pixels[:, 1], pixels[:, 0]]
            if (ids[:-1] == ROAD).all():
                out[row, column] = {ROAD: 0, UNLABELLED: -1}.get(int(ids[-1]), 100)
    return out


@pytest.mark.parametrize('lens', LENSES)
def test_as_marched_cell_by_cell(lens: str) -> None:
    seen = camera(lens, pitch_deg=8, roll_deg=2, yaw_deg=-3, x_m=1)
    spec = GridSpec(x_max_m=16, y_min_m=-5, y_max_m=5, resolution_m=0.5, ego_width_m=3)
    mask = painted(seen, road)
    found = DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,)).grid
    expected = marched(seen, spec, mask)
    assert found.dtype == np.int8
    # On its edge a thing is seen by one and not by the other.
    assert np.mean(found[expected == 0] == 0) > 0.97
    assert np.mean(expected[found == 0] == 0) > 0.97
    assert np.mean((found == -1) == (expected == -1)) > 0.9
    assert np.count_nonzero(expected == 0) > 200


@pytest.mark.parametrize(
    ('x', 'y', 'expected'),
    [
        (8, 0, 0),
        (8, 2.5, 0),
        (8, 3.05, 100),
        (12.2, 1, 100),
        (14, 1.2, -1),  # behind what stands on the road
        (14, -1, 0),
        (10, 4.5, -1),  # behind the verge
        (1, 0, -1),  # below the picture
        (24, 0, -1),  # half a degree moves that by more than 3 m
    ],
)
def test_what_a_cell_is(x: float, y: float, expected: int) -> None:
    seen = camera(pitch_deg=5)
    spec = GridSpec(x_max_m=30, max_error_m=3)
    grid = DrivableSpace(seen, spec).look(painted(seen, road), drivable_ids=(ROAD,)).grid
    assert at(grid, spec, x, y) == expected


def test_road_that_is_not_connected_is_unknown() -> None:
    seen = camera(pitch_deg=8)
    mask = painted(seen, lambda x, y: np.where((np.abs(y) < 2) | (y > 3), ROAD, OTHER))
    # Both are seen from where the picture begins; the left one is cut off by the verge.
    island = painted(seen, lambda x, y: np.where((np.abs(y) < 2) | (x + y > 7.9), ROAD, OTHER))
    spec = GridSpec(x_max_m=12, y_min_m=-6, y_max_m=6)
    space = DrivableSpace(seen, spec)
    grid = space.look(mask, drivable_ids=(ROAD,)).grid
    assert at(grid, spec, 7, 0) == 0
    assert at(grid, spec, 7, 4) == -1
    blocked = np.where(island == ROAD, OTHER, OTHER).astype(np.uint8)
    assert not (space.look(blocked, drivable_ids=(ROAD,)).grid == 0).any()


def test_nothing_is_drivable_where_the_ground_ahead_is_not() -> None:
    seen = camera(pitch_deg=8)
    mask = painted(seen, lambda x, y: np.where(np.abs(y) > 1.2, ROAD, OTHER))
    space = DrivableSpace(seen, GridSpec())
    assert not (space.look(mask, drivable_ids=(ROAD,)).grid == 0).any()


def test_what_is_unlabelled_is_unknown_and_so_is_what_lies_behind() -> None:
    seen = camera(pitch_deg=8)
    mask = painted(seen, lambda x, y: np.where((x > 8) & (x < 9), UNLABELLED, ROAD))
    spec = GridSpec()
    grid = DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,)).grid
    assert [at(grid, spec, x, 0) for x in (7, 8.5, 10)] == [0, -1, -1]
    assert not (grid == 100).any()


def test_the_bonnet_hides_nothing_when_it_is_named() -> None:
    seen = camera(pitch_deg=8)
    mask = painted(seen, lambda x, y: np.where(x < 5, OTHER, ROAD))
    spec = GridSpec()
    assert not (DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,)).grid == 0).any()
    named = GridSpec(near_m=6)
    grid = DrivableSpace(seen, named).look(mask, drivable_ids=(ROAD,)).grid
    assert [at(grid, named, x, 0) for x in (4.5, 7, 12)] == [-1, 0, 0]


def test_a_camera_that_looks_back_or_down() -> None:
    spec = GridSpec(x_min_m=-15, x_max_m=15)
    for seen in (camera(pitch_deg=8, yaw_deg=180), camera(pitch_deg=90, height_m=8)):
        mask = painted(seen, lambda x, y: np.full(x.shape, ROAD))
        space = DrivableSpace(seen, spec)
        grid = space.look(mask, drivable_ids=(ROAD,)).grid
        np.testing.assert_array_equal(grid == 0, space.seen)
        assert space.seen.sum() > 1000


def test_upside_down_and_turned_back_it_is_the_same_grid() -> None:
    seen = camera(pitch_deg=6)
    turned = camera(pitch_deg=6, roll_deg=180)
    grids = [
        DrivableSpace(one, SMALL).look(painted(one, road), drivable_ids=(ROAD,)).grid
        for one in (seen, turned)
    ]
    # The principal point is not quite in the middle.
    assert np.mean(grids[0] == grids[1]) > 0.97


@settings(deadline=None, max_examples=60)
@given(any_camera(), st.integers(0, 2**32 - 1), st.sampled_from((0.0, 3.0)))
def test_any_camera_and_any_mask(seen: GroundCamera | None, seed: int, near_m: float) -> None:
    """Cells project back to their pixels' places; no free cell lies behind what is not road."""
    if seen is None:
        return
    x, y, _ = seen.pose.position
    spec = GridSpec(x - 12, x + 12, y - 8, y + 8, resolution_m=0.4, max_error_m=4, near_m=near_m)
    try:
        space = DrivableSpace(seen, spec)
    except ParameterError as error:
        said = str(error)
        assert 'sees no cell' in said or 'straight ahead' in said
        return
    centers = spec.centers()[space.seen]
    pixels = seen.pixels(centers)
    back = seen.ground(pixels)
    found = ~np.isnan(back).any(axis=1)
    assert np.count_nonzero(~found) <= 0.02 * len(found)
    assert np.abs(back - centers)[found].max(initial=0) < spec.resolution_m / 2
    mask = np.random.default_rng(seed).choice(
        np.array([ROAD, OTHER, UNLABELLED], np.uint8),
        (seen.intrinsics.height, seen.intrinsics.width),
        p=(0.98, 0.015, 0.005),
    )
    look = space.look(mask, drivable_ids=(ROAD,))
    assert set(np.unique(look.grid)) <= {-1, 0, 100}
    assert (look.grid[~space.seen] == -1).all()
    at_pixels = mask[tuple(np.rint(pixels).astype(int).T[::-1])]
    state = look.grid[space.seen]
    assert (at_pixels[state == 0] == ROAD).all()
    # What is not so at its middle holds something narrow, at which a ray ends.
    ends = space.rays.ends(look.free_to, np.isfinite(look.free_to))
    held = np.zeros_like(space.seen)
    columns, rows = (cells := spec.cells(ends))[cells[:, 0] >= 0].T
    held[rows, columns] = True
    assert held[space.seen][(state == 100) & (at_pixels != OTHER)].all()


@pytest.mark.parametrize('y', [0.0, 0.31, -0.52, 1.2])
def test_a_pole_between_the_middles_of_cells(y: float) -> None:
    seen = camera(pitch_deg=8)
    # 4 cm wide; cells are 10 cm wide with their middles at 0.05, 0.15 and so on.
    mask = painted(
        seen, lambda x, at: np.where((np.abs(x - 7) < 0.1) & (np.abs(at - y) < 0.02), OTHER, ROAD)
    )
    spec = GridSpec()
    look = DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,))
    column, row = spec.cells(np.array([[6.95, y]]))[0]
    assert (look.grid[row - 1 : row + 2, column - 1 : column + 2] == 100).any()
    assert np.count_nonzero(look.grid == 100) <= 12
    index = round((np.arctan2(y, 6.95) - look.scan.angle_min_rad) / look.scan.angle_step_rad)
    assert np.nanmin(look.scan.obstacles_m[index - 1 : index + 2]) == pytest.approx(7, abs=0.25)


def test_merged_the_worst_that_is_known_counts() -> None:
    states = np.array([-1, 0, 100], np.int8)
    one, two = np.meshgrid(states, states)
    merged = merge_grids([one, two])
    assert merged.tolist() == [[-1, 0, 100], [0, 0, 100], [100, 100, 100]]
    assert merged.dtype == np.int8
    for wrong in ([], [one, two[:2]]):
        with pytest.raises(ParameterError, match=r'cannot be merged'):
            merge_grids(wrong)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'x_min_m': 50.0}, 'the smaller number comes first'),
        ({'resolution_m': 0.0}, 'resolution_m is 0; above 0'),
        ({'resolution_m': -0.1}, 'above 0'),
        ({'resolution_m': 1e-4}, '1 to 4000000 and at most'),
        ({'resolution_m': 100.0}, '1 to 4000000 and at most'),
        ({'x_max_m': 35.0, 'y_max_m': -9.9, 'resolution_m': 1e-3}, 'at most 32766 along a side'),
        ({'x_max_m': float('inf')}, 'x_max_m is inf; give a finite number'),
        ({'max_error_m': 0.0}, 'max_error_m is 0'),
        ({'pitch_error_deg': 90.0}, 'above 0 and below 45'),
        ({'near_m': -1.0}, '0 or more'),
        ({'ego_width_m': 0.0}, 'ego_width_m is 0'),
    ],
)
def test_refused_grids(given: dict[str, float], said: str) -> None:
    with pytest.raises(ParameterError) as error:
        GridSpec(**given)
    assert said in str(error.value)


def test_grids_that_the_camera_does_not_see() -> None:
    with pytest.raises(ParameterError, match=r'sees no cell of the grid'):
        DrivableSpace(camera(), GridSpec(x_min_m=-20, x_max_m=-1))
    with pytest.raises(ParameterError, match=r'no ground straight ahead of the camera'):
        DrivableSpace(camera(), GridSpec(y_min_m=3))


def test_masks_that_do_not_belong() -> None:
    space = DrivableSpace(camera(), SMALL)
    for mask in (np.zeros((720, 1280), np.uint8), np.zeros((360, 640), np.int32)):
        with pytest.raises(ImageError, match=r'640 x 360 pixels; uint8 of that size'):
            space.look(mask, drivable_ids=(0,))
    for ids in ((255,), (-1,), (300,)):
        with pytest.raises(ParameterError, match=r'ids from 0 to 254'):
            space.look(np.zeros((360, 640), np.uint8), drivable_ids=ids)
