# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as a JSON file: every metric, and the counts they are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.json_data import read_json, to_plain
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.breakdown import bands, extremes, part_slices, slices
from drivseg_ros.evaluation.notes import interval_note, notes
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.time_series import describe_times

KIND = 'drivseg evaluation'
FORMAT = 2
_OPEN_DEPTH = 2


def describe(
    result: Evaluation, *, command: str = '', broken: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The whole content of the file; no number in it is infinite or undefined.

    Args:
        result: what was found.
        command: the command line that made it.
        broken: bags and data sets that could not be evaluated, as they were given, and why.
    """
    counts = result.to_plain()
    frames, parts = counts.pop('frames'), counts.pop('parts')
    table = () if result.calibration is None else result.calibration.table()
    return {
        'kind': KIND,
        'format': FORMAT,
        **describe_run(),
        'command': command,
        'metrics': {name: one.describe() for name, one in result.metrics.items()},
        'headlines': [one.name for one in result.of_counts if one.headline],
        'leading': '' if result.leading is None else result.leading.name,
        'interrupted': result.interrupted,
        'notes': notes(result),
        'intervals': interval_note(result),
        **describe_times(result),
        'ledger': to_plain(result.counts)
        | {'unlabelled': result.unlabelled, 'unmatched_labels': result.unmatched_labels},
        'groups': len(result.groups),
        'confusion_matrix': {
            'rows_are_labels': [c.name for c in result.matching.truth],
            'columns_are_predictions': [c.name for c in result.matching.network],
            'pixels': result.total.table.tolist(),
        },
        'slices': to_plain(slices(result)),
        'distance': to_plain(bands(result)),
        'reliability': to_plain(table),
        'extremes': extremes(result),
        'parts': [
            part | {'title': one.name, 'metrics': one.metrics}
            for part, one in zip(parts, part_slices(result), strict=True)
        ],
        'broken': [{'given': given, 'message': text} for given, text in (broken or {}).items()],
        **counts,
        'frames': [
            frame | {'metrics': found}
            for frame, found in zip(frames, result.frame_values, strict=True)
        ],
    }


def write_evaluation(path: Path, content: Mapping[str, Any]) -> None:
    """Writes what `describe` gave, a line for each frame.

    Raises:
        DataError: if it cannot be written.
    """
    write_whole(path, evaluation_text(content))


def evaluation_text(content: Mapping[str, Any]) -> str:
    """The same as text."""
    return _text(content, 0) + '\n'


def read_content(path: Path) -> dict[str, Any]:
    """Reads what `describe` gave, as it is.

    Raises:
        DataError: if the file cannot be read, or is something else.
    """
    content = read_json(path, 'a file that `drivseg evaluate --json` wrote')
    if not isinstance(content, dict) or content.get('kind') != KIND:
        raise DataError(f'{path} is no evaluation; give what `drivseg evaluate --json` wrote')
    if content.get('format') != FORMAT:
        raise DataError(
            f'{path} has the format {content.get("format")!r}, and this version reads {FORMAT}; '
            'make it again'
        )
    return content


def read_evaluation(path: Path) -> Evaluation:
    """Reads the counts back; every metric is computed of them again.

    Raises:
        DataError: if the file cannot be read, or is something else.
    """
    content = read_content(path)
    try:
        return Evaluation.from_plain(content)
    except DataError as error:
        raise DataError(f'{path}: {error}; make it again') from None


def _text(value: Any, depth: int) -> str:
    """JSON in which the outer levels have lines and the inner ones have none."""
    if depth >= _OPEN_DEPTH or not isinstance(value, (Mapping, list)) or not value:
        return json.dumps(value, allow_nan=False)
    inside, outside = '  ' * (depth + 1), '  ' * depth
    if isinstance(value, Mapping):
        lines = [f'{json.dumps(key)}: {_text(one, depth + 1)}' for key, one in value.items()]
        marks = '{}'
    else:
        lines = [_text(one, depth + 1) for one in value]
        marks = '[]'
    return f'{marks[0]}\n{inside}' + f',\n{inside}'.join(lines) + f'\n{outside}{marks[1]}'
