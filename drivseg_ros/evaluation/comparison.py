# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two evaluations of the same frames beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.bootstrap import interval
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.metric import Metric, rounded
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.shared_frames import pair_parts, shared_frames
from drivseg_ros.frames.matching import class_titles

_LISTED_FRAMES = 10


@dataclass(frozen=True)
class Change:
    """A metric in two evaluations.

    Args:
        metric: what it is.
        before: in the first; None where it is not defined, or the evaluation has no such metric.
        after: in the second.
        low: the lower end of the interval of the difference, drawn on the same groups in both;
            None where none is known.
        high: its upper end.
    """

    metric: Metric
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None

    @property
    def difference(self) -> float | None:
        """After less before; None if one of them is not defined."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def beyond_noise(self) -> bool | None:
        """Whether the interval leaves out 0; None if there is none."""
        return None if self.low is None or self.high is None else not self.low <= 0 <= self.high

    def describe(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            'title': self.metric.title,
            'unit': self.metric.unit.value,
            'better': self.metric.better.value,
            **{name: rounded(getattr(self, name)) for name in ('before', 'after', 'low', 'high')},
        }


@dataclass(frozen=True)
class FrameChange:
    """A metric of one frame in two evaluations.

    Args:
        metric: which.
        name: of the frame, with its bag's if there are several.
        part: the place of its bag or folder in the second evaluation.
        frame: its name alone.
        before: in the first.
        after: in the second.
    """

    metric: Metric
    name: str
    part: int
    frame: str
    before: float
    after: float


@dataclass(frozen=True)
class Comparison:
    """What differs between two evaluations.

    Args:
        changes: every metric that either has.
        notes: what to know when reading them, sentences.
        shared: so many frames are in both, where accuracy is compared on these alone; else None.
    """

    changes: Mapping[str, Change]
    notes: tuple[str, ...] = ()
    shared: int | None = None


def check_same_terms(before: Terms, after: Terms) -> None:
    """Refuses two evaluations of other labels or settings; it needs no frame to be evaluated.

    The networks may have other classes: metrics that both have are compared.

    Raises:
        DataError: if they differ, and in what.
    """
    mine, its = before.matching, after.matching
    titles = class_titles(mine.truth), class_titles(its.truth)
    if titles[0] != titles[1]:
        raise DataError(
            f'the one evaluation has labels with the classes {titles[0]}, the other {titles[1]}; '
            'only evaluations of the same labels can be compared'
        )
    if mine.areas != its.areas:
        raise DataError(
            'the labels of the two evaluations are the ground truth of other roles '
            f'({_names(before)}; {_names(after)}); only evaluations of one ground truth can be '
            'compared'
        )
    how, other = before.settings, after.settings
    if (how.bands, how.boundary) != (other.bands, other.boundary):
        raise DataError(
            f'the two evaluations have other settings (the one --bands {how.bands} --boundary '
            f'{how.boundary:g}, the other --bands {other.bands} --boundary {other.boundary:g}); '
            'make one again with those of the other'
        )


def check_comparable(before: Evaluation, after: Evaluation) -> None:
    """Refuses two evaluations that are not of the same labels and settings.

    Raises:
        DataError: if they are not, and why.
    """
    check_same_terms(before.terms, after.terms)
    same = before.labels_sha256 == after.labels_sha256
    if not before.labels_sha256:
        same = same and before.images_sha256 == after.images_sha256
    if not same:
        failed = before.counts.failed, after.counts.failed
        raise DataError(
            f'the two evaluations are of other data: {len(before.rows)} frames with the labels '
            f'{before.labels_sha256[:12]}, and {len(after.rows)} with {after.labels_sha256[:12]}'
            + (f' ({failed[0]} and {failed[1]} frames failed)' if any(failed) else '')
            + '; evaluate the same frames, or make the baseline again'
        )


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """The metrics of two evaluations beside each other.

    Raises:
        DataError: if they are not of the same labels and settings.
    """
    notes = []
    shared = None
    first, second = before, after
    if before.runs or after.runs:
        (first, second), note = shared_frames(before, after)
        if note:
            notes.append(note)
            shared = len(second.rows)
    check_comparable(first, second)
    notes += _notes(first, second)
    alike = first.groups.keys() == second.groups.keys()
    if not alike:
        notes.append('the two were resampled in other groups, so no intervals are known')
    level = after.settings.bootstrap.level
    changes = {}
    for name in dict.fromkeys([*before.metrics, *after.metrics]):
        found = [
            # Times are of all frames that each of the two had.
            (one if one.metrics[name].metric.is_time else some).metrics[name]
            if name in one.metrics
            else None
            for one, some in ((before, first), (after, second))
        ]
        values = [None if one is None else one.value for one in found]
        ends = None
        if alike and None not in values and name in first.draws.keys() & second.draws.keys():
            ends = interval(second.draws[name] - first.draws[name], level)
        metric = next(one.metric for one in found if one is not None)
        changes[name] = Change(metric, values[0], values[1], *(ends or (None, None)))
    return Comparison(changes, tuple(notes), shared)


def frames_that_changed(
    before: Evaluation, after: Evaluation, metric: Metric, *, worse: bool = True
) -> list[FrameChange]:
    """The frames whose value changed, those that became worse most first.

    Args:
        before: the first evaluation.
        after: the second.
        metric: which.
        worse: only those that became worse; else all.
    """
    pairs = pair_parts(before, after)
    earlier = {
        (row.part, row.name): found.get(metric.name)
        for row, found in zip(before.rows, before.frame_values, strict=True)
    }
    changed = []
    for row, found in zip(after.rows, after.frame_values, strict=True):
        was, now = earlier.get((pairs.get(row.part, -1), row.name)), found.get(metric.name)
        if was is not None and now is not None and was != now:
            changed.append(FrameChange(metric, after.full_name(row), row.part, row.name, was, now))
    changed.sort(key=lambda one: (-metric.worse_by(one.before, one.after), one.name))
    return [f for f in changed if not worse or metric.worse_by(f.before, f.after) > 0]


def describe_baseline(
    given: str, baseline: Evaluation, evaluation: Evaluation, *, metrics: Sequence[str] = ()
) -> dict[str, Any]:
    """The key `baseline` of the file of an evaluation.

    Args:
        given: the baseline's file.
        baseline: what was found then.
        evaluation: what is found now.
        metrics: those by which the frames that became worse are wanted; the first that frames have
            is taken, else the leading one.

    Raises:
        DataError: if the two cannot be compared.
    """
    found = compare(baseline, evaluation)
    by_name = {one.name: one for one in evaluation.of_counts}
    wanted = [by_name[name] for name in metrics if name in by_name]
    metric, changed = evaluation.leading, list[FrameChange]()
    for one in (*wanted, *(() if metric is None else (metric,))):
        changed = frames_that_changed(baseline, evaluation, one, worse=False)
        if changed:
            metric = one
            break
    worse = [f for f in changed if metric and metric.worse_by(f.before, f.after) > 0]
    return {
        'given': given,
        'network': dict(baseline.network),
        'notes': list(found.notes),
        'metrics': {name: change.describe() for name, change in found.changes.items()},
        'frames': {
            'metric': '' if metric is None else metric.name,
            'worse': len(worse),
            'better': len(changed) - len(worse),
            'worst': [
                {'part': one.part, 'name': one.frame, 'before': one.before, 'after': one.after}
                for one in worse[:_LISTED_FRAMES]
            ],
        },
    }


def _notes(before: Evaluation, after: Evaluation) -> list[str]:
    found = []
    classes = class_titles(before.matching.network), class_titles(after.matching.network)
    if classes[0] != classes[1]:
        found.append(
            f'the networks have other classes ({classes[0]}; {classes[1]}): only metrics that '
            'both have are compared'
        )
    images = before.images_sha256, after.images_sha256
    if all(images) and images[0] != images[1]:
        found.append(
            'the labels are the same, the images are not: they were changed, or decoded by '
            'another version of OpenCV'
        )
    return found


def _names(terms: Terms) -> str:
    return ', '.join(area.value for area in terms.matching.areas) or 'none'
