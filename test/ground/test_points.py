# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Organised points: their pixels, their places, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
from ground_cameras import any_camera, camera
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_ground import OTHER, ROAD, painted, road

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.space import DrivableSpace
from drivseg_ros.ground.spec import GridSpec


@pytest.mark.parametrize('step', [1, 4, 7])
def test_points_are_where_their_pixels_look(step: int) -> None:
    seen = camera('dash camera', pitch_deg=6, roll_deg=1, x_m=1)
    spec = GridSpec(points_step=step)
    mask = painted(seen, road)
    confidence = np.random.default_rng(0).integers(0, 256, mask.shape, np.uint8)
    look = DrivableSpace(seen, spec).look(mask, drivable_ids=(ROAD,))
    points = look.points(confidence)
    assert points.xyz.shape == (360 // step, 640 // step, 3)
    assert points.xyz.dtype == np.float32
    assert points.confidence is not None
    assert points.class_ids.shape == points.confidence.shape == points.xyz.shape[:2]
    rows, columns = np.indices(points.class_ids.shape) * step + step // 2
    np.testing.assert_array_equal(points.class_ids, mask[rows, columns])
    np.testing.assert_array_equal(points.confidence, confidence[rows, columns])
    known = ~np.isnan(points.xyz[..., 0])
    assert (np.isnan(points.xyz).any(axis=2) == ~known).all()
    assert (points.xyz[known][:, 2] == 0).all()
    pixels = np.stack([columns, rows], axis=-1)[known]
    np.testing.assert_allclose(seen.pixels(points.xyz[known][:, :2]), pixels, atol=1e-2)
    # Something stands at 12 to 13 m, from 0.5 to 2 m at the left; behind it no ground is known.
    x, y = points.xyz[..., 0], points.xyz[..., 1]
    with np.errstate(invalid='ignore'):
        behind = (x > 15) & (y / (x - 1) > 0.6 / 11) & (y / (x - 1) < 1.9 / 12)
        beside = (x > 15) & (np.abs(y + 1) < 1)
        near = (x > 11.9) & (x < 14) & (y > 0.6) & (y < 1.9)
    assert not behind.any()
    assert (points.class_ids[near] == OTHER).any()
    assert beside.any()
    assert look.points().confidence is None


def test_no_ground_above_the_horizon_nor_outside_the_grid() -> None:
    seen = camera(pitch_deg=6)
    mask = np.zeros((360, 640), np.uint8)
    space = DrivableSpace(seen, GridSpec(x_max_m=12, y_min_m=-2, y_max_m=2))
    xyz = space.look(mask, drivable_ids=(0,)).points().xyz
    assert np.isnan(xyz[:20]).all()
    known = xyz[~np.isnan(xyz[..., 0])]
    assert len(known) > 500
    assert (np.abs(known[:, 1]) <= 2).all()
    assert (known[:, 0] <= 12).all()


@settings(deadline=None, max_examples=40)
@given(any_camera(), st.integers(1, 64))
def test_any_camera(seen: GroundCamera | None, step: int) -> None:
    if seen is None:
        return
    x, y, _ = seen.pose.position
    try:
        spec = GridSpec(x - 10, x + 10, y - 8, y + 8, resolution_m=0.4, points_step=step)
        space = DrivableSpace(seen, spec)
    except ParameterError:
        return
    size = (seen.intrinsics.height, seen.intrinsics.width)
    points = space.look(np.zeros(size, np.uint8), drivable_ids=(0,)).points()
    assert points.class_ids.shape == tuple(max(1, side // step) for side in size)
    known = points.xyz[~np.isnan(points.xyz[..., 0])].astype(float)
    assert np.isfinite(known).all()
    # Of float32 metres, and pixels of any focal length.
    off = spec.cells(known[:, :2])
    assert (off >= 0).mean() > 0.99 if len(off) else True


def test_a_confidence_of_another_size() -> None:
    space = DrivableSpace(camera(), GridSpec())
    look = space.look(np.zeros((360, 640), np.uint8), drivable_ids=(0,))
    with pytest.raises(ImageError, match=r'640 x 360'):
        look.points(np.zeros((36, 64), np.uint8))


@pytest.mark.parametrize('step', [0, 65, -1])
def test_refused_steps(step: int) -> None:
    with pytest.raises(ParameterError, match=r'points_step is .*; 1 to 64 is allowed'):
        GridSpec(points_step=step)
