# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a part of an evaluation: slices, folders and bags, bands of height, frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivseg_ros.evaluation.measured import Measured
from drivseg_ros.evaluation.metric import Better, number, rounded
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sums import Sums, add
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.attributes import UNKNOWN


@dataclass(frozen=True)
class Slice:
    """The metrics of a part of the frames, or of a part of every frame.

    Args:
        name: such as 'timeofday=night', or 'rows 0 to 25 %'.
        frames: how many frames it has.
        pixels: how many labelled pixels.
        metrics: without those that are not defined here.
    """

    name: str
    frames: int
    pixels: int
    metrics: Mapping[str, float]


def slices(evaluation: Evaluation) -> list[Slice]:
    """The slices by attributes; none if no attributes are known."""
    found: dict[str, list[Sums]] = {}
    keys = sorted({key for row in evaluation.rows for key in row.attributes})
    for row in evaluation.rows:
        for key in keys:  # which a bag beside it may have, and it has not
            value = row.attributes.get(key, UNKNOWN)
            found.setdefault(f'{key}={value}', []).append(row.sums)
    return [
        _slice(name, len(found[name]), add(found[name], evaluation.matching), evaluation)
        for name in sorted(found)
    ]


def part_slices(evaluation: Evaluation) -> list[Slice]:
    """Each folder and bag alone, by its title, in the order of the parts."""
    found: list[list[Sums]] = [[] for _ in evaluation.parts]
    for row in evaluation.rows:
        found[row.part].append(row.sums)
    return [
        _slice(part.title, len(sums), add(sums, evaluation.matching), evaluation)
        for part, sums in zip(evaluation.parts, found, strict=True)
    ]


def bands(evaluation: Evaluation) -> list[Slice]:
    """Bands of image height from the top, where the road is far, to the bottom."""
    count = len(evaluation.bands)
    labelled = sum(1 for row in evaluation.rows if row.label_sha256)
    found = []
    for i, table in enumerate(evaluation.bands):
        zero = Sums.zero(evaluation.matching)
        sums = Sums(table, zero.boundary, zero.flicker, zero.change)
        name = f'rows {100 * i / count:g} to {100 * (i + 1) / count:g} %'
        found.append(_slice(name, labelled, sums, evaluation))
    return found


def extremes(evaluation: Evaluation, count: int = 5) -> dict[str, list[tuple[str, float]]]:
    """The worst and the best frames by the leading metric: names and values."""
    return {
        which: [(evaluation.full_name(row), value) for row, value in rows[:count]]
        for which, rows in extreme_rows(evaluation).items()
    }


def extreme_rows(evaluation: Evaluation) -> dict[str, list[tuple[FrameRow, float]]]:
    """All frames with their rows, as frames of several bags may have one name."""
    metric = evaluation.leading
    if metric is None:
        return {'worst': [], 'best': []}
    known = [
        (row, value)
        for row, found in zip(evaluation.rows, evaluation.frame_values, strict=True)
        if (value := found[metric.name]) is not None
    ]
    lower = metric.better is Better.LOWER
    ordered = sorted(known, key=lambda pair: (pair[1], pair[0].name), reverse=lower)
    return {'worst': ordered, 'best': ordered[::-1]}


def _slice(name: str, frames: int, sums: Sums, evaluation: Evaluation) -> Slice:
    measured = Measured(sums, evaluation.matching)
    values = {
        one.name: value
        for one in evaluation.of_counts
        if (value := rounded(number(one.compute(measured)))) is not None
    }
    return Slice(name, frames, int(sums.table.sum()), values)
