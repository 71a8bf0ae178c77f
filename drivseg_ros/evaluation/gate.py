# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Holds an evaluation against limits, alone or against an earlier one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.comparison import Comparison, compare, frames_that_changed
from drivseg_ros.evaluation.limit import Limit, LimitKind, check_metrics
from drivseg_ros.evaluation.metric import MetricValue
from drivseg_ros.evaluation.result import Evaluation

SAME_DATA = 'the baseline is of the same data'
_SHOWN_FRAMES = 10


@dataclass(frozen=True)
class Check:
    """Whether a limit was kept.

    Args:
        title: the limit in words.
        passed: whether it was kept.
        message: the value, a sentence.
        frames: the frames that got worse most, if it was not kept: a line each.
        of_limit: whether a metric was held to a limit; else it is one that is always made.
    """

    title: str
    passed: bool
    message: str
    frames: tuple[str, ...] = ()
    of_limit: bool = False


def check_limits(
    result: Evaluation,
    limits: Sequence[Limit],
    baseline: Evaluation | None = None,
    *,
    beyond_noise: bool = False,
) -> list[Check]:
    """Holds an evaluation against limits.

    Args:
        result: what was found.
        limits: the limits.
        baseline: the earlier evaluation that changes are measured from.
        beyond_noise: a change counts only if the interval of the difference leaves out 0.

    Returns:
        A check for each limit, in their order; with a baseline, one before them that it is of the
        same data.

    Raises:
        ParameterError: if a limit is of a metric that there is not, or needs a baseline.
        DataError: if the baseline is of other data.
    """
    # First of all: what another data set lacks is not to be called a wrong name of a metric.
    found = None if baseline is None else compare(baseline, result)
    check_metrics(limits, result.metrics)
    checks = []
    for limit in limits:
        if not limit.kind.needs_baseline:
            checks.append(_check_value(limit, result.metrics[limit.metric]))
        elif baseline is None or found is None:
            raise ParameterError(
                f'--{limit.kind.value} {limit.metric} is a limit of a change; name the evaluation '
                'to compare with (--baseline)'
            )
        else:
            checks.append(_check_change(limit, found, baseline, result, beyond_noise))
    checks = [dataclasses.replace(check, of_limit=True) for check in checks]
    if found is None:
        return checks
    notes = '; '.join(found.notes) or 'its labels, classes and settings are the same'
    return [Check(SAME_DATA, True, notes), *checks]


def check_frames(result: Evaluation) -> Check:
    """Whether every frame could be read."""
    counts = result.counts
    failures = [f'{name}: {text}' for part in result.parts for name, text in part.failures.items()]
    message = f'{counts.failed} of {counts.offered} frames failed'
    repeated = sum(part.live.repeated for part in result.parts if part.live is not None)
    if repeated:
        message += f', and {repeated} have the stamp of another one and are not evaluated'
    return Check(
        'every frame could be read',
        not counts.failed and not repeated,
        message,
        tuple(failures[:_SHOWN_FRAMES]),
    )


def check_whole(result: Evaluation) -> list[Check]:
    """A check that fails if a bag was cut; none if all are whole."""
    cut = [text for part in result.parts if (text := part.source.get('unfinished'))]
    if not cut:
        return []
    message = f'{len(cut)} of {len(result.parts)} was cut, and evaluated as far as it goes'
    return [Check('every bag is whole', False, message, tuple(cut))]


def _check_value(limit: Limit, found: MetricValue) -> Check:
    if found.value is None:
        return Check(str(limit), False, f'{limit.metric} is not defined here')
    unit = found.metric.unit
    shown = unit.shown(found.value)
    kept = shown >= limit.amount if limit.kind is LimitKind.MIN else shown <= limit.amount
    return Check(str(limit), kept, f'{limit.metric} is {shown:.2f}{unit.suffix}')


def _check_change(
    limit: Limit,
    found: Comparison,
    baseline: Evaluation,
    result: Evaluation,
    beyond_noise: bool,
) -> Check:
    change = found.changes[limit.metric]
    metric, unit = change.metric, change.metric.unit
    # Times are of all frames that each of the two had.
    shared = None if metric.is_time else found.shared
    if change.before is None or change.after is None:
        where = 'here' if change.after is None else 'in the baseline'
        if shared is not None:
            where = f'for the {shared} frames alone that both have'
        elif change.before is None and change.after is None:
            where = 'in either evaluation'
        return Check(str(limit), False, f'{limit.metric} is not defined {where}')
    sign = -1 if limit.kind is LimitKind.MAX_DROP else 1
    before, after = unit.shown(change.before), unit.shown(change.after)
    moved = sign * (after - before)
    allowed = limit.amount * before / 100 if limit.relative else limit.amount
    # A hair more than the limit is rounding.
    kept = moved <= allowed + 1e-9
    message = (
        f'{limit.metric} went from {before:.2f} to {after:.2f}{unit.suffix} ({sign * moved:+.2f})'
    )
    if shared is not None:
        message += f' on the {shared} frames that both have'
    if change.low is not None and change.high is not None:
        message += f', interval {unit.shown(change.low):+.2f} to {unit.shown(change.high):+.2f}'
    if not kept and beyond_noise and change.beyond_noise is False:
        return Check(str(limit), True, f'{message}: within noise')
    if kept:
        return Check(str(limit), True, message)
    if beyond_noise and change.beyond_noise is None:
        message += '; no interval is known, so it cannot be called noise'
    frames = frames_that_changed(baseline, result, metric)[:_SHOWN_FRAMES]
    return Check(
        str(limit),
        False,
        message,
        tuple(f'{f.name}: {100 * f.before:.1f} to {100 * f.after:.1f}' for f in frames),
    )
