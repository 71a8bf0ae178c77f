# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Limits of figures, as they are written on the command line."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.time_figures import is_better_low


class LimitKind(str, enum.Enum):
    """What a limit says."""

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
    """A limit of one figure.

    Args:
        kind: what it says.
        figure: the figure's name.
        amount: in points (percent), of times in their unit; of a change with `relative` in
            percent of the baseline's.
        relative: see there.
    """

    kind: LimitKind
    figure: str
    amount: float
    relative: bool = False

    @classmethod
    def parse(cls, kind: LimitKind, text: str) -> Limit:
        """Reads FIGURE=AMOUNT, or FIGURE=AMOUNT% for a change in percent of the baseline's.

        Raises:
            ParameterError: if it is anything else.
        """
        figure, equals, amount = text.rpartition('=')
        relative = amount.endswith('%')
        try:
            number = float(amount.removesuffix('%'))
        except ValueError:
            number = math.nan
        if not equals or not figure or not (math.isfinite(number) and number >= 0):
            raise ParameterError(
                f'--{kind.value} {text!r} is not understood; write FIGURE=POINTS with a number of '
                '0 or more, such as miou=0.5'
                + (", or miou=1% of the baseline's" if kind.needs_baseline else '')
            )
        if relative and not kind.needs_baseline:
            raise ParameterError(
                f'--{kind.value} {text!r}: % means percent of a baseline; write the points alone'
            )
        return cls(kind, figure, number, relative)

    @property
    def guards(self) -> bool:
        """Whether a figure that becomes worse and worse breaks it in the end."""
        return is_better_low(self.figure) == (self.kind in (LimitKind.MAX, LimitKind.MAX_RISE))

    def __str__(self) -> str:
        sign = {
            LimitKind.MIN: 'at least',
            LimitKind.MAX: 'at most',
            LimitKind.MAX_DROP: 'may drop by',
            LimitKind.MAX_RISE: 'may rise by',
        }[self.kind]
        unit = ' % of its value' if self.relative else ''
        return f'{self.figure} {sign} {self.amount:g}{unit}'


def check_figures(limits: Sequence[Limit], names: Collection[str]) -> None:
    """Refuses limits of figures that there are not.

    Raises:
        ParameterError: if there is one.
    """
    for limit in limits:
        if limit.figure not in names:
            raise ParameterError(
                f'there is no figure {limit.figure!r} here; there are {", ".join(names)}'
            )


def check_directions(limits: Sequence[Limit]) -> None:
    """Refuses a figure that may become as bad as it likes, all its limits being of the other side.

    Raises:
        ParameterError: if there is one.
    """
    guarded = {limit.figure for limit in limits if limit.guards}
    for limit in limits:
        if limit.figure not in guarded:
            better = 'lower' if is_better_low(limit.figure) else 'higher'
            raise ParameterError(
                f'{limit.figure} is better when it is {better}, so that --{limit.kind.value} lets '
                f'any worse one pass; write --{_OTHER[limit.kind].value}, or both'
            )
