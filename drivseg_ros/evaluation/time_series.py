# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The times of an evaluation as plain data: where they go, frame by frame, and what was used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drivseg_ros.evaluation.frame_times import FrameTimes, percentiles
from drivseg_ros.evaluation.live.times import LiveTimes, age_percentile, stage_summary
from drivseg_ros.evaluation.live.usage import COLUMNS
from drivseg_ros.evaluation.result import Evaluation

_PERCENTILES = ('p50', 'p95', 'p99')
_CURVE_POINTS = 400


def describe_times(result: Evaluation) -> dict[str, Any]:
    """The keys `times` and `live` of the file of an evaluation, where known.

    The parts follow each other in time.
    """
    content: dict[str, Any] = {}
    runs = result.runs
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
        'speed': runs[0].speed,
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
