# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files to be written: checked before the work and not behind it; JSON to a file or the console."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from drivseg_ros.base.json_data import json_text
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import ParameterError

CONSOLE = Path('-')
"""What stands for the console in place of a file."""


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


def write_json(output: Path, content: Any) -> None:
    """Writes whatever `json_data.to_plain` takes as JSON, to a file or to the CONSOLE."""
    text = json_text(content)
    if output == CONSOLE:
        typer.echo(text, nl=False)
    else:
        write_whole(output, text)
        typer.echo(f'  {output}', err=True)


def check_writable(output: Path) -> None:
    """Refuse a file that cannot be written.

    Args:
        output: The file; its folder need not be there. CONSOLE is fine.

    Raises:
        ParameterError: if it is a folder, or it or its folder is not ours to write.
    """
    if output == CONSOLE:
        return
    folder = next(f for f in output.absolute().parents if f.exists())
    written = output if output.exists() else folder
    if output.is_dir() or not folder.is_dir() or not os.access(written, os.W_OK):
        raise ParameterError(f'{output} cannot be written; name a file in a folder of yours')
