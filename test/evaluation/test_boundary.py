# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boundary IoU against its definition, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.evaluation.boundary import count_boundaries, rim, rim_width
from drivseg_ros.model.card import UNLABELLED


def slow_rim(mask: np.ndarray, unknown: np.ndarray, distance: int) -> np.ndarray:
    """The labelled pixels of an area with a pixel that is not of it, or no pixel, within reach."""
    height, width = mask.shape
    found = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            if not mask[y, x] or unknown[y, x]:
                continue
            for v in range(y - distance, y + distance + 1):
                for u in range(x - distance, x + distance + 1):
                    inside = 0 <= v < height and 0 <= u < width
                    if not inside or not (mask[v, u] or unknown[v, u]):
                        found[y, x] = True
    return found


def blobs(seed: int, classes: int) -> np.ndarray:
    """Random areas of some pixels' width."""
    random = np.random.default_rng(seed)
    small = random.integers(0, classes, (5, 7)).astype(np.uint8)
    return np.kron(small, np.ones((5, 4), np.uint8))


@pytest.mark.parametrize('distance', [1, 2, 4])
@pytest.mark.parametrize('hole', [False, True])
def test_rims(distance: int, hole: bool) -> None:
    mask = blobs(distance, 2) == 1
    unknown = np.zeros_like(mask)
    if hole:
        unknown[6:15, 9:20] = True
    np.testing.assert_array_equal(rim(mask, unknown, distance), slow_rim(mask, unknown, distance))


def test_counts_are_those_of_the_definition() -> None:
    label, mask = blobs(1, 3), blobs(1, 3)
    mask[4:14, 5:11] = blobs(2, 3)[4:14, 5:11]
    label[20:, :9] = UNLABELLED
    members = np.zeros((3, 256), bool)
    members[0, 0] = members[1, 1] = members[2, [0, 1]] = True
    share = 0.06
    distance = round(share * (25**2 + 28**2) ** 0.5)
    found = count_boundaries(label, mask, members, members, share=share)
    unknown = label == UNLABELLED
    for i, ids in enumerate(([0], [1], [0, 1])):
        first = slow_rim(np.isin(label, ids), unknown, distance)
        second = slow_rim(np.isin(mask, ids) & ~unknown, unknown, distance)
        assert found[i].tolist() == [(first & second).sum(), (first | second).sum()]
    assert found[:, 1].all()


def test_a_ragged_rim_costs_more_than_the_area_tells() -> None:
    label = np.zeros((200, 200), np.uint8)
    label[100:] = 1
    mask = np.zeros_like(label)
    mask[104:] = 1
    members = np.zeros((1, 256), bool)
    members[0, 1] = True
    hits, either = count_boundaries(label, mask, members, members, share=0.02)[0]
    assert hits / either < 0.7


@pytest.mark.parametrize(
    ('height', 'width', 'share', 'pixels'),
    [(720, 1280, 0.02, 29), (360, 640, 0.02, 15), (1024, 2048, 0.005, 11), (4, 4, 0.02, 1)],
)
def test_widths(height: int, width: int, share: float, pixels: int) -> None:
    assert rim_width(height, width, share) == pixels


def test_none_is_counted_without_a_width() -> None:
    members = np.ones((2, 256), bool)
    plane = np.zeros((4, 4), np.uint8)
    assert not count_boundaries(plane, plane, members, members, share=0).any()
