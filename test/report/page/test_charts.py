# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of a chart are where their values are, in colours of the page, and no peak is lost."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip('matplotlib', reason="matplotlib is not installed: pip install '.[report]'")

from drivseg_ros.report.page.charts import (
    MAX_POINTS,
    Chart,
    Series,
    calibration_chart,
    line_chart,
    thinned,
)

HOSTILE = '$\\frac{</text><script>alert(1)</script>" onload="x" #010101'


def drawn(points: list, name: str = 's', **options: Any) -> Chart:
    chart = line_chart('t', [Series(name, points)], x_label='x', unit='ms', **options)
    assert chart is not None
    return chart


def strokes(chart: Chart, color: str = 'first') -> list[np.ndarray]:
    """The strokes of the line in a colour, float [N, 2] in units of the drawing."""
    paths = re.findall(
        rf'<path d="([^"]*)" style="fill: none; [^"]*stroke: var\(--{color}\)', str(chart.svg)
    )
    numbers = [re.findall(r'-?[\d.]+', stroke) for path in paths for stroke in path.split('M')[1:]]
    return [np.array(one, float).reshape(-1, 2) for one in numbers]


def test_points_are_where_their_values_are() -> None:
    points = [(0.0, 0.0), (5.0, 50.0), (10.0, 30.0), (20.0, 100.0)]
    (line,) = strokes(drawn(points))
    x, y = np.array(points).T
    for values, places in ((x, line[:, 0]), (y, line[:, 1])):
        slope, offset = np.polyfit(values, places, 1)
        np.testing.assert_allclose(slope * values + offset, places, atol=0.01)
    assert drawn(points).summary == 's: 0 to 100 ms, median 40, 4 values'


def test_gaps_lift_the_pen() -> None:
    chart = drawn([(0, 1), (1, 2), (2, None), (3, 2), (4, 1)])
    assert [len(one) for one in strokes(chart)] == [2, 2]


def test_single_frames_are_dots() -> None:
    lonely = drawn([(0, None), (1, 2), (2, None)])
    assert '<use' in str(lonely.svg)
    apart = drawn([(0, 1), (1, 2), (2, 1)], joined=False)
    assert str(apart.svg).count('<use') == 3
    assert strokes(apart) == []


@pytest.mark.parametrize('points', [[], [(0, None), (1, None)]])
def test_nothing_is_drawn_of_nothing(points: list) -> None:
    assert line_chart('t', [Series('s', points)], x_label='x', unit='ms') is None
    assert calibration_chart([]) is None


@pytest.mark.parametrize('point', [(float('nan'), 1.0), (0.0, float('inf')), (0.0, '<b>')])
def test_what_is_no_number_is_refused(point: tuple) -> None:
    with pytest.raises(ValueError, match=r'no number|could not convert'):
        line_chart('t', [Series('s', [(0.0, 1.0), point])], x_label='x', unit='ms')


def test_a_long_line_keeps_its_peaks() -> None:
    count = 50_000
    points = [(float(i), 500.0 if i == 31_415 else 10.0 + i % 7) for i in range(count)]
    points[777] = (777.0, 2.0)
    kept = thinned(points)
    assert len(kept) <= MAX_POINTS
    assert {(31_415.0, 500.0), (777.0, 2.0)} <= set(kept)
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)
    assert len(drawn(points).svg) < 100_000


def test_fences_part_bags() -> None:
    fenced = drawn([(1, 1), (2, 1), (3, 1)], fences=[1.5, 2.5])
    assert len(strokes(fenced, 'soft')) == 2


def test_series_differ_in_colour_and_dashes() -> None:
    points = [(0.0, 1.0), (1.0, 2.0)]
    chart = line_chart('t', [Series(n, points) for n in 'abcd'], x_label='x', unit='ms')
    assert chart is not None
    styles = re.findall(r'style="fill: none; ([^"]*)stroke: var\(--(\w+)\)', str(chart.svg))
    lines = {(color, dashes) for dashes, color in styles if color not in ('line', 'soft')}
    assert {color for color, _ in lines} == {'first', 'second', 'third', 'fourth'}
    assert len({dashes for _, dashes in lines}) == 4


def test_colours_are_those_of_the_page() -> None:
    rows = [{'low': 0.5, 'high': 1.0, 'confidence': 0.9, 'accuracy': 0.8, 'pixels': 7}]
    charts = [drawn([(0, 1), (1, 3)], shape='wide', fences=[0.5]), calibration_chart(rows)]
    for chart in charts:
        assert chart is not None
        assert not re.findall(r'#[0-9a-f]{3,8}\b|rgb\(|url\(|\bid="(?!m)', str(chart.svg))
        assert '<style' not in chart.svg


def test_names_of_others_are_text() -> None:
    chart = line_chart(
        HOSTILE,
        [Series(HOSTILE, [(0, 1), (1, 2)]), Series('b', [(0, 2)])],
        x_label=HOSTILE,
        unit='ms',
    )
    assert chart is not None
    svg = str(chart.svg).replace('xlink:href', 'href')
    tree = ElementTree.fromstring(svg)
    assert not [one for one in tree.iter() if one.tag.endswith('script')]
    assert not [name for one in tree.iter() for name in one.attrib if name.startswith('on')]
    assert '<script' not in svg
    assert tree.attrib['aria-label'].startswith(HOSTILE)
    assert sum('frac' in (one.text or '') for one in tree.iter()) == 2


def test_calibration() -> None:
    rows = [
        {'low': 0.0, 'high': 0.5, 'confidence': 0.4, 'accuracy': 0.2, 'pixels': 3},
        {'low': 0.5, 'high': 1.0, 'confidence': 0.9, 'accuracy': 0.8, 'pixels': 7},
    ]
    chart = calibration_chart(rows)
    assert chart is not None
    assert chart.summary == 'sure 40 %, right 20 %; sure 90 %, right 80 %'
    assert str(chart.svg).count('fill: var(--first)') == 2
    assert str(chart.svg).count('<use') == 2
