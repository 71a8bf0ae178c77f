# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered roads with exact pose, through several lenses: the grid and the corridor in metres."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from ground_cameras import camera
from painted_ground import OTHER, ROAD, painted
from rendered_ground import Road, rendered_road

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.error import range_error
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.space import DrivableSpace, Look
from drivseg_ros.ground.spec import GridSpec

SPEC = GridSpec(max_error_m=6)
RINGS_M = (0, 10, 20, 30)
CASES = [
    (0, 'pinhole', 1.2, 3.0, 2.0),
    (3, 'dash camera', 1.5, -1.0, -2.0),
    (8, 'KITTI 2011_09_26', 1.7, 0.0, 1.0),
    (11, 'rational', 2.0, -3.0, 0.0),
    (17, 'fisheye', 2.5, 3.0, -2.0),
    (21, 'pincushion', 1.4, 1.0, 1.5),
]


@cache
def look_at(case: tuple[int, str, float, float, float], *, traffic: bool) -> tuple[Road, Look]:
    seed, lens, height, pitch, roll = case
    road = rendered_road(
        seed, lens=lens, height_m=height, pitch_deg=pitch, roll_deg=roll, traffic=traffic
    )
    return road, DrivableSpace(road.camera, SPEC).look(road.mask, drivable_ids=(0, 1))


def rings() -> list[np.ndarray]:
    distances = np.hypot(*np.moveaxis(SPEC.centers(), -1, 0))
    return [(distances >= near) & (distances < far) for near, far in itertools.pairwise(RINGS_M)]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case[1])
def test_the_grid_is_the_road(case: tuple[int, str, float, float, float]) -> None:
    road, look = look_at(case, traffic=False)
    drivable = road.truth(SPEC.centers()) != 2
    known = look.grid >= 0
    checked = 0
    for ring, least in zip(rings(), (0.985, 0.985, 0.98), strict=True):
        free, true = (look.grid == 0) & ring, drivable & known & ring
        if np.count_nonzero(free | true) < 50:
            continue
        iou = np.count_nonzero(free & true) / np.count_nonzero(free | true)
        assert iou > least
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize('case', CASES[:3], ids=lambda case: case[1])
def test_with_all_that_stands_on_it_free_is_still_road(
    case: tuple[int, str, float, float, float],
) -> None:
    road, look = look_at(case, traffic=True)
    drivable = road.truth(SPEC.centers()) != 2
    free = look.grid == 0
    assert np.count_nonzero(free) > 300
    assert np.mean(drivable[free]) > 0.985


@pytest.mark.parametrize('case', CASES, ids=lambda case: case[1])
def test_the_corridor_is_the_ego_lane(case: tuple[int, str, float, float, float]) -> None:
    road, look = look_at(case, traffic=False)
    found = look.corridor((0,))
    assert found is not None
    left, right = road.drive._layout.direct
    x = found.left[:, 0]
    for line, across in ((found.left, left), (found.right, right)):
        off = np.abs(line[:, 1] - road.bound(x, across))
        assert off[x < 7].max(initial=0) < 0.03
        assert off[x < 12].max(initial=0) < 0.04
        assert off[x < 21].max() < 0.08
    assert x[-1] > 15
    middle = float(road.bound(np.array([0.4]), (left + right) / 2)[0])
    assert found.lateral_offset_m == pytest.approx(-middle, abs=0.12)


@pytest.mark.parametrize('height', [1.2, 1.5, 2.5])
@pytest.mark.parametrize('wrong', [-1.0, 0.5, 1.0])
def test_a_wrong_pitch_costs_what_the_documentation_says_and_no_more(
    height: float, wrong: float
) -> None:
    true = camera(height_m=height, pitch_deg=6)
    taken = GroundCamera(true.intrinsics, CameraPose.mounted(height_m=height, pitch_deg=6 - wrong))
    space = DrivableSpace(taken, GridSpec(max_error_m=100))
    for edge in (6.0, 8.0, 12.0):
        mask = painted(true, lambda x, y, at=edge: np.where(x > at, OTHER, ROAD))  # type: ignore[misc]
        scan = space.look(mask, drivable_ids=(ROAD,)).scan
        middle = round(-scan.angle_min_rad / scan.angle_step_rad)
        found = float(scan.obstacles_m[middle]) - edge
        expected = float(range_error(np.array(edge), height_m=height, pitch_error_deg=wrong))
        # A pixel and a cell, besides.
        pixel = (edge**2 + height**2) / (height * true.intrinsics.fy)
        assert found == pytest.approx(expected, abs=2 * pixel + 0.1)
