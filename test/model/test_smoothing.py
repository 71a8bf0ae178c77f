# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pixel changes when the evidence of a short time says so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drivseg_ros.model.smoothing import MAX_GAP_NS, TIME_S, MaskSmoother

Plane = np.ndarray


def plane(value: int) -> Plane:
    return np.full((2, 3), value, np.uint8)


class Drive:
    """Frames of one class each."""

    def __init__(self, rate_hz: float) -> None:
        self.smoother = MaskSmoother()
        self.step_ns = int(1e9 / rate_hz)
        self.stamp_ns = 10**18

    def add(self, class_id: int, confidence: int | None = 200, *, gap_ns: int | None = None) -> int:
        self.stamp_ns += self.step_ns if gap_ns is None else gap_ns
        sure = None if confidence is None else plane(confidence)
        smooth = self.smoother.smooth(plane(class_id), sure, stamp_ns=self.stamp_ns)
        assert smooth.dtype == np.uint8
        assert len(np.unique(smooth)) == 1
        return int(smooth[0, 0])

    def frames_until(self, class_id: int, confidence: int | None = 200) -> int:
        return next(n for n in range(1, 100) if self.add(class_id, confidence) == class_id)


@pytest.mark.parametrize('rate_hz', [30, 60, 100])
@pytest.mark.parametrize('confidence', [200, 40, None])
def test_a_change_that_stays_is_taken_over_in_a_time(
    rate_hz: float, confidence: int | None
) -> None:
    drive = Drive(rate_hz)
    for _ in range(2 * int(rate_hz)):
        drive.add(1, confidence)
    delay_s = drive.frames_until(2, confidence) / rate_hz
    assert delay_s == pytest.approx(math.log(2) * TIME_S, abs=1.01 / rate_hz)


def test_the_surer_class_is_taken_over_sooner() -> None:
    slow, fast = Drive(30), Drive(30)
    for drive in (slow, fast):
        for _ in range(30):
            drive.add(1, 120)
    assert fast.frames_until(2, 250) < slow.frames_until(2, 120)


def test_what_flickers_stays() -> None:
    drive = Drive(30)
    for _ in range(10):
        drive.add(1)
    assert {drive.add(2 if i % 3 == 0 else 1) for i in range(60)} == {1}


@pytest.mark.parametrize('gap_ns', [MAX_GAP_NS + 1, 0, -1_000_000])
def test_a_gap_and_a_clock_that_goes_back_begin_anew(gap_ns: int) -> None:
    drive = Drive(30)
    for _ in range(30):
        drive.add(1)
    assert drive.add(2, 1, gap_ns=gap_ns) == 2
    assert drive.add(2) == 2


def test_another_size_begins_anew() -> None:
    smoother = MaskSmoother()
    for stamp_ns in range(10**6, 20 * 10**6, 10**6):
        smoother.smooth(plane(1), plane(200), stamp_ns=stamp_ns)
    other = np.full((4, 4), 2, np.uint8)
    smooth = smoother.smooth(other, other, stamp_ns=20 * 10**6)
    np.testing.assert_array_equal(smooth, other)


def test_pixels_are_on_their_own_and_the_input_is_left_alone() -> None:
    smoother = MaskSmoother()
    first = np.array([[0, 1, 2]], np.uint8)
    second = np.array([[0, 2, 2]], np.uint8)
    for stamp_ns in range(10**7, 30 * 10**7, 10**7):
        smoother.smooth(first, np.full_like(first, 200), stamp_ns=stamp_ns)
    kept = second.copy()
    smooth = smoother.smooth(second, np.full_like(first, 200), stamp_ns=30 * 10**7)
    np.testing.assert_array_equal(smooth, first)
    np.testing.assert_array_equal(second, kept)
