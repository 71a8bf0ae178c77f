# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a report to be written, made before the figures are measured and not behind it."""

from __future__ import annotations

import os
from pathlib import Path

from drivseg_ros.errors import ParameterError


def check_report_file(output: Path | None) -> None:
    """Refuses a file that cannot be written.

    Args:
        output: the file; its folder need not be there. None: no report is asked for.

    Raises:
        ParameterError: if it is a folder, or it or its folder is not ours to write.
    """
    if output is None:
        return
    folder = next(f for f in output.absolute().parents if f.exists())
    written = output if output.exists() else folder
    if output.is_dir() or not folder.is_dir() or not os.access(written, os.W_OK):
        raise ParameterError(f'{output} cannot be written; name a file in a folder of yours')
