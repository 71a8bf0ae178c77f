# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Latencies and rates over a sliding window of time."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_SAMPLES = 4096  # bounds the memory; at 100 Hz it holds 40 s


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile of some values, interpolated linearly between the two nearest ones.

    Args:
        values: the values, in any order.
        percent: 0 (the smallest) to 100 (the largest).

    Returns:
        The percentile; NaN if there are no values.

    Raises:
        ValueError: if percent is out of range.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f'the percentile {percent} is not allowed; give 0 to 100')
    if not values:
        return math.nan
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    lower = math.floor(position)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (position - lower)


@dataclass(frozen=True)
class LatencySummary:
    """A summary of latencies, in the unit they were given in; NaN where there are none."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> LatencySummary:
        """Summarises some latencies."""
        return cls(
            count=len(values),
            p50=percentile(values, 50),
            p95=percentile(values, 95),
            p99=percentile(values, 99),
            largest=max(values, default=math.nan),
        )


class LatencyWindow:
    """The latencies of the last seconds. Every method is safe in any thread.

    Args:
        window_s: the length of the window in seconds.
    """

    def __init__(self, *, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float]] = deque(maxlen=_MAX_SAMPLES)

    def add(self, latency: float, *, now: float) -> None:
        """Adds a latency.

        Args:
            latency: the latency, in any unit.
            now: the time in seconds of a clock that never goes back.
        """
        with self._lock:
            self._samples.append((now, latency))

    def summary(self, *, now: float) -> LatencySummary:
        """Summarises the latencies added since `now` - window_s."""
        with self._lock:
            while self._samples and self._samples[0][0] < now - self._window_s:
                self._samples.popleft()
            values = [latency for _, latency in self._samples]
        return LatencySummary.of(values)


class RateWindow:
    """How often something happened in the last seconds. Every method is safe in any thread.

    Args:
        now: the time in seconds, of a clock that never goes back, when counting began.
        window_s: the length of the window in seconds.
    """

    def __init__(self, *, now: float, window_s: float = 5.0) -> None:
        self._start = now
        self._window_s = window_s
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=_MAX_SAMPLES)

    def add(self, *, now: float, count: int = 1) -> None:
        """Counts events that happen now."""
        with self._lock:
            self._times.extend([now] * min(count, _MAX_SAMPLES))

    def rate(self, *, now: float) -> float:
        """Events by second since `now` - window_s, or since the beginning if that is later."""
        begin = max(self._start, now - self._window_s)
        with self._lock:
            while self._times and self._times[0] < begin:
                self._times.popleft()
            count = len(self._times)
        return count / (now - begin) if now > begin else 0.0
