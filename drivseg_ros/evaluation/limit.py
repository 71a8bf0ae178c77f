# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Limits of metrics, as they are written on the command line."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.metric import Better, Metric


class LimitKind(str, enum.Enum):
    """Which way a limit goes."""

    MIN = 'min'
    MAX = 'max'
    MAX_DROP = 'max-drop'
    """How much lower than the baseline's."""
    MAX_RISE = 'max-rise'
    """How much higher."""

    @property
    def needs_baseline(self) -> bool:
        """Whether it is a limit of a change."""
        return self in (LimitKind.MAX_DROP, LimitKind.MAX_RISE)


_OTHER = {
    LimitKind.MIN: LimitKind.MAX,
    LimitKind.MAX: LimitKind.MIN,
    LimitKind.MAX_DROP: LimitKind.MAX_RISE,
    LimitKind.MAX_RISE: LimitKind.MAX_DROP,
}


@dataclass(frozen=True)
class Limit:
    """A limit of one metric.

    Args:
        kind: which way it goes.
        metric: the metric's name.
        amount: in points (percent), of times in their unit; of a change with `relative` in
            percent of the baseline's.
        relative: see there.
    """

    kind: LimitKind
    metric: str
    amount: float
    relative: bool = False

    @classmethod
    def parse(cls, kind: LimitKind, text: str) -> Limit:
        """Reads METRIC=AMOUNT, or METRIC=AMOUNT% for a change in percent of the baseline's.

        Raises:
            ParameterError: if it is anything else.
        """
        metric, equals, amount = text.rpartition('=')
        relative = amount.endswith('%')
        try:
            number = float(amount.removesuffix('%'))
        except ValueError:
            number = math.nan
        if not equals or not metric or not (math.isfinite(number) and number >= 0):
            raise ParameterError(
                f'--{kind.value} {text!r} is not understood; write METRIC=POINTS with a number of '
                '0 or more, such as miou=0.5'
                + (", or miou=1% of the baseline's" if kind.needs_baseline else '')
            )
        if relative and not kind.needs_baseline:
            raise ParameterError(
                f'--{kind.value} {text!r}: % means percent of a baseline; write the points alone'
            )
        return cls(kind, metric, number, relative)

    def guards(self, better: Better) -> bool:
        """Whether a metric that becomes worse and worse breaks it in the end."""
        of_rise = self.kind in (LimitKind.MAX, LimitKind.MAX_RISE)
        return of_rise == (better is Better.LOWER)

    def __str__(self) -> str:
        sign = {
            LimitKind.MIN: 'at least',
            LimitKind.MAX: 'at most',
            LimitKind.MAX_DROP: 'may drop by',
            LimitKind.MAX_RISE: 'may rise by',
        }[self.kind]
        unit = ' % of its value' if self.relative else ''
        return f'{self.metric} {sign} {self.amount:g}{unit}'


def check_metrics(limits: Sequence[Limit], names: Iterable[str]) -> None:
    """Refuses limits of metrics that an evaluation does not have.

    Raises:
        ParameterError: if there is one.
    """
    known = [*names]
    for limit in limits:
        if limit.metric not in known:
            raise ParameterError(
                f'there is no metric {limit.metric!r} here; there are {", ".join(known)}'
            )


def check_directions(limits: Sequence[Limit], metrics: Mapping[str, Metric]) -> None:
    """Refuses limits that let a metric become as bad as it likes, all being of the other side.

    Args:
        limits: the limits.
        metrics: by name, at least those that the limits are of.

    Raises:
        ParameterError: if there is one.
    """
    guarded = {limit.metric for limit in limits if limit.guards(metrics[limit.metric].better)}
    for limit in limits:
        if limit.metric not in guarded:
            raise ParameterError(
                f'{limit.metric} is better when it is {metrics[limit.metric].better.value}, so '
                f'that --{limit.kind.value} lets any worse one pass; write '
                f'--{_OTHER[limit.kind].value}, or both'
            )
