# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pass over frames with a progress bar, which Ctrl-C ends in good order."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import typer
from rich.progress import Progress

from drivseg_ros.base.interruption import StopFlag, stop_on_signals
from drivseg_ros.cli.console import err, write_text
from drivseg_ros.cli.evaluation_table import print_evaluation
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_file import describe, evaluation_text
from drivseg_ros.evaluation.live.evaluation import LiveEvaluation
from drivseg_ros.evaluation.notes import none_processed
from drivseg_ros.evaluation.request import OpenedEvaluation
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.frames.labelled_frame import LostFrame


def run_shown(
    opened: OpenedEvaluation, progress: Progress, title: str, *, sinks: Sequence[Sink] = ()
) -> tuple[Evaluation, int]:
    """Goes through all frames; a signal ends it early, and what was done is complete.

    Args:
        opened: the evaluation.
        progress: where a bar is added.
        title: of the bar.
        sinks: what else is made of the frames.

    Returns:
        What was found, and the exit status of the signal that came; 0 if none did.

    Raises:
        DrivsegError: as the evaluation does.
    """
    task = progress.add_task(title, total=None)
    # A live run has processes of its own to end.
    live = isinstance(opened, LiveEvaluation)
    with nullcontext(StopFlag()) if live else stop_on_signals() as flag:
        found = opened.run(
            sinks=sinks,
            on_frame=lambda done, total: progress.update(task, completed=done, total=total),
            stop=lambda: flag.requested,
        )
    return found, 128 + flag.signal_number if flag.requested else 0


def print_and_write(found: Evaluation, json: Path | None) -> None:
    """Prints an evaluation, and writes it if that is wanted.

    Args:
        found: what was found.
        json: the file, or STDOUT, which then has nothing else.

    Raises:
        DataError: if it cannot be written.
    """
    content = describe(found, command=shlex.join(['drivseg', *sys.argv[1:]]))
    try:
        print_evaluation(content)
    finally:  # a console that is gone costs no file
        if json is not None:
            write_text(json, evaluation_text(content))


def end(found: Evaluation, interrupted: int = 0) -> None:
    """Ends the command as its exit status says, when all is printed and written.

    Args:
        found: what was found.
        interrupted: the exit status of a signal that came; 0 if none is known.

    Raises:
        typer.Exit: if it was ended early, or a frame failed.
        DataError: if no frame could be processed.
    """
    counts = found.counts
    if found.interrupted:
        err.print('interrupted: what is listed above was done before', markup=False)
        raise typer.Exit(interrupted or 128 + signal.SIGINT)
    if not counts.processed:
        raise DataError(none_processed(found))
    if counts.failed:
        last = f'; the last: {counts.last_error}' if counts.last_error else ''
        text = f'{counts.failed} of {counts.offered} frames failed{last}'
        err.print(text, markup=False, soft_wrap=True)
        raise typer.Exit(1)


class Complaints(Sink):
    """Says on stderr what is wrong with a frame as soon as that is seen."""

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        err.print(frame.message, markup=False, soft_wrap=True)
