# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Free space by angle, in worlds whose edges are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ground_cameras import any_camera, camera
from hypothesis import given, settings
from painted_ground import OTHER, ROAD, painted, road

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.scan import Scan
from drivseg_ros.ground.space import DrivableSpace
from drivseg_ros.ground.spec import GridSpec


def at(scan: Scan, degrees: float) -> tuple[float, float]:
    index = round((math.radians(degrees) - scan.angle_min_rad) / scan.angle_step_rad)
    return float(scan.obstacles_m[index]), float(scan.free_m[index])


def test_a_road_with_something_on_it() -> None:
    seen = camera(pitch_deg=6, x_m=0.5)
    space = DrivableSpace(seen, GridSpec(max_error_m=3))
    scan = space.look(painted(seen, road), drivable_ids=(ROAD,)).scan
    assert scan.obstacles_m.dtype == scan.free_m.dtype == np.float32
    # Towards (12, 1.25), where something stands, and to the verge at y = 3 and -3.
    for degrees, distance in ((5.95, 12.07), (20, 8.77), (-20, 8.77)):
        obstacle, free = at(scan, degrees)
        assert obstacle == pytest.approx(distance, abs=0.25)
        assert free == pytest.approx(obstacle, abs=0.2)
    # Beside it the road goes on to where half a degree moves it by 3 m: 20 m at 1.5 m height.
    obstacle, free = at(scan, -3)
    assert obstacle == math.inf
    assert free == pytest.approx(21.6, abs=0.4)


def test_what_stands_right_ahead_leaves_nothing_free() -> None:
    seen = camera(pitch_deg=8)
    mask = painted(seen, lambda x, y: np.full(x.shape, OTHER))
    scan = DrivableSpace(seen, GridSpec()).look(mask, drivable_ids=(ROAD,)).scan
    assert not scan.free_m.any()
    assert at(scan, 0)[0] < 5


def test_a_camera_that_looks_back_scans_round_pi() -> None:
    seen = camera(pitch_deg=8, yaw_deg=180)
    spec = GridSpec(x_min_m=-20, x_max_m=0)
    mask = painted(seen, lambda x, y: np.where(x < -10, OTHER, ROAD))
    scan = DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,)).scan
    assert len(scan.free_m) * scan.angle_step_rad < math.radians(100)
    middle = scan.angle_min_rad + scan.angle_step_rad * (len(scan.free_m) // 2)
    assert abs(math.remainder(middle - math.pi, 2 * math.pi)) < 0.1
    assert scan.obstacles_m[len(scan.free_m) // 2] == pytest.approx(10, abs=0.2)


@settings(deadline=None, max_examples=40)
@given(any_camera())
def test_any_camera(seen: GroundCamera | None) -> None:
    if seen is None:
        return
    x, y, _ = seen.pose.position
    spec = GridSpec(x - 10, x + 10, y - 8, y + 8, resolution_m=0.4, scan_step_deg=2)
    try:
        space = DrivableSpace(seen, spec)
    except ParameterError:
        return
    size = (seen.intrinsics.height, seen.intrinsics.width)
    scan = space.look(np.zeros(size, np.uint8), drivable_ids=(0,)).scan
    assert len(scan.free_m) == len(scan.obstacles_m) <= 181
    known = ~np.isnan(scan.obstacles_m)
    assert (scan.obstacles_m[known] == np.inf).all()
    assert (scan.free_m <= scan.range_max_m + 1e-3).all()
    assert (scan.free_m[~known] == 0).all()
