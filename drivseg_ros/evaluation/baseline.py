# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What became of an evaluation since its baseline, as plain data for the file and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivseg_ros.evaluation.evaluation_diff import Change, compare, frames_that_changed
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.measures import leading_figure

_DIGITS = 6
_LISTED_FRAMES = 10


def describe_baseline(
    given: str,
    baseline: EvaluationResult,
    result: EvaluationResult,
    *,
    figures: Sequence[str] = (),
) -> dict[str, Any]:
    """The key `baseline` of the file of an evaluation.

    Args:
        given: the baseline's file.
        baseline: what was found then.
        result: what is found now.
        figures: those by which the frames that became worse are wanted; the first that frames have
            is taken, else the leading figure.

    Raises:
        DataError: if the two cannot be compared.
    """
    diff = compare(baseline, result)
    figure, changed = leading_figure(result), []
    for name in (*figures, figure):
        changed = frames_that_changed(baseline, result, name, worse=False)
        if changed:
            figure = name
            break
    worse = frames_that_changed(baseline, result, figure)
    rows = {result.full_name(row): row for row in result.rows}
    return {
        'given': given,
        'network': dict(baseline.network),
        'notes': list(diff.notes),
        'figures': {name: _describe(change) for name, change in diff.changes.items()},
        'frames': {
            'figure': figure,
            'worse': len(worse),
            'better': len(changed) - len(worse),
            'worst': [
                {
                    'part': rows[frame.name].part,
                    'name': rows[frame.name].name,
                    'before': frame.before,
                    'after': frame.after,
                }
                for frame in worse[:_LISTED_FRAMES]
            ],
        },
    }


def _describe(change: Change) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value, _DIGITS)
        for name, value in (
            ('before', change.before),
            ('after', change.after),
            ('low', change.low),
            ('high', change.high),
        )
    }
