# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The charts of the page, SVG by matplotlib in the colours of the page's style.

The colours are variables of style.css, so that a chart is readable on light and on dark. Series
differ in their dashes, too, for those who see colours alike.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.evaluation.metric import Unit
from drivseg_ros.report.page.tables import frame_names

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError:
    raise MissingDependencyError(
        f'the charts need matplotlib, which is not installed: {install_hint("report")}'
    ) from None

MAX_POINTS = 1200
"""A longer line keeps the least and the greatest value of each stretch, so that no peak is lost."""

_TEXT, _SOFT, _GRID = '#010101', '#020202', '#030303'
_SERIES = ('#040404', '#050505', '#060606', '#070707')
# What matplotlib draws with, and what the page makes of it.
_VARIABLES = {
    _TEXT: 'var(--text)',
    _SOFT: 'var(--soft)',
    _GRID: 'var(--line)',
    _SERIES[0]: 'var(--first)',
    _SERIES[1]: 'var(--second)',
    _SERIES[2]: 'var(--third)',
    _SERIES[3]: 'var(--fourth)',
}
_DASHES = ('-', '--', ':', '-.')
_SETTINGS: dict[Any, Any] = {
    'svg.fonttype': 'none',
    'svg.hashsalt': 'drivseg',
    'text.parse_math': False,
    'font.size': 10,
    'text.color': _TEXT,
    'axes.edgecolor': _GRID,
    'axes.labelcolor': _SOFT,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.grid.axis': 'y',
    'axes.axisbelow': True,
    'grid.color': _GRID,
    'xtick.major.size': 0,
    'ytick.major.size': 0,
    'xtick.labelcolor': _SOFT,
    'ytick.labelcolor': _SOFT,
    'lines.linewidth': 1.4,
    'lines.solid_capstyle': 'round',
    'legend.frameon': False,
}
_SIZE, _WIDE, _SQUARE = (5.4, 2.5), (9.0, 2.7), (3.9, 3.7)
_FEW = 150
_LOADS = (
    ('cpu_percent', 'CPU', 'percent of one core'),
    ('memory_mib', 'Memory', 'MiB'),
    ('gpu_percent', 'GPU', 'percent'),
    ('gpu_memory_mib', 'GPU memory', 'MiB'),
)
_RUN_TIME = 'seconds since the run began'


@dataclass(frozen=True)
class Chart:
    """A chart to be put into the page.

    Attributes:
        title: what it shows.
        summary: the same in words, for those who do not see it.
        svg: the drawing.
        shape: '', 'wide' or 'square'.
    """

    title: str
    summary: str
    svg: str
    shape: str = ''


@dataclass(frozen=True)
class Series:
    """Values along an axis.

    Args:
        name: for the legend.
        points: x and y, x never falling; y None leaves a gap.
    """

    name: str
    points: Sequence[tuple[float, float | None]] = field(repr=False)


def accuracy_chart(content: Mapping[str, Any]) -> Chart | None:
    """The metrics of each frame; joined where frames follow each other in time."""
    frames = content['frames']
    fences = [i + 0.5 for i in range(1, len(frames)) if frames[i]['part'] != frames[i - 1]['part']]
    series = []
    for name in frame_names(content):
        unit = Unit(content['metrics'][name]['unit'])
        values = [frame['metrics'].get(name) for frame in frames]
        points = [
            (float(i), None if value is None else unit.shown(float(value)))
            for i, value in enumerate(values, start=1)
        ]
        # No line joins the last frame of a bag and the first of the next.
        points += [(fence, None) for fence in fences]
        series.append(
            Series(
                str(content['metrics'][name]['title']), sorted(points, key=lambda point: point[0])
            )
        )
    if not series:
        return None
    what = 'Metrics' if len(series) > 1 else series[0].name[:1].upper() + series[0].name[1:]
    return line_chart(
        f'{what} of each frame, in percent',
        series,
        x_label='frame' if not fences else 'frame; a line parts the bags',
        unit='percent',
        joined=bool(content['settings']['sequence']),
        from_zero=False,
        whole_x=True,
        fences=fences,
        shape='wide',
    )


def time_charts(content: Mapping[str, Any]) -> list[Chart]:
    """The time of each frame, the age of the newest mask, and what the node used."""
    times, live = content.get('times') or {}, content.get('live') or {}
    usage = live.get('usage') or {}
    gpu_of = {'gpu_percent': 'all processes', 'gpu_memory_mib': usage.get('gpu_memory_of')}
    plans = [
        ('Message to mask' if live else 'Time of each frame', 'ms', times.get('frames')),
        ('Age of the newest mask', 'ms', live.get('age')),
        *(
            (f'{title} of {gpu_of.get(key) or "the node"}', unit, usage.get(key))
            for key, title, unit in _LOADS
        ),
    ]
    charts = [
        line_chart(
            f'{title}, in {unit}',
            [Series(title, [(float(x), None if y is None else float(y)) for x, y in points or ()])],
            x_label=_RUN_TIME,
            unit=unit,
        )
        for title, unit, points in plans
    ]
    return [chart for chart in charts if chart is not None]


def calibration_chart(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """How often the network is right at each confidence; None where nothing is known."""
    if not sum(int(row['pixels']) for row in rows):
        return None
    low, high, sure, right = (
        np.array([100 * _finite(row[key]) for row in rows])
        for key in ('low', 'high', 'confidence', 'accuracy')
    )

    def draw(axes: Axes) -> None:
        axes.bar(low, right, high - low, align='edge', color=_SERIES[0], alpha=0.55, linewidth=0)
        axes.plot([0, 100], [0, 100], color=_SOFT, linestyle='--', linewidth=1)
        axes.plot(sure, right, 'o', color=_TEXT, markersize=4, clip_on=False)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel='confidence, in percent')

    words = [f'sure {a:.0f} %, right {b:.0f} %' for a, b in zip(sure, right, strict=True)]
    return _chart(
        'Right at each confidence, in percent', '; '.join(words), draw, _SQUARE, shape='square'
    )


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    unit: str,
    joined: bool = True,
    from_zero: bool = True,
    whole_x: bool = False,
    fences: Sequence[float] = (),
    shape: str = '',
) -> Chart | None:
    """Draws lines.

    Args:
        title: what they show.
        series: what is drawn; empty ones are left out.
        x_label: what the x axis is.
        unit: of the values, such as 'ms'.
        joined: whether points are joined; else each stands alone.
        from_zero: whether the y axis begins at 0, and not near the least value.
        whole_x: whether only whole numbers stand on the x axis.
        fences: x of the places where a new part begins.
        shape: of the chart.

    Returns:
        None if there is no value.

    Raises:
        ValueError: if a number is infinite or none.
    """
    kept = [one for one in series if any(y is not None for _, y in one.points)]
    if not kept:
        return None
    for one in kept:
        for x, _ in one.points:
            _finite(x)

    def draw(axes: Axes) -> None:
        for place, one in enumerate(kept):
            points = thinned(one.points)
            # A value between two gaps is seen only as a dot.
            dots = '.' if not joined or len(points) <= _FEW else ''
            axes.plot(
                [x for x, _ in points],
                [math.nan if y is None else y for _, y in points],
                label=one.name,
                color=_SERIES[place % len(_SERIES)],
                linestyle=_DASHES[place % len(_DASHES)] if joined else '',
                marker=dots,
                markersize=4 if joined else 5,
                clip_on=False,
            )
        for fence in fences:
            axes.axvline(fence, color=_SOFT, linestyle=(0, (3, 4)), linewidth=0.8, clip_on=False)
        axes.margins(x=0, y=0.08)
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=whole_x))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if from_zero:
            axes.set_ylim(bottom=0)
        if len(kept) > 1:
            axes.legend(loc='lower left', bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)

    summary = '; '.join(_in_words(one, unit) for one in kept)
    return _chart(title, summary, draw, _WIDE if shape == 'wide' else _SIZE, shape=shape)


def thinned(
    points: Sequence[tuple[float, float | None]],
) -> Sequence[tuple[float, float | None]]:
    """The points, or of many the least and the greatest of each stretch."""
    if len(points) <= MAX_POINTS:
        return points
    kept: list[tuple[float, float | None]] = []
    stretches = MAX_POINTS // 2
    for i in range(stretches):
        part = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        known = [(x, y) for x, y in part if y is not None]
        if known:
            kept += sorted({min(known, key=lambda p: p[1]), max(known, key=lambda p: p[1])})
        else:
            kept.append((part[0][0], None))
    return kept


def _chart(
    title: str,
    summary: str,
    draw: Callable[[Axes], None],
    size: tuple[float, float],
    *,
    shape: str,
) -> Chart:
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=size, layout='constrained')
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        file = io.StringIO()
        figure.savefig(
            file, format='svg', metadata=dict.fromkeys(('Date', 'Creator', 'Format', 'Type'))
        )
    return Chart(title, summary, _inline(file.getvalue(), f'{title}. {summary}'), shape)


def _inline(svg: str, label: str) -> str:
    """A file of matplotlib as an element of the page."""
    head, text = svg[svg.index('<svg') :].split('>', 1)
    view = head.split('viewBox="')[1].split('"')[0]
    # Its style would be for the whole page, nothing needs to be cut off, the font is the page's.
    text = re.sub(r'<defs>\s*<(style|clipPath).*?</defs>', '', text, flags=re.DOTALL)
    text = re.sub(r' id="[A-Za-z][\w.]*_\d+"| clip-path="[^"]*"', '', text)
    text = re.sub(r'font-family: [^;]*; |font: [^;]*?(?=\d+px)', '', text)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, variable)
    return f'<svg viewBox="{view}" role="img" aria-label="{html.escape(label)}">{text}'


def _in_words(series: Series, unit: str) -> str:
    values = [_finite(y) for _, y in series.points if y is not None]
    return (
        f'{series.name}: {min(values):.4g} to {max(values):.4g} {unit}, median '
        f'{np.median(values):.4g}, {len(values)} value{"" if len(values) == 1 else "s"}'
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f'{number} is no number that can be drawn')
    return number
