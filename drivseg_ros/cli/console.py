# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all commands share in how they print: results to stdout, progress to stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from drivseg_ros.base.control_characters import shown
from drivseg_ros.base.json_data import json_text
from drivseg_ros.base.output_files import STDOUT
from drivseg_ros.base.whole_file import write_whole


class _PlainConsole(Console):
    """A console that shows control characters."""

    def render_str(self, text: str, **options: Any) -> Text:  # type: ignore[override]
        return super().render_str(shown(text), **options)


out = _PlainConsole(highlight=False)
"""Results. It is quiet where their JSON goes to stdout instead (`--json -`)."""
err = _PlainConsole(stderr=True, highlight=False)
"""Progress, warnings and errors."""


def progress_bar() -> Progress:
    """A progress bar on stderr; it shows nothing where stderr is no terminal."""
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
    )


def print_path(path: Path, note: str = '') -> None:
    """Says that a file or folder was made."""
    out.print(f'  {path}{"  " if note else ""}{note}', markup=False, soft_wrap=True)


def report_masks(count: int) -> None:
    """Says that masks were found beside pictures, if they were."""
    if count:
        err.print(
            f'{count} masks beside the pictures (x_mask.png beside x.jpg) are left out',
            markup=False,
            soft_wrap=True,
        )


def write_json(path: Path | None, content: Any) -> None:
    """Writes the JSON that `--json` asks for, if it does.

    Args:
        path: The file, STDOUT, or None.
        content: Whatever `json_data.to_plain` takes.

    Raises:
        DataError: If it cannot be written.
    """
    if path is not None:
        write_text(path, json_text(content))


def write_text(path: Path, text: str) -> None:
    """Writes a text to a file or STDOUT.

    Raises:
        DataError: If it cannot be written.
    """
    if path == STDOUT:
        sys.stdout.write(text)
        return
    write_whole(path, text)
    print_path(path)
