# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of a chart lie where their values are, and no peak is lost."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.report.html.chart import (
    HEIGHT,
    MAX_POINTS,
    WIDTH,
    LineChart,
    Series,
    line_chart,
    nice_ticks,
)


def drawn(points: list, **options: object) -> LineChart:
    chart = line_chart('t', [Series('s', points)], x_label='x', unit='ms', **options)  # type: ignore[arg-type]
    assert chart is not None
    return chart


def pens(chart: LineChart) -> list[list[tuple[float, float]]]:
    """The strokes of the first line as points."""
    return [
        [tuple(map(float, p.split())) for p in re.split('L', stroke.replace('h0', ''))]  # type: ignore[misc]
        for stroke in chart.lines[0].path.split('M')[1:]
    ]


@pytest.mark.parametrize(
    ('least', 'greatest', 'options', 'expected'),
    [
        (0, 10, {}, [0, 2.5, 5, 7.5, 10]),
        (0, 146, {}, [0, 50, 100, 150]),
        (37.3, 95.8, {'most': 100}, [20, 40, 60, 80, 100]),
        (97.2, 100, {'most': 100}, [97, 98, 99, 100]),
        (5, 5, {}, None),
        (0, 0, {}, None),
        (1, 3, {'whole': True, 'outside': False}, [1, 2, 3]),
        (1, 24, {'whole': True, 'outside': False}, [5, 10, 15, 20]),
        (0.2, 29.8, {'outside': False}, [5, 10, 15, 20, 25]),
    ],
)
def test_ticks(least: float, greatest: float, options: dict, expected: list | None) -> None:
    found = nice_ticks(least, greatest, **options)
    if expected is None:
        assert len(found) >= 2
        assert found[0] <= least <= found[-1]
    else:
        assert found == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_take_in_all_values_in_equal_steps(least: float, span: float) -> None:
    found = nice_ticks(least, least + span)
    assert 2 <= len(found) <= 8
    slack = max(abs(least), span) * 1e-6
    assert found[0] <= least + slack
    assert found[-1] >= least + span - slack
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)


def test_points_lie_where_their_values_are() -> None:
    chart = drawn([(0, 0), (5, 50), (10, 100)])
    assert pens(chart) == [[(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]]
    assert [t.text for t in chart.y_ticks] == ['0', '25', '50', '75', '100']
    assert [t.percent for t in chart.y_ticks] == [0, 25, 50, 75, 100]
    assert chart.x_ticks[-1].percent == 100
    assert chart.summary == 's: 0 to 100 ms, median 50, 3 values'


def test_gaps_lift_the_pen() -> None:
    chart = drawn([(0, 1), (1, 2), (2, None), (3, 2), (4, None)])
    assert [len(stroke) for stroke in pens(chart)] == [2, 1]
    assert [len(stroke) for stroke in pens(drawn([(0, 1), (1, 2)], joined=False))] == [1, 1]


def test_one_frame_is_a_dot_in_the_middle() -> None:
    ((point,),) = pens(drawn([(7, 3.0)]))
    assert point[0] == WIDTH / 2
    assert 0 <= point[1] <= HEIGHT


@pytest.mark.parametrize('points', [[], [(0, None), (1, None)]])
def test_nothing_is_drawn_of_nothing(points: list) -> None:
    assert line_chart('t', [Series('s', points)], x_label='x', unit='ms') is None


def test_a_long_line_keeps_its_peaks() -> None:
    count = 50_000
    points = [(float(i), 500.0 if i == 31_415 else 10.0 + i % 7) for i in range(count)]
    points[777] = (777.0, 2.0)
    chart = drawn(points)
    found = [point for stroke in pens(chart) for point in stroke]
    assert len(found) <= MAX_POINTS
    top = float(chart.y_ticks[-1].text)
    heights = {round((1 - y / HEIGHT) * top) for _, y in found}
    assert {500, 2} <= heights
    assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_fences_stand_inside() -> None:
    chart = drawn([(1, 1), (2, 1), (3, 1)], fences=[0.5, 1.5, 3.5])
    assert chart.fences == (WIDTH / 4,)
