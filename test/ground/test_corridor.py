# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ego lane in painted worlds: bounds, middle and offset in centimetres."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ground_cameras import LENSES, camera
from painted_ground import OTHER, UNLABELLED, Paint, painted

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.corridor import Corridor
from drivseg_ros.ground.space import DrivableSpace
from drivseg_ros.ground.spec import GridSpec

LANE, BESIDE = 0, 1
SPEC = GridSpec(max_error_m=3)


def corridor(paint: Paint, lens: str = 'pinhole', **pose: float) -> Corridor | None:
    seen = camera(lens, **{'pitch_deg': 5, **pose})
    return DrivableSpace(seen, SPEC).look(painted(seen, paint), drivable_ids=(0, 1)).corridor((0,))


def lane(middle: float, *, slope: float = 0.0, bend: float = 0.0) -> Paint:
    """3.5 m wide, with another one at its left."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across = y - middle - slope * x - bend * x * x
        inside = np.where(np.abs(across) < 1.75, LANE, OTHER)
        return np.where((across > 1.75) & (across < 5.25), BESIDE, inside)

    return paint


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize(
    ('middle', 'slope', 'bend'),
    [(0.0, 0.0, 0.0), (0.6, 0.0, 0.0), (-0.5, 0.03, 0.0), (0.2, 0.0, 0.004), (0.0, -0.05, 0.002)],
)
def test_bounds_within_centimetres(lens: str, middle: float, slope: float, bend: float) -> None:
    paint = lane(middle, slope=slope, bend=bend)
    found = corridor(paint, lens, roll_deg=1, yaw_deg=2, x_m=1.2)
    assert found is not None
    x = found.left[:, 0]
    np.testing.assert_array_equal(x, found.right[:, 0])
    np.testing.assert_allclose(np.diff(x), 0.5)
    assert x[0] < 10
    assert x[-1] > 18
    true = middle + slope * x + bend * x * x
    for line, y in ((found.left, true + 1.75), (found.right, true - 1.75), (found.centre, true)):
        # A pixel is 4 cm wide at 20 m.
        np.testing.assert_allclose(line[:, 1], y, atol=0.08)
    assert found.width_m == pytest.approx(3.5, abs=0.04)
    heading = math.atan(slope)
    assert found.heading_rad == pytest.approx(heading, abs=0.02)
    assert found.lateral_offset_m == pytest.approx(-middle * math.cos(heading), abs=0.1)


def test_it_ends_at_what_stands_on_it() -> None:
    plain = lane(0.0)
    found = corridor(lambda x, y: np.where((x > 14) & (x < 19), OTHER, plain(x, y)))
    assert found is not None
    assert 13 < found.left[-1, 0] <= 14


@pytest.mark.parametrize(
    'paint',
    [
        lambda x, y: np.full(x.shape, OTHER),
        lambda x, y: np.full(x.shape, LANE),  # no bounds
        lambda x, y: np.where(np.abs(y - 3.5) < 1.75, LANE, OTHER),  # the ego lane is not here
        lambda x, y: np.where(np.abs(y) < 0.4, LANE, OTHER),  # a path for nobody
        lambda x, y: np.where(y > -1.75, LANE, OTHER),
        lambda x, y: np.where(np.abs(y) < 1.75, LANE, UNLABELLED),  # bounds that nobody knows
    ],
)
def test_no_lane(paint: Paint) -> None:
    assert corridor(paint) is None


def test_a_camera_that_looks_back_sees_none() -> None:
    seen = camera(pitch_deg=8, yaw_deg=180)
    space = DrivableSpace(seen, GridSpec(x_min_m=-20, x_max_m=5))
    assert space.look(painted(seen, lane(0.0)), drivable_ids=(0, 1)).corridor((0,)) is None


def test_refused_classes() -> None:
    look = DrivableSpace(camera(), SPEC).look(np.zeros((360, 640), np.uint8), drivable_ids=(0,))
    with pytest.raises(ParameterError, match=r'ids from 0 to 254'):
        look.corridor((255,))
