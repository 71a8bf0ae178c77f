# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What Ctrl-C does to a command that has nothing of its own to say about it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from drivseg_ros.bags.interruption import exit_status
from drivseg_ros.cli.console import err


class CommandGroup(TyperGroup):
    """Commands that end with one line and 130 when they are interrupted.

    Typer alone ends them without a word, and its older releases with status 1.
    """

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            err.print('interrupted', markup=False)
            raise typer.Exit(exit_status(interrupt)) from None
