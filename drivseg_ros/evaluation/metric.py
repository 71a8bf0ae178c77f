# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of an evaluation, in one table.

To add a metric is to write one into WHOLE, OF_A_TARGET or TIMES: console, JSON, page, limits and
comparisons go through them.

Counts of frames are added before a ratio is taken, so a value is of the whole set: a mean over
frames would depend on how the set is cut.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from drivseg_ros.base.latency import percentile
from drivseg_ros.evaluation.live.times import age_percentile
from drivseg_ros.evaluation.measured import Measured, Mode, TargetCounts, Terms
from drivseg_ros.frames.matching import Area, Target

MIOU, CHANGE, ECE = 'miou', 'change', 'ece'
_DIGITS = 6


class Unit(str, enum.Enum):
    """What a value is in."""

    SHARE = 'share'
    """From 0 to 1; shown in percent."""
    MS = 'ms'
    MIB = 'MiB'

    def shown(self, value: float) -> float:
        """The number that people see."""
        return 100 * value if self is Unit.SHARE else value

    @property
    def suffix(self) -> str:
        """What stands behind that number where it is not percent, with a space before it."""
        return '' if self is Unit.SHARE else f' {self.value}'


class Better(str, enum.Enum):
    """Which way a metric is better."""

    HIGHER = 'higher'
    LOWER = 'lower'


@dataclass(frozen=True)
class Metric:
    """A number that says how good or how fast something is.

    Args:
        name: as in the JSON and on the command line.
        title: what people read.
        compute: the value, float64 with the leading axes of the sums; NaN where not defined.
        unit: of the value.
        better: which way.
        exists: whether an evaluation on these terms has it.
        of_counts: whether `Measured.sums` are enough for it, so that frames, slices and draws
            have it, too.
        headline: whether tables by slice, bag and frame have a column for it.
    """

    name: str
    title: str
    compute: Callable[[Measured], Any] = field(compare=False, repr=False)
    unit: Unit = Unit.SHARE
    better: Better = Better.HIGHER
    exists: Callable[[Terms], bool] = field(default=lambda terms: True, compare=False, repr=False)
    of_counts: bool = True
    headline: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it is another one in every run, as times and loads are."""
        return self.unit is not Unit.SHARE

    def worse_by(self, before: float, after: float) -> float:
        """How much worse the second value is; negative if it is better."""
        return after - before if self.better is Better.LOWER else before - after


@dataclass(frozen=True)
class TargetMetric:
    """A metric that each class and each role has.

    Args:
        name: of the metric of a class, as in 'iou/direct', and of a role, as in 'drivable_iou'.
        title: what people read.
        compute: as in `Metric`, from the counts of one.
        exists: as in `Metric`.
        headline: whether that of a role is a headline.
    """

    name: str
    title: str
    compute: Callable[[TargetCounts], np.ndarray]
    exists: Callable[[Terms], bool] = lambda terms: True
    headline: bool = False

    def of(self, place: int, target: Target) -> Metric:
        """The metric of one of the targets of a matching."""
        title = AREA_TITLES[Area(target.name)] if target.by_role else target.name
        return Metric(
            target.metric(self.name),
            f'{title} {self.title}' if target.by_role else f'{self.title} of {title}',
            partial(self._at, place),
            exists=self.exists,
            headline=self.headline and target.by_role,
        )

    def _at(self, place: int, measured: Measured) -> np.ndarray:
        return self.compute(measured.targets[place])


AREA_TITLES = {Area.DRIVABLE: 'drivable', Area.ROAD: 'road', Area.EGO_LANE: 'ego lane'}


@dataclass(frozen=True)
class MetricValue:
    """A metric that was computed, and the interval that other drives would let expect.

    Args:
        metric: what it is.
        value: None where it is not defined.
        low: the interval's lower end; None where none is known.
        high: its upper end.
    """

    metric: Metric
    value: float | None
    low: float | None = None
    high: float | None = None

    def describe(self) -> dict[str, Any]:
        """Plain data for JSON, to six digits."""
        return {
            'title': self.metric.title,
            'unit': self.metric.unit.value,
            'better': self.metric.better.value,
            **{name: rounded(getattr(self, name)) for name in ('value', 'low', 'high')},
        }


def ratio(part: Any, whole: Any) -> np.ndarray:
    """The quotient, float64; NaN where the divisor is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def mean_of_known(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over the first axis of what is defined; NaN where nothing is."""
    stack = np.stack(values)
    known = ~np.isnan(stack)
    return ratio(np.where(known, stack, 0).sum(0), known.sum(0))


def number(value: Any) -> float | None:
    """A plain number; None for NaN and for what is not there."""
    return None if value is None or np.isnan(value) else float(value)


def rounded(value: float | None) -> float | None:
    """To as many digits as files hold."""
    return None if value is None else round(value, _DIGITS)


def metrics_of(terms: Terms) -> tuple[Metric, ...]:
    """All metrics that an evaluation on these terms has, in the order in which they are shown."""
    targets = [
        one.of(place, target)
        for place, target in enumerate(terms.matching.targets)
        for one in OF_A_TARGET
    ]
    return tuple(one for one in (*WHOLE, *targets, *TIMES) if one.exists(terms))


def leading(metrics: Sequence[Metric], measured: Measured) -> Metric | None:
    """The metric that frames are ordered by: the first headline that is defined, else the change.

    Args:
        metrics: of the evaluation.
        measured: of the whole set.

    Returns:
        None if there is neither.
    """
    for one in metrics:
        if one.headline and number(one.compute(measured)) is not None:
            return one
    return next((one for one in metrics if one.name == CHANGE), None)


def _iou(one: TargetCounts) -> np.ndarray:
    return ratio(one.hits, one.labelled + one.predicted - one.hits)


def _boundary_iou(one: TargetCounts) -> np.ndarray:
    return ratio(one.rim_hits, one.rim)


def _accuracy(measured: Measured) -> np.ndarray:
    hits = sum(one.hits for one in measured.classes)
    return ratio(hits, measured.sums.table.sum((-1, -2)))


def _classes_match(terms: Terms) -> bool:
    return terms.matching.answers is not None


def _has_boundary(terms: Terms) -> bool:
    return terms.settings.boundary > 0


def _follows(terms: Terms) -> bool:
    return terms.settings.sequence


def _by_network(terms: Terms) -> bool:
    return terms.mode is Mode.NETWORK


def _live(terms: Terms) -> bool:
    return terms.mode is Mode.LIVE


def _time(percent: float) -> Callable[[Measured], float]:
    return lambda m: percentile([ms for one in m.times for ms in one.total_ms], percent)


def _latency(percent: float) -> Callable[[Measured], float]:
    return lambda m: percentile([ms for run in m.live for _, ms in run.latencies], percent)


def _age(measured: Measured) -> float | None:
    return age_percentile(np.concatenate([run.ages[1] for run in measured.live]), 95)


def _memory(measured: Measured) -> float:
    rows = [value for run in measured.live for _, value in run.usage.column('memory_mib')]
    return max(rows, default=np.nan)


OF_A_TARGET = (
    TargetMetric('iou', 'IoU', _iou, headline=True),
    TargetMetric('precision', 'precision', lambda one: ratio(one.hits, one.predicted)),
    TargetMetric('recall', 'recall', lambda one: ratio(one.hits, one.labelled)),
    TargetMetric('boundary_iou', 'boundary IoU', _boundary_iou, exists=_has_boundary),
)
"""Metrics of each class and each role."""

WHOLE = (
    Metric(
        MIOU,
        'mIoU',
        lambda m: mean_of_known([_iou(one) for one in m.classes]),
        exists=_classes_match,
        headline=True,
    ),
    Metric('pixel_accuracy', 'pixel accuracy', _accuracy, exists=_classes_match, headline=True),
    Metric(
        'boundary_iou',
        'boundary IoU',
        lambda m: mean_of_known([_boundary_iou(one) for one in m.classes]),
        exists=lambda terms: _classes_match(terms) and _has_boundary(terms),
    ),
    Metric(
        ECE,
        'calibration error',
        lambda m: np.nan if m.calibration is None else m.calibration.ece,
        better=Better.LOWER,
        exists=_classes_match,
        of_counts=False,
    ),
    Metric(
        'flicker',
        'flicker',
        lambda m: ratio(m.sums.flicker[..., 0], m.sums.flicker[..., 1]),
        better=Better.LOWER,
        exists=_follows,
    ),
    Metric(
        CHANGE,
        'change between frames',
        lambda m: ratio(m.sums.change[..., 0], m.sums.change[..., 1]),
        better=Better.LOWER,
        exists=_follows,
    ),
)
"""Metrics of the whole set that are not of one class or role."""

_LOWER: dict[str, Any] = {'better': Better.LOWER, 'of_counts': False}
TIMES = (
    Metric('time_p50', 'time of a frame, median', _time(50), Unit.MS, exists=_by_network, **_LOWER),
    Metric('time_p95', 'time of a frame, 95 %', _time(95), Unit.MS, exists=_by_network, **_LOWER),
    Metric('time_p99', 'time of a frame, 99 %', _time(99), Unit.MS, exists=_by_network, **_LOWER),
    Metric('latency_p50', 'message to mask, median', _latency(50), Unit.MS, exists=_live, **_LOWER),
    Metric('latency_p95', 'message to mask, 95 %', _latency(95), Unit.MS, exists=_live, **_LOWER),
    Metric('latency_p99', 'message to mask, 99 %', _latency(99), Unit.MS, exists=_live, **_LOWER),
    Metric('age_p95', 'age of the newest mask, 95 %', _age, Unit.MS, exists=_live, **_LOWER),
    Metric('memory_mib', 'memory', _memory, Unit.MIB, exists=_live, **_LOWER),
)
"""Metrics of times and loads, which are other ones in every run and on every machine."""
