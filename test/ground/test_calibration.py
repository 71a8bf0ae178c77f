# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pitch, yaw and height from rendered drives and painted lanes, whose cameras are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ground_cameras import LENSES, camera
from painted_ground import OTHER, painted

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.calibration import LaneSight, calibrate, see_lane
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.scenes import Drive

LANE = 0


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize(
    ('pose', 'bend'),
    [
        ({'pitch_deg': 3.0, 'yaw_deg': -2.0, 'height_m': 1.4}, 0.0),
        ({'pitch_deg': -1.0, 'yaw_deg': 1.5, 'roll_deg': 2.0, 'height_m': 2.2}, 0.0),
        ({'pitch_deg': 2.0, 'yaw_deg': 0.5, 'roll_deg': -1.0, 'height_m': 1.7}, 0.001),
    ],
)
def test_one_frame(lens: str, pose: dict[str, float], bend: float) -> None:
    seen = camera(lens, **pose)
    mask = painted(seen, lambda x, y: np.where(np.abs(y - 0.3 - bend * x * x) < 1.75, LANE, OTHER))
    found = see_lane(
        mask,
        lane_ids=(LANE,),
        intrinsics=seen.intrinsics,
        roll_deg=pose.get('roll_deg', 0.0),
    )
    assert found is not None
    assert found.pitch_deg == pytest.approx(pose['pitch_deg'], abs=0.15)
    assert found.yaw_deg == pytest.approx(pose['yaw_deg'], abs=0.4)
    assert 3.5 / found.width == pytest.approx(pose['height_m'], rel=0.05)


@pytest.mark.parametrize('seed', [0, 3, 4, 9])
def test_drives_with_bends_and_hills(seed: int) -> None:
    drive = Drive(seed, width=640, height=360, rate_hz=4, duration_s=15)
    info = drive.camera_info
    eye = Intrinsics.from_camera_info(width=info.width, height=info.height, k=info.k)
    sights = []
    for index in range(len(drive)):
        along, _, _ = drive._traffic.at(index / 4)
        mask = np.full((360, 640), 2, np.uint8)
        drive._label_ground(drive._view(index / 4, along), mask)
        if (sight := see_lane(mask, lane_ids=(0,), intrinsics=eye)) is not None:
            sights.append(sight)
    left, right = drive._layout.direct
    found = calibrate(sights, lane_width_m=right - left)
    taken = drive._camera
    pitch = math.degrees(math.atan2(taken.pitch_sin, taken.pitch_cos))
    assert found.frames == len(sights) > 40
    assert found.pitch_deg.value == pytest.approx(pitch, abs=0.2)
    assert found.yaw_deg.value == pytest.approx(math.degrees(math.atan(drive._mount_yaw)), abs=0.4)
    assert found.height_m.value == pytest.approx(taken.above_ground, rel=0.02)
    for one in (found.pitch_deg, found.yaw_deg, found.height_m):
        assert 0 <= one.margin <= one.spread


def test_the_margin_is_that_of_other_drives() -> None:
    """Of drives whose frames wander slowly, as hills make them, 19 of 20 are within it."""
    rng = np.random.default_rng(1)
    within = 0
    for _ in range(60):
        hills = np.repeat(rng.normal(0, 0.5, 100), 10)
        sights = [LaneSight(2 + hill, 0.0, 2.0) for hill in hills]
        found = calibrate(sights, lane_width_m=3).pitch_deg
        within += abs(found.value - 2) <= found.margin
    assert 50 <= within <= 60


@pytest.mark.parametrize(
    'mask',
    [
        np.full((360, 640), OTHER, np.uint8),
        np.full((360, 640), LANE, np.uint8),
        np.eye(360, 640, dtype=np.uint8) ^ 1,
        np.random.default_rng(0).integers(0, 2, (360, 640), np.uint8),
        np.repeat(np.arange(640)[None] < 300, 360, axis=0).view(np.uint8) ^ 1,
    ],
)
def test_no_lane(mask: np.ndarray) -> None:
    assert see_lane(mask, lane_ids=(LANE,), intrinsics=camera().intrinsics) is None


def test_refused() -> None:
    sight = LaneSight(1.0, 0.0, 2.0)
    with pytest.raises(ParameterError, match=r'29 frames show both edges.*at least 30'):
        calibrate([sight] * 29, lane_width_m=3.5)
    for width in (0.0, 11.0, float('nan')):
        with pytest.raises(ParameterError, match=r'1 to 10 m are allowed'):
            calibrate([sight] * 30, lane_width_m=width)
