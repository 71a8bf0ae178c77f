# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The times of a live run: when messages were played, how late their masks, what the node used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from drivseg_ros.base.latency import percentile
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.live.usage import UsageSeries

_AGE_STEP_S = 1e-3
_HAIR_S = 1e-9
_MAX_AGES = 1_000_000
CURVE_STEP_S = 0.1


@dataclass(frozen=True)
class LiveTimes:
    """What a live run gives besides masks.

    Args:
        speed: times recorded speed.
        played: of each message, in order: seconds since the first one, by how many milliseconds it
            was later than its place in the bag, and the milliseconds to its mask (None without).
        lost_before_node: messages that were played and never reached the node.
        lost_after_node: masks that the node published and that were not recorded.
        stages: by stage the median and the 95th percentile in milliseconds, as each of the
            node's diagnostics reported them, of its last ten seconds.
        usage: CPU, memory and GPU of the node.
        node: what the node's diagnostics reported of itself, key to value.
        repeated: messages with the stamp of another one, which therefore were not evaluated.

    Raises:
        DataError: if numbers contradict each other.
    """

    speed: float
    played: tuple[tuple[float, float, float | None], ...]
    lost_before_node: int
    lost_after_node: int
    stages: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    usage: UsageSeries = field(default_factory=UsageSeries)
    node: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0

    def __post_init__(self) -> None:
        if min(self.lost_before_node, self.lost_after_node) < 0:
            raise DataError(
                f'{self.lost_before_node} messages are counted as lost before the node, and '
                f'{self.lost_after_node} behind it; no count is below 0'
            )

    @property
    def latencies(self) -> list[tuple[float, float]]:
        """Of the messages with a mask: when they were played, in s, and how late it was, in ms."""
        return [(offset, latency) for offset, _, latency in self.played if latency is not None]

    @property
    def lateness_ms(self) -> list[float]:
        """By how much each message was later than its place in the bag."""
        return [late for _, late, _ in self.played]

    @property
    def duration_s(self) -> float:
        """When the last message was played."""
        return self.played[-1][0] if self.played else 0.0

    @cached_property
    def ages(self) -> tuple[np.ndarray, np.ndarray]:
        """How old the newest message with a mask is, from the first mask to the last message.

        Returns:
            The moments in seconds, and the ages in milliseconds; float64 [M], every millisecond.
        """
        answered = np.array(self.latencies).reshape(-1, 2)
        if not len(answered):
            return np.empty(0), np.empty(0)
        received = answered[:, 0] + answered[:, 1] / 1e3
        order = np.argsort(received, kind='stable')
        sent, received = answered[order, 0], received[order]
        span_s = self.duration_s - received[0]
        step_s = max(_AGE_STEP_S, span_s / _MAX_AGES)
        # Hairs are for rounding: the first moment is that of the first mask.
        count = max(1, math.ceil(span_s / step_s - _HAIR_S))
        moments = received[0] + step_s * np.arange(count)
        at = np.searchsorted(received, moments + _HAIR_S, side='right') - 1
        return moments, (moments - np.maximum.accumulate(sent)[at]) * 1e3

    def age_curve(self, points: int) -> list[list[float]]:
        """The largest age in each of equal parts of the time: [second, milliseconds].

        Args:
            points: so many parts at most; they are not shorter than CURVE_STEP_S.
        """
        moments, ages = self.ages
        if not len(ages):
            return []
        points = max(1, min(points, int((moments[-1] - moments[0]) / CURVE_STEP_S)))
        starts = np.unique(np.arange(points) * len(ages) // points)
        largest = np.maximum.reduceat(ages, starts)
        return [
            [round(float(moments[at]), 3), round(float(age), 3)]
            for at, age in zip(starts, largest, strict=True)
        ]


def age_percentile(ages: np.ndarray, percent: float) -> float | None:
    """A percentile of ages; None if there are none."""
    return round(float(np.percentile(ages, percent)), 3) if ages.size else None


def stage_summary(rows: list[tuple[float, float]]) -> dict[str, float]:
    """The medians of what the diagnostics reported of a stage."""
    return {
        name: round(percentile([row[place] for row in rows], 50), 3)
        for place, name in enumerate(('p50', 'p95'))
    }
