# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of an evaluation are shown as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivseg_ros.evaluation.breakdown import extreme_rows
from drivseg_ros.evaluation.result import Evaluation


@dataclass(frozen=True)
class ChosenFrame:
    """A frame that is to be shown.

    Args:
        which: 'worse' than in the baseline, 'worst' or 'best'.
        part: the place of the bag or folder it is from.
        name: of the frame.
        metric: the title of the metric by which it was chosen.
        value: that of the frame, a share.
        before: the same in the baseline; None without one.
    """

    which: str
    part: int
    name: str
    metric: str
    value: float
    before: float | None = None


def choose_frames(
    result: Evaluation, count: int, baseline: Mapping[str, Any] | None = None
) -> list[ChosenFrame]:
    """The frames in the order in which they are shown.

    A frame is shown once: those that became worse are left out of the worst, and in a small set the
    worst out of the best.

    Args:
        result: what was found.
        count: how many of each kind at most.
        baseline: what `describe_baseline` gave, if there is one.
    """
    found: dict[tuple[int, str], ChosenFrame] = {}
    titles = {one.name: one.title for one in result.of_counts}
    if baseline is not None:
        frames = baseline['frames']
        for one in frames['worst'][:count]:
            found[one['part'], one['name']] = ChosenFrame(
                'worse',
                one['part'],
                one['name'],
                titles[frames['metric']],
                one['after'],
                one['before'],
            )
    title = '' if result.leading is None else result.leading.title
    for which, rows in extreme_rows(result).items():
        left = [(row, value) for row, value in rows if (row.part, row.name) not in found]
        for row, value in left[:count]:
            found[row.part, row.name] = ChosenFrame(which, row.part, row.name, title, value)
    return list(found.values())
