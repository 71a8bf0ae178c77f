# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command `drivseg`, run in this process as a shell runs it, or as a process of its own."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

# Looks at COLUMNS when it is imported, and keeps to it.
import drivseg_ros.cli.console  # noqa: F401
from drivseg_ros.cli.main import main

COMMAND = (sys.executable, '-m', 'drivseg_ros.cli')


def drivseg(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in this process, which spares starting Python and importing libraries.

    Whatever depends on being a process of its own (signals, what is imported, what other processes
    see) is not like in a shell: take `drivseg_process` or `COMMAND` there.

    Args:
        arguments: of the command.
        environment: variables that are set meanwhile.

    Returns:
        What it returned and said, as subprocess.run gives it.
    """
    words = ['drivseg', *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: str | int | None = 0
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, _environment(environment)))
        stack.enter_context(mock.patch.object(sys, 'argv', words))
        # Without pytest's, the command sets up its own, as in a shell.
        stack.enter_context(mock.patch.object(logging.root, 'handlers', []))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            status = end.code
    if isinstance(status, str):
        raise AssertionError(f'{words} ends with the text {status!r}, not with a status')
    return subprocess.CompletedProcess(words, status or 0, out.getvalue(), err.getvalue())


def drivseg_process(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command as a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **_environment(environment)},
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(changes: dict[str, str]) -> dict[str, str]:
    return {'COLUMNS': '200', 'NO_COLOR': '1', **changes}
