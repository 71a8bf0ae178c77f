# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two evaluations of the same frames beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.bootstrap import draw, interval
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.measures import frame_figures, measures
from drivseg_ros.evaluation.paired_parts import pair_parts
from drivseg_ros.evaluation.shared_frames import shared_frames
from drivseg_ros.evaluation.sums import LOWER_IS_BETTER
from drivseg_ros.evaluation.tally import EvaluationSettings
from drivseg_ros.evaluation.time_figures import TIME_FIGURES, time_measures
from drivseg_ros.frames.matching import Matching, class_titles


@dataclass(frozen=True)
class Change:
    """A figure in two evaluations.

    Args:
        name: of the figure.
        before: in the first, a share, or a time in its unit; None where it is not defined.
        after: in the second.
        low: the lower end of the interval of the difference, drawn on the same groups in both;
            None where none is known.
        high: its upper end.
    """

    name: str
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


@dataclass(frozen=True)
class FrameChange:
    """A figure of one frame in two evaluations."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class EvaluationDiff:
    """What differs between two evaluations.

    Args:
        changes: every figure that either has.
        notes: what to know when reading them, sentences.
        shared: so many frames are in both, where accuracy is compared on these alone; else None.
    """

    changes: Mapping[str, Change]
    notes: tuple[str, ...] = ()
    shared: int | None = None


def check_same_terms(
    before: tuple[Matching, EvaluationSettings], after: tuple[Matching, EvaluationSettings]
) -> None:
    """Refuses two evaluations of other classes or settings; it needs no frame to be judged.

    Raises:
        DataError: if they differ, and in what.
    """
    (mine, how), (its, other) = before, after
    for what, first, second in (
        ('labels with the classes', mine.truth, its.truth),
        ('a network with the classes', mine.network, its.network),
    ):
        titles = class_titles(first), class_titles(second)
        if titles[0] != titles[1]:
            raise DataError(
                f'the one evaluation has {what} {titles[0]}, the other {titles[1]}; only '
                'evaluations of the same classes can be compared'
            )
    if mine.areas != its.areas:
        raise DataError(
            'the labels of the two evaluations are not the truth of the same roles; only '
            'evaluations of one truth can be compared'
        )
    if (how.bands, how.boundary) != (other.bands, other.boundary):
        raise DataError(
            f'the two evaluations have other settings ({how.bands} bands, boundary '
            f'{how.boundary}; {other.bands}, {other.boundary}); make one again with those of the '
            'other'
        )


def check_comparable(before: EvaluationResult, after: EvaluationResult) -> None:
    """Refuses two evaluations that are not of the same labels, classes and settings.

    Raises:
        DataError: if they are not, and why.
    """
    check_same_terms((before.matching, before.settings), (after.matching, after.settings))
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


def compare(before: EvaluationResult, after: EvaluationResult) -> EvaluationDiff:
    """The figures of two evaluations beside each other.

    Raises:
        DataError: if they are not of the same labels and classes.
    """
    times = time_measures(before), time_measures(after)
    notes = []
    shared = None
    if before.is_live or after.is_live:
        (before, after), note = shared_frames(before, after)
        if note:
            notes.append(note)
            shared = len(after.rows)
    check_comparable(before, after)
    if before.images_sha256 != after.images_sha256 and before.images_sha256 and after.images_sha256:
        notes.append(
            'the labels are the same, the images are not: they were changed, or decoded by '
            'another version of OpenCV'
        )
    first, second = {**measures(before), **times[0]}, {**measures(after), **times[1]}
    drawn: dict[str, tuple[float, float]] = {}
    if before.groups.keys() == after.groups.keys():
        settings = after.settings.bootstrap
        draws = [draw(one.groups, one.matching, settings) for one in (before, after)]
        for name in draws[0].keys() & draws[1].keys():
            ends = interval(draws[1][name] - draws[0][name], settings.level)
            if ends is not None:
                drawn[name] = ends
    else:
        notes.append('the two were resampled in other groups, so no intervals are known')
    changes = {}
    for name in [*first, *(n for n in second if n not in first)]:
        values = [one[name].value if name in one else None for one in (first, second)]
        low, high = drawn.get(name, (None, None)) if None not in values else (None, None)
        changes[name] = Change(name, values[0], values[1], low, high)
    return EvaluationDiff(changes, tuple(notes), shared)


def frames_that_changed(
    before: EvaluationResult, after: EvaluationResult, figure: str, *, worse: bool = True
) -> list[FrameChange]:
    """The frames whose figure changed, those that became worse most first.

    Args:
        before: the first evaluation.
        after: the second.
        figure: its name.
        worse: only those that became worse; else all.
    """
    pairs = pair_parts(before, after)
    places = [range(len(before.parts)), [pairs.get(i) for i in range(len(after.parts))]]
    names = {}
    told: list[dict[tuple[int | None, str], float | None]] = [{}, {}]
    for one, called, values in zip((before, after), places, told, strict=True):
        for row, found in zip(one.rows, frame_figures(one), strict=True):
            key = (called[row.part], row.name)
            values[key] = found.get(figure)
            names[key] = one.full_name(row)
    sign = 1 if figure in (*LOWER_IS_BETTER, *TIME_FIGURES) else -1
    changed = [
        FrameChange(names[key], value, its)
        for key, value in told[0].items()
        if value is not None and (its := told[1].get(key)) is not None and its != value
    ]
    changed.sort(key=lambda frame: (-sign * (frame.after - frame.before), frame.name))
    return [f for f in changed if not worse or sign * (f.after - f.before) > 0]
