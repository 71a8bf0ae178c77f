# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivseg_ros.scenes.camera import Camera
from drivseg_ros.scenes.look import draw_look
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.road import Place
from drivseg_ros.scenes.traffic import Pose, Shape
from drivseg_ros.scenes.vehicle import VehiclePainter

CAMERA = Camera(640, 360, 500.0, 1.4, 1.0, 0.0)
LOOK = draw_look(Stream('look', 0))


def painted(
    kind: str, x: float, z: float, *, hidden_below: float = 1e4, oncoming: bool = False
) -> tuple[np.ndarray, np.ndarray, Shape]:
    tall = {'car': 1.45, 'suv': 1.75, 'van': 2.3, 'lorry': 3.5, 'bus': 3.1}[kind]
    shape = Shape(kind, 4.4, 1.8, tall, (200.0, 30.0, 30.0))
    pose = Pose(shape, z, x, 0.0, oncoming, False)
    image = np.full((360, 640, 3), 90, np.uint8)
    class_ids = np.zeros((360, 640), np.uint8)
    place = Place(x, 0.0, z, 0.0, 1.0, hidden_below)
    VehiclePainter(image, CAMERA, place, pose, LOOK).paint(class_ids)
    return image, class_ids, shape


def box_mask(shape: Shape, x: float, z: float, height: float, grow: float) -> np.ndarray:
    """The hull of the box round a vehicle by cv2, grown by some metres."""
    corners = [
        (x + sx * (0.5 * shape.width + grow), up, z + sz * (0.5 * shape.length + grow))
        for sx in (-1, 1)
        for sz in (-1, 1)
        for up in (-grow, height + grow)
    ]
    pixels = np.array(
        [(319.5 + 500.0 * cx / cz, 179.5 + 500.0 * (1.4 - up) / cz) for cx, up, cz in corners],
        np.float32,
    )
    mask = np.zeros((360, 640), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(pixels).astype(np.int32)), 1)
    return mask > 0


@pytest.mark.parametrize('kind', ['car', 'suv', 'van', 'lorry', 'bus'])
@pytest.mark.parametrize(('x', 'z'), [(0.0, 14.0), (-3.4, 9.0), (3.6, 25.0), (0.4, 60.0)])
def test_a_vehicle_hides_the_ground_behind_and_below_it(kind: str, x: float, z: float) -> None:
    _, class_ids, shape = painted(kind, x, z)
    hidden = class_ids == 2
    assert not np.any(hidden & ~box_mask(shape, x, z, shape.height, 0.15))
    # The lower body fills its whole box, however the cabin is shaped.
    assert np.all(hidden[box_mask(shape, x, z, 0.35 * shape.height, -0.2)])


@pytest.mark.parametrize('oncoming', [False, True])
def test_the_picture_changes_where_the_label_does(oncoming: bool) -> None:
    image, class_ids, _ = painted('suv', -2.0, 12.0, oncoming=oncoming)
    changed = np.any(image != 90, axis=2)
    hidden = class_ids == 2
    assert np.mean(changed[hidden]) > 0.99
    # Shadows and lights reach a little further than what hides.
    rows, columns = np.nonzero(changed & ~hidden)
    ys, xs = np.nonzero(hidden)
    assert rows.min() >= ys.min() - 2
    assert columns.min() >= xs.min() - 80
    assert columns.max() <= xs.max() + 80


def test_a_crest_keeps_what_it_hides() -> None:
    _, whole, _ = painted('van', 0.0, 20.0)
    _, cut, _ = painted('van', 0.0, 20.0, hidden_below=190.0)
    assert np.array_equal(cut[:191], whole[:191])
    assert not np.any(cut[191:])
    assert np.any(whole[191:])


@pytest.mark.parametrize('z', [-6.0, -2.5, 0.0, 1.5, 2.6])
def test_a_vehicle_beside_the_camera_stays_on_its_side(z: float) -> None:
    _, class_ids, _ = painted('car', 3.0, z)
    assert not np.any(class_ids[:, :330] == 2)
    if z > 1.0:
        assert np.any(class_ids == 2)
    if z < -3.0:
        assert not np.any(class_ids == 2)
