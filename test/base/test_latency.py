# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Percentiles and rates against numpy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.base.latency import LatencySummary, LatencyWindow, RateWindow, percentile


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=50),
    percent=st.floats(0, 100),
)
def test_percentile_is_numpys(values: list[float], percent: float) -> None:
    expected = np.percentile(np.array(values), percent)
    assert percentile(values, percent) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize('percent', [-0.1, 100.1, math.nan])
def test_percentile_out_of_range(percent: float) -> None:
    with pytest.raises(ValueError, match='is not allowed; give 0 to 100'):
        percentile([1.0], percent)


def test_summary() -> None:
    assert LatencySummary.of([float(i) for i in range(101)]) == LatencySummary(
        count=101, p50=50, p95=95, p99=99, largest=100
    )
    empty = LatencySummary.of([])
    assert empty.count == 0
    assert all(math.isnan(v) for v in (empty.p50, empty.p95, empty.p99, empty.largest))


def test_latency_window_forgets() -> None:
    window = LatencyWindow(window_s=10)
    for second in range(20):
        window.add(float(second), now=second)
    summary = window.summary(now=19)
    assert (summary.count, summary.p50, summary.largest) == (11, 14, 19)
    assert window.summary(now=100).count == 0


@pytest.mark.parametrize(
    ('times', 'now', 'rate'),
    [
        ([], 100.0, 0.0),
        ([], 103.0, 0.0),
        ([100.5, 101.0], 102.0, 1.0),  # the window is not full yet
        ([100 + i / 10 for i in range(1, 101)], 110.0, 10.2),  # both ends count
        ([100 + i / 10 for i in range(1, 101)], 114.5, 1.2),
        ([100 + i / 10 for i in range(1, 101)], 120.0, 0.0),
    ],
)
def test_rate(times: list[float], now: float, rate: float) -> None:
    window = RateWindow(now=100.0, window_s=5.0)
    for time in times:
        window.add(now=time)
    assert window.rate(now=now) == pytest.approx(rate, abs=1e-9)


def test_memory_is_bounded() -> None:
    window = RateWindow(now=0.0, window_s=1e9)
    for second in range(100_000):
        window.add(now=float(second))
    assert window.rate(now=100_000.0) * 100_000 < 5000
