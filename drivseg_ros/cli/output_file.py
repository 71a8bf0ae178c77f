# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files to be written: checked before the work and not behind it."""

from __future__ import annotations

import os
from pathlib import Path

from drivseg_ros.base.output_files import STDOUT
from drivseg_ros.errors import ParameterError


def check_output(output: Path, source: Path, *, purpose: str, overwrite: bool) -> None:
    """Refuse an output that models are not found by, that is there, or that cannot be written.

    Args:
        output: The .onnx file to write.
        source: The file it is made from.
        purpose: What is done with the source: 'the model to ...'.
        overwrite: Whether the output may be there.

    Raises:
        ParameterError: if it is refused.
    """
    if output.suffix != '.onnx':
        raise ParameterError(f'{output} must end in .onnx, by which models are found')
    if output.exists() and source.exists() and output.samefile(source):
        raise ParameterError(f'{output} is the model to {purpose}; name another file')
    if output.exists() and not overwrite:
        raise ParameterError(f'{output} is there; name another file, or replace it (--overwrite)')
    check_writable(output)


def check_writable(output: Path) -> None:
    """Refuse a file that cannot be written.

    Args:
        output: The file; its folder need not be there. STDOUT is fine.

    Raises:
        ParameterError: if it is a folder, or it or its folder is not ours to write.
    """
    if output == STDOUT:
        return
    folder = next(f for f in output.absolute().parents if f.exists())
    written = output if output.exists() else folder
    if output.is_dir() or not folder.is_dir() or not os.access(written, os.W_OK):
        raise ParameterError(f'{output} cannot be written; name a file in a folder of yours')
