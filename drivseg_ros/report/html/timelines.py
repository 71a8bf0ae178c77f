# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The charts of an evaluation over its frames and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drivseg_ros.report.html.chart import LineChart, Series, line_chart

_LOADS = (
    ('cpu_percent', 'CPU', 'percent of one core'),
    ('memory_mib', 'Memory', 'MiB'),
    ('gpu_percent', 'GPU', 'percent'),
    ('gpu_memory_mib', 'GPU memory', 'MiB'),
)
_RUN_TIME = 'seconds since the run began'


def frame_names(content: Mapping[str, Any]) -> list[str]:
    """The metrics that are shown frame by frame, the leading one first."""
    metrics = content['metrics']
    names = [name for name in content['headlines'] if metrics[name]['value'] is not None]
    return names or [name for name in (content['leading'],) if name]


def accuracy_chart(content: Mapping[str, Any]) -> LineChart | None:
    """The metrics of each frame; joined where frames follow each other in time."""
    frames = content['frames']
    fences = [i + 0.5 for i in range(1, len(frames)) if frames[i]['part'] != frames[i - 1]['part']]
    series = []
    for name in frame_names(content):
        shares = [frame['metrics'].get(name) for frame in frames]
        points = [(float(i), _hundred(share)) for i, share in enumerate(shares, start=1)]
        # No line joins the last frame of a bag and the first of the next.
        points += [(fence, None) for fence in fences]
        series.append(
            Series(content['metrics'][name]['title'], sorted(points, key=lambda point: point[0]))
        )
    if not series:
        return None
    what = 'Metrics' if len(series) > 1 else series[0].name[0].upper() + series[0].name[1:]
    return line_chart(
        f'{what} of each frame, in percent',
        series,
        x_label='frame' if not fences else 'frame; a line parts the bags',
        unit='percent',
        joined=bool(content['settings']['sequence']),
        from_zero=False,
        most=100,
        whole_x=True,
        fences=fences,
    )


def time_charts(content: Mapping[str, Any]) -> list[LineChart]:
    """The time of each frame, the age of the newest mask, and what the node used."""
    times, live = content.get('times') or {}, content.get('live') or {}
    what = 'Message to mask' if live else 'Time of each frame'
    charts = [
        line_chart(
            f'{what}, in ms',
            [Series('time of the frame', _pairs(times.get('frames', ())))],
            x_label=_RUN_TIME,
            unit='ms',
        ),
        line_chart(
            'Age of the newest mask, in ms',
            [Series('greatest age', _pairs(live.get('age', ())))],
            x_label=_RUN_TIME,
            unit='ms',
        ),
    ]
    usage = live.get('usage') or {}
    for key, title, unit in _LOADS:
        whose = {
            'gpu_percent': 'all processes',
            'gpu_memory_mib': usage.get('gpu_memory_of', 'the node'),
        }.get(key, 'the node')
        charts.append(
            line_chart(
                f'{title} of {whose}, in {unit}',
                [Series(title, _pairs(usage.get(key) or ()))],
                x_label=_RUN_TIME,
                unit=unit,
            )
        )
    return [chart for chart in charts if chart is not None]


def _pairs(points: Sequence[Sequence[Any]]) -> list[tuple[float, float | None]]:
    return [(float(x), None if y is None else float(y)) for x, y in points]


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * float(share)
