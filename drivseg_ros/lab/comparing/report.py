# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a comparison: tables in Markdown, and everything in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.json_data import json_text
from drivseg_ros.base.whole_file import write_whole
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
    whole = {**describe_run(), **report}
    text = markdown(whole)
    write_whole(data, json_text(whole))
    write_whole(table, text)
    return text
