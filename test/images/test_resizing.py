# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images get into the network's input, and results back, where they belong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import tiny_card, write_tiny_model

from drivseg_ros.images.resizing import Placement, place_image, restore_plane
from drivseg_ros.model.card import LETTERBOX_GREY, Resize
from drivseg_ros.segmenter import Segmenter


@pytest.mark.parametrize(
    ('resize', 'network', 'image', 'expected'),
    [
        (Resize.STRETCH, (640, 360), (1242, 375), Placement(0, 0, 640, 360)),
        (Resize.LETTERBOX, (640, 384), (1280, 720), Placement(0, 12, 640, 360)),
        (Resize.LETTERBOX, (640, 384), (1242, 375), Placement(0, 95, 640, 193)),
        (Resize.LETTERBOX, (640, 384), (480, 360), Placement(64, 0, 512, 384)),
        (Resize.LETTERBOX, (640, 384), (64, 4000), Placement(317, 0, 6, 384)),
        (Resize.LETTERBOX, (640, 384), (100_000, 10), Placement(0, 191, 640, 1)),
        (Resize.LETTERBOX, (640, 384), (320, 192), Placement(0, 0, 640, 384)),
    ],
)
def test_placement(
    resize: Resize, network: tuple[int, int], image: tuple[int, int], expected: Placement
) -> None:
    card = tiny_card(width=network[0], height=network[1], resize=resize)
    assert Placement.of(card, image_width=image[0], image_height=image[1]) == expected


@pytest.mark.parametrize('turned', [False, True])
@pytest.mark.parametrize('size', [(96, 100), (20, 64), (48, 64), (10, 10), (200, 30)])
def test_letterboxed_image(size: tuple[int, int], turned: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    card = tiny_card(resize=Resize.LETTERBOX)
    place = Placement.of(card, image_width=size[1], image_height=size[0])
    given = np.ascontiguousarray(image[..., ::-1])[..., ::-1] if turned else image
    target = np.zeros((48, 64, 3), np.uint8)
    place_image(given, target, place)
    shrinks = place.width <= size[1] and place.height <= size[0]
    inner = cv2.resize(
        image,
        (place.width, place.height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    expected = np.full((48, 64, 3), LETTERBOX_GREY, np.uint8)
    expected[place.top : place.top + place.height, place.left : place.left + place.width] = inner
    np.testing.assert_array_equal(target, expected)


def covering(size: int, start: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The network's pixel that covers each image pixel's centre; and where the centre is a border.

    There OpenCV takes one side or the other.
    """
    twice = (2 * np.arange(size) + 1) * length
    return start + twice // (2 * size), twice % (2 * size) == 0


@pytest.mark.parametrize('size', [(96, 100), (20, 64), (48, 64), (10, 10), (200, 30), (375, 1242)])
@pytest.mark.parametrize('resize', list(Resize))
def test_restored_plane(size: tuple[int, int], resize: Resize) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    place = Placement.of(tiny_card(resize=resize), image_width=size[1], image_height=size[0])
    restored = restore_plane(plane, size, place)
    rows, row_ties = covering(size[0], place.top, place.height)
    columns, column_ties = covering(size[1], place.left, place.width)
    expected = plane[np.ix_(rows, columns)]
    clear = ~row_ties[:, None] & ~column_ties
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(restored[clear], expected[clear])
    assert restored.base is None or not np.shares_memory(restored, plane)


def test_a_letterboxed_model_sees_the_image_undistorted(tmp_path: Path) -> None:
    """The mask has the image's size, and no grey border shows in it."""
    model = write_tiny_model(tmp_path / 'm.onnx', resize='letterbox')
    small = np.eye(3, dtype=np.uint8)[np.random.default_rng(1).integers(0, 3, (32, 64))] * 255
    image = small.repeat(3, 0).repeat(3, 1)
    with Segmenter.open(model) as segmenter:
        (result,) = segmenter.segment([image], confidence=True)
    np.testing.assert_array_equal(result.class_ids, image.argmax(-1))
    np.testing.assert_array_equal(result.confidence, 255)
