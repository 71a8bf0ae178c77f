# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of resized, binned and cut images see what they saw before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from ground_cameras import intrinsics

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.intrinsics import Intrinsics, Roi

K = (1000.0, 0.0, 640.0, 0.0, 990.0, 360.0, 0.0, 0.0, 1.0)
WHOLE = {'width': 1280, 'height': 720, 'k': K}


@pytest.mark.parametrize(
    ('given', 'size', 'pixel', 'same_as'),
    [
        ({}, (1280, 720), (100, 50), (100, 50)),
        # The four pixels that become one lie round their common corner.
        ({'binning_x': 2, 'binning_y': 2}, (640, 360), (10, 20), (20.5, 40.5)),
        ({'binning_x': 2}, (640, 720), (10, 20), (20.5, 20)),
        ({'roi': Roi(200, 100, 640, 480)}, (640, 480), (0, 0), (200, 100)),
        (
            {'roi': Roi(200, 100, 640, 480), 'binning_x': 4, 'binning_y': 4},
            *((160, 120), (0, 0), (201.5, 101.5)),
        ),
        ({'roi': Roi()}, (1280, 720), (100, 50), (100, 50)),
    ],
)
def test_camera_info(
    given: dict[str, object],
    size: tuple[int, int],
    pixel: tuple[float, float],
    same_as: tuple[float, float],
) -> None:
    found = Intrinsics.from_camera_info(**WHOLE, **given)  # type: ignore[arg-type]
    whole = Intrinsics.from_camera_info(**WHOLE)  # type: ignore[arg-type]
    assert (found.width, found.height) == size
    seen, expected = found.rays(np.array([pixel])), whole.rays(np.array([same_as]))
    np.testing.assert_allclose(seen, expected, atol=1e-12)


def test_resized_images_see_what_opencv_puts_there() -> None:
    """A blob is where the resized camera says that its ray is seen."""
    before = intrinsics('dash camera')
    image = np.zeros((720, 1280), np.float32)
    cv2.circle(image, (901, 203), 20, 1.0, -1)
    after = before.at_size(640, 360)
    small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[:360, :640]
    middle = [np.sum(columns * small) / small.sum(), np.sum(rows * small) / small.sum()]
    found = after.pixels(before.rays(np.array([[901.0, 203.0]])))
    np.testing.assert_allclose(found[0], middle, atol=0.01)


def test_pixels_outside_the_image_are_not_seen() -> None:
    eye = intrinsics('pinhole')
    rays = eye.rays(np.array([[-0.6, 5], [-0.4, 5], [1279.4, 719.4], [1279.6, 5], [5, 720]]))
    assert np.isnan(eye.pixels(rays)[:, 0]).tolist() == [True, False, False, True, True]


@pytest.mark.parametrize('size', [(640, 360), (1920, 1080), (427, 240), (1280, 721)])
def test_sizes_of_the_same_image(size: tuple[int, int]) -> None:
    found = intrinsics('fisheye').at_size(*size)
    assert (found.width, found.height) == size


@pytest.mark.parametrize('size', [(640, 480), (1280, 1280), (0, 0), (720, 1280)])
def test_images_of_another_shape_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match=r'not that image resized'):
        intrinsics('fisheye').at_size(*size)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        ({'k': (0.0,) * 9}, 'focal lengths of at least 1 pixel'),
        ({'k': (1000.0,) * 8}, 'a matrix k of 8 numbers'),
        ({'k': (float('nan'), *K[1:])}, 'calibrate the camera'),
        ({'k': (-1000.0, *K[1:])}, 'calibrate the camera'),
        ({'width': 0}, 'the width 0; 1 to 32766'),
        ({'height': 100_000}, 'the height 100000'),
        ({'roi': Roi(2000, 0, 640, 480)}, 'a part inside it'),
        ({'roi': Roi(0, 0, 640, 0)}, 'a part inside it'),
        ({'binning_x': -1}, 'the binning -1 x 0'),
        ({'distortion_model': 'mei', 'd': (0.1,)}, "'mei' is not known"),
    ],
)
def test_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as error:
        Intrinsics.from_camera_info(**{**WHOLE, **given})  # type: ignore[arg-type]
    assert said in str(error.value)
