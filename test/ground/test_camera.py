# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Poses by hand, and pixels to the ground and back, for any camera."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ground_cameras import LENSES, any_camera, camera, intrinsics
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.pose import CameraPose


@pytest.mark.parametrize(
    ('turned', 'optical', 'expected'),
    [
        ({}, (0, 0, 1), (1, 0, 0)),
        ({}, (1, 0, 0), (0, -1, 0)),
        ({'pitch_deg': 90}, (0, 0, 1), (0, 0, -1)),
        ({'yaw_deg': 90}, (0, 0, 1), (0, 1, 0)),
        ({'roll_deg': 90}, (1, 0, 0), (0, 0, -1)),  # leans to the right: its right looks down
        ({'roll_deg': 180}, (0, 1, 0), (0, 0, 1)),
        ({'yaw_deg': 90, 'pitch_deg': 90}, (0, -1, 0), (0, 1, 0)),
    ],
)
def test_mounted(
    turned: dict[str, float], optical: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    pose = CameraPose.mounted(height_m=1.5, x_m=2, y_m=-0.5, **turned)
    np.testing.assert_allclose(pose.matrix @ optical, expected, atol=1e-12)
    assert pose.position == (2, -0.5, 1.5)


def test_the_same_pose_in_three_ways() -> None:
    expected = CameraPose.mounted(height_m=1.7, x_m=1.2, y_m=0.3)
    # The rotation of every *_optical_frame: roll -90 degrees, then yaw -90 degrees.
    turned = CameraPose.from_transform(
        translation=(1.2, 0.3, 1.7), quaternion=(-0.5, 0.5, -0.5, 0.5)
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = expected.matrix, expected.position
    np.testing.assert_allclose(turned.matrix, expected.matrix, atol=1e-12)
    assert turned.position == expected.position
    assert CameraPose.from_matrix(matrix) == expected


@pytest.mark.parametrize(
    ('turned', 'degrees'),
    [({}, 0), ({'yaw_deg': 30}, 30), ({'pitch_deg': 90, 'yaw_deg': -20}, -20)],
)
def test_heading(turned: dict[str, float], degrees: float) -> None:
    found = CameraPose.mounted(height_m=1, **turned).heading
    assert math.degrees(found) == pytest.approx(degrees)


def test_the_ground_by_hand() -> None:
    """At 10 degrees of pitch and 1.5 m the middle looks at 1.5 / tan(10 degrees)."""
    seen = camera(pitch_deg=10, x_m=2)
    eye = seen.intrinsics
    found = seen.ground(np.array([[eye.cx, eye.cy], [eye.cx, -1e6]]))
    np.testing.assert_allclose(found[0], (2 + 1.5 / math.tan(math.radians(10)), 0), atol=1e-9)
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize('lens', LENSES)
def test_pixels_to_the_ground_and_back(lens: str) -> None:
    seen = camera(lens, pitch_deg=3, roll_deg=-2, yaw_deg=5, x_m=1.5, y_m=0.4)
    columns, rows = np.meshgrid(np.arange(0, 640, 10.0), np.arange(0, 360, 10.0))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    ground = seen.ground(pixels)
    on_ground = ~np.isnan(ground).any(axis=1)
    assert 0.3 < on_ground.mean() < 0.7
    np.testing.assert_allclose(seen.pixels(ground[on_ground]), pixels[on_ground], atol=1e-3)


@settings(deadline=None)
@given(any_camera(), st.integers(0, 2**32 - 1))
def test_any_camera_there_and_back(seen: GroundCamera | None, seed: int) -> None:
    if seen is None:
        return
    offsets = np.random.default_rng(seed).uniform(-40, 40, (500, 2))
    points = offsets + np.array(seen.pose.position[:2])
    pixels = seen.pixels(points)
    shown = ~np.isnan(pixels).any(axis=1)
    assert (np.isnan(pixels).any(axis=1) == np.isnan(pixels).all(axis=1)).all()
    inside = np.rint(pixels[shown])
    assert ((inside >= 0) & (inside < (seen.intrinsics.width, seen.intrinsics.height))).all()
    back = seen.ground(pixels[shown])
    found = ~np.isnan(back).any(axis=1)
    assert np.count_nonzero(~found) <= 0.02 * len(found)
    np.testing.assert_allclose(back[found], points[shown][found], atol=0.05)


@pytest.mark.parametrize(
    ('pose', 'said'),
    [
        ({'height_m': 0.0}, 'height 0 m, not above the ground'),
        ({'height_m': -1.0}, 'height -1 m, not above'),
        ({'height_m': float('nan')}, 'three numbers up to'),
        ({'height_m': 1.5, 'x_m': 1e9}, 'three numbers up to'),
        ({'height_m': 1.5, 'pitch_deg': 1000.0}, 'the pitch 1000.0 degrees'),
        ({'height_m': 1.5, 'yaw_deg': float('nan')}, 'the yaw nan degrees'),
    ],
)
def test_refused_mountings(pose: dict[str, float], said: str) -> None:
    with pytest.raises(ParameterError) as error:
        CameraPose.mounted(**pose)  # type: ignore[arg-type]
    assert said in str(error.value)


@pytest.mark.parametrize('pitch', [-90, -60, -45])
def test_a_camera_that_looks_at_the_sky(pitch: float) -> None:
    with pytest.raises(ParameterError, match=r'looks at the sky: no pixel sees the ground'):
        camera(pitch_deg=pitch)


def test_refused_transforms() -> None:
    with pytest.raises(ParameterError, match=r'not four numbers of length 1'):
        CameraPose.from_transform(translation=(0, 0, 1), quaternion=(0, 0, 0, 0))
    with pytest.raises(ParameterError, match=r'turns, stretches or mirrors'):
        CameraPose.from_matrix(np.diag([1.0, 1.0, -1.0, 1.0]))
    with pytest.raises(ParameterError, match=r'nine finite numbers'):
        CameraPose((float('nan'),) * 9, (0, 0, 1))
    with pytest.raises(ParameterError, match=r'a 4x4 matrix'):
        CameraPose.from_matrix(np.eye(3))


def test_cameras_that_see_the_same_are_equal() -> None:
    one = GroundCamera(intrinsics('fisheye'), CameraPose.mounted(height_m=1.5))
    same = GroundCamera(intrinsics('fisheye'), CameraPose.mounted(height_m=1.5))
    other = GroundCamera(intrinsics('rational'), CameraPose.mounted(height_m=1.5))
    assert one == same != other
    assert len({one, same, other}) == 2
