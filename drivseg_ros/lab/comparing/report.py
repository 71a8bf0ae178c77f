# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a comparison: tables in Markdown, and everything in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drivseg_ros.base.json_data import read_json
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.evaluation.report import write_report
from drivseg_ros.lab.comparing.table import markdown


def write(report: dict[str, Any], table: Path, data: Path) -> str:
    """Writes both.

    Args:
        report: of `compare`, with the command.
        table: the .md.
        data: the .json.

    Returns:
        The text of the table.

    Raises:
        DataError: if the report cannot be written.
    """
    write_report(data, report)
    # With the head that the report was given.
    text = markdown(read_json(data, 'the report'))
    write_whole(table, text)
    return text
