# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of an evaluation: of the whole set with intervals, of slices, of single frames."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.bootstrap import draw, interval
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.sums import (
    BOUNDARY_IOU,
    CHANGE,
    ECE,
    FLICKER,
    MIOU,
    PIXEL_ACCURACY,
    Sums,
    add,
    figures,
)
from drivseg_ros.evaluation.tally import EvaluationSettings, FrameRow
from drivseg_ros.frames.attributes import NOT_TOLD
from drivseg_ros.frames.matching import Matching

_DIGITS = 6


@dataclass(frozen=True)
class Measure:
    """A figure, a share from 0 to 1, and the interval that other drives would let expect.

    Args:
        value: the figure; None where it is not defined.
        low: the interval's lower end; None where none is known.
        high: its upper end.

    Raises:
        DataError: if one is no finite number.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise DataError(f'a figure is {number}; a finite number or None is allowed')

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, to six digits."""
        return {'value': _short(self.value), 'low': _short(self.low), 'high': _short(self.high)}


@dataclass(frozen=True)
class Slice:
    """The figures of a part of the frames, or of a part of every frame.

    Args:
        name: such as 'timeofday=night', or 'rows 0 to 25 %'.
        frames: how many frames it has.
        pixels: how many labelled pixels.
        figures: without those that are not defined here.
    """

    name: str
    frames: int
    pixels: int
    figures: Mapping[str, float]


def measures(result: EvaluationResult) -> dict[str, Measure]:
    """Every figure of the whole set by its name; see docs/evaluating.md for the names."""
    drawn = draw(result.groups, result.matching, result.settings.bootstrap)
    level = result.settings.bootstrap.level
    found = {}
    for name, value in figures(result.total, result.matching).items():
        if _is_off(name, result.settings):
            continue
        ends = interval(drawn[name], level) if name in drawn else None
        low, high = ends or (None, None)
        found[name] = Measure(_known(value), *((low, high) if _known(value) is not None else ()))
    if result.calibration is not None:
        found[ECE] = Measure(_known(result.calibration.ece))
    return found


def figure_names(matching: Matching, settings: EvaluationSettings) -> list[str]:
    """The names of all figures that an evaluation can tell."""
    names = [n for n in figures(Sums.zero(matching), matching) if not _is_off(n, settings)]
    return names if matching.answers is None else [*names, ECE]


def slices(result: EvaluationResult) -> list[Slice]:
    """The slices by attributes; none if no attributes are known."""
    found: dict[str, list[Sums]] = {}
    keys = sorted({key for row in result.rows for key in row.attributes})
    for row in result.rows:
        for key in keys:  # which a bag beside it may have, and it has not
            value = row.attributes.get(key, NOT_TOLD)
            found.setdefault(f'{key}={value}', []).append(row.sums)
    return [
        _slice(name, len(found[name]), add(found[name], result.matching), result)
        for name in sorted(found)
    ]


def part_slices(result: EvaluationResult) -> list[Slice]:
    """Each folder and bag alone, by its title, in the order of the parts."""
    found: list[list[Sums]] = [[] for _ in result.parts]
    for row in result.rows:
        found[row.part].append(row.sums)
    return [
        _slice(part.title, len(sums), add(sums, result.matching), result)
        for part, sums in zip(result.parts, found, strict=True)
    ]


def bands(result: EvaluationResult) -> list[Slice]:
    """Bands of image height from the top, where the road is far, to the bottom."""
    count = len(result.bands)
    labelled = sum(1 for row in result.rows if row.label_sha256)
    found = []
    for i, table in enumerate(result.bands):
        zero = Sums.zero(result.matching)
        sums = Sums(table, zero.boundary, zero.flicker, zero.change)
        name = f'rows {100 * i / count:g} to {100 * (i + 1) / count:g} %'
        found.append(_slice(name, labelled, sums, result))
    return found


def frame_figures(result: EvaluationResult) -> list[dict[str, float | None]]:
    """The figures of each frame alone, in the order of the rows.

    They say where to look; their mean is not the figure of the set.
    """
    if not result.rows:
        return []
    vectors = np.stack([row.sums.vector for row in result.rows])
    found = figures(Sums.from_vector(vectors, result.matching), result.matching)
    kept = {name: values for name, values in found.items() if not _is_off(name, result.settings)}
    return [
        {name: _short(_known(values[i])) for name, values in kept.items()}
        for i in range(len(result.rows))
    ]


def leading_figure(result: EvaluationResult) -> str:
    """The figure that frames are ordered by: mIoU, else the first by role, else the change."""
    found = figures(result.total, result.matching)
    by_role = [q.metric('iou') for q in result.matching.targets if q.by_role]
    for name in (MIOU, *by_role):
        if name in found and _known(found[name]) is not None:
            return name
    return CHANGE


def extremes(result: EvaluationResult, count: int = 5) -> dict[str, list[tuple[str, float]]]:
    """The worst and the best frames by `leading_figure`: names and figures."""
    return {
        which: [(result.full_name(row), value) for row, value in rows]
        for which, rows in extreme_rows(result, count).items()
    }


def extreme_rows(result: EvaluationResult, count: int) -> dict[str, list[tuple[FrameRow, float]]]:
    """The same with their rows, as frames of several bags may have one name."""
    name = leading_figure(result)
    told = [
        (row, value)
        for row, found in zip(result.rows, frame_figures(result), strict=True)
        if (value := found.get(name)) is not None
    ]
    ordered = sorted(told, key=lambda pair: (pair[1], pair[0].name), reverse=name == CHANGE)
    return {'worst': ordered[:count], 'best': ordered[::-1][:count]}


def _slice(name: str, frames: int, sums: Sums, result: EvaluationResult) -> Slice:
    values = {
        figure: number
        for figure, value in figures(sums, result.matching).items()
        if (number := _short(_known(value))) is not None
    }
    return Slice(name, frames, int(sums.table.sum()), values)


def _is_off(name: str, settings: EvaluationSettings) -> bool:
    """Whether a figure was not asked for."""
    if name in (FLICKER, CHANGE):
        return not settings.sequence
    kind = name.partition('/')[0]
    return kind.endswith(BOUNDARY_IOU) and not settings.boundary


def _known(value: Any) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


MAIN_FIGURES = (MIOU, PIXEL_ACCURACY, BOUNDARY_IOU, ECE, FLICKER, CHANGE)
"""Figures of the whole set that are not of one class or role."""
