# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Horizon, rings and the view from above are where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from ground_cameras import any_camera, camera, intrinsics
from hypothesis import given, settings
from painted_ground import painted

from drivseg_ros.errors import ImageError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.drawing import BirdView, Guides
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.spec import GridSpec

BLACK = np.zeros((720, 1280, 3), np.uint8)


def bright_rows(picture: np.ndarray, column: int) -> list[int]:
    """The rows of a column that are brightest among their neighbours."""
    line = picture[:, column].astype(int).max(axis=1)
    return [
        i
        for i in range(1, len(line) - 1)
        if line[i] > 100 and line[i] >= max(line[i - 1], line[i + 1])
    ]


def test_horizon_and_rings_by_hand() -> None:
    seen = GroundCamera(intrinsics('pinhole'), CameraPose.mounted(height_m=1.5))
    eye = seen.intrinsics
    drawn = Guides(seen).draw(BLACK)
    # Left of the words. Straight ahead, a ring at d is seen f h / d below the horizon.
    column = round(eye.cx) - 20
    expected = [eye.cy, *(eye.cy + eye.fy * 1.5 / d for d in (20, 10, 5))]
    rows = np.array(bright_rows(drawn, column))
    assert max(np.abs(rows - one).min() for one in expected) < 2.5
    assert min(np.abs(np.array(expected) - row).min() for row in rows) < 2.5
    assert not BLACK.any()


def test_the_ground_from_above() -> None:
    seen = camera(pitch_deg=5, x_m=0.5)
    spec = GridSpec(x_max_m=20, y_min_m=-5, y_max_m=5)
    lines = painted(
        seen, lambda x, y: np.where((np.abs(x - 12) < 0.5) | (np.abs(y - 2) < 0.2), 1, 0)
    )
    image = np.repeat(lines[..., None] * np.uint8(255), 3, axis=2)
    known = np.zeros((spec.ny, spec.nx), np.int8)
    view = BirdView(seen, spec, height=400)
    drawn = view.draw(image, known)
    assert drawn.shape == (400, 200, 3)
    # 20 pixels a metre; x = 12 is 8 m from the top, y = 2 is 3 m from the left.
    assert drawn[160, 60:140].min() > 200
    assert drawn[110:200, 60].min() > 200
    assert drawn[140, 100].max() < 50
    dim = view.draw(image, np.full_like(known, -1))
    assert (dim[160, 60:95] == drawn[160, 60:95] // 3).all()


def test_images_of_another_size() -> None:
    view = BirdView(camera(), GridSpec())
    with pytest.raises(ImageError, match=r'1280 x 720 pixels came to .* 640 x 360'):
        view.draw(BLACK, np.zeros((200, 400), np.int8))


@settings(deadline=None, max_examples=30)
@given(any_camera())
def test_any_camera(seen: GroundCamera | None) -> None:
    if seen is None:
        return
    image = np.zeros((seen.intrinsics.height, seen.intrinsics.width, 3), np.uint8)
    assert Guides(seen).draw(image).shape == image.shape
    spec = GridSpec(-10, 10, -5, 5, resolution_m=0.5)
    grid = np.full((spec.ny, spec.nx), -1, np.int8)
    assert BirdView(seen, spec, height=100).draw(image, grid).shape == (100, 50, 3)
