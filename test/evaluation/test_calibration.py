# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.calibration import Calibration


def of(*pixels: tuple[int, bool]) -> Calibration:
    confidence = np.array([[level for level, _ in pixels]], np.uint8)
    right = np.array([[one for _, one in pixels]])
    return Calibration.of(confidence, right, np.ones_like(right))


def test_the_error_by_hand() -> None:
    # Level 255 claims 1: 3 of 4 right, off by 0.25. Level 51 claims 0.2: 1 of 1, off by 0.8.
    found = of((255, True), (255, True), (255, True), (255, False), (51, True))
    assert found.ece == pytest.approx((4 * 0.25 + 1 * 0.8) / 5)
    low, high = found.table()
    assert (low.low, low.high, low.pixels, low.confidence, low.accuracy) == (0.2, 0.3, 1, 0.2, 1)
    assert (high.low, high.high, high.pixels) == (0.9, 1.0, 4)
    assert (high.confidence, high.accuracy) == (1, 0.75)


def test_levels_do_not_make_up_for_each_other() -> None:
    """Too sure at one level and too unsure at the next is an error, in one wide bin or not."""
    found = of((230, False), (231, True))
    assert found.ece == pytest.approx((230 / 255 + 24 / 255) / 2)


def test_a_calibrated_network_has_no_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.integers(0, 256, (500, 500)).astype(np.uint8)
    right = random.random(confidence.shape) < confidence / 255
    found = Calibration.of(confidence, right, np.ones_like(right))
    assert found.ece < 0.02
    assert Calibration.of(confidence, ~right, np.ones_like(right)).ece > 0.4


def test_unlabelled_pixels_do_not_count_and_sums_are_joined() -> None:
    confidence = np.array([[255, 255]], np.uint8)
    right, known = np.array([[True, False]]), np.array([[True, False]])
    one = Calibration.of(confidence, right, known)
    assert one.ece == 0
    both = one + of((255, False))
    assert both.ece == pytest.approx(0.5)
    assert to_plain(from_plain(Calibration, to_plain(both), 'it')) == to_plain(both)


def test_without_pixels() -> None:
    assert math.isnan(Calibration.zero().ece)
    assert Calibration.zero().table() == ()


@pytest.mark.parametrize(
    'content', [{}, {'pixels': [1], 'right': [1]}, {'pixels': 3, 'right': [0.5] * 256}]
)
def test_what_is_none_is_refused(content: dict) -> None:
    with pytest.raises(DataError):
        from_plain(Calibration, content, 'it')


def test_more_right_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match='more pixels are right'):
        Calibration(np.zeros(256, np.int64), np.ones(256, np.int64))
