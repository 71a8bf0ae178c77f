# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Holds an evaluation against limits, alone or against an earlier one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.evaluation_diff import (
    Change,
    EvaluationDiff,
    compare,
    frames_that_changed,
)
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.limit import Limit, LimitKind, check_figures
from drivseg_ros.evaluation.measures import Measure, figure_names, measures
from drivseg_ros.evaluation.time_figures import TIME_FIGURES, shown, time_measures, unit_of

SAME_DATA = 'the baseline is of the same data'
_SHOWN_FRAMES = 10


@dataclass(frozen=True)
class Check:
    """Whether a limit was kept.

    Args:
        title: the limit in words.
        passed: whether it was kept.
        message: the figure, a sentence.
        frames: the frames that got worse most, if it was not kept: a line each.
        of_limit: whether a figure was held to a limit; else it is one that is always made.
    """

    title: str
    passed: bool
    message: str
    frames: tuple[str, ...] = ()
    of_limit: bool = False


def check_limits(
    result: EvaluationResult,
    limits: Sequence[Limit],
    baseline: EvaluationResult | None = None,
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
        ParameterError: if a limit is of a figure that there is not, or needs a baseline.
        DataError: if the baseline is of other data or classes.
    """
    # First of all: what another data set lacks is not to be called a wrong name of a figure.
    diff = None if baseline is None else compare(baseline, result)
    found = {**measures(result), **time_measures(result)}
    # Some may not have come, such as a calibration from masks without confidence.
    names = [*found, *figure_names(result.matching, result.settings)]
    check_figures(limits, dict.fromkeys(names))
    checks = []
    for limit in limits:
        if not limit.kind.needs_baseline:
            checks.append(_check_value(limit, found))
        elif baseline is None or diff is None:
            raise ParameterError(
                f'--{limit.kind.value} {limit.figure} is a limit of a change; name the evaluation '
                'to compare with (--baseline)'
            )
        else:
            checks.append(_check_change(limit, diff, baseline, result, beyond_noise))
    checks = [dataclasses.replace(check, of_limit=True) for check in checks]
    if diff is None:
        return checks
    notes = '; '.join(diff.notes) or 'its labels, classes and settings are the same'
    return [Check(SAME_DATA, True, notes), *checks]


def check_frames(result: EvaluationResult) -> Check:
    """Whether every frame could be read."""
    counts = result.counts
    failures = [f'{name}: {text}' for part in result.parts for name, text in part.failures.items()]
    message = f'{counts.failed} of {counts.offered} frames failed'
    repeated = sum(part.live.repeated for part in result.parts if part.live is not None)
    if repeated:
        message += f', and {repeated} have the stamp of another one and are not judged'
    return Check(
        'every frame could be read',
        not counts.failed and not repeated,
        message,
        tuple(failures[:_SHOWN_FRAMES]),
    )


def check_whole(result: EvaluationResult) -> list[Check]:
    """A check that fails if a bag was cut; none if all are whole."""
    cut = [text for part in result.parts if (text := part.source.get('unfinished'))]
    if not cut:
        return []
    message = f'{len(cut)} of {len(result.parts)} was cut, and judged as far as it goes'
    return [Check('every bag is whole', False, message, tuple(cut))]


def _check_value(limit: Limit, found: Mapping[str, Measure]) -> Check:
    value = found[limit.figure].value if limit.figure in found else None
    if value is None:
        return Check(str(limit), False, f'{limit.figure} is not defined here')
    points = shown(limit.figure, value)
    kept = points >= limit.amount if limit.kind is LimitKind.MIN else points <= limit.amount
    return Check(str(limit), kept, f'{limit.figure} is {points:.2f}{_unit(limit.figure)}')


def _check_change(
    limit: Limit,
    diff: EvaluationDiff,
    baseline: EvaluationResult,
    result: EvaluationResult,
    beyond_noise: bool,
) -> Check:
    # The calibration is left out of both where they have not the same frames.
    change = diff.changes.get(limit.figure, Change(limit.figure, None, None))
    # Times are of all frames that each of the two had.
    shared = None if limit.figure in TIME_FIGURES else diff.shared
    if change.before is None or change.after is None:
        where = 'here' if change.after is None else 'in the baseline'
        if shared is not None:
            where = f'for the {shared} frames alone that both have'
        elif change.before is None and change.after is None:
            where = 'in either evaluation'
        return Check(str(limit), False, f'{limit.figure} is not defined {where}')
    sign = -1 if limit.kind is LimitKind.MAX_DROP else 1
    before, after = shown(limit.figure, change.before), shown(limit.figure, change.after)
    moved = sign * (after - before)
    allowed = limit.amount * before / 100 if limit.relative else limit.amount
    # A hair more than the limit is rounding.
    kept = moved <= allowed + 1e-9
    message = (
        f'{limit.figure} went from {before:.2f} to {after:.2f}{_unit(limit.figure)} '
        f'({sign * moved:+.2f})'
    )
    if shared is not None:
        message += f' on the {shared} frames that both have'
    if change.low is not None and change.high is not None:
        message += f', interval {100 * change.low:+.2f} to {100 * change.high:+.2f}'
    if not kept and beyond_noise and change.beyond_noise is False:
        return Check(str(limit), True, f'{message}: within noise')
    if kept:
        return Check(str(limit), True, message)
    if beyond_noise and change.beyond_noise is None:
        message += '; no interval is known, so it cannot be called noise'
    frames = frames_that_changed(baseline, result, limit.figure)[:_SHOWN_FRAMES]
    return Check(
        str(limit),
        False,
        message,
        tuple(f'{f.name}: {100 * f.before:.1f} to {100 * f.after:.1f}' for f in frames),
    )


def _unit(figure: str) -> str:
    """Points are percent, and need not be told."""
    unit = unit_of(figure)
    return '' if unit == '%' else f' {unit}'
