# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts of pairs of classes, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.cross_table import count_pairs
from drivseg_ros.model.card import UNLABELLED


@pytest.mark.parametrize(('height', 'bands'), [(40, 1), (40, 4), (41, 4), (3, 5)])
def test_counts_by_band(height: int, bands: int) -> None:
    random = np.random.default_rng(0)
    label, mask = (random.integers(0, n, (height, 50)).astype(np.uint8) for n in (4, 7))
    label[random.random(label.shape) < 0.2] = UNLABELLED
    found = count_pairs(label, mask, truth=4, network=7, bands=bands)
    wanted = np.zeros((bands, 4, 7), int)
    edges = [band * height // bands for band in range(bands + 1)]
    for y in range(height):
        band = max(b for b in range(bands) if edges[b] <= y)
        for x in range(50):
            if label[y, x] != UNLABELLED:
                wanted[band, label[y, x], mask[y, x]] += 1
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ('label', 'mask', 'message'),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), r'the label is 3x2, the prediction 2x3'),
        (
            np.full((2, 2), 3),
            np.zeros((2, 2)),
            r'the label has the values \[3\]; .* 0 to 2 and 255',
        ),
        (np.zeros((2, 2)), np.full((2, 2), 4), r'the mask has \[4\]; known are 0 to 3:'),
        (np.zeros((2, 2)), np.full((2, 2), 255), r'the mask has \[255\]'),
    ],
)
def test_what_does_not_fit_is_refused(label: np.ndarray, mask: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        count_pairs(label.astype(np.uint8), mask.astype(np.uint8), truth=3, network=4)
