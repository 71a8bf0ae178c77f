# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames that two evaluations have in common: a live run leaves out those it dropped."""

from __future__ import annotations

import dataclasses

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.tally import FrameRow


def shared_frames(
    before: EvaluationResult, after: EvaluationResult
) -> tuple[tuple[EvaluationResult, EvaluationResult], str]:
    """Both evaluations, of the frames alone that are in both.

    What is not kept frame by frame, the calibration and the bands of image height, is left out of
    them then; so are changes between frames, which are others if frames between are missing.

    Returns:
        The two, as they are if they have the same frames; and a sentence about what was left out,
        or ''.

    Raises:
        DataError: if they have no frame in common.
    """
    keys = [{_key(row) for row in one.rows} for one in (before, after)]
    shared = keys[0] & keys[1]
    if not shared:
        raise DataError(
            f'the one evaluation is of {len(before.rows)} frames, the other of {len(after.rows)}, '
            'and none is in both; evaluate the same bag'
        )
    if keys[0] == keys[1]:
        return (before, after), ''
    pair = (_only(before, shared), _only(after, shared))
    note = (
        f'accuracy is compared on the {len(shared)} frames that both have, of {len(keys[0])} and '
        f'{len(keys[1])}; calibration, flicker and change are not compared'
    )
    return pair, note


_Key = tuple[int, str, str, str]


def _key(row: FrameRow) -> _Key:
    # The image tells frames apart that have no label.
    return (row.part, row.name, row.label_sha256, '' if row.label_sha256 else row.image_sha256)


def _only(result: EvaluationResult, shared: set[_Key]) -> EvaluationResult:
    rows = []
    for row in result.rows:
        if _key(row) in shared:
            sums = dataclasses.replace(
                row.sums, flicker=0 * row.sums.flicker, change=0 * row.sums.change
            )
            rows.append(dataclasses.replace(row, sums=sums))
    return dataclasses.replace(result, rows=tuple(rows), bands=0 * result.bands, calibration=None)
