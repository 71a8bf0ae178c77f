# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The times of an evaluation as figures, which limits can be set to, and as plain data.

They are kept apart from the figures of accuracy, which are the same in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.frame_times import FrameTimes, percentiles
from drivseg_ros.evaluation.live.times import LiveTimes, age_percentile, stage_summary
from drivseg_ros.evaluation.live.usage import COLUMNS
from drivseg_ros.evaluation.measures import Measure
from drivseg_ros.evaluation.sums import LOWER_IS_BETTER

_PERCENTILES = ('p50', 'p95', 'p99')
_OFFLINE = tuple(f'time_{p}' for p in _PERCENTILES)
_LATENCY = tuple(f'latency_{p}' for p in _PERCENTILES)
AGE, MEMORY = 'age_p95', 'memory_mib'
_UNITS = {**dict.fromkeys((*_OFFLINE, *_LATENCY, AGE), 'ms'), MEMORY: 'MiB'}
_CURVE_POINTS = 400

TIME_FIGURES = tuple(_UNITS)
"""Their names; all are better when they are smaller."""


def unit_of(figure: str) -> str:
    """The unit that a figure is shown in: '%', 'ms' or 'MiB'."""
    return _UNITS.get(figure, '%')


def is_better_low(figure: str) -> bool:
    """Whether a figure, of accuracy or of times, is better when it is smaller."""
    return figure in LOWER_IS_BETTER or figure in TIME_FIGURES


def shown(figure: str, value: float) -> float:
    """The value of a figure in its unit: shares are shown in percent."""
    return value if figure in _UNITS else 100 * value


def time_figure_names(*, live: bool, network: bool = True) -> tuple[str, ...]:
    """The names of all figures that a run can tell.

    Args:
        live: whether it is a live run.
        network: whether a network is run; masks that are there tell no times.
    """
    if live:
        return (*_LATENCY, AGE, MEMORY)
    return _OFFLINE if network else ()


def time_measures(result: EvaluationResult) -> dict[str, Measure]:
    """Every figure of the times by its name, in its unit; none where no times are known.

    Latencies and times are percentiles over the frames of all parts; the age is one over time;
    the memory is the largest.
    """
    runs = [part.live for part in result.parts if part.live is not None]
    found: dict[str, float | None] = {}
    if runs:
        told = percentiles(_latencies(runs))
        found = {f'latency_{name}': value for name, value in told.items()}
        found[AGE] = age_percentile(_ages(runs), 95)
        found[MEMORY] = max(
            (value for run in runs for _, value in run.usage.column(MEMORY)), default=None
        )
    else:
        times = [part.times for part in result.parts if part.times is not None]
        if times:
            told = percentiles([ms for one in times for ms in one.total_ms])
            found = {f'time_{name}': value for name, value in told.items()}
    return {name: Measure(value) for name, value in found.items()}


def describe_times(result: EvaluationResult) -> dict[str, Any]:
    """The keys `time_figures`, `times` and `live` of the file of an evaluation, where known.

    The parts follow each other in time.
    """
    content: dict[str, Any] = {
        'time_figures': {name: one.to_dict() for name, one in time_measures(result).items()}
    }
    runs = [part.live for part in result.parts if part.live is not None]
    if runs:
        frames = _in_a_row(
            [[[offset, ms] for offset, ms in run.latencies] for run in runs],
            [run.duration_s for run in runs],
        )
        stages = {
            name: stage_summary([row for run in runs for row in run.stages.get(name, ())])
            for name in dict.fromkeys(name for run in runs for name in run.stages)
        }
        content['times'] = {
            'stages': stages,
            'total': percentiles(_latencies(runs)),
            'frames': frames,
        }
        content['live'] = _describe_live(runs)
        return content
    times = [part.times for part in result.parts if part.times is not None]
    if times:
        content['times'] = _describe_offline(times)
    return content


def _describe_offline(times: Sequence[FrameTimes]) -> dict[str, Any]:
    stages = dict.fromkeys(name for one in times for name in one.stages)
    return {
        'stages': {
            name: percentiles(
                [ms for one in times if name in one.stages for ms in one.stage_ms(name)]
            )
            for name in stages
        },
        'total': percentiles([ms for one in times for ms in one.total_ms]),
        'frames': _in_a_row(
            [[[frame[0], frame[1]] for frame in one.frames] for one in times],
            [one.duration_s for one in times],
        ),
    }


def _describe_live(runs: Sequence[LiveTimes]) -> dict[str, Any]:
    ages = _ages(runs)
    halves = [np.array_split(run.ages[1], 2) for run in runs]
    durations = [run.duration_s for run in runs]
    usage: dict[str, Any] = {}
    for name in COLUMNS:
        series = _in_a_row([run.usage.column(name) for run in runs], durations)
        if series:
            usage[name] = series
    whose = [run.usage.gpu_memory_of for run in runs if run.usage.gpu_memory_of]
    if whose:
        usage['gpu_memory_of'] = whose[0]
    points = max(1, _CURVE_POINTS // len(runs))
    return {
        'rate': runs[0].rate,
        'interrupted': any(run.interrupted for run in runs),
        'played': sum(len(run.played) for run in runs),
        'lost_before_node': sum(run.lost_before_node for run in runs),
        'lost_after_node': sum(run.lost_after_node for run in runs),
        'repeated': sum(run.repeated for run in runs),
        'latency': percentiles(_latencies(runs)),
        'age': _in_a_row([run.age_curve(points) for run in runs], durations),
        'age_ms': {
            **{name: age_percentile(ages, float(name[1:])) for name in _PERCENTILES},
            'first_half': age_percentile(np.concatenate([half[0] for half in halves]), 50),
            'second_half': age_percentile(np.concatenate([half[1] for half in halves]), 50),
        },
        'player_late_p95': percentiles([ms for run in runs for ms in run.lateness_ms])['p95'],
        'usage': usage,
        'node': dict(runs[0].node),
    }


def _latencies(runs: Sequence[LiveTimes]) -> list[float]:
    return [ms for run in runs for _, ms in run.latencies]


def _ages(runs: Sequence[LiveTimes]) -> np.ndarray:
    return np.concatenate([run.ages[1] for run in runs])


def _in_a_row(
    series: Sequence[Sequence[Sequence[float]]], durations: Sequence[float]
) -> list[list[float]]:
    """Series of [second, value] one behind the other."""
    found = []
    begin = 0.0
    for rows, duration in zip(series, durations, strict=True):
        found += [[round(begin + row[0], 4), row[1]] for row in rows]
        begin += duration
    return found
