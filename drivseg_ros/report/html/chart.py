# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Line charts as plain geometry; the template draws them as SVG.

The SVG is stretched to whatever width there is and its lines keep their thickness; all text stands
beside it in HTML, so that it stays as large on a phone as the rest of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from drivseg_ros.base.latency import percentile

WIDTH, HEIGHT = 1000, 400
"""The SVG's own units."""

# More points than a screen has columns; a longer line keeps the least and the greatest of each
# stretch, so that no peak is lost.
MAX_POINTS = 1200
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Series:
    """Values along an axis.

    Args:
        name: for the legend.
        points: x and y, x never falling; y None leaves a gap.
    """

    name: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Tick:
    """A place on an axis.

    Attributes:
        percent: from the left, or from the bottom.
        text: what stands there.
    """

    percent: float
    text: str


@dataclass(frozen=True)
class Line:
    """A drawn series.

    Attributes:
        name: for the legend.
        path: the `d` of an SVG path.
    """

    name: str
    path: str


@dataclass(frozen=True)
class LineChart:
    """A chart to be drawn.

    Attributes:
        title: what it shows.
        summary: the same in words, for those who do not see it.
        lines: the series.
        x_label: what the x axis is.
        x_ticks: its ticks.
        y_ticks: the other's.
        joined: whether points are joined.
        fences: where a new part begins, in the SVG's units.
    """

    title: str
    summary: str
    lines: tuple[Line, ...]
    x_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    joined: bool = True
    fences: tuple[float, ...] = ()


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    unit: str,
    joined: bool = True,
    from_zero: bool = True,
    most: float | None = None,
    whole_x: bool = False,
    fences: Sequence[float] = (),
) -> LineChart | None:
    """Lays out a chart.

    Args:
        title: what it shows.
        series: what is drawn; empty ones are left out.
        x_label: what the x axis is.
        unit: of the values, such as 'ms'.
        joined: whether points are joined; else each stands alone.
        from_zero: whether the y axis begins at 0, and not near the least value.
        most: the y axis ends here at the latest.
        whole_x: whether only whole numbers stand on the x axis.
        fences: x of the places where a new part begins.

    Returns:
        None if there is no value.
    """
    kept = [s for s in series if any(y is not None for _, y in s.points)]
    if not kept:
        return None
    values = [y for s in kept for _, y in s.points if y is not None]
    places = [x for s in kept for x, _ in s.points]
    least = 0.0 if from_zero else min(values)
    y_marks = nice_ticks(least, max(values), most=most)
    left, right = min(places), max(places)
    if right <= left:
        left, right = left - 0.5, right + 0.5
    x_marks = [
        mark
        for mark in nice_ticks(left, right, whole=whole_x, outside=False)
        if left <= mark <= right
    ]
    bottom, top = y_marks[0], y_marks[-1]

    def across(x: float) -> float:
        return WIDTH * (x - left) / (right - left)

    def down(y: float) -> float:
        return HEIGHT * (1 - (min(max(y, bottom), top) - bottom) / (top - bottom))

    def drawn(one: Series) -> str:
        points = [(across(x), None if y is None else down(y)) for x, y in one.points]
        return _path(points, joined=joined)

    return LineChart(
        title,
        '; '.join(_in_words(s, unit) for s in kept),
        tuple(Line(s.name, drawn(s)) for s in kept),
        x_label,
        tuple(Tick(across(x) / WIDTH * 100, f'{x:g}') for x in x_marks),
        tuple(Tick(100 - down(y) / HEIGHT * 100, f'{y:g}') for y in y_marks),
        joined,
        tuple(across(x) for x in fences if left < x < right),
    )


def nice_ticks(
    least: float,
    greatest: float,
    *,
    most: float | None = None,
    whole: bool = False,
    outside: bool = True,
) -> list[float]:
    """Some four round numbers with equal steps from below `least` to above `greatest`.

    Args:
        least: the least value.
        greatest: the greatest.
        most: no number is above it.
        whole: whole numbers only.
        outside: whether the first and the last number take in all values.
    """
    if most is not None and greatest >= most:
        greatest = most
    span = max(greatest - least, abs(greatest) * 1e-6, 1e-9)
    rough = span / (4 if outside else 6)
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(s for s in _STEPS if s * scale >= rough * (1 - 1e-9)) * scale
    if whole:
        step = max(1.0, float(round(step)))
    first = math.floor(least / step + 1e-9) if outside else math.ceil(least / step - 1e-9)
    last = math.ceil(greatest / step - 1e-9) if outside else math.floor(greatest / step + 1e-9)
    if outside:
        last = max(last, first + 1)
    return [round(i * step, 9) for i in range(first, last + 1)]


def _path(points: Sequence[tuple[float, float | None]], *, joined: bool) -> str:
    """The line through points; a gap lifts the pen. A point alone is a line of no length."""
    drawn = []
    before: float | None = None
    for x, y in _thin(points):
        if y is not None:
            alone = before is None or not joined
            drawn.append(f'M{x:.1f} {y:.1f}h0' if alone else f'L{x:.1f} {y:.1f}')
        before = y
    return ''.join(drawn)


def _thin(points: Sequence[tuple[float, float | None]]) -> Sequence[tuple[float, float | None]]:
    if len(points) <= MAX_POINTS:
        return points
    kept: list[tuple[float, float | None]] = []
    stretches = MAX_POINTS // 2
    for i in range(stretches):
        part = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        known = [(x, y) for x, y in part if y is not None]
        if known:
            ends = {min(known, key=lambda p: p[1]), max(known, key=lambda p: p[1])}
            kept += sorted(ends)
        else:
            kept.append((part[0][0], None))
    return kept


def _in_words(series: Series, unit: str) -> str:
    values = sorted(y for _, y in series.points if y is not None)
    middle = percentile(values, 50)
    return (
        f'{series.name}: {values[0]:.4g} to {values[-1]:.4g} {unit}, median {middle:.4g}, '
        f'{len(values)} value{"" if len(values) == 1 else "s"}'
    )
