# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all commands share in how they talk: results to stdout, progress to stderr."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

out = Console(highlight=False)
"""Results."""
err = Console(stderr=True, highlight=False)
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
