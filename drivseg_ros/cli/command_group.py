# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What Ctrl-C does to a command that has nothing of its own to say about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from drivseg_ros.base.interruption import exit_status
from drivseg_ros.cli.console import err, out


class CommandGroup(TyperGroup):
    """Commands that end with one line and 130 when they are interrupted.

    Typer alone ends them without a word, and its older releases with status 1.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Reads the arguments, for which Typer imports what it needs late."""
        out.quiet = False  # a command before this one in the same process may have set it
        with _in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        err.print('interrupted', markup=False)
        raise typer.Exit(exit_status(interrupt)) from None
